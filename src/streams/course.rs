//! How a change of many entries goes on: at which pace, and until when.

use std::fmt;

use tokio::time::{Instant, sleep_until};

use super::rate_limiter::{Rate, RateLimiter};
use super::stop::StopFlag;

/// Entries one script call handles: a few milliseconds of the server's time.
pub(super) const BATCH: usize = 100;

/// The course of a change of many entries.
pub struct Course<'a> {
    stop: &'a StopFlag,
    pace: Option<(Rate, RateLimiter)>,
    told: &'a (dyn Fn(u64) + Sync),
}

impl fmt::Debug for Course<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Course")
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

impl<'a> Course<'a> {
    /// Until `stop` is set, at most at `rate`; `told` is told how many more are through.
    pub fn new(stop: &'a StopFlag, rate: Option<Rate>, told: &'a (dyn Fn(u64) + Sync)) -> Self {
        let pace = rate.map(|rate| (rate, RateLimiter::new(rate, Instant::now())));
        Self { stop, pace, told }
    }

    /// Whether it is to end.
    pub(super) fn is_over(&self) -> bool {
        self.stop.is_set()
    }

    /// Waits until more may be changed, and says how many; `None` when it is to end.
    pub(super) async fn next(&self) -> Option<usize> {
        let Some((rate, pace)) = &self.pace else {
            return (!self.is_over()).then_some(BATCH);
        };
        tokio::select! {
            biased;
            () = self.stop.wait() => None,
            () = sleep_until(pace.next) => Some(rate.chunk_entries_max().min(BATCH)),
        }
    }

    /// So many more are through.
    pub(super) fn passed(&mut self, entries: usize) {
        if let Some((_, pace)) = &mut self.pace {
            pace.sent(entries as u64, Instant::now());
        }
        (self.told)(entries as u64);
    }
}
