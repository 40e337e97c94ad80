//! The signal for a run to stop.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Tells a run to stop.
#[derive(Debug, Default)]
pub struct StopFlag {
    flag: AtomicBool,
    changed: Notify,
}

impl StopFlag {
    /// Tells the run to stop.
    pub fn set(&self) {
        self.flag.store(true, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// Whether it has been told to stop.
    pub fn is_set(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    /// Waits until it is told to stop.
    pub async fn wait(&self) {
        while !self.is_set() {
            self.changed.notified().await;
        }
    }
}
