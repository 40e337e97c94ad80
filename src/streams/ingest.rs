//! Ingests events into the platform: each event becomes a raw and a normalised entry, stored together or not at all.

use std::io::Read;

use anyhow::Result;

use super::publish::{Blocks, Line, Place, PublishOutcome, StopFlag, lost_reply, unreadable};
use super::slots;
use crate::model::{Country, EntryId, Fields, Name, Problem, Time, report};
use crate::platform::normalize::{Normal, normalize_event};
use crate::platform::{EVENTS_NORMALIZED, EVENTS_RAW};
use crate::topology::validate::{Checker, Invalid, Record, Warning};
use crate::topology::{StreamSpec, Topology};
use crate::wire::{Connection, Error, ErrorKind, Output, add_together};

/// Events sent in one write.
const CHUNK: usize = 250;

/// How events are stored.
#[derive(Clone, Debug)]
pub struct Ingest {
    /// The stream of raw events, with the length limit of this run.
    pub raw: StreamSpec,
    /// The stream of normalised events, with the length limit of this run.
    pub normalized: StreamSpec,
    /// Whether an id that is not a UUID is an error.
    pub strict: bool,
    default_country: Option<Country>,
}

/// One checked event: its two entries.
#[derive(Clone, Debug)]
pub struct Event {
    id: Name,
    outputs: [Output; 2],
}

report! {
    /// An event's id, and those of its two entries.
    #[derive(Clone, Debug)]
    pub struct Ingested {
        /// The event's id, which both entries have.
        pub event_id: Name => whole("EVENT ID"),
        /// The id of the raw entry.
        pub raw_id: EntryId => whole("RAW ID"),
        /// When the raw entry was added, by its id.
        pub raw_time: Option<Time>,
        /// The id of the normalised entry.
        pub normalized_id: EntryId => whole("NORMALIZED ID"),
        /// When the normalised entry was added, by its id.
        pub normalized_time: Option<Time>,
    }
}

report! {
    /// What would be ingested.
    #[derive(Clone, Debug)]
    pub struct WouldIngest {
        /// How many events, each an entry of both streams.
        pub events: u64 => number("EVENTS"),
        /// The stream of raw events.
        pub raw: Name => text("RAW"),
        /// The stream of normalised events.
        pub normalized: Name => text("NORMALIZED"),
    }
}

impl Ingest {
    /// The ingest of a topology, with its two streams.
    pub fn new(topology: &Topology, strict: bool) -> Self {
        Self {
            raw: topology.stream_or_default(&EVENTS_RAW.into()),
            normalized: topology.stream_or_default(&EVENTS_NORMALIZED.into()),
            strict,
            default_country: topology.default_country.clone(),
        }
    }

    /// Makes sure that one script can write to both streams.
    ///
    /// # Errors
    /// On a cluster, when they are in different hash slots; the error suggests names that would work. Errors of the
    /// server.
    pub async fn require_one_slot(&self, connection: &Connection) -> Result<()> {
        let others = [self.normalized.name.clone()];
        let apart = slots::apart(connection, &self.raw.name, &others).await?;
        if apart.is_empty() {
            return Ok(());
        }
        Err(slots::refusal("ingest", &self.raw.name, &apart).into())
    }

    /// The checker for raw events.
    pub fn checker(&self) -> Checker<'_> {
        Checker {
            strict: self.strict,
            ..Checker::new(Some(&self.raw))
        }
    }

    /// The normalised form of a checked event.
    ///
    /// # Errors
    /// What is wrong with the event.
    pub fn normalize<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        raw: &[(N, V)],
    ) -> Result<Normal, Vec<Invalid>> {
        normalize_event(raw, Some(&self.raw), self.default_country.as_ref())
    }

    /// An event of these fields, with warnings.
    ///
    /// # Errors
    /// What is wrong with the event.
    pub fn event(&self, fields: Fields) -> Result<(Event, Vec<Warning>), Vec<Invalid>> {
        let record = self.checker().check_record(fields)?;
        self.of_record(record)
    }

    fn of_record(&self, mut record: Record) -> Result<(Event, Vec<Warning>), Vec<Invalid>> {
        let normalized = self.normalize(&record.fields)?;
        let id = id_of(&normalized.fields);
        let output = |spec: &StreamSpec, fields| Output {
            stream: spec.name.clone(),
            maxlen: spec.maxlen,
            fields,
        };
        let outputs = [
            output(&self.raw, record.fields),
            output(&self.normalized, normalized.fields),
        ];
        record.warnings.extend(normalized.warnings);
        Ok((Event { id, outputs }, record.warnings))
    }

    fn ingested(
        &self,
        event_id: Name,
        stored: &Result<Vec<EntryId>, String>,
    ) -> Result<Ingested, Error> {
        let failed = |kind, why: &str| {
            let command = format!("ingest {}", self.raw.name);
            Err(Error::new(kind, command, why))
        };
        match stored.as_deref() {
            Ok(&[raw_id, normalized_id]) => Ok(Ingested {
                event_id,
                raw_id,
                raw_time: raw_id.time(),
                normalized_id,
                normalized_time: normalized_id.time(),
            }),
            Ok(_) => failed(ErrorKind::Protocol, "expected two ids"),
            Err(why) => failed(ErrorKind::Server, why),
        }
    }
}

