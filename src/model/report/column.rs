//! What a column is called, and how its values read.

use super::Cell;

/// Which side a column's text stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// What a number counts.
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
    /// Whether a table leaves it out unless it is `wide` or asked for.
    pub wide_only: bool,
    /// Whether a narrow screen may cut it. Numbers, ids and times are never cut: half of one is a lie.
    pub cuttable: bool,
    /// Whether a screen shows it only where its values differ.
    pub varies: bool,
    /// Whether a table leaves it out where no row has a value in it, unless it is `wide` or asked for.
    pub is_sparse: bool,
    unit: Unit,
    /// Whether a value that is not there is unknown (`?`), rather than none (`-`).
    is_unknown: bool,
}

impl Column {
    /// Text that a narrow screen may cut: names, reasons.
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

    /// Left-aligned and never cut: ids, times, states.
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

    /// The same column, which a screen shows only where its values differ: else it is said once.
    #[must_use]
    pub const fn varying(self) -> Self {
        Self {
            varies: true,
            ..self
        }
    }

    /// The same column, which says nothing where it is empty: a table shows it where some row has a value in it. For what only
    /// some servers tell, or only some entries have.
    #[must_use]
    pub const fn sparse(self) -> Self {
        Self {
            is_sparse: true,
            ..self
        }
    }

    /// The same column, in which a value that is not there is one that the server did not tell.
    #[must_use]
    pub const fn unknown(self) -> Self {
        Self {
            is_unknown: true,
            ..self
        }
    }

    /// A value as this column holds it.
    pub fn cell(&self, value: Cell) -> Cell {
        match (value, self.unit) {
            (Cell::Count(number), Unit::Millis) => Cell::Millis(number),
            (Cell::Count(number), Unit::Bytes) => Cell::Bytes(number),
            (Cell::Nothing, _) if self.is_unknown => Cell::Unknown,
            (value, _) => value,
        }
    }
}

/// The columns of a report in another place: those that `narrow` names stand in a table, the others in `wide`.
///
/// # Panics
/// Where `N` is not how many columns the report has: when the program is built.
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
