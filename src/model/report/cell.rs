//! What a table is made of: columns, and cells that know their type, so that a person gets `12,345` and a script
//! `12345`.

use super::{Change, Tone};
use crate::model::{Body, EntryId, Lag, Name, Time, whole_ms};

/// What one cell holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Text from this tool or a server; escaped when written.
    Text(String),
    /// A word for a state.
    Word(Tone, String),
    /// A name.
    Name(Name),
    /// An entry id.
    Id(EntryId),
    /// A number.
    Count(u64),
    /// Not more than this many.
    AtMost(u64),
    /// This many or more.
    AtLeast(u64),
    /// About this many: an estimate.
    About(u64),
    /// A number in tenths, such as a rate.
    Tenths(i64),
    /// This many out of so many; a script gets the first number.
    Part(u64, u64),
    /// Milliseconds.
    Millis(u64),
    /// Bytes.
    Bytes(u64),
    /// A point in time.
    Time(Time),
    /// An entry's fields.
    Fields(Body),
    /// Yes or no.
    Bool(bool),
    /// A value that the server does not tell: `?`.
    Unknown,
    /// No value: `-`.
    Nothing,
    /// A cell with a meaning for people: shown in this tone and, if a word is given, as that word. Scripts get the
    /// original cell.
    Marked(Tone, Option<&'static str>, Box<Self>),
    /// A cell with a remark for people after it: `name (extra)`.
    Noted(Tone, &'static str, Box<Self>),
    /// A cell that people read as this text; scripts get the original cell.
    Brief(String, Box<Self>),
    /// A cell beyond its threshold. For people it has the tone of its severity and a `!` after it, because colour
    /// alone is not visible to everybody. Scripts get the original cell.
    Over(Tone, Box<Self>),
    /// A cell of a list that is shown again and again, with how it differs from the time before. For people it takes one
    /// column more, for a mark. Scripts get the original cell.
    Compared(Change, Box<Self>),
}

impl Cell {
    /// A rate with one decimal; nothing when there is none.
    #[expect(clippy::cast_possible_truncation, reason = "a rate for people")]
    pub fn rate(rate: Option<f64>) -> Self {
        rate.map_or(Self::Nothing, |rate| {
            Self::Tenths((rate * 10.0).round() as i64)
        })
    }

    /// The same cell in `tone`, for people.
    #[must_use]
    pub fn toned(self, tone: Tone) -> Self {
        Self::Marked(tone, None, Box::new(self))
    }

    /// The same cell, shown to people as `word` in `tone`.
    #[must_use]
    pub fn shown_as(self, tone: Tone, word: &'static str) -> Self {
        Self::Marked(tone, Some(word), Box::new(self))
    }

    /// The same cell with a remark after it, for people.
    #[must_use]
    pub fn noted(self, tone: Tone, remark: &'static str) -> Self {
        Self::Noted(tone, remark, Box::new(self))
    }

    /// The cell itself, without how it differs from the time before.
    pub fn itself(&self) -> &Self {
        match self {
            Self::Compared(_, cell) => cell,
            cell => cell,
        }
    }

    /// How it differs from the time before.
    pub const fn change(&self) -> Change {
        match self {
            Self::Compared(change, _) => *change,
            _ => Change::None,
        }
    }

    /// The same cell, beyond its threshold.
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

impl From<std::borrow::Cow<'static, str>> for Cell {
    fn from(text: std::borrow::Cow<'static, str>) -> Self {
        Self::Text(text.into_owned())
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

/// `None` means that there is no value, or, in a column marked for that, that the value is unknown.
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

/// The words separated by spaces; no value when there are none.
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
