//! Asks the server for the standing of entries with the groups of their stream: one round trip for the groups, one for
//! the pending entries, and limited searches of the dead-letter stream and the journals.

use std::collections::HashMap;

use anyhow::Result;

use super::judge::{Facts, Handled, Judged, Letter, judge};
use super::next::next;
use super::report::{GroupStanding, JournalRow};
use crate::model::{
    Body, Entry, EntryId, Fields, GroupInfo, InFlight, JournalOutcome, JournalRecord, Name,
    PendingEntry, Provenance, Time, escaped,
};
use crate::streams::dead_letters::{DeadLetter, Source};
use crate::streams::search::{Search, SearchEnd, Searched, SearchedFor, Searcher};
use crate::topology::{Topology, inflight_key, journal_key};
use crate::wire::FieldSlices;
use crate::wire::{
    Connection, Error, ErrorKind, PendingFilter, hmget, unless_other_type, xinfo_groups,
    xpending_entries,
};

/// The greatest number of dead letters, and of records of a journal, that are kept.
const FOUND_MAX: u64 = 1000;

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

/// The standing of entries of one stream.
#[derive(Clone, Debug, Default)]
pub struct Standings {
    /// The standing with each group, entry by entry.
    pub groups: Vec<GroupStanding>,
    /// The dead letters of the entries, the newest first.
    pub dead_letters: Vec<DeadLetter>,
    /// What workers recorded about the entries, the oldest first.
    pub journal: Vec<JournalRow>,
    /// The searches that were made for this.
    pub searched: Vec<Searched>,
}

/// What the searches share.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The greatest number of entries of each stream that are read.
    pub count_max: usize,
    /// The server's clock.
    pub now: Time,
}

/// The standing of `subjects`, which are entries of `stream`, with each of its groups.
///
/// # Errors
/// Errors of the server. A refusal is not an error; it is recorded in `searcher`.
pub async fn standings(
    searcher: &mut Searcher<'_>,
    connection: &Connection,
    topology: &Topology,
    (stream, subjects): (&Name, &[Subject]),
    bounds: Bounds,
) -> Result<Standings> {
    let mut found = Standings::default();
    if subjects.is_empty() {
        return Ok(found);
    }
    let groups = groups(searcher, connection, topology, stream).await?;
    // What is nobody's to read has no dead letters.
    let dead = if groups.is_empty() && topology.stream(stream).is_none() {
        Dead::default()
    } else {
        dead_letters(searcher, topology, (stream, subjects), bounds).await?
    };
    for group in &groups {
        let rows = journal(searcher, (stream, &group.name), subjects, bounds).await?;
        if let Some((rows, looked)) = rows {
            found.journal.extend(rows);
            found.searched.push(looked);
        }
    }
    let pending = pending(searcher, connection, stream, &groups, subjects).await?;
    let notes = notes(connection, stream, &pending).await?;
    let dead_is_whole = dead.searched.iter().all(Searched::is_whole);
    for subject in subjects {
        for group in &groups {
            let key = (group.name.clone(), subject.id);
            let known = Known {
                topology,
                group,
                subject,
                pending: pending.get(&key),
                note: notes.get(&key),
                letters: &dead.letters,
                journal: &found.journal,
                dead_is_whole,
            };
            found.groups.push(known.row(stream));
        }
    }
    found.dead_letters = dead.letters;
    found
        .dead_letters
        .retain(|letter| subjects.iter().any(|it| is_of(letter, stream, it.id)));
    found.searched.splice(0..0, dead.searched);
    Ok(found)
}

/// A group of the stream.
struct Group {
    name: Name,
    /// What the server reports about the group.
    info: Option<GroupInfo>,
    /// Whether the server has the group; `None` when the user may not ask.
    is_there: Option<bool>,
}

