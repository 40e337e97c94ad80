//! How many rows of a list are shown.

/// How many rows of a list are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// As many as fit on a screen; a script gets all.
    #[default]
    Usual,
    /// All.
    All,
    /// This many, on a screen and elsewhere.
    Rows(usize),
}

impl Limit {
    /// The number of rows shown on a screen by default.
    const USUAL: usize = 10;

    /// The limit that was requested: 0 means all.
    pub const fn of(asked: Option<u32>) -> Self {
        match asked {
            None => Self::Usual,
            Some(0) => Self::All,
            Some(rows) => Self::Rows(rows as usize),
        }
    }

    /// All rows, if the list itself was bounded by a request and no limit was given.
    #[must_use]
    pub const fn unless_bounded(self, is_bounded: bool) -> Self {
        match self {
            Self::Usual if is_bounded => Self::All,
            limit => limit,
        }
    }

    /// The greatest number of rows, on a screen or elsewhere; `None` means all.
    pub const fn rows_max(self, on_screen: bool) -> Option<usize> {
        match self {
            Self::Usual if on_screen => Some(Self::USUAL),
            Self::Usual | Self::All => None,
            Self::Rows(rows) => Some(rows),
        }
    }
}
