//! Columns: their names, and how their values are aligned.

use super::Cell;

/// The alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// The unit of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Each,
    Millis,
    Bytes,
}

/// One column: its key in JSON and `--columns`, and its header.
#[expect(clippy::struct_excessive_bools, reason = "independent marks")]
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The key in the row's JSON, in `--columns` and in the header of plain and csv: `idle_ms`.
    pub key: &'static str,
    /// The header of a table: `IDLE`.
    pub header: &'static str,
    /// The side.
    pub align: Align,
    /// Whether a table leaves it out unless it is `wide` or the column is selected.
    pub wide_only: bool,
    /// Whether it may be shortened on a narrow screen. Numbers, ids and times are never shortened, because a part of
    /// one would be misleading.
    pub cuttable: bool,
    /// Whether a screen shows it only if its values differ.
    pub varies: bool,
    /// Whether a table leaves the column out when no row has a value in it, unless the format is `wide` or the column
    /// is selected.
    pub is_sparse: bool,
    unit: Unit,
    /// Whether a missing value is unknown (`?`) instead of absent (`-`).
    is_unknown: bool,
}

impl Column {
    /// Text that may be shortened on a narrow screen: names, reasons.
    pub const fn text(key: &'static str, header: &'static str) -> Self {
        Self {
            key,
            header,
            align: Align::Left,
            wide_only: false,
            cuttable: true,
            varies: false,
            is_sparse: false,
            unit: Unit::Each,
            is_unknown: false,
        }
    }

    /// Left-aligned and never shortened: ids, times, states.
    pub const fn whole(key: &'static str, header: &'static str) -> Self {
        Self {
            cuttable: false,
            ..Self::text(key, header)
        }
    }

    /// A number.
    pub const fn number(key: &'static str, header: &'static str) -> Self {
        Self {
            align: Align::Right,
            ..Self::whole(key, header)
        }
    }

    /// A duration in milliseconds.
    pub const fn millis(key: &'static str, header: &'static str) -> Self {
        Self {
            unit: Unit::Millis,
            ..Self::number(key, header)
        }
    }

    /// A size in bytes.
    pub const fn bytes(key: &'static str, header: &'static str) -> Self {
        Self {
            unit: Unit::Bytes,
            ..Self::number(key, header)
        }
    }

    /// The same column, only in `wide`.
    #[must_use]
    pub const fn wide(self) -> Self {
        Self {
            wide_only: true,
            ..self
        }
    }

    /// The same column, which a screen shows only if its values differ; otherwise the value is printed once.
    #[must_use]
    pub const fn varying(self) -> Self {
        Self {
            varies: true,
            ..self
        }
    }

    /// The same column, which a table shows only when some row has a value in it. For values that only some servers
    /// report, or that only some entries have.
    #[must_use]
    pub const fn sparse(self) -> Self {
        Self {
            is_sparse: true,
            ..self
        }
    }

    /// The same column, in which a missing value is one that the server did not tell.
    #[must_use]
    pub const fn unknown(self) -> Self {
        Self {
            is_unknown: true,
            ..self
        }
    }

    /// The cell of a value in this column.
    pub fn cell(&self, value: Cell) -> Cell {
        match (value, self.unit) {
            (Cell::Count(number), Unit::Millis) => Cell::Millis(number),
            (Cell::Count(number), Unit::Bytes) => Cell::Bytes(number),
            (Cell::Nothing, _) if self.is_unknown => Cell::Unknown,
            (value, _) => value,
        }
    }
}

/// The columns of a report for another table: those named in `narrow` are always shown, the others only in `wide`.
///
/// # Panics
/// At compile time, when `N` is not the number of columns of the report.
pub const fn narrowed<const N: usize>(all: &[Column], narrow: &[&str]) -> [Column; N] {
    assert!(all.len() == N, "as many columns as the report has");
    let mut columns = [Column::text("", ""); N];
    let mut place = 0;
    while place < N {
        columns[place] = all[place];
        columns[place].wide_only = !has(narrow, all[place].key);
        place += 1;
    }
    columns
}

const fn has(names: &[&str], wanted: &str) -> bool {
    let mut place = 0;
    while place < names.len() {
        if is_same(names[place].as_bytes(), wanted.as_bytes()) {
            return true;
        }
        place += 1;
    }
    false
}

const fn is_same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut place = 0;
    while place < left.len() {
        if left[place] != right[place] {
            return false;
        }
        place += 1;
    }
    true
}
