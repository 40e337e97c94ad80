//! Reports how much memory the streams of a server take, and how many of their entries every group has read and
//! acknowledged. Finds the streams by scanning the keys, up to a limit, and changes nothing.

mod look;
mod rows;

use std::collections::BTreeSet;

use anyhow::Result;

use look::Look;
pub use rows::{MemoryEnd, MemoryReport, StreamMemory};

pub use super::hold::HoldState;
use super::inspect::{Counter, counting};
use crate::model::{Lag, Name, Time};
use crate::topology::Topology;
use crate::wire::{Connection, Denial, Error, allowed, dbsize, info, key_type, scan, time};

/// The greatest number of streams that are listed.
const STREAMS_MAX: usize = 100_000;
/// The approximate number of keys in one page of the scan.
const PAGE: u64 = 1000;
/// The greatest number of refused queries that are recorded.
const REFUSED_MAX: usize = 100;

/// Which streams to observe, and how closely.
#[derive(Clone, Debug)]
pub struct MemoryQuery {
    /// The named streams; all streams of the database when none is named.
    pub named: Vec<Name>,
    /// The approximate number of keys that are scanned for streams.
    pub keys_max: u64,
    /// The number of nodes from which the server estimates the memory of a stream.
    pub samples: u32,
}

/// Receives the progress of the observation.
pub trait Watch {
    /// The scan of the keys begins; the database has about this many keys.
    fn begins_with_keys(&mut self, all: Option<u64>);

    /// The observation of this many streams begins.
    fn begins_with_streams(&mut self, all: u64);

    /// This many more keys or streams were read.
    fn advances(&mut self, count: u64);
}

/// A query that the server refused.
#[derive(Debug)]
pub struct Refused {
    /// The stream that the query was about; `None` when it was not about a single stream.
    pub stream: Option<Name>,
    /// The server's error.
    pub error: Error,
}

/// What was observed so far.
#[derive(Debug)]
pub struct Memory {
    query: MemoryQuery,
    end: MemoryEnd,
    rows: Vec<StreamMemory>,
    keys: Option<u64>,
    server: Option<Vec<(String, String)>>,
    refused: Vec<Refused>,
    refused_beyond: u64,
}

impl Memory {
    /// An observation that has not begun.
    pub const fn new(query: MemoryQuery) -> Self {
        Self {
            query,
            end: MemoryEnd::Stopped,
            rows: Vec::new(),
            keys: None,
            server: None,
            refused: Vec::new(),
            refused_beyond: 0,
        }
    }

    /// The refused queries, each once, and the number of those that are not listed.
    pub fn refused(&self) -> (&[Refused], u64) {
        (&self.refused, self.refused_beyond)
    }

    /// Observes the server and its streams. What was observed before an error is kept.
    ///
    /// # Errors
    /// Errors of the server, except refusals.
    pub async fn look(
        &mut self,
        connection: &Connection,
        topology: &Topology,
        watch: &mut impl Watch,
    ) -> Result<()> {
        let (now, server, keys, counting) = tokio::join!(
            connection.run(time()),
            connection.run(info("memory")),
            connection.run(dbsize()),
            counting(connection),
        );
        self.server = self.unless_refused(None, server)?;
        self.keys = self.unless_refused(None, keys)?;
        let look = Look {
            connection,
            samples: self.query.samples,
            now: allowed(now)?.map_or_else(Time::now, Time::from_ms),
            counting: counting?,
            counter: Counter::default(),
        };
        let (streams, end) = if self.query.named.is_empty() {
            self.find(connection, topology, watch).await?
        } else {
            (self.query.named.iter().cloned().collect(), MemoryEnd::Named)
        };
        let streams = streams.into_iter().collect();
        self.look_at_all(&look, streams, watch).await?;
        self.end = end;
        Ok(())
    }

