//! Handlers: what is done with one entry. Each kind has its own file.
//!
//! Inline handlers compute their verdict at once, in the engine. The others run in the background, one in each slot,
//! and are stopped by dropping them.

mod addresses;
mod attempt;
mod builtin;
mod exec;
mod http;
mod ordered;
mod pipe;
mod program;

use std::ffi::OsStr;
use std::io;
use std::time::Duration;

pub use attempt::reap_orphans;
pub use builtin::{Builtin, Inline};
pub use exec::Exec;
pub use http::Http;
pub use ordered::Ordered;
pub use pipe::Pipe;
pub use program::require_program;

pub use super::state::fault::Fault;

use rustix::io::Errno;
use tokio::time::timeout;

use super::policy::Policy;
use super::state::in_hand::Delivery;
use crate::model::{Name, escaped, format_duration};
use crate::planted;
use crate::wire::{FeatureUpdate, Output};

/// A handler's verdict about an entry.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Handled: acknowledge it.
    Done,
    /// Handled: add these entries and acknowledge it, or neither.
    Publish(Vec<Output>),
    /// Handled: count it and acknowledge it, or neither.
    Count {
        /// The counts that it adds.
        update: FeatureUpdate,
        /// The part of the update that could not be added, in words.
        uncountable: Option<String>,
    },
    /// Failed; another attempt may succeed.
    Retry {
        /// Why, at most 4 KiB.
        reason: String,
        /// What caused it.
        fault: Fault,
        /// The shortest delay before the next attempt (a service's `Retry-After`).
        after: Option<Duration>,
    },
    /// Failed for good: the entry becomes a dead letter.
    Dead {
        /// Why, at most 4 KiB.
        reason: String,
    },
    /// Not attempted: the entry's lease had expired, or the entry waited in a process that ended over another entry. It
    /// is started again at once.
    Interrupted,
}

impl Verdict {
    /// A failure that another attempt may solve, and that is attributed to the message.
    pub fn retry(reason: impl Into<String>) -> Self {
        Self::failed(Fault::Message, reason)
    }

    /// A failure that another attempt may solve.
    pub(super) fn failed(fault: Fault, reason: impl Into<String>) -> Self {
        Self::Retry {
            reason: reason.into(),
            fault,
            after: None,
        }
    }

    /// Whether the attempt was stopped because it took longer than `limit`.
    pub(super) fn is_overdue(&self, limit: Duration) -> bool {
        matches!(self, Self::Retry { reason, .. } if *reason == overdue(limit))
    }

    /// Whether an attempt was made, successful or not.
    pub(super) fn is_of_an_attempt(&self) -> bool {
        !matches!(
            self,
            Self::Interrupted
                | Self::Retry {
                    fault: Fault::Worker,
                    ..
                }
        )
    }

    /// Not attempted: this worker could not start `program`. That is never the message's fault, because a process is
    /// given only the entry's id before it runs.
    fn not_started(program: &OsStr, error: &io::Error) -> Self {
        let program = escaped(program.as_encoded_bytes());
        Self::failed(Fault::Worker, format!("cannot start {program}: {error}"))
    }

    /// A failure for good.
    pub fn dead(reason: impl Into<String>) -> Self {
        Self::Dead {
            reason: reason.into(),
        }
    }
}

/// Whether the system refused because this process or machine has run out of something: descriptors, memory, ports.
fn is_lack(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(
        code,
        Some(
            Errno::MFILE
                | Errno::NFILE
                | Errno::NOMEM
                | Errno::NOBUFS
                | Errno::AGAIN
                | Errno::ADDRNOTAVAIL
        )
    )
}

/// The reason for a handler that was stopped because it took longer than `limit`.
fn overdue(limit: Duration) -> String {
    format!(
        "the handler did not finish within {} and was stopped",
        format_duration(limit)
    )
}

/// How long a handler is given to deliver a result after its time is over. When the worker itself was suspended, it
/// notices the time before the result.
const LAST_LOOK: Duration = Duration::from_millis(10);

/// The verdict of a handler for one entry, which may take `limit`; `None` when it took longer.
async fn within(limit: Duration, handling: impl Future<Output = Verdict>) -> Option<Verdict> {
    // On the heap, so that the futures of other handlers stay small: each is moved when it is started.
    let mut handling = Box::pin(handling);
    for patience in [limit, LAST_LOOK] {
        if let Ok(verdict) = timeout(patience, &mut handling).await {
            return Some(verdict);
        }
    }
    None
}

