//! What a table is made of: columns, and cells that know what they hold, so that a person gets `12,345` and
//! a script `12345`.

use super::Tone;
use crate::model::{Body, EntryId, Lag, Name, Time, whole_ms};

/// What one cell holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Our own or a server's words; escaped when written.
    Text(String),
    /// A word with a meaning: a state.
    Word(Tone, String),
    /// A name.
    Name(Name),
    /// An entry id.
    Id(EntryId),
    /// How many.
    Count(u64),
    /// Not more than this many.
    AtMost(u64),
    /// This many or more.
    AtLeast(u64),
    /// About this many: an estimate.
    About(u64),
    /// So many of all these; for a script so many.
    Part(u64, u64),
    /// Milliseconds.
    Millis(u64),
    /// Bytes.
    Bytes(u64),
    /// A moment.
    Time(Time),
    /// An entry's fields.
    Fields(Body),
    /// Yes or no.
    Bool(bool),
    /// The server cannot say: `?`.
    Unknown,
    /// There is none: `-`.
    Nothing,
    /// A cell that means something to a person: in this tone, and where a word is given, that word instead. For a
    /// script it is as it was.
    Marked(Tone, Option<&'static str>, Box<Self>),
    /// A cell with a remark that a person sees behind it: `name (extra)`.
    Noted(Tone, &'static str, Box<Self>),
    /// A cell of which a person reads this line; for a script it is as it was.
    Brief(String, Box<Self>),
    /// A cell over its threshold: for a person in the tone of how bad that is and with a `!` behind it, which colour alone
    /// would not tell everybody. For a script it is as it was.
    Over(Tone, Box<Self>),
}

impl Cell {
    /// The same cell in `tone`, for a person.
    #[must_use]
    pub fn toned(self, tone: Tone) -> Self {
        Self::Marked(tone, None, Box::new(self))
    }

    /// The same cell, shown to a person as `word` in `tone`.
    #[must_use]
    pub fn shown_as(self, tone: Tone, word: &'static str) -> Self {
        Self::Marked(tone, Some(word), Box::new(self))
    }

    /// The same cell with a remark behind it, for a person.
    #[must_use]
    pub fn noted(self, tone: Tone, remark: &'static str) -> Self {
        Self::Noted(tone, remark, Box::new(self))
    }

    /// The same cell, over its threshold.
    #[must_use]
    pub fn over(self, tone: Tone) -> Self {
        Self::Over(tone, Box::new(self))
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<usize> for Cell {
    fn from(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

impl From<EntryId> for Cell {
    fn from(id: EntryId) -> Self {
        Self::Id(id)
    }
}

impl From<Time> for Cell {
    fn from(time: Time) -> Self {
        Self::Time(time)
    }
}

impl From<bool> for Cell {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

impl From<&Name> for Cell {
    fn from(name: &Name) -> Self {
        Self::Name(name.clone())
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Lag> for Cell {
    fn from(lag: Lag) -> Self {
        match lag {
            Lag::Known(entries) => Self::Count(entries),
            Lag::AtMost(entries) => Self::AtMost(entries),
            Lag::AtLeast(entries) => Self::AtLeast(entries),
            Lag::Unknown => Self::Unknown,
        }
    }
}

/// `None` is that there is no value; in a column that is so marked, that nobody knows it.
impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

impl From<Name> for Cell {
    fn from(name: Name) -> Self {
        Self::Name(name)
    }
}

impl From<u32> for Cell {
    fn from(count: u32) -> Self {
        Self::Count(count.into())
    }
}

impl From<std::time::Duration> for Cell {
    fn from(duration: std::time::Duration) -> Self {
        Self::Millis(whole_ms(duration))
    }
}

/// Each after a space; `None` for no word at all.
impl From<Vec<String>> for Cell {
    fn from(words: Vec<String>) -> Self {
        match words.join(" ") {
            none if none.is_empty() => Self::Nothing,
            words => Self::Text(words),
        }
    }
}

impl From<Body> for Cell {
    fn from(body: Body) -> Self {
        Self::Fields(body)
    }
}
