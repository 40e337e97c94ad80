//! Explains one entry: everything that the server and the journals record about it.

use anyhow::Result;
use serde::Serialize;

use super::entry::{CopyRow, EntryReport, Origin, never_was};
use super::gather::{Bounds, Standings, standings};
use super::known::Subject;
use super::next::worst_next;
use super::report::{GroupStanding, JournalRow, Standing};
use crate::model::{Body, CommandLine, Entry, EntryId, Name, Problem, StreamInfo, Time};
use crate::streams::dead_letters::{DeadLetter, Source};
use crate::streams::names::{explain as told_better, no_stream};
use crate::streams::search::{Search, SearchEnd, Searched, SearchedFor, Searcher};
use crate::topology::Topology;
use crate::wire::{Connection, ErrorKind, allowed, time, xinfo_stream, xrange};

/// The greatest number of copies of an entry that are listed.
const COPIES_MAX: u64 = 100;

/// Everything that is known about one entry.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct ExplainReport {
    /// The entry.
    pub entry: EntryReport,
    /// The standing of the entry with each group of its stream.
    pub groups: Vec<GroupStanding>,
    /// The provenance of the entry, if it is a dead letter; without its fields.
    pub provenance: Option<DeadLetter>,
    /// The dead letters of the entry, the newest first; without their fields.
    pub dead_letters: Vec<DeadLetter>,
    /// The copies of the entry that a requeue or a redrive made, the oldest first.
    pub copies: Vec<CopyRow>,
    /// What workers recorded about the entry, the oldest first; empty when they keep no journal.
    pub journal: Vec<JournalRow>,
    /// The searches that were made for this, and how far each went.
    pub searched: Vec<Searched>,
    /// The command to type next, if there is something to do or to see.
    pub next: Option<String>,
}

/// Explains the entry of `stream` with this id; at most `count_max` entries of each stream are read.
///
/// # Errors
/// Not found when there is no such stream, or no entry ever had the id; what the server says.
pub async fn explain(
    searcher: &mut Searcher<'_>,
    connection: &Connection,
    topology: &Topology,
    (stream, id): (&Name, EntryId),
    count_max: usize,
) -> Result<ExplainReport> {
    let (entry, info, now) = tokio::join!(
        connection.run(xrange(stream, id, id, 1)),
        connection.run(xinfo_stream(stream)),
        connection.run(time()),
    );
    let now = allowed(now)?.map_or_else(Time::now, Time::from_ms);
    let entry = match entry {
        Ok(mut found) => found.pop(),
        Err(error) => return Err(told_better(connection, topology, stream, error).await),
    };
    let info = match info {
        Ok(info) => Some(info),
        Err(error) if error.kind == ErrorKind::NoKey => {
            return Err(no_stream(connection, topology, stream).await.into());
        }
        Err(error) if error.kind.is_refusal() => {
            searcher.deny(stream, error);
            None
        }
        Err(error) => return Err(error.into()),
    };
    let mut report = EntryReport::new(stream, id, entry.as_ref(), info.as_ref(), now);
    // A copy of a copy tells of the first of them.
    let root = report.copy_of.unwrap_or(id);
    let (copies, looked) = copies(searcher, stream, (root, id), count_max).await?;
    report.place(
        looked.looked_at,
        looked.is_whole(),
        info.as_ref().map(|it| it.length),
    );
    report.copy_ids = copies.iter().map(|it| it.id).collect();
    let subject = Subject {
        id,
        is_there: entry.is_some(),
        copy: copies.first().map(|it| (it.id, it.redrives.is_some())),
    };
    let bounds = Bounds { count_max, now };
    let subjects = (stream, std::slice::from_ref(&subject));
    let standings = standings(searcher, connection, topology, subjects, bounds).await?;
    if let Some(info) = info
        .as_ref()
        .filter(|it| entry.is_none() && never_was(id, it))
        && has_no_trace(&standings, &copies)
    {
        return Err(no_such_entry(stream, id, info).into());
    }
    let provenance = provenance(topology, stream, entry, now);
    let mut all = ExplainReport {
        entry: report,
        groups: standings.groups,
        provenance,
        dead_letters: standings.dead_letters,
        copies,
        journal: standings.journal,
        searched: [vec![looked], standings.searched].concat(),
        next: None,
    };
    all.next = next(&all, topology);
    Ok(all)
}

/// The copies of `root` after the entry with this id, the oldest first, and the number of entries after it.
async fn copies(
    searcher: &mut Searcher<'_>,
    stream: &Name,
    (root, id): (EntryId, EntryId),
    count_max: usize,
) -> Result<(Vec<CopyRow>, Searched)> {
    let mut looked = Searched::new(stream, SearchedFor::Copies);
    let mut copies = Vec::new();
    let Some(after) = id.next() else {
        looked.end = SearchEnd::Whole;
        return Ok((copies, looked));
    };
    let search = Search {
        start: after,
        newest_first: false,
        count_max,
        found_max: COPIES_MAX,
        needle: Some(root.to_string().into_bytes()),
    };
    searcher
        .run(&search, &mut looked, |copy, fields| {
            let origin = Origin::of(fields).filter(|it| it.id == Some(root));
            let is_copy = origin.is_some();
            let has_room = (copies.len() as u64) < COPIES_MAX;
            copies.extend(origin.filter(|_| has_room).map(|it| it.copy(copy)));
            is_copy
        })
        .await?;
    Ok((copies, looked))
}

/// The provenance of the entry, if it is a dead letter.
fn provenance(
    topology: &Topology,
    stream: &Name,
    entry: Option<Entry>,
    now: Time,
) -> Option<DeadLetter> {
    let source = Source::named(topology, stream);
    if source.dead_letter != *stream {
        return None;
    }
    let mut letter = DeadLetter::of(stream, entry?);
    letter.fields = Body::default();
    letter.age_ms = Some(now.ms.saturating_sub(letter.time.ms));
    Some(letter)
}

/// Whether nothing is recorded about the entry.
fn has_no_trace(standings: &Standings, copies: &[CopyRow]) -> bool {
    let is_pending = |it: &GroupStanding| it.standing == Standing::Ghost;
    copies.is_empty()
        && standings.dead_letters.is_empty()
        && standings.journal.is_empty()
        && !standings.groups.iter().any(is_pending)
}

fn no_such_entry(stream: &Name, id: EntryId, info: &StreamInfo) -> Problem {
    let problem = Problem::not_found(format!("no entry {id} in `{stream}`, and there never was"));
    let hint = match (&info.first, &info.last) {
        (Some(first), Some(last)) => format!(
            "it has {} from {} to {}; check the id and the stream",
            info.length, first.id, last.id
        ),
        _ => format!(
            "the stream is empty; its last id was {}",
            info.last_generated_id
        ),
    };
    problem.hint(hint)
}

/// The command to type next: about the group with the worst standing, or else about the entry itself.
fn next(report: &ExplainReport, topology: &Topology) -> Option<String> {
    if let Some(letter) = &report.provenance {
        let stream = Source::named(topology, &report.entry.stream).stream;
        let command = if letter.is_tombstone {
            "dlq show"
        } else {
            "dlq redrive"
        };
        let line = CommandLine::new(command)
            .arg(&stream)
            .arg(report.entry.id.to_string());
        return Some(line.to_string());
    }
    worst_next(&report.groups)
}
