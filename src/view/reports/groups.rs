//! A group as `groups` and `lag` show it: the same report, with different columns in front.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::json;

use crate::model::{Cell, Column, Row, narrowed};
use crate::streams::inspect::GroupReport;
use crate::topology::AlertName;

const COLUMNS: usize = GroupReport::COLUMNS.len();

/// A line of `groups`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Listed(pub GroupReport);

impl Row for Listed {
    const COLUMNS: &'static [Column] = &narrowed::<COLUMNS>(
        GroupReport::COLUMNS,
        &[
            "group",
            "stream",
            "lag",
            "pending",
            "retry_lag",
            "retry_pending",
            "live",
        ],
    );

    fn cells(&self) -> Vec<Cell> {
        self.0.cells()
    }

    fn rank(&self) -> u64 {
        self.0.rank()
    }
}

/// A line of `lag`. In JSON, `consumers` is their number.
#[derive(Clone, Debug)]
pub struct Behind(pub GroupReport);

/// The key of a group's consumers.
const CONSUMERS: &str = "consumers";
/// The key of the age of its oldest pending entry, which is shown in front here, without the entry's idle time.
const OLDEST: &str = "oldest_pending_age_ms";

impl Row for Behind {
    const COLUMNS: &'static [Column] = &narrowed::<COLUMNS>(
        GroupReport::COLUMNS,
        &[
            "group",
            "stream",
            "lag",
            "undelivered_age_ms",
            "pending",
            "retry_lag",
            "retry_pending",
            OLDEST,
            "live",
            "delivered_per_minute",
            "gained_per_minute",
            "catch_up_ms",
            "pace_window_ms",
        ],
    );

    fn cells(&self) -> Vec<Cell> {
        let mut cells = self.0.cells();
        let is_oldest = |(column, _): &(&Column, &mut Cell)| column.key == OLDEST;
        let oldest = Self::COLUMNS.iter().zip(&mut cells).find(is_oldest);
        if let Some((_, cell @ Cell::Millis(_))) = oldest {
            *cell = self.0.alarmed(cell.clone(), AlertName::MaxIdle);
        }
        cells
    }

    fn rank(&self) -> u64 {
        self.0.rank()
    }
}

impl Serialize for Behind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut group = serde_json::to_value(&self.0).map_err(S::Error::custom)?;
        if let Some(consumers) = group.get_mut(CONSUMERS) {
            *consumers = self.0.consumers.len().into();
        }
        group.serialize(serializer)
    }
}

impl JsonSchema for Behind {
    fn schema_name() -> Cow<'static, str> {
        "Behind".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = GroupReport::json_schema(generator);
        let properties = schema.get_mut("properties");
        if let Some(consumers) = properties.and_then(|it| it.get_mut(CONSUMERS)) {
            *consumers = json!({ "type": "integer", "minimum": 0, "description": "The number of its consumers" });
        }
        schema
    }
}
