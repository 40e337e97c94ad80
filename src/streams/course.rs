//! The pace of a change of many entries, and when it stops.

use std::fmt;

use tokio::time::{Instant, sleep_until};

use super::rate_limiter::{Rate, RateLimiter};
use super::repaired::Repaired;
use super::stop::StopFlag;
use crate::model::Problem;
use crate::snapshots::{Receipt, Receipts};

/// The number of entries in one script call, which takes a few milliseconds of the server's time.
pub(super) const BATCH: usize = 100;

/// What is given the rows of a batch with their results.
pub type TakeRows<'a> = &'a mut dyn FnMut(&mut [Repaired]);

/// The progress of a change of many entries.
pub struct Course<'a> {
    stop: &'a StopFlag,
    pace: Option<(Rate, RateLimiter)>,
    told: &'a (dyn Fn(u64) + Sync),
    receipts: Option<&'a mut Receipts>,
    rows: Option<TakeRows<'a>>,
}

impl fmt::Debug for Course<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Course")
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

impl<'a> Course<'a> {
    /// Continues until `stop` is set, at no more than `rate`; calls `told` with the number of entries that were just
    /// processed.
    pub fn new(stop: &'a StopFlag, rate: Option<Rate>, told: &'a (dyn Fn(u64) + Sync)) -> Self {
        let pace = rate.map(|rate| (rate, RateLimiter::new(rate, Instant::now())));
        Self {
            stop,
            pace,
            told,
            receipts: None,
            rows: None,
        }
    }

    /// The same course, which adds a receipt for each change.
    #[must_use]
    pub fn with_receipts(mut self, receipts: Option<&'a mut Receipts>) -> Self {
        self.receipts = receipts;
        self
    }

    /// The same course, which gives away the rows with the results as they are known.
    #[must_use]
    pub fn with_rows(mut self, rows: TakeRows<'a>) -> Self {
        self.rows = Some(rows);
        self
    }

    /// Gives these rows away, if somebody wants them.
    pub(super) fn tell(&mut self, rows: &mut [Repaired]) {
        if let Some(tell) = &mut self.rows {
            tell(rows);
        }
    }

    /// Whether it must stop.
    pub(super) fn is_over(&self) -> bool {
        self.stop.is_set()
    }

    /// Waits until more entries may be changed, and returns how many; `None` when it must stop.
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

    /// Records that so many entries were processed, and which of these were changed.
    ///
    /// # Errors
    /// Local when no receipt can be written: then no more may be changed.
    pub(super) fn passed(&mut self, entries: usize, changed: &[Receipt]) -> Result<(), Problem> {
        let entries = entries as u64;
        if let Some((_, pace)) = &mut self.pace {
            pace.sent(entries, Instant::now());
        }
        (self.told)(entries);
        match &mut self.receipts {
            Some(receipts) => receipts.add(changed),
            None => Ok(()),
        }
    }
}
