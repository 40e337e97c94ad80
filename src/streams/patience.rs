//! Going on after a lost connection: whether it is of use, and how long to wait between two attempts.

use std::time::Duration;

use tokio::time::sleep;

use crate::wire::{Error, ErrorKind};

/// The first and the longest wait.
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);

/// Whether it gets better by itself. A replica does not become a primary by asking it again.
pub(super) fn passes(error: &Error) -> bool {
    error.kind.is_passing() && error.kind != ErrorKind::ReadOnly
}

/// The waits between attempts: each twice as long as the one before, up to a limit.
#[derive(Debug)]
pub(super) struct Waits(Duration);

impl Waits {
    pub(super) const fn new() -> Self {
        Self(SHORTEST)
    }

    pub(super) async fn next(&mut self) {
        let wait = self.0;
        self.0 = (wait * 2).min(LONGEST);
        sleep(wait).await;
    }
}
