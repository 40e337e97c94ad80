//! The platform's front door: one event in, its raw and its normalised entry out, together or not at all.

use std::io::{Read, Seek};

use anyhow::Result;
use serde::Serialize;

use super::publish::bulk::{Sent, StopFlag};
use super::publish::{Lines, Place, lost_reply, unreadable};
use super::slots;
use crate::model::{EntryId, Fields, Problem};
use crate::topology::normalize::normalize_event;
use crate::topology::validate::{Checker, Invalid, Record, Warning};
use crate::topology::{Country, EVENTS_NORMALIZED, EVENTS_RAW, StreamSpec, Topology};
use crate::wire::{Connection, Error, ErrorKind, Output, ScriptCall, add_together};

/// Events sent in one write.
const CHUNK: usize = 250;

/// Events as they are to be stored.
#[derive(Clone, Debug)]
pub struct Ingest {
    /// The stream of raw events, with the limit of this run.
    pub raw: StreamSpec,
    /// The stream of normalised events, with the limit of this run.
    pub normalized: StreamSpec,
    /// Whether an id that is not a UUID is an error.
    pub strict: bool,
    default_country: Option<Country>,
}

/// One event and its two entries.
#[derive(Clone, Debug)]
pub struct Event {
    outputs: [Output; 2],
}

/// The ids of an event's two entries.
#[derive(Clone, Debug, Serialize)]
pub struct Ingested {
    /// In the stream of raw events.
    pub raw_id: EntryId,
    /// In the stream of normalised events.
    pub normalized_id: EntryId,
}

/// What would be ingested.
#[derive(Clone, Debug, Serialize)]
pub struct WouldIngest {
    /// How many events, each an entry of both streams.
    pub events: u64,
    /// The stream of raw events.
    pub raw: crate::model::Name,
    /// The stream of normalised events.
    pub normalized: crate::model::Name,
}

impl Ingest {
    /// As `topology` has the two streams.
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
    /// A cluster that has them in different hash slots, naming names that would do; what the server says.
    pub async fn require_one_slot(&self, connection: &Connection) -> Result<()> {
        let others = [self.normalized.name.clone()];
        let apart = slots::apart(connection, &self.raw.name, &others).await?;
        if apart.is_empty() {
            return Ok(());
        }
        Err(slots::refusal("ingest", &self.raw.name, &apart).into())
    }

    /// What checks raw events.
    pub fn checker(&self) -> Checker<'_> {
        Checker {
            strict: self.strict,
            ..Checker::new(Some(&self.raw))
        }
    }

    /// The normal form of a checked event.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn normalize<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        raw: &[(N, V)],
    ) -> Result<Fields, Vec<Invalid>> {
        normalize_event(raw, Some(&self.raw), self.default_country.as_ref())
    }

    /// An event of these fields, and what is odd about it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn event(&self, fields: Fields) -> Result<(Event, Vec<Warning>), Vec<Invalid>> {
        let record = self.checker().check_record(fields)?;
        self.of_record(record)
    }

    fn of_record(&self, record: Record) -> Result<(Event, Vec<Warning>), Vec<Invalid>> {
        let normalized = self.normalize(&record.fields)?;
        let output = |spec: &StreamSpec, fields| Output {
            stream: spec.name.clone(),
            maxlen: spec.maxlen,
            fields,
        };
        let outputs = [
            output(&self.raw, record.fields),
            output(&self.normalized, normalized),
        ];
        Ok((Event { outputs }, record.warnings))
    }
}

/// Stores one event.
///
/// # Errors
/// Unknown when the reply was lost: it is then not sent again. What the server answers; nothing was stored then.
pub async fn ingest_one(connection: &Connection, event: &Event) -> Result<Ingested> {
    match connection.call(add_together(&event.outputs)).await {
        Ok(stored) => Ok(ingested(event, &stored)?),
        Err(error) if error.kind.is_outcome_unknown() => {
            Err(lost_reply("the event", &event.outputs[0].stream, &error).into())
        }
        Err(error) => Err(error.into()),
    }
}

fn ingested(event: &Event, stored: &Result<Vec<EntryId>, String>) -> Result<Ingested, Error> {
    let command = || format!("ingest {}", event.outputs[0].stream);
    match stored.as_deref() {
        Ok(&[raw_id, normalized_id]) => Ok(Ingested {
            raw_id,
            normalized_id,
        }),
        Ok(_) => Err(Error::new(
            ErrorKind::Protocol,
            command(),
            "expected two ids",
        )),
        Err(why) => Err(Error::new(ErrorKind::Server, command(), why)),
    }
}

/// Stores the event of every line, chunk by chunk. `each` is given the ids as they come, in the order of the file.
/// Ends early, and says how in what it returns, once something goes wrong or `stop` is set.
pub async fn send<F: Read + Seek>(
    connection: &Connection,
    lines: &mut Lines<F>,
    ingest: &Ingest,
    stop: &StopFlag,
    mut each: impl FnMut(&[Ingested]),
) -> Sent {
    let mut sent = Sent::default();
    loop {
        sent.stopped = stop.is_set();
        let mut chunk = Vec::with_capacity(CHUNK);
        if !sent.stopped && sent.refused.is_none() && sent.input.is_none() {
            sent.input = fill(lines, ingest, &mut chunk).err();
        }
        let (Some((first, _)), Some((last, _))) = (chunk.first(), chunk.last()) else {
            return sent;
        };
        match store(connection, &chunk, &mut sent).await {
            Ok(ids) => each(&ids),
            Err(error) => {
                sent.lost = Some((Place::Line(*first), Place::Line(*last), error));
                return sent;
            }
        }
    }
}

fn fill<F: Read + Seek>(
    lines: &mut Lines<F>,
    ingest: &Ingest,
    chunk: &mut Vec<(u64, Event)>,
) -> Result<()> {
    while chunk.len() < CHUNK {
        let Some((number, json)) = lines.next_line().map_err(unreadable)? else {
            return Ok(());
        };
        let event = ingest
            .checker()
            .check_json(json)
            .and_then(|record| ingest.of_record(record));
        let (event, _) = event.map_err(|invalid| {
            let why = invalid.first().map(ToString::to_string).unwrap_or_default();
            Problem::usage(format!(
                "the file was changed while it was sent: line {number}: {why}"
            ))
        })?;
        chunk.push((number, event));
    }
    Ok(())
}

/// Sends a chunk and notes in `sent` what became of it. An error is a lost reply.
async fn store(
    connection: &Connection,
    chunk: &[(u64, Event)],
    sent: &mut Sent,
) -> Result<Vec<Ingested>, Error> {
    let calls: Vec<ScriptCall<_>> = chunk
        .iter()
        .map(|(_, event)| add_together(&event.outputs))
        .collect();
    let mut ids = Vec::with_capacity(chunk.len());
    for ((line, event), stored) in chunk.iter().zip(connection.call_all(calls).await?) {
        match stored.and_then(|stored| ingested(event, &stored)) {
            Ok(done) => {
                ids.push(done);
                sent.stored += 1;
                sent.last = Some(Place::Line(*line));
            }
            Err(error) => {
                sent.refused_count += 1;
                sent.refused.get_or_insert((Place::Line(*line), error));
            }
        }
    }
    Ok(ids)
}
