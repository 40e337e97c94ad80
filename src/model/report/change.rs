//! How a value differs from the one that was shown before it.

/// How a value differs from the one that was shown before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Change {
    /// Not at all, or only as time makes it.
    #[default]
    None,
    /// Its row was not there before.
    New,
    /// It is another one.
    Other,
    /// It is a number that has grown.
    Up,
    /// It is a number that has fallen.
    Down,
}

impl Change {
    /// What stands before the name of a new row.
    pub const NEW: &'static str = "+ ";

    /// What stands after the value, one column wide.
    pub const fn mark(self) -> &'static str {
        match self {
            Self::None | Self::New => " ",
            Self::Other => "*",
            Self::Up => "↑",
            Self::Down => "↓",
        }
    }
}
