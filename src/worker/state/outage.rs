//! An outage of the connection between this worker and the server, and the backoff until it tries again.

use std::time::{Duration, Instant};

use crate::model::{Backoff, Waits};
use crate::worker::policy::fraction;

/// The pauses after failures.
const PAUSES: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
/// A pause takes at most this part of the time between two renewals, so that leases are still valid when the server
/// is back.
const PAUSE_SHARE: u32 = 2;

/// The present outage, if there is one, and what must be done once it is over.
#[derive(Debug)]
pub(in crate::worker) struct Outage {
    pauses: Waits,
    pub(in crate::worker) since: Option<Instant>,
    pause_until: Option<Instant>,
    /// Whether entries may have been delivered to this consumer in replies that were lost.
    pub(in crate::worker) is_recovery_due: bool,
    pub(in crate::worker) last_good_read: Instant,
    is_swept: bool,
}

impl Outage {
    /// The state of a worker that renews its leases every `renewal`.
    pub(in crate::worker) fn new(now: Instant, renewal: Duration) -> Self {
        Self {
            pauses: PAUSES.at_most(renewal / PAUSE_SHARE).waits(),
            since: None,
            pause_until: None,
            is_recovery_due: false,
            last_good_read: now,
            is_swept: false,
        }
    }

    /// Whether the pause after the last failure is over.
    pub(in crate::worker) fn is_over(&self, now: Instant) -> bool {
        self.pause_until.is_none_or(|until| now >= until)
    }

    /// When the pause will be over, unless it already is.
    pub(in crate::worker) fn until(&self, now: Instant) -> Option<Instant> {
        self.pause_until.filter(|until| *until > now)
    }

    pub(in crate::worker) fn must_recover(&mut self) {
        self.is_recovery_due = true;
    }

    pub(in crate::worker) fn read_well(&mut self, asked: Instant) {
        self.last_good_read = asked;
    }

    pub(in crate::worker) fn swept(&mut self) {
        self.is_swept = true;
    }

    /// Whether the pending entries list was looked at since the start.
    pub(in crate::worker) fn was_swept(&self) -> bool {
        self.is_swept
    }

    /// Records a failure, and returns how long to pause.
    pub(in crate::worker) fn failed(&mut self, now: Instant) -> Duration {
        let pause = self.pauses.failed().mul_f64(1.0 + fraction() / 2.0);
        self.since.get_or_insert(now);
        self.pause_until = Some(now + pause);
        pause
    }

    /// Ends the outage, and returns when it began.
    pub(in crate::worker) fn ended(&mut self) -> Option<Instant> {
        self.pauses.succeeded();
        self.pause_until = None;
        self.since.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_never_outlast_the_leases() {
        let now = Instant::now();
        let longest = |renewal_ms| {
            let mut trouble = Outage::new(now, Duration::from_millis(renewal_ms));
            let pauses: Vec<_> = (0..20).map(|_| trouble.failed(now)).collect();
            assert!(pauses[0] < Duration::from_millis(151) && pauses[1] > pauses[0]);
            pauses.into_iter().max().unwrap_or_default()
        };
        assert!(longest(1000) <= Duration::from_millis(750));
        let unbounded = longest(60_000);
        assert!((PAUSES.cap..=PAUSES.cap.mul_f64(1.5)).contains(&unbounded));
    }
}
