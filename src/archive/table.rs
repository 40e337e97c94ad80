//! Which columns a table of entries has.

/// The columns of every table before those of the fields: the id, its time, and the part after that.
pub(super) const OWN_COLUMNS: [&str; 3] = ["id", "time", "seq"];
/// The column of all that has no column of its own, as JSON.
pub(super) const REST: &str = "rest";

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Any text in UTF-8.
    Text,
    /// A JSON text.
    Json,
    /// A whole number of 64 bits.
    Integer,
    /// `true` or `false`.
    Bool,
}

/// A column for the values of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnSpec {
    /// The name of the field.
    pub name: String,
    /// What its values are.
    pub kind: ColumnKind,
}

impl ColumnSpec {
    /// The column of a field; `None` when it can have none, because a column of every table has its name.
    pub fn new(name: &str, kind: ColumnKind) -> Option<Self> {
        let is_taken = OWN_COLUMNS.contains(&name) || name == REST || name.is_empty();
        let name = name.to_owned();
        (!is_taken).then_some(Self { name, kind })
    }
}

/// What a table has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written {
    /// Its rows.
    pub(super) entries: u64,
    /// Its columns of fields.
    pub(super) columns: u64,
    /// Rows of which a part is in the column of what has none of its own.
    pub(super) with_rest: u64,
    /// The size of the file in bytes.
    pub(super) bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_takes_the_name_of_a_column_of_every_table() {
        for name in OWN_COLUMNS.into_iter().chain([REST, ""]) {
            assert_eq!(ColumnSpec::new(name, ColumnKind::Text), None);
        }
        assert!(ColumnSpec::new("Id", ColumnKind::Text).is_some());
    }
}
