//! A request to a `--pipe` process, and its outcome.

use std::sync::atomic::AtomicUsize;

use tokio::sync::oneshot;

use crate::worker::handler::Verdict;
use crate::worker::state::in_hand::Delivery;

/// An entry for a process.
#[derive(Debug)]
pub(super) struct PipeRequest {
    pub(super) delivery: Delivery,
    /// Whether the request must be the only one in its process.
    pub(super) is_apart: bool,
    /// Dropped unused when the session ends for a reason that has nothing to do with this request.
    pub(super) reply: oneshot::Sender<Reply>,
}

/// The outcome of a request.
#[derive(Debug)]
pub(super) enum Reply {
    /// The process answered.
    Answer(Verdict),
    /// The process failed while it was handling this request.
    Failed(String),
    /// The process ended, and this request had also been sent to it, or was the next one when it reached its own
    /// limit.
    Interrupted,
}

/// How much a process has to do, for choosing the process of another request.
#[derive(Debug, Default)]
pub(super) struct Load {
    pub(super) asked: AtomicUsize,
    pub(super) window: AtomicUsize,
}
