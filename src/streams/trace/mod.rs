//! Follows one event across streams: every entry that has a value in a field, in the order in which the entries were
//! added, and the standing of each with the groups of its stream. Reads a limited number of entries of each stream, the
//! newest first.

mod hop;

use std::collections::BTreeSet;

use anyhow::Result;
use serde::Serialize;

use self::hop::in_order;
pub use self::hop::{Hop, HopState};
use super::dead_letters::Source;
use super::outputs::outputs;
use super::search::{Search, SearchEnd, Searched, SearchedFor, Searcher};
use super::standing::{Bounds, GroupStanding, JournalRow, Subject, standings, worst_next};
use super::tail::{Filter, Verdict};
use crate::model::{Edge, EntryId, FieldCondition, Name, Time};
use crate::topology::{Topology, home_of_retries, retry_key};
use crate::wire::{Connection, allowed, time, xrange};

/// The greatest number of matching entries of one stream that are listed.
pub const FOUND_MAX: u64 = 100;

/// What to search for.
#[derive(Clone, Debug)]
pub struct TraceQuery {
    /// The field, or a path into its JSON.
    pub field: Name,
    /// The value that the field must have.
    pub value: Vec<u8>,
    /// Where the search of each stream ends.
    pub since: Edge,
    /// The greatest number of entries of each stream that are read.
    pub count_max: usize,
}

/// The trace of an event.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct TraceReport {
    /// The field whose value was compared.
    pub field: Name,
    /// The value that was searched for.
    pub value: Name,
    /// The time from which entries were read; null when all were, and when the position was counted from the end.
    pub since: Option<Time>,
    /// The entries that have the value, the oldest first.
    pub hops: Vec<Hop>,
    /// Whether a stream has more matching entries than are listed.
    pub has_more: bool,
    /// The standing of each entry with the groups of its stream.
    pub groups: Vec<GroupStanding>,
    /// What workers recorded about the entries; empty when they keep no journal.
    pub journal: Vec<JournalRow>,
    /// The searches that were made, and how far each went.
    pub searched: Vec<Searched>,
    /// The number of entries that could not be compared, because the path leads into a value that is not JSON.
    pub unjudged: u64,
    /// The command to type next, if there is something to do or to see.
    pub next: Option<String>,
}

/// A search in progress: what was found is kept when it is stopped.
#[derive(Clone, Debug)]
pub struct Trace {
    query: TraceQuery,
    hops: Vec<Hop>,
    /// The entries that dead letters and copies name, as streams and ids.
    origins: BTreeSet<(Vec<u8>, EntryId)>,
    searched: Vec<Searched>,
    unjudged: u64,
}

impl Trace {
    /// A search in which no entry was read yet.
    pub const fn new(query: TraceQuery) -> Self {
        Self {
            query,
            hops: Vec::new(),
            origins: BTreeSet::new(),
            searched: Vec::new(),
            unjudged: 0,
        }
    }

