//! The waits between attempts, each twice as long as the one before.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::as_ms;

/// The waits between attempts: `base`, doubled after each, never above `cap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Backoff {
    /// The wait before the second attempt.
    #[serde(rename = "base_ms", serialize_with = "as_ms")]
    #[schemars(with = "u64")]
    pub base: Duration,
    /// The longest wait.
    #[serde(rename = "cap_ms", serialize_with = "as_ms")]
    #[schemars(with = "u64")]
    pub cap: Duration,
}

impl Backoff {
    /// Waits from `base` to `cap`.
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap }
    }

    /// The least wait after `attempts` failed ones: `base · 2^(attempts − 1)`, at most `cap`.
    /// The worker adds up to a fifth at random.
    pub fn delay(self, attempts: u64) -> Duration {
        let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
        2u32.checked_pow(doublings)
            .and_then(|factor| self.base.checked_mul(factor))
            .map_or(self.cap, |delay| delay.min(self.cap))
    }

    /// The same delays, none of them longer than `longest`.
    #[must_use]
    pub fn at_most(self, longest: Duration) -> Self {
        Self::new(self.base.min(longest), self.cap.min(longest))
    }

    /// The delays of this backoff, from the first one on.
    pub const fn waits(self) -> Waits {
        Waits {
            backoff: self,
            failures: 0,
        }
    }
}

/// The delays between attempts, and the number of failed attempts so far.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    backoff: Backoff,
    failures: u64,
}

impl Waits {
    /// Records that one more attempt failed. Returns the least delay before the next one.
    pub fn failed(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.backoff.delay(self.failures)
    }

    /// Records that an attempt succeeded: the next delay is the shortest one again.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(5));

    #[test]
    fn waits_double_to_the_cap() {
        let seconds: Vec<u64> = [0, 1, 2, 3, 9, 10, 40, u64::MAX]
            .map(|attempts| BACKOFF.delay(attempts).as_secs())
            .to_vec();
        assert_eq!(seconds, [1, 1, 2, 4, 256, 300, 300, 300]);
    }

    #[test]
    fn no_wait_is_longer_than_the_longest() {
        let mut waits = BACKOFF.at_most(Duration::from_secs(3)).waits();
        let seconds = [(); 4].map(|()| waits.failed().as_secs());
        assert_eq!(seconds, [1, 2, 3, 3]);
        waits.succeeded();
        assert_eq!(waits.failed(), BACKOFF.base, "it starts afresh");
    }
}
