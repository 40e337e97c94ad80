//! What is known about an entry and a group, and the standing that follows from it.

use super::judge::{Facts, Handled, Judged, Letter, judge};
use super::next::next;
use super::report::{GroupStanding, JournalRow};
use crate::model::{EntryId, GroupInfo, InFlight, JournalOutcome, Name, PendingEntry, escaped};
use crate::streams::dead_letters::DeadLetter;
use crate::topology::Topology;

/// An entry whose standing is wanted.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The id of the entry.
    pub id: EntryId,
    /// Whether the entry is in the stream.
    pub is_there: bool,
    /// The oldest known copy of the entry, and whether a redrive made it.
    pub copy: Option<(EntryId, bool)>,
}

/// A group of the stream.
pub(super) struct Group {
    pub(super) name: Name,
    /// What the server reports about the group.
    pub(super) info: Option<GroupInfo>,
    /// Whether the server has the group; `None` when the user may not ask.
    pub(super) is_there: Option<bool>,
}

/// Everything that is known about an entry and a group.
pub(super) struct Known<'a> {
    pub(super) topology: &'a Topology,
    pub(super) group: &'a Group,
    pub(super) subject: &'a Subject,
    /// `None` when it could not be looked up.
    pub(super) pending: Option<&'a Option<PendingEntry>>,
    pub(super) note: Option<&'a InFlight>,
    pub(super) letters: &'a [DeadLetter],
    pub(super) journal: &'a [JournalRow],
    pub(super) dead_is_whole: bool,
}

impl Known<'_> {
    pub(super) fn row(&self, stream: &Name) -> GroupStanding {
        let (group, id) = (&self.group.name, self.subject.id);
        let mut row = GroupStanding::new(stream, group, id);
        row.position = self.group.info.as_ref().map(|it| it.last_delivered_id);
        let of_group = |letter: &&DeadLetter| letter.group.as_ref() == Some(group);
        let letters: Vec<&DeadLetter> = self.letters.iter().filter(of_group).collect();
        let own = letters.iter().filter(|it| is_of(it, stream, id));
        row.dead_letter_ids = own.clone().map(|it| it.id).collect();
        let letter = own.max_by_key(|it| it.id).copied();
        let gap = letters.iter().find(|it| is_in(it, id)).map(|it| it.id);
        let record = self.last_record();
        let by = record.map(|it| escaped(it.consumer.as_bytes()));
        let Judged {
            standing,
            certainty,
            evidence,
        } = judge(&self.facts(&row, letter, gap, by.as_deref()));
        (row.standing, row.certainty, row.evidence) = (standing, certainty, evidence);
        self.add_holder(&mut row, letter, record);
        let copy = self.subject.copy.map(|(id, _)| id.to_string());
        let has_body = letter.is_some_and(|it| !it.is_tombstone);
        let next = next(&row, copy, has_body, self.topology);
        row.next = next.map(|line| line.to_string());
        row
    }

    fn facts<'f>(
        &self,
        row: &GroupStanding,
        letter: Option<&'f DeadLetter>,
        gap: Option<EntryId>,
        by: Option<&'f str>,
    ) -> Facts<'f> {
        let handled = self
            .last_record()
            .filter(|it| it.outcome == JournalOutcome::Handled)
            .zip(by)
            .map(|(record, by)| Handled {
                by,
                at: record.time,
            });
        Facts {
            id: self.subject.id,
            is_there: self.subject.is_there,
            has_group: self.group.is_there,
            position: row.position,
            is_unused: self.group.info.as_ref().is_some_and(GroupInfo::is_unused),
            is_pending: self.pending.map(Option::is_some),
            letter: letter.map(|it| Letter {
                id: it.id,
                time: it.time,
                is_tombstone: it.is_tombstone,
                reason: it.reason.as_deref().map(last_line),
            }),
            gap,
            dead_is_whole: self.dead_is_whole,
            copy: self.subject.copy,
            handled,
        }
    }

    /// The last record about the entry and the group.
    fn last_record(&self) -> Option<&JournalRow> {
        let is_it = |it: &&JournalRow| it.group == self.group.name && it.id == self.subject.id;
        self.journal.iter().rfind(is_it)
    }

    /// Sets the consumer that holds the entry or held it last, and what is known about its deliveries.
    fn add_holder(
        &self,
        row: &mut GroupStanding,
        letter: Option<&DeadLetter>,
        record: Option<&JournalRow>,
    ) {
        if let Some(held) = self.pending.and_then(Option::as_ref) {
            row.consumer = Some(held.consumer.clone()).filter(|it| !it.is_empty());
            row.idle_ms = held.idle_ms;
            row.count(held.deliveries);
            row.in_flight_since = self.note.map(|it| it.since);
            let reason = self.note.map(|it| it.reason.clone());
            row.reason = reason.filter(|it| !it.is_empty());
            return;
        }
        if let Some(record) = record {
            row.consumer = Some(record.consumer.clone());
            row.settled_at = Some(record.time);
            row.took_ms = record.took_ms;
        }
        if let Some(letter) = letter {
            row.consumer.clone_from(&letter.consumer);
            row.settled_at = Some(letter.time);
            row.deliveries = letter.deliveries;
            row.is_fatal = letter.is_fatal;
            row.reason.clone_from(&letter.reason);
        }
    }
}

/// The last line that is not empty.
fn last_line(text: &str) -> &str {
    let mut lines = text.lines().rev().map(str::trim);
    lines.find(|line| !line.is_empty()).unwrap_or_default()
}

/// Whether the dead letter came from this entry.
pub(super) fn is_of(letter: &DeadLetter, stream: &Name, id: EntryId) -> bool {
    letter.stream.as_ref() == Some(stream) && letter.origin_id == Some(id)
}

/// Whether the entry is between the ids of a tombstone for entries that were never delivered.
pub(super) fn is_in(letter: &DeadLetter, id: EntryId) -> bool {
    letter
        .lost
        .is_some_and(|gap| gap.from_id < id && id < gap.to_id)
}
