//! Continuing after a lost connection: whether that makes sense, and how long to wait between two attempts.

use std::time::Duration;

use crate::model::Backoff;
use crate::wire::{Error, ErrorKind};

/// The waits between attempts.
pub const WAITS: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));

/// Whether the error may go away by itself. A replica, for instance, does not become a primary by being asked again.
pub(super) fn passes(error: &Error) -> bool {
    error.kind.is_passing() && error.kind != ErrorKind::ReadOnly
}
