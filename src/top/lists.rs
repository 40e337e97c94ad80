//! Lists as the screen shows them: columns, and rows whose cells can be compared.

use std::cmp::Ordering;

use crate::model::{Align, Cell, Column, EntryId, Name, Tone};
use crate::streams::target::Target;
use crate::view::cell_text;

/// What a row is about, which stays the same from one look to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RowKey {
    /// Nothing that could be told from others.
    Nothing,
    Group(Target),
    Stream(Name),
    /// A rule, the stream and the group that it found, and which of several equal findings it is.
    Finding(String, Option<Name>, Option<Name>, usize),
    Consumer(Name),
    /// An entry of a stream.
    Entry(Name, EntryId),
    /// A line of a text.
    Line(usize),
}

/// A list.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub(super) columns: Vec<ListColumn>,
    pub(super) items: Vec<Row>,
    /// What the order of the rows is, if it is that of a column.
    pub(super) sort: Option<Sort>,
    /// What part of it these rows are, where they are not all.
    pub(super) beyond: Option<String>,
    /// Whether it is a text, whose lines have an order of their own.
    pub(super) is_text: bool,
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sort {
    /// The key of a column.
    pub(super) column: &'static str,
    /// Whether the greatest comes first.
    pub(super) is_descending: bool,
}

/// A column of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListColumn {
    pub(super) key: &'static str,
    pub(super) header: &'static str,
    pub(super) align: Align,
    /// Whether it may be shortened.
    pub(super) is_cuttable: bool,
    /// Columns with greater numbers are the first to go where the screen is narrow.
    pub(super) rank: u8,
}

impl ListColumn {
    pub(super) const fn of(column: &Column, rank: u8) -> Self {
        Self {
            key: column.key,
            header: column.header,
            align: column.align,
            is_cuttable: column.cuttable,
            rank,
        }
    }

    pub(super) fn is_number(&self) -> bool {
        self.align == Align::Right
    }
}

/// A row.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) key: RowKey,
    pub(super) cells: Vec<Figure>,
}

impl Row {
    /// Whether one of its texts has `wanted` in it, which is in lower case.
    pub(super) fn matches(&self, wanted: &str) -> bool {
        let is_text = |it: &&Figure| matches!(it.order, Order::Text(_));
        let mut texts = self.cells.iter().filter(is_text);
        texts.any(|it| it.text.to_lowercase().contains(wanted))
    }
}

/// A cell: what it reads, and how it compares.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    pub(super) text: String,
    pub(super) tone: Tone,
    pub(super) order: Order,
}

impl Figure {
    /// A cell that is compared by something else than what it reads.
    pub(super) fn ordered(cell: &Cell, order: Order) -> Self {
        let (tone, text) = cell_text(cell);
        Self { text, tone, order }
    }
}

impl From<Cell> for Figure {
    fn from(cell: Cell) -> Self {
        let order = Order::of(&cell);
        Self::ordered(&cell, order)
    }
}

/// How a cell compares with others of its column.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Order {
    /// There is no value. It comes last whichever way a list is sorted.
    Nothing,
    Text(String),
    Number(f64),
    /// Nobody knows: it may be more than any other.
    Unknown,
}

impl Order {
    #[expect(clippy::cast_precision_loss, reason = "for comparing")]
    fn of(cell: &Cell) -> Self {
        match cell {
            Cell::Count(number)
            | Cell::AtMost(number)
            | Cell::AtLeast(number)
            | Cell::About(number)
            | Cell::Part(number, _)
            | Cell::Millis(number)
            | Cell::Bytes(number) => Self::Number(*number as f64),
            Cell::Tenths(tenths) => Self::Number(*tenths as f64),
            Cell::Id(id) => Self::Text(format!("{:020}-{:020}", id.ms, id.seq)),
            Cell::Time(time) => Self::Number(time.ms as f64),
            Cell::Bool(yes) => Self::Number(f64::from(u8::from(*yes))),
            Cell::Unknown => Self::Unknown,
            Cell::Nothing => Self::Nothing,
            Cell::Marked(_, Some(word), cell) => match Self::of(cell) {
                Self::Nothing => Self::Text((*word).to_owned()),
                order => order,
            },
            Cell::Marked(_, None, cell)
            | Cell::Noted(_, _, cell)
            | Cell::Brief(_, cell)
            | Cell::Over(_, cell)
            | Cell::Compared(_, cell) => Self::of(cell),
            Cell::Text(_) | Cell::Word(..) | Cell::Name(_) | Cell::Fields(_) => {
                Self::Text(cell_text(cell).1.to_lowercase())
            }
        }
    }

    /// Which of two comes first.
    pub(super) fn compare(
        one: Option<&Self>,
        other: Option<&Self>,
        is_descending: bool,
    ) -> Ordering {
        let is_there = |it: Option<&Self>| it.is_some_and(|it| *it != Self::Nothing);
        match (is_there(one), is_there(other)) {
            (true, true) => {}
            // Ascending, what is there comes before what is not, and descending, too.
            (one, other) => return other.cmp(&one),
        }
        let ordering = one
            .zip(other)
            .map_or(Ordering::Equal, |it| it.0.against(it.1));
        if is_descending {
            ordering.reverse()
        } else {
            ordering
        }
    }

    fn against(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => one.total_cmp(other),
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Number(_) => 1,
            Self::Unknown => 2,
            Self::Text(_) => 3,
        }
    }
}
