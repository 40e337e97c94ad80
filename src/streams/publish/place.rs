//! The place of an entry in an input, and the unit in which an input is counted.

use std::fmt;

use crate::model::with_commas;

/// The unit in which an input is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Lines of a file.
    #[default]
    Line,
    /// Entries that do not have a line each.
    Entry,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.noun(1))
    }
}

impl Unit {
    /// The name of the unit for this count.
    pub fn noun(self, count: u64) -> &'static str {
        match (count, self) {
            (1, Self::Line) => "line",
            (1, Self::Entry) => "entry",
            (_, Self::Line) => "lines",
            (_, Self::Entry) => "entries",
        }
    }

    /// A count with its unit: `1 line`, `2 entries`.
    pub fn count(self, count: u64) -> String {
        format!("{} {}", with_commas(count), self.noun(count))
    }
}

/// The place of an entry in its input; both numbers start at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The entry is a line of its own.
    Line(u64),
    /// The entry has no line of its own.
    Entry {
        /// Its number among the entries.
        number: u64,
        /// The line of the file where the entry begins.
        line: u64,
    },
}

/// `line 3`, or `entry 2 (line 3)`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Entry { number, line } => write!(f, "entry {number} (line {line})"),
        }
    }
}

impl Place {
    /// `lines 3 to 5`, from this one to `last`.
    pub(super) fn through(self, last: Self) -> String {
        match (self, last) {
            _ if self == last => self.to_string(),
            (Self::Line(first), Self::Line(last)) => format!("lines {first} to {last}"),
            (Self::Entry { number: first, .. }, Self::Entry { number: last, .. }) => {
                format!("entries {first} to {last}")
            }
            // No input has both.
            _ => format!("{self} to {last}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_as_they_are_found() {
        let entry = |number, line| Place::Entry { number, line };
        assert_eq!(Place::Line(3).to_string(), "line 3");
        assert_eq!(entry(2, 3).to_string(), "entry 2 (line 3)");
        assert_eq!(Place::Line(3).through(Place::Line(5)), "lines 3 to 5");
        assert_eq!(Place::Line(3).through(Place::Line(3)), "line 3");
        assert_eq!(entry(2, 3).through(entry(4, 9)), "entries 2 to 4");
    }
}
