//! A batch size for reading entries with their bodies. It adapts to the replies, so that memory is bounded in bytes,
//! however large the entries are.

use crate::planted;

/// The size of the first request, before the size of entries is known.
const FIRST: usize = 4;
/// The size in bytes that the bodies of one reply should have.
const REPLY_BYTES: usize = 2 << 20;
/// The greatest factor by which a request grows over the one before; it shrinks after one that timed out.
const GROWTH: usize = 8;
const CAREFUL_GROWTH: usize = 2;

/// Starts with a few entries, then requests as many as make about two megabytes. After a timeout it shrinks, because
/// on a slow link the same large bodies would time out each time.
#[derive(Clone, Copy, Debug)]
pub struct AdaptiveBatch {
    max: usize,
    now: usize,
    growth: usize,
    /// The size of an entry, as far as it is known; large ones are remembered for a while.
    entry_bytes: usize,
}

impl AdaptiveBatch {
    /// For at most `max` entries.
    pub fn new(max: usize) -> Self {
        let max = max.max(1);
        Self {
            max,
            now: max.min(FIRST),
            growth: GROWTH,
            entry_bytes: 0,
        }
    }

    /// How many entries to request at once.
    pub const fn at_a_time(self) -> usize {
        self.now
    }

    /// How many entries, by the sizes seen so far, take no more than `bytes` together.
    pub fn fits(self, bytes: usize) -> usize {
        bytes / self.entry_bytes.max(1)
    }

    /// Records that a request for `asked` entries returned `got`, whose names and values are `bytes` long.
    pub fn brought(&mut self, asked: usize, got: usize, bytes: usize) {
        if got == 0 {
            return;
        }
        self.entry_bytes = (bytes / got).max(self.entry_bytes / 2);
        // A request for less says little of more.
        let most = if asked >= self.now {
            self.now.saturating_mul(self.growth)
        } else {
            self.now
        };
        let fits = if planted::is("unbounded-replies") {
            self.max
        } else {
            self.fits(REPLY_BYTES)
        };
        self.now = fits.min(most).clamp(1, self.max);
    }

    /// Records that a request for `asked` entries was not answered in time.
    pub fn was_late(&mut self, asked: usize) {
        if asked > 1 {
            self.now = (asked.min(self.now) / 2).max(1);
            self.growth = CAREFUL_GROWTH;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_grow_with_small_entries_and_shrink_with_large_ones() {
        let mut portion = AdaptiveBatch::new(1000);
        for (got, bytes, next) in [
            (4, 4 * 200, 32),
            (32, 32 * 200, 256),
            (256, 256 * 200, 1000),
            (1000, 1000 << 20, 2),
            (2, 400, 4),
        ] {
            portion.brought(portion.at_a_time(), got, bytes);
            assert_eq!(portion.at_a_time(), next, "after {got} of {bytes}");
        }
        let mut portion = AdaptiveBatch::new(2);
        assert_eq!(portion.at_a_time(), 2);
        portion.brought(1, 1, 100 << 20);
        assert_eq!((portion.at_a_time(), portion.fits(1 << 20)), (1, 0));
    }

    #[test]
    fn an_empty_reply_and_one_to_a_smaller_request_say_little() {
        let mut portion = AdaptiveBatch::new(1000);
        portion.brought(4, 0, 0);
        assert_eq!(portion.at_a_time(), 4);
        portion.brought(2, 2, 20);
        assert_eq!(portion.at_a_time(), 4);
    }

    #[test]
    fn portions_shrink_when_replies_do_not_come_in_time_and_grow_again() {
        let mut portion = AdaptiveBatch::new(200);
        for _ in 0..4 {
            portion.brought(portion.at_a_time(), 4, 40);
        }
        assert_eq!(portion.at_a_time(), 200);
        for expected in [100, 50, 25, 12, 6, 3, 1, 1] {
            portion.was_late(portion.at_a_time());
            assert_eq!(portion.at_a_time(), expected);
        }
        portion.brought(1, 1, 10);
        assert_eq!(portion.at_a_time(), 2, "carefully");
        for _ in 0..10 {
            portion.brought(portion.at_a_time(), 4, 40);
        }
        assert_eq!(portion.at_a_time(), 200);
    }
}
