//! Asks the server for the standing of entries with the groups of their stream: one round trip for the groups, one for
//! the pending entries, and limited searches of the dead-letter stream and the journals.

use std::collections::HashMap;

use anyhow::Result;

use super::known::{Group, Known, Subject, is_in, is_of};
use super::report::{GroupStanding, JournalRow};
use crate::model::{
    Body, Entry, EntryId, Fields, InFlight, JournalRecord, Name, PendingEntry, Provenance, Time,
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
