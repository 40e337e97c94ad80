//! Reads, checks and encodes entries on a thread of its own, while earlier ones are being sent.

use std::io::Read;
use std::thread;

use anyhow::{Context as _, Result};
use tokio::sync::mpsc::{Receiver, Sender, channel, error::TryRecvError};

use super::blocks::{Block, Blocks, Line};
use super::check::unreadable;
use super::once::{Idempotency, OnceEntry, hash_of};
use super::place::{Place, Unit};
use super::rejections::Rejections;
use super::{Destination, Rejects, Warnings};
use crate::model::{Kind, Problem};
use crate::topology::StreamSpec;
use crate::topology::validate::{Checker, Findings, Invalid, Pair, Size, parse_entry, recycle};
use crate::wire::{Adds, AddsTo};

/// The number of entries in a chunk. The replies to two chunks always fit into a socket's buffer, so the client and
/// the server can never both wait for the other to read.
pub(super) const CHUNK_ENTRIES_MAX: usize = 500;
/// A chunk of large entries ends after this many bytes.
const CHUNK_BYTES: usize = 256 * 1024;
/// How many chunks are prepared ahead.
const READY_MAX: usize = 2;

/// What is done with an invalid line.
#[derive(Debug)]
pub enum OnInvalid {
    /// The whole file was checked before, so it must have been changed: stop with an error.
    Changed,
    /// Send nothing after it.
    Stop,
    /// Write it to this file, and continue.
    Reject(Rejects),
}

/// How entries are prepared.
#[derive(Debug)]
pub struct Encoding {
    /// The schema, if the stream has one.
    pub spec: Option<StreamSpec>,
    /// Whether an id that is not a UUID is an error.
    pub strict: bool,
    /// The stream they are added to.
    pub target: Destination,
    /// The idempotency settings, if entries have a key.
    pub idempotency: Option<Idempotency>,
    /// The greatest number of entries in a chunk.
    pub chunk_entries_max: usize,
    /// What is done with invalid entries.
    pub on_invalid: OnInvalid,
}

/// Entries ready to be sent.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) adds: Adds,
    /// Entries with keys, instead of encoded ones.
    pub(super) once: Vec<OnceEntry>,
    once_bytes: usize,
    /// The place of each entry in the input.
    pub(super) places: Vec<Place>,
}

/// Warnings about the entries that were prepared.
#[derive(Debug, Default)]
pub struct Complaints {
    /// Warnings.
    pub warnings: Warnings,
    /// Invalid entries, which were not sent.
    pub rejected: Rejections,
}

#[derive(Debug)]
pub(super) enum Piece {
    Chunk(Chunk),
    /// The end of the input, or a failure after which nothing follows.
    End(Complaints, Option<anyhow::Error>),
}

/// The chunks of an input as they become ready.
#[derive(Debug)]
pub struct Feed(Receiver<Piece>);

impl Feed {
    /// Starts the thread. It ends with the input, after a failure, or when the feed has been dropped and the input
    /// brings more.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub fn start<R: Read + Send + 'static>(input: Blocks<R>, encoding: Encoding) -> Result<Self> {
        let (sender, receiver) = channel(READY_MAX);
        thread::Builder::new()
            .name("feed".to_owned())
            .spawn(move || encoding.run(input, &sender))
            .context("cannot start a thread")?;
        Ok(Self(receiver))
    }

    /// The next piece, if it is ready.
    pub(super) fn ready(&mut self) -> Option<Piece> {
        match self.0.try_recv() {
            Ok(piece) => Some(piece),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(died()),
        }
    }

    /// Waits for the next piece.
    pub(super) async fn next(&mut self) -> Piece {
        self.0.recv().await.unwrap_or_else(died)
    }
}

/// The piece for a thread that ended without a last piece, which happens only when it panicked.
fn died() -> Piece {
    let problem = Problem::new(Kind::Bug, "the thread that reads the entries ended early");
    Piece::End(Complaints::default(), Some(problem.into()))
}

