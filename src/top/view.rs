//! The views: three lists beside each other, and what opens from their rows.

use super::cursor::Cursor;
use super::lists::RowKey;
use crate::model::{Entry, EntryId, Name, Time};
use crate::streams::consumers::Member;
use crate::streams::dead_letters::DeadLetter;
use crate::streams::pending::PendingReport;
use crate::streams::target::Target;

/// A list that is always there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tab {
    #[default]
    Groups,
    Findings,
    Streams,
}

impl Tab {
    pub(super) const ALL: [Self; 3] = [Self::Groups, Self::Findings, Self::Streams];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Groups => "Groups",
            Self::Findings => "Findings",
            Self::Streams => "Streams",
        }
    }

    /// The list that is so many further.
    pub(super) fn turned(self, by: usize) -> Self {
        let at = Self::ALL.iter().position(|it| *it == self);
        Self::ALL[(at.unwrap_or_default() + by) % Self::ALL.len()]
    }
}

/// Something that the server must be asked before it can be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The consumers of a group.
    Consumers(Target),
    /// The pending entries of a group, or those that one consumer holds.
    Pending(Target, Option<Name>),
    /// The dead letters of a stream.
    Letters(Name),
    /// The newest entries of a stream.
    Newest(Name),
    /// One entry of a stream.
    Entry(Name, EntryId),
}

/// What the server said.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The consumers.
    Consumers(Vec<Member>),
    /// The pending entries, the oldest.
    Pending(Box<PendingReport>),
    /// The oldest dead letters, and whether there are more.
    Letters(Vec<DeadLetter>, bool),
    /// Entries with the beginning of their fields, the newest first.
    Newest(Vec<(EntryId, String)>),
    /// The entry.
    Entry(Entry),
}

/// What a view shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// A finding with all that is known of it.
    Finding(RowKey),
    Asked(Question),
}

impl View {
    pub(super) const fn question(&self) -> Option<&Question> {
        match self {
            Self::Asked(question) => Some(question),
            Self::Finding(_) => None,
        }
    }

    /// The words of the path to it.
    pub(super) fn title(&self) -> String {
        match self {
            Self::Finding(_) => "finding".to_owned(),
            Self::Asked(Question::Consumers(Target { stream, group })) => {
                format!("{group} on {stream}")
            }
            Self::Asked(Question::Pending(_, Some(consumer))) => format!("pending of {consumer}"),
            Self::Asked(Question::Pending(_, None)) => "pending".to_owned(),
            Self::Asked(Question::Letters(stream)) => format!("dead letters of {stream}"),
            Self::Asked(Question::Newest(stream)) => format!("newest of {stream}"),
            Self::Asked(Question::Entry(stream, id)) => format!("{id} in {stream}"),
        }
    }
}

/// A view that was opened over the lists.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) view: View,
    pub(super) cursor: Cursor,
    /// What the server said last, or why it could not be asked.
    pub(super) answer: Option<Result<Answer, String>>,
    /// Since when the server has not answered again, and why.
    pub(super) unanswered: Option<(Time, String)>,
    /// What the list was known by when it was asked for.
    pub(super) mark: Option<Mark>,
}

/// What a list is known by: while it stays the same, so does the list, and its entries are not read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// How many entries there are.
    pub(super) length: u64,
    /// How many were ever added; unknown of dead letters.
    pub(super) added: Option<u64>,
    pub(super) last: Option<EntryId>,
    /// Which part of the time it is, where entries may come and go without a trace.
    pub(super) part: u64,
}

impl Opened {
    pub(super) fn new(view: View) -> Self {
        Self {
            view,
            cursor: Cursor::default(),
            answer: None,
            unanswered: None,
            mark: None,
        }
    }
}
