//! Moves to the dead-letter stream that could not be made, waiting to be tried again. What was decided of an entry
//! stands: its handler does not run again while this worker lives.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::policy::{fraction, spread_delay};
use super::settlement::Settlement;
use crate::model::EntryId;
use crate::topology::Backoff;

/// The longest wait between two tries, whatever the group's backoff: somebody is mending the dead-letter stream.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Postponed moves. Bounded by the engine, which stops reading while there are too many.
#[derive(Debug)]
pub(super) struct Postponed {
    backoff: Backoff,
    waiting: Vec<(Instant, Settlement)>,
    /// How often each move was tried; kept while one is on its way again.
    tries: HashMap<EntryId, u64>,
}

impl Postponed {
    /// Tries are as far apart as attempts are.
    pub(super) fn new(backoff: Backoff) -> Self {
        Self {
            backoff: Backoff {
                base: backoff.base.min(WAIT_MAX),
                cap: backoff.cap.min(WAIT_MAX),
            },
            waiting: Vec::new(),
            tries: HashMap::new(),
        }
    }

    /// The move failed; how long it waits now.
    pub(super) fn push(&mut self, now: Instant, settlement: Settlement) -> Duration {
        let tries = self.tries.entry(settlement.id).or_default();
        *tries += 1;
        let wait = spread_delay(self.backoff, *tries, fraction());
        self.waiting.push((now + wait, settlement));
        wait
    }

    /// Moves that are due.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Settlement> {
        let due = self.waiting.extract_if(.., |(at, _)| *at <= now);
        due.map(|(_, settlement)| settlement).collect()
    }

    /// All of them, due or not: for a last try.
    pub(super) fn take_all(&mut self) -> Vec<Settlement> {
        let all = self.waiting.drain(..);
        all.map(|(_, settlement)| settlement).collect()
    }

    /// When the earliest is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.waiting.iter().map(|(at, _)| *at).min()
    }

    /// The entry has moved, or is somebody else's.
    pub(super) fn forget(&mut self, id: EntryId) {
        self.tries.remove(&id);
    }

    /// Whether the entry's move waits or is on its way again.
    pub(super) fn contains(&self, id: EntryId) -> bool {
        self.tries.contains_key(&id)
    }

    /// Whether the entry's move waits to be tried again.
    pub(super) fn is_waiting(&self, id: EntryId) -> bool {
        self.waiting.iter().any(|(_, it)| it.id == id)
    }

    /// How many moves wait or are on their way again.
    pub(super) fn len(&self) -> usize {
        self.tries.len()
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.tries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::settlement::What;

    #[test]
    fn waits_grow_to_half_a_minute_and_the_decision_stays() {
        let mut postponed = Postponed::new(Backoff {
            base: Duration::from_secs(1),
            cap: Duration::from_mins(5),
        });
        let (id, now) = (EntryId::new(1, 0), Instant::now());
        let mut moves = vec![Settlement {
            id,
            deliveries: 1,
            what: What::DeadLetter {
                owner: None,
                reason: "never".to_owned(),
            },
        }];
        let mut waits = Vec::new();
        for _ in 0..10 {
            waits.push(postponed.push(now, moves.remove(0)));
            assert!(postponed.take_due(now).is_empty());
            moves = postponed.take_due(now + WAIT_MAX.mul_f64(1.2));
            assert!(postponed.contains(id), "on its way again");
        }
        assert!(waits[0] <= Duration::from_millis(1200) && waits[1] > waits[0]);
        assert!(waits.iter().all(|wait| *wait <= WAIT_MAX.mul_f64(1.2)));
        assert!(matches!(&moves[0].what, What::DeadLetter { reason, .. } if reason == "never"));
        postponed.forget(id);
        assert_eq!(postponed.len(), 0);
    }
}
