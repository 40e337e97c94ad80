//! Claiming entries: fenced by what was seen of them, so two workers never both win, and in portions that the link to
//! the server can carry.

use std::time::{Duration, Instant};

use super::engine::Engine;
use super::hand::Delivery;
use super::settlement::{Settlement, What};
use crate::model::Entry;
use crate::wire::{Claim, CountMode, Error, ErrorKind, Seen, claim};

/// How many entries are asked of the server at a time: fewer after replies that did not come in time, since large
/// bodies over a slow link would be asked for for ever, and more again after those that did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portion {
    max: usize,
    now: usize,
}

impl Portion {
    pub(super) fn new(max: usize) -> Self {
        Self { max, now: max }
    }

    /// So many entries fit into one request.
    pub(super) fn at_a_time(self) -> usize {
        self.now
    }

    /// Notes how a request for `asked` entries ended.
    pub(super) fn note<T>(&mut self, asked: usize, outcome: &Result<T, Error>) {
        match outcome {
            Ok(_) if asked >= self.now => self.now = (self.now * 2).min(self.max),
            Err(error) if error.kind == ErrorKind::Timeout && asked > 1 => {
                self.now = (asked.min(self.now) / 2).max(1);
            }
            _ => {}
        }
    }
}

/// Whose entries are claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// This consumer's own.
    Own,
    /// Those of whoever does not attend to them: only what still rests long enough when the claim is made, since a worker
    /// that was thought dead may have renewed its leases meanwhile.
    Others,
}

impl Engine {
    /// Claims entries that are still as seen; those that were are ready, ghosts are on their way to the dead-letter
    /// stream, and the others are out of hand. How many are ready.
    pub(super) async fn claim(
        &mut self,
        mode: CountMode,
        whose: Whose,
        seen: &[Seen],
    ) -> Result<usize, Error> {
        let Some(connection) = self.connection.as_ref().filter(|_| !seen.is_empty()) else {
            return Ok(0);
        };
        let policy = self.job.policy;
        let idle_min = |seen: &Seen| match whose {
            Whose::Own => Duration::ZERO,
            Whose::Others => policy.rest(seen.deliveries.unwrap_or(0)),
        };
        let asked_at = Instant::now();
        let claims = connection
            .call(claim(self.holder(), mode, idle_min, seen))
            .await;
        self.claims.note(seen.len(), &claims);
        let mut ready = 0;
        for (seen, outcome) in seen.iter().zip(claims?) {
            ready += usize::from(self.on_claimed(seen, outcome, asked_at));
        }
        Ok(ready)
    }

    /// Whether the entry is in hand now.
    fn on_claimed(&mut self, seen: &Seen, outcome: Claim, asked_at: Instant) -> bool {
        let id = seen.id;
        match outcome {
            Claim::Held { deliveries, fields } => {
                self.hand.insert(id, deliveries, asked_at);
                let entry = Entry { id, fields };
                self.ready.push_back(Delivery::of(&entry, deliveries));
                return true;
            }
            Claim::Ghost { owner, deliveries } => {
                self.let_go(id);
                let what = What::Tombstone { owner };
                self.settlements
                    .push_back(Settlement::new(id, deliveries, what));
            }
            Claim::Gone | Claim::Moved { .. } | Claim::Fresh { .. } => {
                if self.hand.contains(id) {
                    self.let_go(id);
                    self.count_lost(id);
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_shrink_when_replies_do_not_come_in_time_and_grow_again() {
        let mut portion = Portion::new(200);
        let late: Result<(), _> = Err(Error::new(ErrorKind::Timeout, "", "no reply"));
        for expected in [100, 50, 25, 12, 6, 3, 1, 1] {
            portion.note(portion.at_a_time(), &late);
            assert_eq!(portion.at_a_time(), expected);
        }
        portion.note(1, &Ok(()));
        portion.note(1, &Ok(()));
        assert_eq!(portion.at_a_time(), 2, "one of two says little of more");
        for _ in 0..10 {
            portion.note(portion.at_a_time(), &Ok(()));
        }
        assert_eq!(portion.at_a_time(), 200);
        let other: Result<(), _> = Err(Error::new(ErrorKind::Closed, "", "closed"));
        portion.note(200, &other);
        assert_eq!(portion.at_a_time(), 200, "its size was not what failed");
    }
}
