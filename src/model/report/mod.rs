//! The declaration of a report: a struct in which each field has its type, its meaning, and its name in a table.
//! Table, wide, plain, CSV, `--columns` and its completion, JSON and its schema follow from it.

mod cell;
mod change;
mod column;
mod metric;
mod schema;
mod states;
mod tone;

pub use cell::Cell;
pub use change::Change;
pub use column::{Align, Column, narrowed};
pub use metric::{Figure, Metric, MetricKind};
pub(crate) use states::states;
pub use tone::Tone;

use schemars::JsonSchema;
use serde::Serialize;

/// One row of a list, or one object. Its JSON is its [`Serialize`]. Declared with `report!`.
pub trait Row: Serialize + JsonSchema {
    /// The columns; the first one names the row. Every key is also a key of the JSON.
    const COLUMNS: &'static [Column];

    /// One cell per column, in the same order.
    fn cells(&self) -> Vec<Cell>;

    /// The metrics of each field, field by field.
    const METRICS: &'static [&'static [Metric]] = &[];

    /// One value per metric, in the same order; `None` when the row has no value, or it is unknown.
    fn figures(&self) -> Vec<Option<f64>> {
        Vec::new()
    }

    /// The row's rank in a list on a screen: the smallest comes first, and rows of equal rank keep their order.
    fn rank(&self) -> u64 {
        0
    }
}

impl<R: Row> Row for &R {
    const COLUMNS: &'static [Column] = R::COLUMNS;

    fn cells(&self) -> Vec<Cell> {
        (**self).cells()
    }

    const METRICS: &'static [&'static [Metric]] = R::METRICS;

    fn figures(&self) -> Vec<Option<f64>> {
        (**self).figures()
    }

    fn rank(&self) -> u64 {
        (**self).rank()
    }
}

/// Declares a report's rows.
///
/// A field is declared as in any struct, followed by `=>` and its [`Column`]: the constructor's name with the table's
/// header and further marks. If the value alone does not make the cell, `by` and a function of the row follow. A field
/// that is a metric, too, goes on with `;` and each [`Metric`]: the constructor's name with that of the metric, whose
/// help is the field's meaning or a second literal, and `from` with a function of the row where the value is not the field itself. After
/// the report's name, `ranked by` names the method that sorts the rows on a screen:
///
/// ```text
/// report! {
///     /// A consumer of a group.
///     #[derive(Clone, Debug)]
///     pub struct Member ranked by holding {
///         /// Its name.
///         pub consumer: Name => text("CONSUMER"),
///         /// Entries it holds.
///         pub pending: u64 => number("PENDING") by Self::pending_cell; gauge("member_pending"),
///         /// Since it last asked for something.
///         pub idle_ms: Option<u64> => millis("IDLE", wide, unknown),
///         /// Only in JSON.
///         pub is_extra: bool,
///     } }
/// ```
macro_rules! report {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(<$life:lifetime>)? $(ranked by $rank:ident)? {
            $(
                $(#[doc = $doc:literal])*
                $(#[serde($($serde:tt)*)])?
                $field_vis:vis $field:ident: $type:ty
                    $(=> $kind:ident($header:literal $(, $mark:ident)*) $(by $cell:expr)?)?
                    $(; $metric:ident($metric_name:literal $(, $help:literal)?) $(from $value:expr)?)*
            ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(serde::Serialize, schemars::JsonSchema)]
        $vis struct $name $(<$life>)? {
            $(
                $(#[doc = $doc])*
                $(#[serde($($serde)*)])?
                $field_vis $field: $type,
            )*
        }

        impl $(<$life>)? $crate::model::Row for $name $(<$life>)? {
            const COLUMNS: &'static [$crate::model::Column] = &[
                $($($crate::model::Column::$kind(stringify!($field), $header)$(.$mark())*,)?)*
            ];

            fn cells(&self) -> Vec<$crate::model::Cell> {
                vec![$($(
                    $crate::model::report!(
                        @cell self,
                        $field,
                        $crate::model::Column::$kind(stringify!($field), $header)$(.$mark())*,
                        $($cell)?
                    ),
                )?)*]
            }

            const METRICS: &'static [&'static [$crate::model::Metric]] = &[$(
                $crate::model::report!(
                    @metrics concat!($($doc),*), $($metric($metric_name $(, $help)?))*
                ),
            )*];

            fn figures(&self) -> Vec<Option<f64>> {
                vec![$($(
                    $crate::model::report!(@figure $metric, self, $field, $($value)?),
                )*)*]
            }

            $(
                fn rank(&self) -> u64 {
                    self.$rank()
                }
            )?
        }
    };
    (@cell $row:ident, $field:ident, $column:expr,) => {
        $column.cell($crate::model::Cell::from($row.$field.clone()))
    };
    (@cell $row:ident, $field:ident, $column:expr, $cell:expr) => {{
        let cell: fn(&Self) -> $crate::model::Cell = $cell;
        $column.cell(cell($row))
    }};
    (@metrics $doc:expr, $($metric:ident($name:literal $(, $help:literal)?))*) => {
        &[$($crate::model::Metric::$metric($name, $doc)$(.meaning($help))?),*]
    };
    (@figure $metric:ident, $row:ident, $field:ident,) => {
        $crate::model::Figure::figure(&$row.$field)
    };
    (@figure $metric:ident, $row:ident, $field:ident, $value:expr) => {
        $crate::model::Figure::figure(&($value)($row))
    };
}
pub(crate) use report;
