//! Moves to the dead-letter stream that failed and will be tried again. The decision about an entry is final: its
//! handler does not run again while this worker lives.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::settlement::Settlement;
use crate::model::{Backoff, EntryId};
use crate::worker::policy::{fraction, spread_delay};

/// The longest wait between two tries, whatever the group's backoff, because somebody may be repairing the
/// dead-letter stream.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// Moves that are due within this time after another one are made together with it, so that thousands of them take
/// only a few log lines.
const TOGETHER: Duration = Duration::from_millis(250);

/// Postponed moves. Their number is bounded by the engine, which takes no more entries while there are too many.
#[derive(Debug)]
pub(in crate::worker) struct Postponed {
    backoff: Backoff,
    /// The moves by the time at which they are due.
    waiting: BTreeMap<(Instant, EntryId), Settlement>,
    /// How often each move was tried; kept while one is being tried again.
    tries: HashMap<EntryId, u64>,
}

impl Postponed {
    /// The delays between tries are the same as those between attempts.
    pub(in crate::worker) fn new(backoff: Backoff) -> Self {
        Self {
            backoff: backoff.at_most(WAIT_MAX),
            waiting: BTreeMap::new(),
            tries: HashMap::new(),
        }
    }

    /// Records that the move failed. Returns how long it waits now.
    pub(in crate::worker) fn push(&mut self, now: Instant, settlement: Settlement) -> Duration {
        let tries = self.tries.entry(settlement.id).or_default();
        *tries += 1;
        let wait = spread_delay(self.backoff, *tries, fraction());
        self.waiting.insert((now + wait, settlement.id), settlement);
        wait
    }

    /// Moves that are due, together with those that are due soon afterwards.
    pub(in crate::worker) fn take_due(&mut self, now: Instant) -> Vec<Settlement> {
        if self.next_due().is_none_or(|at| at > now) {
            return Vec::new();
        }
        let later = self.waiting.split_off(&(now + TOGETHER, EntryId::MAX));
        std::mem::replace(&mut self.waiting, later)
            .into_values()
            .collect()
    }

    /// All of them, due or not, for a last try.
    pub(in crate::worker) fn take_all(&mut self) -> Vec<Settlement> {
        std::mem::take(&mut self.waiting).into_values().collect()
    }

    /// When the earliest is due.
    pub(in crate::worker) fn next_due(&self) -> Option<Instant> {
        self.waiting.keys().next().map(|(at, _)| *at)
    }

    /// The entry was moved, or belongs to another consumer now.
    pub(in crate::worker) fn forget(&mut self, id: EntryId) {
        self.tries.remove(&id);
    }

    /// Entries whose moves are waiting or being tried again.
    pub(in crate::worker) fn ids(&self) -> impl Iterator<Item = EntryId> {
        self.tries.keys().copied()
    }

    /// How many moves are waiting or being tried again.
    pub(in crate::worker) fn len(&self) -> usize {
        self.tries.len()
    }

    pub(in crate::worker) fn clear(&mut self) {
        self.waiting.clear();
        self.tries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::state::settlement::What;

    #[test]
    fn waits_grow_to_half_a_minute_and_the_decision_stays() {
        let mut postponed = Postponed::new(Backoff {
            base: Duration::from_secs(1),
            cap: Duration::from_mins(5),
        });
        let (id, now) = (EntryId::new(1, 0), Instant::now());
        let mut moves = vec![Settlement::new(
            id,
            1,
            What::DeadLetter {
                owner: None,
                reason: "never".to_owned(),
            },
        )];
        let mut waits = Vec::new();
        for _ in 0..10 {
            waits.push(postponed.push(now, moves.remove(0)));
            assert!(postponed.take_due(now).is_empty());
            moves = postponed.take_due(now + WAIT_MAX.mul_f64(1.2));
            assert_eq!(postponed.ids().next(), Some(id), "on its way again");
        }
        assert!(waits[0] <= Duration::from_millis(1200) && waits[1] > waits[0]);
        assert!(waits.iter().all(|wait| *wait <= WAIT_MAX.mul_f64(1.2)));
        assert!(matches!(&moves[0].what, What::DeadLetter { reason, .. } if reason == "never"));
        postponed.forget(id);
        assert_eq!(postponed.len(), 0);
    }

    #[test]
    fn thousands_are_tried_a_few_times_a_second_and_none_before_one_is_due() {
        let (base, start) = (Duration::from_secs(2), Instant::now());
        let mut postponed = Postponed::new(Backoff { base, cap: base });
        let tombstone = |ms| {
            let what = What::Tombstone { owner: "c".into() };
            Settlement::new(EntryId::new(ms, 0), 1, what)
        };
        let mut due: Vec<Settlement> = (0..5000).map(tombstone).collect();
        let (mut now, mut batches) = (start, 0);
        while now < start + 10 * base {
            batches += usize::from(!due.is_empty());
            for settlement in std::mem::take(&mut due) {
                postponed.push(now, settlement);
            }
            assert!(postponed.take_due(now).is_empty(), "each waits");
            now = postponed.next_due().unwrap_or(now);
            due = postponed.take_due(now);
        }
        let most = (10 * base).as_millis() / TOGETHER.as_millis();
        assert!(batches as u128 <= most + 1, "{batches} batches in {now:?}");
        assert_eq!(postponed.len(), 5000);
    }
}
