//! Everything a run left behind, as plain data: what the checker judges.

use std::collections::BTreeMap;
use std::fmt;

use crate::message::Plan;

/// A run.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub rules: Rules,
    pub published: Vec<Published>,
    pub streams: BTreeMap<String, StreamState>,
    pub groups: Vec<GroupState>,
    pub attempts: Vec<Attempt>,
    pub events: Vec<Event>,
    /// The most memory that each worker alive at the end has had, in KiB.
    pub peaks_kib: Vec<u64>,
}

/// What the run promised.
#[derive(Clone, Debug)]
pub struct Rules {
    pub max_deliveries: u64,
    pub claim_idle_ms: u64,
    /// How many entries a worker may have in hand.
    pub in_hand: usize,
    /// What may have been trimmed away.
    pub trims: Trims,
    /// Whether first attempts are made in the order of the entries: one handler at a time, whoever runs it.
    pub is_ordered: bool,
    /// Whether no entry may ever be begun with while another worker is at work on it: nothing happens to any of them.
    pub is_undisturbed: bool,
    /// The delay before the second attempt and the longest one, where no attempt may be early. Not while a circuit breaker may
    /// open: its probes are early by design.
    pub backoff_ms: Option<(u64, u64)>,
    /// The most memory that a worker may ever have had.
    pub memory_kib_max: Option<u64>,
}

/// What may have been trimmed away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trims {
    /// Nothing that was needed.
    Nothing,
    /// Bodies of entries that were delivered and not handled.
    Bodies,
    /// Entries that were not delivered.
    Unread,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            max_deliveries: 5,
            claim_idle_ms: 3000,
            in_hand: 8,
            trims: Trims::Nothing,
            is_ordered: false,
            is_undisturbed: false,
            backoff_ms: None,
            memory_kib_max: None,
        }
    }
}

/// A message that the publisher meant to send.
#[derive(Clone, Debug)]
pub struct Published {
    pub stream: String,
    pub key: String,
    pub sha: String,
    pub plan: Plan,
    pub at_ms: u64,
    pub outcome: Outcome,
}

/// What the publisher learned of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the stream, under this id.
    Stored(String),
    /// The server refused it.
    Refused,
    /// The reply was lost.
    Unknown,
}

/// An entry somewhere, by its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub key: String,
    pub sha: String,
}

/// A stream at the end.
#[derive(Clone, Debug, Default)]
pub struct StreamState {
    pub entries_added: u64,
    pub present: Vec<Kept>,
}

/// What a group makes of its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A handler that keeps the ledger.
    Handler,
    /// A copy in another stream.
    Copies,
    /// A count.
    Counts,
}

/// A group at the end.
#[derive(Clone, Debug)]
pub struct GroupState {
    pub stream: String,
    pub group: String,
    pub work: Work,
    /// How many worked for it at a time.
    pub workers: usize,
    /// Whether one of them was to be active at a time.
    pub is_single: bool,
    pub entries_read: Option<u64>,
    /// Entries that nobody has read.
    pub undelivered: u64,
    /// Entry ids.
    pub pending: Vec<String>,
    pub dead: Vec<Dead>,
    /// Entries that are recorded as lost before they were delivered.
    pub gaps: Vec<Gap>,
    pub copies: Vec<Kept>,
    pub counted: u64,
}

/// A dead letter.
#[derive(Clone, Debug)]
pub struct Dead {
    /// Of the entry it was.
    pub id: String,
    /// `None`: its body had been trimmed away.
    pub message: Option<Kept>,
    pub deliveries: u64,
    pub reason: String,
    /// What the tool tells of it, where it was asked: reason, and id of the entry it was.
    pub told: Option<(String, String)>,
}

/// Entries that were trimmed or deleted before they were delivered.
#[derive(Clone, Debug)]
pub struct Gap {
    /// The id before the first of them.
    pub from: String,
    /// The id after the last of them, or its own.
    pub to: String,
    /// How many.
    pub count: u64,
}

/// What a handler said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Start,
    Done,
    Fail,
    /// Something that an attempt started still ran after it had been stopped.
    Late,
}

/// A line of the handlers' ledger.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub said: Said,
    pub at_ms: u64,
    pub stream: String,
    pub group: String,
    pub key: String,
    pub id: String,
    pub deliveries: u64,
    /// The worker's process.
    pub worker: u32,
    pub sha: String,
    /// How long it asked to be left alone when it failed, beyond the backoff.
    pub after_ms: u64,
}

/// Something that happened to workers: what can explain an oddity.
#[derive(Clone, Debug)]
pub struct Event {
    pub name: String,
    pub cause: Cause,
    pub from_ms: u64,
    pub until_ms: u64,
    /// The worker's process; `None`: all of them.
    pub worker: Option<u32>,
}

/// What an event can have caused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The worker ended at once.
    Death,
    /// It stood still, or could not reach the server, for so long that leases can have been lost.
    Absence,
    /// It was told to end.
    End,
    /// Connections were lost, and could be made again at once: nothing may come of it.
    Blip,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            from_ms,
            until_ms,
            ..
        } = self;
        write!(f, "{from_ms}..{until_ms} {name}")?;
        match self.worker {
            Some(worker) => write!(f, " of worker {worker}"),
            None => Ok(()),
        }
    }
}
