//! Going on after a lost connection: whether it is of use, and how long to wait between two attempts.

use std::time::Duration;

use crate::model::Backoff;
use crate::wire::{Error, ErrorKind};

/// The waits between attempts.
pub(super) const WAITS: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));

/// Whether it gets better by itself. A replica does not become a primary by asking it again.
pub(super) fn passes(error: &Error) -> bool {
    error.kind.is_passing() && error.kind != ErrorKind::ReadOnly
}
