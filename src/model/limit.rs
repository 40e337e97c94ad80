//! How many rows of a list are shown.

/// How many rows of a list are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// As many as a person takes in at a look; a script gets all.
    #[default]
    Usual,
    /// All.
    All,
    /// So many, for everybody.
    Rows(usize),
}

impl Limit {
    /// Rows that a person takes in at a look.
    const USUAL: usize = 10;

    /// What was asked for: 0 is all.
    pub const fn of(asked: Option<u32>) -> Self {
        match asked {
            None => Self::Usual,
            Some(0) => Self::All,
            Some(rows) => Self::Rows(rows as usize),
        }
    }

    /// All rows, where the list itself was bounded by what was asked for and nothing else was said.
    #[must_use]
    pub const fn unless_bounded(self, is_bounded: bool) -> Self {
        match self {
            Self::Usual if is_bounded => Self::All,
            limit => limit,
        }
    }

    /// The rows shown at most, on a screen or elsewhere; `None` is all.
    pub const fn rows_max(self, on_screen: bool) -> Option<usize> {
        match self {
            Self::Usual if on_screen => Some(Self::USUAL),
            Self::Usual | Self::All => None,
            Self::Rows(rows) => Some(rows),
        }
    }
}
