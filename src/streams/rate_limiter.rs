//! The rate limiter of `--rate` for commands that send entries.

use std::time::Duration;

use tokio::time::Instant;

/// How much lost time the limiter makes up for.
const LATE: Duration = Duration::from_millis(100);

/// A limit on entries per second.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Entries.
    pub entries_per_second: u64,
}

impl Rate {
    /// How many entries to send at a time so that the rate is kept within a tenth of a second.
    pub fn chunk_entries_max(self) -> usize {
        usize::try_from((self.entries_per_second / 10).max(1)).unwrap_or(usize::MAX)
    }

    /// How long this many entries take.
    fn time_of(self, entries: u64) -> Duration {
        let nanos =
            u128::from(entries) * 1_000_000_000 / u128::from(self.entries_per_second.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// Delays sending so that a rate is kept. Time in which there was nothing to send is not made up for, apart from the
/// inaccuracy of timers.
#[derive(Clone, Copy, Debug)]
pub(super) struct RateLimiter {
    rate: Rate,
    /// When the next entries may be sent.
    pub(super) next: Instant,
}

impl RateLimiter {
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, next: now }
    }

    /// Records that this many entries are sent at `now`.
    pub(super) fn sent(&mut self, entries: u64, now: Instant) {
        let earliest = now.checked_sub(LATE).unwrap_or(now);
        self.next = self.next.max(earliest) + self.rate.time_of(entries);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_not_made_up_for() {
        let rate = Rate {
            entries_per_second: 100,
        };
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut pace = RateLimiter::new(rate, start);
        for (now, expected) in [
            // In time, and a little late: the rate is kept over both.
            (0, 100),
            (105, 200),
            // After a pause two chunks may come together, and no more.
            (5000, 5000),
            (5000, 5100),
            (5100, 5200),
        ] {
            pace.sent(10, after(now));
            assert_eq!(pace.next, after(expected), "{now}");
        }
    }
}
