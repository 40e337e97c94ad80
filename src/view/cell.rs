//! What a table is made of: columns, and cells that know what they hold, so that a person gets `12,345` and
//! a script `12345`.

use super::Tone;
use super::human::{human_bytes, human_count, human_millis};
use crate::model::{EntryId, Lag, Name, Time, escaped};

/// Which side a column's text stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// One column: its key in JSON and `--columns`, and its header.
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
        }
    }

    /// Left-aligned and never cut: ids, times, states.
    pub const fn whole(key: &'static str, header: &'static str) -> Self {
        Self {
            cuttable: false,
            ..Self::text(key, header)
        }
    }

    /// A number, duration or size.
    pub const fn number(key: &'static str, header: &'static str) -> Self {
        Self {
            align: Align::Right,
            ..Self::whole(key, header)
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
}

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
    /// So many of all these; for a script so many.
    Part(u64, u64),
    /// Milliseconds.
    Millis(u64),
    /// Bytes.
    Bytes(u64),
    /// A moment.
    Time(Time),
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
    /// A cell over its threshold: for a person in the tone of how bad that is and with a `!` behind it, which colour alone
    /// would not tell everybody. For a script it is as it was.
    Over(Tone, Box<Self>),
}

impl Cell {
    /// Milliseconds, or unknown.
    pub fn millis(ms: Option<u64>) -> Self {
        ms.map_or(Self::Unknown, Self::Millis)
    }

    /// Bytes, or unknown.
    pub fn bytes(bytes: Option<u64>) -> Self {
        bytes.map_or(Self::Unknown, Self::Bytes)
    }

    /// The value, or `-` where there is none (as against [`Cell::Unknown`]).
    pub fn or_nothing<T: Into<Self>>(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }

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

    /// For a person. Safe to print.
    pub(super) fn human(&self) -> String {
        match self {
            Self::Count(count) => human_count(*count),
            Self::AtMost(count) => format!("<={}", human_count(*count)),
            Self::AtLeast(count) => format!(">={}", human_count(*count)),
            Self::Part(part, whole) => format!("{}/{}", human_count(*part), human_count(*whole)),
            Self::Millis(ms) => human_millis(*ms),
            Self::Bytes(bytes) => human_bytes(*bytes),
            Self::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
            Self::Nothing => "-".to_owned(),
            Self::Marked(_, Some(word), _) => (*word).to_owned(),
            Self::Marked(_, None, cell) => cell.human(),
            Self::Noted(_, remark, cell) => format!("{} ({remark})", cell.human()),
            Self::Over(_, cell) => format!("{}!", cell.human()),
            other => other.raw(),
        }
    }

    /// For a script: plain numbers. Safe to print.
    pub(super) fn raw(&self) -> String {
        match self {
            Self::Text(text) | Self::Word(_, text) => escaped(text.as_bytes()),
            Self::Name(name) => name.to_string(),
            Self::Id(id) => id.to_string(),
            Self::Count(number) | Self::Millis(number) | Self::Bytes(number) => number.to_string(),
            Self::Part(part, _) => part.to_string(),
            Self::AtMost(count) => format!("<={count}"),
            Self::AtLeast(count) => format!(">={count}"),
            Self::Time(time) => time.to_string(),
            Self::Bool(yes) => yes.to_string(),
            Self::Unknown => "?".to_owned(),
            Self::Nothing => String::new(),
            Self::Marked(_, _, cell) | Self::Noted(_, _, cell) | Self::Over(_, cell) => cell.raw(),
        }
    }

    pub(super) fn tone(&self) -> Tone {
        match self {
            Self::Word(tone, _)
            | Self::Marked(tone, _, _)
            | Self::Noted(tone, _, _)
            | Self::Over(tone, _) => *tone,
            Self::Id(_) => Tone::Id,
            Self::Unknown | Self::Nothing => Tone::Dim,
            _ => Tone::Plain,
        }
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

/// `None` is unknown; where it means that there is none, use [`Cell::or_nothing`].
impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Unknown, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_scripts_get_their_own_text() {
        for (cell, human, raw) in [
            (Cell::from(12_345_u64), "12,345", "12345"),
            (Cell::from(Lag::AtMost(1200)), "<=1,200", "<=1200"),
            (Cell::from(Lag::AtLeast(1200)), ">=1,200", ">=1200"),
            (Cell::from(Lag::Unknown), "?", "?"),
            (Cell::from(1200_u64).over(Tone::Bad), "1,200!", "1200"),
            (Cell::from("g").noted(Tone::Warn, "extra"), "g (extra)", "g"),
            (Cell::from(None::<u64>), "?", "?"),
            (Cell::or_nothing(None::<EntryId>), "-", ""),
            (Cell::Millis(200_000), "3m 20s", "200000"),
            (Cell::Bytes(2048), "2.0 KiB", "2048"),
            (Cell::from(true), "yes", "true"),
            (Cell::Nothing.shown_as(Tone::Warn, "missing"), "missing", ""),
            (Cell::Count(1200).toned(Tone::Bad), "1,200", "1200"),
            (Cell::from("a\tb\x1b[2J"), "a\\tb\\x1b[2J", "a\\tb\\x1b[2J"),
        ] {
            assert_eq!(
                (cell.human(), cell.raw()),
                (human.to_owned(), raw.to_owned())
            );
        }
    }
}