/// How many bytes of a failure's reason are kept, from its end.
pub(super) const REASON_BYTES_MAX: usize = 4096;

/// The last [`REASON_BYTES_MAX`] bytes of `text`, from the beginning of a character.
pub(super) fn tail(text: &str) -> &str {
    let mut start = text.len().saturating_sub(REASON_BYTES_MAX);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

/// Appends `piece` to a handler's output, of which only the last [`REASON_BYTES_MAX`] bytes are kept.
pub(super) fn keep_end(words: &mut Vec<u8>, piece: &[u8]) {
    words.extend_from_slice(piece);
    if planted::is("first-words") {
        words.truncate(REASON_BYTES_MAX);
    }
    let excess = words.len().saturating_sub(REASON_BYTES_MAX);
    words.drain(..excess);
}

/// The end of a handler.
#[derive(Debug)]
pub(in crate::worker) struct Finished {
    pub(in crate::worker) delivery: Delivery,
    pub(in crate::worker) verdict: Verdict,
}

/// The stream and the group of an entry.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The stream.
    pub stream: Name,
    /// The group.
    pub group: Name,
    /// The name of the trial that it is handled in; `None` in a worker. A service must not take the one for a repeat of
    /// the other.
    pub trial: Option<String>,
}

/// A kind of handler, ready to run.
#[derive(Debug)]
pub enum Handler {
    /// Computes its verdict at once.
    Inline(Box<dyn Inline>),
    /// One process for each entry.
    Exec(Exec),
    /// Long-lived processes, one line for each entry.
    Pipe(Pipe),
    /// One request for each entry.
    Http(Http),
    /// Takes entries in their order, many at a time.
    Ordered(Box<dyn Ordered>),
}

impl Handler {
    /// The verdict of an inline handler; `None` for the others.
    pub(super) fn inline(&self, delivery: &Delivery) -> Option<Verdict> {
        match self {
            Self::Inline(handler) => Some(handler.handle(delivery)),
            _ => None,
        }
    }

    /// The keys that a script must be able to change together with the stream.
    pub(super) fn outputs(&self) -> Vec<Name> {
        match self {
            Self::Inline(handler) => handler.outputs(),
            // Where a process's answers go is known when it gives them: the script refuses what cannot be one.
            Self::Exec(_) | Self::Pipe(_) | Self::Ordered(_) => Vec::new(),
            Self::Http(handler) => handler.results().into_iter().cloned().collect(),
        }
    }

    /// Whether verdicts are computed in the engine.
    pub fn is_inline(&self) -> bool {
        matches!(self, Self::Inline(_))
    }

    /// How many entries the handler can take in addition to one for each slot, because entries are sent ahead to
    /// processes that answer fast.
    pub(super) fn ahead(&self) -> usize {
        match self {
            Self::Pipe(handler) => handler.ahead(),
            Self::Ordered(handler) => handler.capacity().saturating_sub(1),
            _ => 0,
        }
    }

    /// The handler that takes entries in their order, if it is one.
    pub(super) fn ordered(&self) -> Option<&dyn Ordered> {
        match self {
            Self::Ordered(handler) => Some(&**handler),
            _ => None,
        }
    }

    /// Handles one entry. Dropping the future stops it and every process that it started.
    pub(super) async fn handle(
        &self,
        origin: &Origin,
        delivery: &Delivery,
        policy: &Policy,
    ) -> Verdict {
        let limit = policy.handler_timeout;
        match self {
            Self::Inline(handler) => handler.handle(delivery),
            Self::Exec(handler) => handler.handle(origin, delivery, limit).await,
            // Its clock begins when its turn comes.
            Self::Pipe(handler) => handler.handle(origin, delivery, policy).await,
            Self::Http(handler) => within(limit, handler.handle(origin, delivery))
                .await
                .unwrap_or_else(|| Verdict::failed(Fault::Service, overdue(limit))),
            Self::Ordered(handler) => {
                let told = handler.take(delivery.clone()).await;
                told.unwrap_or(Verdict::Interrupted)
            }
        }
    }

    /// The worker ends and nothing is being handled: lets long-lived processes end by themselves, and waits for those
    /// that are being stopped.
    pub(super) async fn close(&self) {
        match self {
            Self::Exec(handler) => handler.close().await,
            Self::Pipe(handler) => handler.close().await,
            Self::Inline(_) | Self::Http(_) | Self::Ordered(_) => {}
        }
    }
}
