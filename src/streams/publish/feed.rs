//! What reads, checks and encodes entries, on a thread of its own, while those before them are sent.

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

/// Entries in a chunk; the replies to two chunks always fit what a socket holds, so that nobody waits for nobody.
pub(super) const CHUNK_ENTRIES_MAX: usize = 500;
/// A chunk of large entries ends after so many bytes.
const CHUNK_BYTES: usize = 256 * 1024;
/// Chunks that are ready before they are wanted.
const READY_MAX: usize = 2;

/// What becomes of a line that is not valid.
#[derive(Debug)]
pub enum OnInvalid {
    /// The whole was checked before: somebody has changed the file.
    Changed,
    /// Nothing after it is sent.
    Stop,
    /// It is written to this file, and the rest goes on.
    Reject(Rejects),
}

/// How entries are made ready.
#[derive(Debug)]
pub struct Encoding {
    /// The schema, if there is one.
    pub spec: Option<StreamSpec>,
    /// Whether an id that is not a UUID is an error.
    pub strict: bool,
    /// Where they go.
    pub target: Destination,
    /// What makes an entry one and the same, if they have a key.
    pub idempotency: Option<Idempotency>,
    /// At most so many in a chunk.
    pub chunk_entries_max: usize,
    /// What becomes of those that are not valid.
    pub on_invalid: OnInvalid,
}

/// Entries ready to be sent.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) adds: Adds,
    /// The entries instead, where they have a key.
    pub(super) once: Vec<OnceEntry>,
    once_bytes: usize,
    /// Where each stands in the input.
    pub(super) places: Vec<Place>,
}

/// What was found while entries were made ready.
#[derive(Debug, Default)]
pub struct Complaints {
    /// What is odd.
    pub warnings: Warnings,
    /// What was not valid and was not sent.
    pub rejected: Rejections,
}

#[derive(Debug)]
pub(super) enum Piece {
    Chunk(Chunk),
    /// There is no more, or nothing after this failure.
    End(Complaints, Option<anyhow::Error>),
}

/// The entries of an input as they become ready.
#[derive(Debug)]
pub struct Feed(Receiver<Piece>);

impl Feed {
    /// Starts the thread. It ends with the input, after a failure, or when the feed is dropped and the input gives
    /// something more.
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

    /// The next piece, when there is one.
    pub(super) fn ready(&mut self) -> Option<Piece> {
        match self.0.try_recv() {
            Ok(piece) => Some(piece),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(died()),
        }
    }

    /// The next piece.
    pub(super) async fn next(&mut self) -> Piece {
        self.0.recv().await.unwrap_or_else(died)
    }
}

/// The thread never ends without saying so, unless it panicked.
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

/// An entry with its key; what was supplied is the line itself.
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
    /// Bytes that the last full chunk took; the next one is likely to take as many.
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
    /// Sends the entries of a block; whether more are wanted. What comes before a failure is sent.
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