/// The groups of the server, then the groups that are only in the topology.
async fn groups(
    searcher: &mut Searcher<'_>,
    connection: &Connection,
    topology: &Topology,
    stream: &Name,
) -> Result<Vec<Group>> {
    let (infos, is_seen) = match connection.run(xinfo_groups(stream)).await {
        Ok(infos) => (infos, true),
        Err(error) if matches!(error.kind, ErrorKind::NoKey | ErrorKind::WrongType) => {
            (Vec::new(), true)
        }
        Err(error) if error.kind.is_refusal() => {
            searcher.deny(stream, error);
            (Vec::new(), false)
        }
        Err(error) => return Err(error.into()),
    };
    let on_server = infos.into_iter().map(|info| Group {
        name: info.name.clone(),
        info: Some(info),
        is_there: Some(true),
    });
    let mut groups: Vec<Group> = on_server.collect();
    for spec in topology.groups_of(stream) {
        if !groups.iter().any(|it| it.name == spec.name) {
            groups.push(Group {
                name: spec.name.clone(),
                info: None,
                is_there: (is_seen).then_some(false),
            });
        }
    }
    Ok(groups)
}

/// Whether each entry is pending in each group. A pair that could not be looked up is missing.
type PendingByGroup = HashMap<(Name, EntryId), Option<PendingEntry>>;