    /// Searches every stream of the topology, the streams that its handlers write to, their dead-letter streams, and the
    /// retry streams of its groups. May be dropped.
    ///
    /// # Errors
    /// Errors of the server, except refusals.
    pub async fn search(&mut self, searcher: &mut Searcher<'_>, topology: &Topology) -> Result<()> {
        let filter = self.query.filter();
        for stream in streams(topology) {
            let is_dead = Source::named(topology, &stream).dead_letter == stream;
            let (start, count_max) = match self.query.since {
                Edge::Id(id) => (id, usize::MAX),
                Edge::FromEnd(entries) => {
                    let entries = usize::try_from(entries).unwrap_or(usize::MAX);
                    (EntryId::MIN, entries)
                }
            };
            let search = Search {
                start,
                newest_first: true,
                count_max: count_max.min(self.query.count_max),
                found_max: FOUND_MAX,
                needle: self.query.needle(),
            };
            let mut looked = Searched::new(&stream, SearchedFor::Entries);
            if search.count_max == 0 {
                looked.end = SearchEnd::Whole;
                self.searched.push(looked);
                continue;
            }
            self.searched.push(looked);
            let (hops, origins) = (&mut self.hops, &mut self.origins);
            let (unjudged, mut found) = (&mut self.unjudged, 0);
            let Some(looked) = self.searched.last_mut() else {
                continue;
            };
            searcher
                .run(&search, looked, |id, fields| match filter.judge(fields) {
                    Verdict::Left => false,
                    Verdict::Unjudged(_) => {
                        *unjudged += 1;
                        false
                    }
                    Verdict::Taken => {
                        if found < FOUND_MAX {
                            found += 1;
                            let hop = Hop::of(&stream, id, fields, is_dead);
                            origins.extend(hop.1);
                            hops.push(hop.0);
                        }
                        true
                    }
                })
                .await?;
            // Most retry streams do not exist.
            let is_unused = |it: &Searched| it.looked_at == 0 && it.end == SearchEnd::Whole;
            if home_of_retries(&stream).is_some() && self.searched.last().is_some_and(is_unused) {
                self.searched.pop();
            }
        }
        Ok(())
    }

    /// Whether nothing was found.
    pub const fn is_empty(&self) -> bool {
        self.hops.is_empty()
    }

    /// The searches that were made.
    pub fn searched(&self) -> &[Searched] {
        &self.searched
    }

    /// The matching entries, without their standing with groups.
    pub fn found(self, now: Time) -> TraceReport {
        let Self {
            query,
            mut hops,
            searched,
            unjudged,
            ..
        } = self;
        in_order(&mut hops, now);
        TraceReport {
            since: match query.since {
                Edge::Id(id) if id != EntryId::MIN => id.time(),
                _ => None,
            },
            field: query.field,
            value: Name::new(query.value),
            hops,
            has_more: searched.iter().any(|it| it.end == SearchEnd::Enough),
            groups: Vec::new(),
            journal: Vec::new(),
            searched,
            unjudged,
            next: None,
        }
    }

    /// The matching entries with those that dead letters and copies name, and the standing of all of them with their
    /// groups.
    ///
    /// # Errors
    /// Errors of the server, except refusals.
    pub async fn report(
        mut self,
        searcher: &mut Searcher<'_>,
        connection: &Connection,
        topology: &Topology,
    ) -> Result<TraceReport> {
        let now = allowed(connection.run(time()).await)?;
        let now = now.map_or_else(Time::now, Time::from_ms);
        self.add_origins(searcher, connection, topology).await?;
        let count_max = self.query.count_max;
        let mut report = self.found(now);
        let bounds = Bounds { count_max, now };
        let mut streams: Vec<Name> = Vec::new();
        for hop in &report.hops {
            if hop.state != HopState::DeadLetter && !streams.contains(&hop.stream) {
                streams.push(hop.stream.clone());
            }
        }
        for stream in &streams {
            let subjects = subjects(&report.hops, stream);
            let asked = (stream, subjects.as_slice());
            let found = standings(searcher, connection, topology, asked, bounds).await?;
            report.groups.extend(found.groups);
            report.journal.extend(found.journal);
            report.searched.extend(found.searched);
        }
        report.next = worst_next(&report.groups);
        Ok(report)
    }

