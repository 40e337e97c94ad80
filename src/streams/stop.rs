//! A run's order to end.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Tells a run that it is to end.
#[derive(Debug, Default)]
pub struct StopFlag {
    flag: AtomicBool,
    changed: Notify,
}

impl StopFlag {
    /// It is to end.
    pub fn set(&self) {
        self.flag.store(true, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// Whether it is.
    pub fn is_set(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    /// Waits until it is.
    pub async fn wait(&self) {
        while !self.is_set() {
            self.changed.notified().await;
        }
    }
}
