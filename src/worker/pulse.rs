//! The sign of life of one worker, for the code that watches over the process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// Counts the turns of a worker's loop.
#[derive(Debug)]
pub struct Pulse {
    turns: AtomicU64,
    begun: Notify,
    /// The longest time between two turns when there is nothing to do; `None` as long as no turn is due.
    pub(super) wait_max: Option<Duration>,
}

impl Pulse {
    /// The pulse of a worker whose loop turns at least every `wait_max`, unless it waits for an answer.
    pub fn new(wait_max: Option<Duration>) -> Self {
        Self {
            turns: AtomicU64::new(0),
            begun: Notify::new(),
            wait_max,
        }
    }

    /// The number of turns so far; 0 before the worker has joined its group.
    pub fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    /// Waits for the first turn.
    pub async fn begun(&self) {
        self.begun.notified().await;
    }

    pub(super) fn beat(&self) {
        if self.turns.fetch_add(1, Ordering::Relaxed) == 0 {
            self.begun.notify_one();
        }
    }
}