    /// Adds the entries that dead letters and copies name and that the search did not find, because they are too old or
    /// gone.
    async fn add_origins(
        &mut self,
        searcher: &mut Searcher<'_>,
        connection: &Connection,
        topology: &Topology,
    ) -> Result<()> {
        let is_known = |it: &(Vec<u8>, EntryId)| {
            let is_it = |hop: &Hop| hop.stream.as_bytes() == it.0 && hop.id == it.1;
            self.hops.iter().any(is_it)
        };
        let wanted = self.origins.iter().filter(|it| !is_known(it));
        let wanted: Vec<(Name, EntryId)> = wanted
            .map(|(stream, id)| (Name::from(stream.as_slice()), *id))
            .collect();
        let asked = wanted
            .iter()
            .map(|(stream, id)| xrange(stream, *id, *id, 1));
        let answers = connection.run_all(asked.collect()).await?;
        for ((stream, id), answer) in wanted.iter().zip(answers) {
            let entry = match answer {
                Ok(mut entries) => entries.pop(),
                Err(error) if error.kind.is_refusal() => {
                    searcher.deny(stream, error);
                    continue;
                }
                Err(_) => None,
            };
            let is_dead = Source::named(topology, stream).dead_letter == *stream;
            let hop = match entry {
                Some(entry) => {
                    let fields: Vec<_> = entry
                        .fields
                        .iter()
                        .map(|(name, value)| (name.as_slice(), value.as_slice()))
                        .collect();
                    Hop::of(stream, *id, &fields, is_dead).0
                }
                None => Hop::new(stream, *id, HopState::Gone),
            };
            self.hops.push(hop);
        }
        Ok(())
    }
}

impl TraceQuery {
    fn filter(&self) -> Filter {
        Filter {
            equal: vec![FieldCondition {
                place: self.field.clone(),
                value: self.value.clone(),
                is_negated: false,
            }],
            pattern: None,
        }
    }

    /// Bytes that a page with a matching entry contains. A value within JSON can be written in several ways, so there
    /// are none for it.
    fn needle(&self) -> Option<Vec<u8>> {
        let may_be_path = self.field.as_bytes().contains(&b'.');
        (!may_be_path && !self.value.is_empty()).then(|| self.value.clone())
    }
}

/// Every stream that can contain the event, each once.
fn streams(topology: &Topology) -> Vec<Name> {
    let mut streams: Vec<Name> = Vec::new();
    let mut add = |name: Name| {
        if !streams.contains(&name) {
            streams.push(name);
        }
    };
    topology.streams.iter().for_each(|it| add(it.name.clone()));
    for group in &topology.groups {
        add(group.stream.clone());
        outputs(group).into_iter().for_each(&mut add);
    }
    let of = topology.streams.iter().map(|it| it.name.clone());
    let of = of.chain(topology.groups.iter().map(|it| it.stream.clone()));
    for stream in of.collect::<Vec<_>>() {
        add(topology.stream_or_default(&stream).dead_letter);
    }
    for group in &topology.groups {
        add(retry_key(&group.stream, &group.name));
    }
    streams
}

/// The entries of one stream whose standing is wanted.
fn subjects(hops: &[Hop], stream: &Name) -> Vec<Subject> {
    let of_stream = hops.iter().filter(|hop| hop.stream == *stream);
    of_stream
        .clone()
        .map(|hop| {
            let copies = of_stream.clone();
            // A copy of a copy tells of the first of them.
            let root = hop.of.unwrap_or(hop.id);
            let is_copy = |it: &&Hop| it.state == HopState::Copy && it.of == Some(root);
            let copies = copies.filter(|it| is_copy(it) && it.id > hop.id);
            Subject {
                id: hop.id,
                is_there: hop.state != HopState::Gone,
                copy: copies.map(|it| (it.id, it.is_redriven)).min(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_of_the_platform_is_looked_at_once() {
        let found = streams(&Topology::default());
        let names: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            names,
            [
                "events.raw",
                "events.normalized",
                "profiles.merge_requests",
                "predictions.requests",
                "profiles.review_queue",
                "profiles.merges",
                "predictions.results",
                "{events.raw}:dlq",
                "{events.normalized}:dlq",
                "{profiles.merge_requests}:dlq",
                "{predictions.requests}:dlq",
                "{events.normalized}:retry:event-processors",
                "{profiles.merge_requests}:retry:merge-processors",
                "{predictions.requests}:retry:prediction-processors",
            ]
        );
    }
}
