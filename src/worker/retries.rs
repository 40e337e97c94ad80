//! Failed entries waiting in memory for their next attempt, the earliest first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::model::EntryId;

/// Entries by when they are due. Bounded by the engine, which stops reading while too many wait.
#[derive(Debug, Default)]
pub(super) struct Retries {
    heap: BinaryHeap<Reverse<(Instant, EntryId, u64)>>,
}

impl Retries {
    /// `id`, held with this delivery count, is due at `due`.
    pub(super) fn push(&mut self, due: Instant, id: EntryId, deliveries: u64) {
        self.heap.push(Reverse((due, id, deliveries)));
    }

    /// When the earliest is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((due, _, _))| *due)
    }

    /// Up to `count_max` entries that are due, with their delivery counts.
    pub(super) fn take_due(&mut self, now: Instant, count_max: usize) -> Vec<(EntryId, u64)> {
        let mut due = Vec::new();
        while due.len() < count_max && self.next_due().is_some_and(|at| at <= now) {
            if let Some(Reverse((_, id, deliveries))) = self.heap.pop() {
                due.push((id, deliveries));
            }
        }
        due
    }

    /// The earliest entry, due or not: what a probe tries.
    pub(super) fn take_first(&mut self) -> Option<(EntryId, u64)> {
        self.heap
            .pop()
            .map(|Reverse((_, id, deliveries))| (id, deliveries))
    }

    pub(super) fn clear(&mut self) {
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
            retries.push(
                now + Duration::from_millis(after_ms),
                EntryId::new(ms, 0),
                1,
            );
        }
        assert!(retries.take_due(now, 10).is_empty());
        let due = retries.take_due(now + Duration::from_millis(250), 10);
        assert_eq!(due, [(EntryId::new(1, 0), 1), (EntryId::new(2, 0), 1)]);
        assert_eq!(retries.take_first(), Some((EntryId::new(3, 0), 1)));
    }
}