    /// The reply; `None` when the server refuses the query, which is recorded.
    fn unless_refused<T>(
        &mut self,
        stream: Option<&Name>,
        answer: Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.kind.is_refusal() => {
                self.refuse(stream, error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Records a refused query, once for each command and once for each key.
    fn refuse(&mut self, stream: Option<&Name>, error: Error) {
        let denial = error.denial();
        let is_of_key = matches!(denial, Some(Denial::Key { .. }));
        let stream = stream.filter(|_| is_of_key).cloned();
        let is_known = |it: &Refused| {
            if is_of_key {
                it.stream == stream
            } else {
                it.error.denial() == denial && it.error.command == error.command
            }
        };
        if self.refused.iter().any(is_known) {
            return;
        }
        if self.refused.len() < REFUSED_MAX {
            self.refused.push(Refused { stream, error });
        } else {
            self.refused_beyond += 1;
        }
    }

    /// The streams of the topology, then those found by the scan.
    async fn find(
        &mut self,
        connection: &Connection,
        topology: &Topology,
        watch: &mut impl Watch,
    ) -> Result<(BTreeSet<Name>, MemoryEnd)> {
        let known = topology.streams.iter();
        let known = known.flat_map(|it| [it.name.clone(), it.dead_letter.clone()]);
        let known: BTreeSet<Name> = known.collect();
        let types = connection.run_all(known.iter().map(key_type).collect());
        let mut found = BTreeSet::new();
        for (name, kind) in known.iter().zip(types.await?) {
            match self.unless_refused(Some(name), kind)?.as_deref() {
                // What it is that may not be asked, its look says.
                Some(b"stream") | None => drop(found.insert(name.clone())),
                Some(_) => {}
            }
        }
        watch.begins_with_keys(self.keys.map(|keys| keys.min(self.query.keys_max)));
        let (mut cursor, mut keys) = (0, 0);
        loop {
            if keys >= self.query.keys_max || found.len() >= STREAMS_MAX {
                return Ok((found, MemoryEnd::Limit));
            }
            let page = connection.run(scan(cursor, b"*", Some("stream"))).await;
            let Some((next, page)) = self.unless_refused(None, page)? else {
                return Ok((found, MemoryEnd::Denied));
            };
            found.extend(page);
            keys += PAGE;
            watch.advances(PAGE.min(self.keys.unwrap_or(PAGE)));
            cursor = next;
            if cursor == 0 {
                return Ok((found, MemoryEnd::Complete));
            }
        }
    }

    /// The report about what was observed.
    pub fn report(&self) -> MemoryReport {
        let of_server = |wanted: &str| {
            let lines = self.server.as_ref()?;
            let (_, value) = lines.iter().find(|(name, _)| name == wanted)?;
            Some(value.as_str())
        };
        let number = |name| of_server(name)?.parse::<u64>().ok();
        let used_bytes = number("used_memory");
        let mut streams = self.rows.clone();
        streams.sort_by(|a, b| {
            let size = |row: &StreamMemory| (row.bytes, row.length);
            size(b).cmp(&size(a)).then_with(|| a.stream.cmp(&b.stream))
        });
        let sum = |of: fn(&StreamMemory) -> Option<u64>| streams.iter().filter_map(of).sum();
        let stream_count = streams.len() as u64;
        MemoryReport {
            stream_count,
            end: self.end,
            entries: sum(|it| it.length),
            bytes: sum(|it| it.bytes),
            unknown_count: streams.iter().filter(|it| it.bytes.is_none()).count() as u64,
            trimmable: in_all(streams.iter().filter_map(|it| it.trimmable)),
            frees_bytes: sum(|it| it.frees_bytes),
            other_keys: self.keys.map(|keys| {
                let others = keys.saturating_sub(stream_count);
                if self.end == MemoryEnd::Complete {
                    Lag::Known(others)
                } else {
                    Lag::AtMost(others)
                }
            }),
            used_bytes,
            max_bytes: number("maxmemory"),
            policy: of_server("maxmemory_policy").map(str::to_owned),
            streams,
        }
    }
}

/// The total number of entries that can be trimmed: a lower bound when one of the counts is unknown.
fn in_all(counts: impl Iterator<Item = Lag>) -> Lag {
    let (mut sum, mut is_known, mut has_any) = (0_u64, true, false);
    for count in counts {
        match count {
            Lag::Known(entries) => sum += entries,
            Lag::AtLeast(entries) => {
                sum += entries;
                is_known = false;
            }
            Lag::AtMost(_) | Lag::Unknown => {
                is_known = false;
                continue;
            }
        }
        has_any = true;
    }
    match (is_known, has_any) {
        (true, _) => Lag::Known(sum),
        (false, true) => Lag::AtLeast(sum),
        (false, false) => Lag::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_of_what_is_not_known_is_a_lower_bound() {
        for (counts, sum) in [
            (&[][..], Lag::Known(0)),
            (&[Lag::Known(2), Lag::Known(3)], Lag::Known(5)),
            (&[Lag::Known(2), Lag::AtLeast(3)], Lag::AtLeast(5)),
            (&[Lag::Known(2), Lag::AtMost(9)], Lag::AtLeast(2)),
            (&[Lag::Unknown, Lag::Known(2)], Lag::AtLeast(2)),
            (&[Lag::Unknown, Lag::AtMost(3)], Lag::Unknown),
        ] {
            assert_eq!(in_all(counts.iter().copied()), sum, "{counts:?}");
        }
    }
}