async fn pending(
    searcher: &mut Searcher<'_>,
    connection: &Connection,
    stream: &Name,
    groups: &[Group],
    subjects: &[Subject],
) -> Result<PendingByGroup> {
    let asked = groups.iter().filter(|group| group.is_there != Some(false));
    let asked = asked.flat_map(|group| subjects.iter().map(move |it| (&group.name, it.id)));
    let asked: Vec<(&Name, EntryId)> = asked.collect();
    let request = |(group, id): &(&Name, EntryId)| {
        let only = PendingFilter {
            start: *id,
            end: *id,
            count_max: 1,
            ..PendingFilter::default()
        };
        xpending_entries(stream, group, &only)
    };
    let answers = connection
        .run_all(asked.iter().map(request).collect())
        .await?;
    let mut found = HashMap::new();
    for ((group, id), answer) in asked.into_iter().zip(answers) {
        match answer {
            Ok(mut rows) => {
                found.insert((group.clone(), id), rows.pop());
            }
            Err(error) if error.kind.is_refusal() => searcher.deny(stream, error),
            // The group may have gone meanwhile.
            Err(error) if matches!(error.kind, ErrorKind::NoGroup | ErrorKind::NoKey) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

/// What workers recorded about the pending entries that have been in flight for long.
async fn notes(
    connection: &Connection,
    stream: &Name,
    pending: &PendingByGroup,
) -> Result<HashMap<(Name, EntryId), InFlight>, Error> {
    let held = pending.iter().filter(|(_, row)| row.is_some());
    let keys: Vec<&(Name, EntryId)> = held.map(|(key, _)| key).collect();
    let asked = keys
        .iter()
        .map(|(group, id)| hmget(&inflight_key(stream, group), &[*id]));
    let answers = connection.run_all(asked.collect()).await?;
    let mut found = HashMap::new();
    for (key, answer) in keys.into_iter().zip(answers) {
        let value = unless_other_type(answer)?;
        let value = value.and_then(|mut it| it.pop()).flatten();
        if let Some(note) = value.as_deref().and_then(InFlight::of_value) {
            found.insert(key.clone(), note);
        }
    }
    Ok(found)
}

/// Dead letters, and the search that found them.
#[derive(Default)]
struct Dead {
    letters: Vec<DeadLetter>,
    searched: Vec<Searched>,
}

/// The dead letters of `subjects`, and the tombstones of gaps that contain them; none for a dead-letter stream itself.
async fn dead_letters(
    searcher: &mut Searcher<'_>,
    topology: &Topology,
    (stream, subjects): (&Name, &[Subject]),
    bounds: Bounds,
) -> Result<Dead> {
    let source = Source::named(topology, stream);
    if source.dead_letter == *stream {
        return Ok(Dead::default());
    }
    let search = Search {
        start: EntryId::MIN,
        newest_first: true,
        count_max: bounds.count_max,
        found_max: FOUND_MAX,
        needle: None,
    };
    let mut looked = Searched::new(&source.dead_letter, SearchedFor::DeadLetters);
    let mut letters = Vec::new();
    let ids: Vec<EntryId> = subjects.iter().map(|it| it.id).collect();
    searcher
        .run(&search, &mut looked, |id, fields| {
            let Some(mut letter) = letter_about(&source.dead_letter, stream, id, fields) else {
                return false;
            };
            let is_it = ids
                .iter()
                .any(|it| is_of(&letter, stream, *it) || is_in(&letter, *it));
            if is_it && (letters.len() as u64) < FOUND_MAX {
                letter.age_ms = Some(bounds.now.ms.saturating_sub(letter.time.ms));
                letters.push(letter);
            }
            is_it
        })
        .await?;
    Ok(Dead {
        letters,
        searched: vec![looked],
    })
}

/// The dead letter in these fields, if it came from `stream`; without the fields of the original entry.
fn letter_about(
    dead_letter: &Name,
    stream: &Name,
    id: EntryId,
    fields: &FieldSlices<'_>,
) -> Option<DeadLetter> {
    let said = Provenance::of(fields)?;
    if said.stream != stream.as_bytes() {
        return None;
    }
    let owned = |(name, value): &(&[u8], &[u8])| (name.to_vec(), value.to_vec());
    let fields: Fields = fields.iter().map(owned).collect();
    let mut letter = DeadLetter::of(dead_letter, Entry { id, fields });
    letter.fields = Body::default();
    Some(letter)
}

/// Whether the dead letter came from this entry.
fn is_of(letter: &DeadLetter, stream: &Name, id: EntryId) -> bool {
    letter.stream.as_ref() == Some(stream) && letter.origin_id == Some(id)
}

/// Whether the entry is between the ids of a tombstone for entries that were never delivered.
fn is_in(letter: &DeadLetter, id: EntryId) -> bool {
    letter
        .lost
        .is_some_and(|gap| gap.from_id < id && id < gap.to_id)
}

/// The records of `subjects` in the journal of a group; `None` when there is no journal, or the user may not read it.
async fn journal(
    searcher: &mut Searcher<'_>,
    (stream, group): (&Name, &Name),
    subjects: &[Subject],
    bounds: Bounds,
) -> Result<Option<(Vec<JournalRow>, Searched)>> {
    let oldest_ms = subjects.iter().map(|it| it.id.ms).min().unwrap_or_default();
    let needle = match subjects {
        [only] => Some(only.id.to_string().into_bytes()),
        _ => None,
    };
    let search = Search {
        // Nothing is settled before it is added, unless its id is ahead of the clock.
        start: EntryId::new(oldest_ms.min(bounds.now.ms), 0),
        newest_first: true,
        count_max: bounds.count_max,
        found_max: FOUND_MAX,
        needle,
    };
    let mut looked = Searched::new(&journal_key(stream, group), SearchedFor::Journal);
    let mut rows = Vec::new();
    let ids: Vec<EntryId> = subjects.iter().map(|it| it.id).collect();
    let denied = searcher.denied.len();
    searcher
        .run(&search, &mut looked, |at, fields| {
            let Some(record) = JournalRecord::of(fields) else {
                return false;
            };
            let of = record.entries.iter().filter(|(id, _)| ids.contains(id));
            let found = rows.len();
            rows.extend(of.map(|(id, took_ms)| JournalRow {
                group: group.clone(),
                stream: stream.clone(),
                id: *id,
                time: Time::from_ms(at.ms),
                consumer: record.consumer.clone(),
                outcome: record.outcome,
                took_ms: *took_ms,
            }));
            rows.len() > found
        })
        .await?;
    rows.reverse();
    let is_denied = looked.end == SearchEnd::Denied;
    if is_denied {
        // It adds to what is known; who has no journal need not be allowed to read it.
        searcher.denied.truncate(denied);
    }
    let has_none = looked.looked_at == 0 && looked.is_whole();
    Ok((!has_none && !is_denied).then_some((rows, looked)))
}

/// Everything that is known about an entry and a group.
struct Known<'a> {
    topology: &'a Topology,
    group: &'a Group,
    subject: &'a Subject,
    /// `None` when it could not be looked up.
    pending: Option<&'a Option<PendingEntry>>,
    note: Option<&'a InFlight>,
    letters: &'a [DeadLetter],
    journal: &'a [JournalRow],
    dead_is_whole: bool,
}

impl Known<'_> {
    fn row(&self, stream: &Name) -> GroupStanding {
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
