//! The rate limiter of `worker run --rate`, which limits how many attempts start per second.

use std::time::{Duration, Instant};

/// How much unused time may be made up for by starting attempts at once later.
const BURST: Duration = Duration::from_millis(100);

/// When the next attempt may start.
#[derive(Clone, Copy, Debug)]
pub(in crate::worker) struct RateLimiter {
    /// The time between two attempts; `None` without a limit.
    interval: Option<Duration>,
    next: Instant,
}

impl RateLimiter {
    /// At most `rate` attempts per second, from `now` on.
    pub(in crate::worker) fn new(rate: Option<u32>, now: Instant) -> Self {
        Self {
            interval: rate.map(|rate| Duration::from_secs(1) / rate.max(1)),
            next: now,
        }
    }

    /// Whether an attempt may start. Without a limit, the clock is not read.
    pub(in crate::worker) fn allows(&self) -> bool {
        self.interval.is_none() || self.next <= Instant::now()
    }

    /// An attempt starts.
    pub(in crate::worker) fn started(&mut self) {
        if let Some(interval) = self.interval {
            let now = Instant::now();
            self.next = now
                .checked_sub(BURST)
                .map_or(self.next, |old| self.next.max(old))
                + interval;
        }
    }

    /// When the next attempt may start, or could have started; `None` without a limit.
    pub(in crate::worker) fn next_start(&self) -> Option<Instant> {
        self.interval.and(Some(self.next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_start_than_the_pace_allows() {
        let begin = Instant::now();
        let mut pace = RateLimiter::new(Some(10), begin);
        let mut last = begin;
        for started in 0..50 {
            assert_eq!(pace.next_start(), Some(pace.next));
            last = pace.next;
            pace.started();
            assert!(
                pace.next >= begin + Duration::from_millis(100) * started,
                "{started}"
            );
        }
        assert!(!pace.allows());
        assert_eq!(pace.next_start(), Some(last + Duration::from_millis(100)));
    }

    #[test]
    fn without_a_limit_nothing_is_held() {
        let mut pace = RateLimiter::new(None, Instant::now());
        pace.started();
        assert!(pace.allows());
        assert_eq!(pace.next_start(), None);
    }
}