/// The event's id; a normalised event always has one.
fn id_of(normalized: &Fields) -> Name {
    let found = normalized.iter().find(|(name, _)| name == b"event_id");
    found.map_or_else(|| "".into(), |(_, id)| Name::new(id.clone()))
}

/// Stores one event, with the present limits of `ingest`.
///
/// # Errors
/// An unknown outcome when the reply was lost: the event is then not sent again. Errors of the server, after which
/// nothing was stored.
pub async fn ingest_one(
    connection: &Connection,
    ingest: &Ingest,
    mut event: Event,
) -> Result<Ingested> {
    event.outputs[0].maxlen = ingest.raw.maxlen;
    event.outputs[1].maxlen = ingest.normalized.maxlen;
    match connection.call(add_together(&event.outputs)).await {
        Ok(stored) => Ok(ingest.ingested(event.id, &stored)?),
        Err(error) if error.kind.is_outcome_unknown() => {
            let event = format!("event `{}`", event.id);
            Err(lost_reply(&event, &ingest.raw.name, &error).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Stores the event of every line, chunk by chunk. `each` is given the ids as they arrive, in the order of the file.
/// It ends early when something goes wrong or `stop` is set, and the return value says why.
pub async fn send<R: Read>(
    connection: &Connection,
    mut input: Blocks<R>,
    ingest: &Ingest,
    stop: &StopFlag,
    mut each: impl FnMut(&[Ingested]),
) -> PublishOutcome {
    let mut sent = PublishOutcome::default();
    loop {
        let block = match input.next() {
            Ok(Some(block)) => block,
            Ok(None) => return sent,
            Err(error) => {
                sent.input = Some(unreadable(error));
                return sent;
            }
        };
        let mut lines = block.lines().peekable();
        while lines.peek().is_some() {
            sent.stopped = stop.is_set();
            if sent.stopped {
                return sent;
            }
            let chunk = chunk(ingest, lines.by_ref().take(CHUNK), &mut sent);
            match store(connection, ingest, &chunk, &mut sent).await {
                Ok(ids) => each(&ids),
                Err(error) => {
                    let ends = chunk.first().zip(chunk.last());
                    sent.lost = ends.map(|((first, _), (last, _))| (*first, *last, error));
                    return sent;
                }
            }
            if sent.refused.is_some() || sent.input.is_some() {
                return sent;
            }
        }
    }
}

/// The events of the lines before the first one that is no longer valid, which is noted in `sent`.
fn chunk<'b>(
    ingest: &Ingest,
    lines: impl Iterator<Item = Line<'b>>,
    sent: &mut PublishOutcome,
) -> Vec<(Place, Event)> {
    let mut events = Vec::with_capacity(CHUNK);
    for line in lines {
        let record = ingest.checker().check_json(line.json);
        match record.and_then(|record| ingest.of_record(record)) {
            Ok((event, _)) => events.push((line.place, event)),
            Err(invalid) => {
                let why = invalid.first().map(ToString::to_string).unwrap_or_default();
                let place = line.place;
                let text = format!("the file was changed while it was being sent: {place}: {why}");
                sent.input = Some(Problem::usage(text).into());
                break;
            }
        }
    }
    events
}

/// Sends a chunk and records the results in `sent`. An error means that the reply was lost.
async fn store(
    connection: &Connection,
    ingest: &Ingest,
    chunk: &[(Place, Event)],
    sent: &mut PublishOutcome,
) -> Result<Vec<Ingested>, Error> {
    let calls = chunk.iter().map(|(_, event)| add_together(&event.outputs));
    let mut ids = Vec::with_capacity(chunk.len());
    for ((place, event), stored) in chunk
        .iter()
        .zip(connection.call_all(calls.collect()).await?)
    {
        match stored.and_then(|stored| ingest.ingested(event.id.clone(), &stored)) {
            Ok(done) => {
                ids.push(done);
                sent.stored += 1;
                sent.last = Some(*place);
            }
            Err(error) => {
                sent.refused_count += 1;
                sent.refused.get_or_insert((*place, error));
            }
        }
    }
    Ok(ids)
}
