//! What the streams of a server take, and what of it every group is done with. Finds them by looking through the keys, up
//! to a limit, and changes nothing.

mod hold;
mod look;
mod rows;

use std::collections::BTreeSet;

use anyhow::Result;

pub use hold::HoldState;
use look::Look;
pub use rows::{MemoryEnd, MemoryReport, StreamMemory};

use super::inspect::{Counter, counting};
use crate::model::{Lag, Name, Time};
use crate::topology::Topology;
use crate::wire::{Connection, Denial, Error, allowed, dbsize, info, key_type, scan, time};

/// Streams that are listed at most.
const STREAMS_MAX: usize = 100_000;
/// Keys of one page of a look through them, about.
const PAGE: u64 = 1000;
/// Refusals that are remembered.
const REFUSED_MAX: usize = 100;

/// Which streams, and how closely to look.
#[derive(Clone, Debug)]
pub struct MemoryQuery {
    /// These; all of the database when none is named.
    pub named: Vec<Name>,
    /// Keys that are looked through for streams, about.
    pub keys_max: u64,
    /// Nodes of a stream by which the server estimates its memory.
    pub samples: u32,
}

/// What is told while it is looked.
pub trait Watch {
    /// So many keys are looked through for streams, of about so many.
    fn begins_with_keys(&mut self, all: Option<u64>);

    /// So many streams are looked at.
    fn begins_with_streams(&mut self, all: u64);

    /// So many more are done.
    fn advances(&mut self, count: u64);
}

/// Something that the user may not ask.
#[derive(Debug)]
pub struct Refused {
    /// The stream it is about; `None` where it is about every stream, or about none.
    pub stream: Option<Name>,
    /// What the server said.
    pub error: Error,
}

/// What was seen so far.
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
    /// Nothing yet.
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

    /// What the user may not ask, each once; and how much more there is that is not listed.
    pub fn refused(&self) -> (&[Refused], u64) {
        (&self.refused, self.refused_beyond)
    }

    /// Looks at the server and its streams. What was seen stays where this ends early.
    ///
    /// # Errors
    /// What the server says, unless that the user may not ask.
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

    /// The answer; `None`, and remembered, where the user may not ask.
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

    /// Remembers what was refused: a command once, and a key once.
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

    /// The streams of the topology, then those that are found among the keys.
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

    /// What was seen.
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

/// The sum of what can be trimmed: a lower bound where one of them is not known.
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
