//! A handler that is handed entries in the order of the stream, has many of them at a time, and answers when each is
//! done. It fails no entry: what it cannot do now it tries again by itself, because what comes after must not overtake
//! it, and what it cannot do at all ends the worker.

use std::fmt::Debug;
use std::time::Instant;

use tokio::sync::oneshot;

use super::Verdict;
use crate::model::Problem;
use crate::worker::state::in_hand::Delivery;

/// Such a handler. It is for groups with one active worker.
pub trait Ordered: Debug + Send + Sync {
    /// Takes an entry over. When the answer is no longer waited for, the entry is this worker's no more; an answer that
    /// does not come leaves the entry pending.
    fn take(&self, delivery: Delivery) -> oneshot::Receiver<Verdict>;

    /// This worker became the active one: another one may have been it meanwhile.
    fn begin(&self);

    /// No other worker is the active one before `until`. This is said again and again; after that time nothing may be
    /// begun until it is said anew.
    fn is_active_until(&self, until: Instant);

    /// How many entries it takes at a time.
    fn capacity(&self) -> usize;

    /// Why it can do no more, which ends the worker. Told once.
    fn failure(&self) -> Option<Problem>;
}
