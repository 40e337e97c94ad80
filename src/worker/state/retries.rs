//! Failed entries that wait in memory for their next attempt, the earliest first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::model::EntryId;

/// An entry that waits for its next attempt.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::worker) struct Retry {
    pub(in crate::worker) due: Instant,
    pub(in crate::worker) id: EntryId,
    /// The delivery count under which the entry is held.
    pub(in crate::worker) deliveries: u64,
    /// Whether the next attempt does not count as a delivery, because the entry was not the cause of the last failure.
    pub(in crate::worker) is_free: bool,
}

/// Entries by the time at which they are due. Their number is bounded by the engine, which stops reading while too
/// many wait.
#[derive(Debug, Default)]
pub(in crate::worker) struct Retries {
    heap: BinaryHeap<Reverse<Retry>>,
}

impl Retries {
    pub(in crate::worker) fn push(&mut self, retry: Retry) {
        self.heap.push(Reverse(retry));
    }

    /// When the earliest is due.
    pub(in crate::worker) fn next_due(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(retry)| retry.due)
    }

    /// Up to `count_max` entries that are due.
    pub(in crate::worker) fn take_due(&mut self, now: Instant, count_max: usize) -> Vec<Retry> {
        let mut due = Vec::new();
        while due.len() < count_max && self.next_due().is_some_and(|at| at <= now) {
            due.extend(self.take_first());
        }
        due
    }

    /// The earliest entry, due or not, for a probe.
    pub(in crate::worker) fn take_first(&mut self) -> Option<Retry> {
        self.heap.pop().map(|Reverse(retry)| retry)
    }

    /// Makes those due that `is_called` names by their ids and delivery counts. Returns how many were not due before.
    pub(in crate::worker) fn hasten(
        &mut self,
        now: Instant,
        is_called: impl Fn(EntryId, u64) -> bool,
    ) -> usize {
        let mut hastened = 0;
        let waiting = std::mem::take(&mut self.heap).into_iter();
        let waiting = waiting.map(|Reverse(mut retry)| {
            if retry.due > now && is_called(retry.id, retry.deliveries) {
                retry.due = now;
                hastened += 1;
            }
            Reverse(retry)
        });
        self.heap = waiting.collect();
        hastened
    }

    pub(in crate::worker) fn clear(&mut self) {
        self.heap.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn due_entries_come_in_order_and_never_early() {
        let (mut retries, now) = (Retries::default(), Instant::now());
        for (after_ms, ms) in [(300, 3), (100, 1), (200, 2)] {
            retries.push(Retry {
                due: now + Duration::from_millis(after_ms),
                id: EntryId::new(ms, 0),
                deliveries: 1,
                is_free: false,
            });
        }
        assert!(retries.take_due(now, 10).is_empty());
        let due = retries.take_due(now + Duration::from_millis(250), 10);
        let ids: Vec<EntryId> = due.iter().map(|retry| retry.id).collect();
        assert_eq!(ids, [EntryId::new(1, 0), EntryId::new(2, 0)]);
        let call = |id, deliveries| id == EntryId::new(3, 0) && deliveries == 1;
        assert_eq!(retries.hasten(now, |id, _| call(id, 2)), 0);
        assert_eq!(retries.hasten(now, call), 1);
        assert_eq!(retries.next_due(), Some(now));
        let last = retries.take_first().unwrap();
        assert_eq!(last.id, EntryId::new(3, 0));
    }
}
