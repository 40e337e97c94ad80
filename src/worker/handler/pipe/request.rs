//! A request to a `--pipe` process, and what becomes of it.

use std::sync::atomic::AtomicUsize;

use tokio::sync::oneshot;

use crate::worker::handler::Verdict;
use crate::worker::state::in_hand::Delivery;

/// An entry for a process.
#[derive(Debug)]
pub(super) struct PipeRequest {
    pub(super) delivery: Delivery,
    /// Whether it must be the only one in its process.
    pub(super) is_apart: bool,
    /// Dropped unused when the session ends for a reason that has nothing to do with this one.
    pub(super) reply: oneshot::Sender<Reply>,
}

/// What became of a request.
#[derive(Debug)]
pub(super) enum Reply {
    /// The process answered.
    Answer(Verdict),
    /// The process failed, and it was this one's turn.
    Failed(String),
    /// The process ended, and this one had been sent to it as well, or was the next one when it had had enough.
    Interrupted,
}

/// What a process has before it, for whoever has another request.
#[derive(Debug, Default)]
pub(super) struct Load {
    pub(super) asked: AtomicUsize,
    pub(super) window: AtomicUsize,
}