impl Encoding {
    fn run<R: Read>(self, mut input: Blocks<R>, sender: &Sender<Piece>) {
        let Self {
            spec,
            strict,
            target,
            idempotency,
            chunk_entries_max,
            on_invalid,
        } = self;
        let unit = input.unit();
        let mut encoder = Encoder {
            checker: Checker {
                strict,
                required: idempotency.as_ref().map(|it| it.field.as_bytes()),
                printed_max: Size::ENTRY,
                ..Checker::new(spec.as_ref())
            },
            idempotency: idempotency.as_ref(),
            target: &target,
            adds_to: AddsTo::new(&target.stream, target.maxlen),
            bytes_used: 0,
            unit,
            entries_max: chunk_entries_max.clamp(1, CHUNK_ENTRIES_MAX),
            keeps_warnings: !matches!(on_invalid, OnInvalid::Changed),
            stops: matches!(on_invalid, OnInvalid::Stop),
            rejects: match on_invalid {
                OnInvalid::Reject(rejects) => Some(rejects),
                _ => None,
            },
            found: Complaints {
                rejected: Rejections::new(unit),
                ..Complaints::default()
            },
            sender,
        };
        let ended = loop {
            match input.next().map_err(unreadable) {
                Ok(Some(block)) => match encoder.block(&block) {
                    Ok(true) => {}
                    // Nobody wants more.
                    Ok(false) => return,
                    Err(error) => break Err(error),
                },
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        let _ = sender.blocking_send(Piece::End(encoder.found, ended.err()));
    }
}

/// An entry with its key; the line itself stands for what was supplied.
fn once(
    idempotency: &Idempotency,
    target: &Destination,
    line: &[u8],
    fields: &[Pair<'_>],
) -> Result<OnceEntry> {
    let mut supplied = Vec::new();
    // The line was read before.
    parse_entry(line, &mut supplied).map_err(|invalid| Problem::usage(invalid.to_string()))?;
    let owned = |(name, value): &Pair<'_>| (name.to_vec(), value.to_vec());
    let fields = fields.iter().map(owned).collect();
    Ok(idempotency.entry(target, hash_of(&supplied), fields))
}

fn not_written(error: std::io::Error) -> anyhow::Error {
    anyhow::Error::new(error).context("cannot write the file of rejects")
}

struct Encoder<'e> {
    checker: Checker<'e>,
    idempotency: Option<&'e Idempotency>,
    target: &'e Destination,
    adds_to: AddsTo,
    /// The size in bytes of the last full chunk, as an estimate for the next one.
    bytes_used: usize,
    unit: Unit,
    entries_max: usize,
    keeps_warnings: bool,
    stops: bool,
    rejects: Option<Rejects>,
    found: Complaints,
    sender: &'e Sender<Piece>,
}

impl Encoder<'_> {
    /// Sends the entries of a block. Returns whether more are wanted. Entries before a failure are sent.
    fn block(&mut self, block: &Block) -> Result<bool> {
        let mut chunk = self.chunk();
        let (mut pairs, mut findings) = (Vec::<Pair<'_>>::new(), Findings::default());
        for line in block.lines() {
            let mut fields = recycle(pairs);
            line.check(&self.checker, &mut fields, &mut findings);
            if findings.invalid.is_empty() {
                self.note_odd(&line, &findings);
                match self.idempotency {
                    None => chunk.adds.push(&self.adds_to, &fields),
                    Some(idempotency) => {
                        let entry = once(idempotency, self.target, line.json, &fields)?;
                        chunk.once.push(entry);
                        chunk.once_bytes += line.json.len();
                    }
                }
                chunk.places.push(line.place);
            } else if let Err(error) = self.invalid(&line, &findings.invalid) {
                self.send(chunk);
                return Err(error);
            }
            pairs = recycle(fields);
            let bytes = chunk.adds.bytes() + chunk.once_bytes;
            let is_full = chunk.places.len() >= self.entries_max || bytes >= CHUNK_BYTES;
            if is_full {
                self.bytes_used = chunk.adds.bytes();
                let full = std::mem::replace(&mut chunk, self.chunk());
                if !self.send(full) {
                    return Ok(false);
                }
            }
        }
        if let Some(rejects) = &self.rejects {
            rejects.flush().map_err(not_written)?;
        }
        Ok(self.send(chunk))
    }

    fn note_odd(&mut self, line: &Line<'_>, findings: &Findings) {
        if self.keeps_warnings {
            let warnings = &mut self.found.warnings;
            warnings.add(&findings.warnings, Some(line.place));
        }
    }

    fn chunk(&self) -> Chunk {
        Chunk {
            adds: Adds::with_capacity(self.bytes_used),
            once: Vec::new(),
            once_bytes: 0,
            places: Vec::with_capacity(self.entries_max),
        }
    }

    fn send(&self, chunk: Chunk) -> bool {
        chunk.places.is_empty() || self.sender.blocking_send(Piece::Chunk(chunk)).is_ok()
    }

    fn invalid(&mut self, line: &Line<'_>, invalid: &[Invalid]) -> Result<()> {
        if let Some(rejects) = &self.rejects {
            self.found.rejected.add(line.place, invalid);
            return rejects.add(line.json).map_err(not_written);
        }
        let mut told = Rejections::new(self.unit);
        told.add(line.place, invalid);
        let stream = &self.target.stream;
        let problem = if self.stops {
            Problem::usage(told.text(&format!(
                "not valid for `{stream}`, nothing after it was sent"
            )))
            .hint("correct it, and publish the rest of the input from there on")
        } else {
            Problem::usage(told.text("not valid: the file was changed while it was sent"))
        };
        Err(problem.into())
    }
}
