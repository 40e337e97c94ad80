//! Entries that must run alone, and how often the other entries pause for them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::wire::ExpectedPending;

/// The shortest time between two entries for which others pause.
const BETWEEN: Duration = Duration::from_secs(1);
/// The part of the time that others may pause for entries that run alone: one tenth.
const LONE_SHARE: u32 = 10;

/// Entries whose deliveries are used up, perhaps because each attempt crashed the worker. Each gets one attempt
/// during which nothing else runs: when the worker is idle, or, if it never is, in pauses made for them.
#[derive(Debug)]
pub(in crate::worker) struct IsolationQueue {
    waiting: VecDeque<ExpectedPending>,
    not_before: Instant,
    /// Since when the others have been pausing.
    awaited_since: Option<Instant>,
}

impl IsolationQueue {
    pub(in crate::worker) fn new(now: Instant) -> Self {
        Self {
            waiting: VecDeque::new(),
            not_before: now,
            awaited_since: None,
        }
    }

    /// Adds an entry, unless it is already waiting.
    pub(in crate::worker) fn push(&mut self, seen: ExpectedPending) {
        if !self.waiting.iter().any(|it| it.id == seen.id) {
            self.waiting.push_back(seen);
        }
    }

    /// The next entry, which is to run now.
    pub(in crate::worker) fn take(&mut self) -> Option<ExpectedPending> {
        self.waiting.pop_front()
    }

    pub(in crate::worker) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(in crate::worker) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether the others must pause: nothing new is started until one of these entries has run.
    pub(in crate::worker) fn is_due(&self, now: Instant) -> bool {
        !self.is_empty() && now >= self.not_before
    }

    /// An entry is due, but others are still running.
    pub(in crate::worker) fn others_run(&mut self, now: Instant) {
        self.awaited_since.get_or_insert(now);
    }

    /// An entry has run, or was dropped; the others continue.
    pub(in crate::worker) fn has_run(&mut self, now: Instant) {
        let took = self
            .awaited_since
            .take()
            .map_or(Duration::ZERO, |since| now - since);
        self.not_before = now + BETWEEN.max(took * LONE_SHARE);
    }

    /// When the next is due.
    pub(in crate::worker) fn next_due(&self) -> Option<Instant> {
        (!self.is_empty()).then_some(self.not_before)
    }

    pub(in crate::worker) fn clear(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EntryId;

    #[test]
    fn others_make_way_a_tenth_of_the_time_at_most() {
        let start = Instant::now();
        let seen = |ms| ExpectedPending {
            id: EntryId::new(ms, 0),
            owner: None,
            deliveries: Some(5),
        };
        let mut lone = IsolationQueue::new(start);
        for ms in [1, 1, 2] {
            lone.push(seen(ms));
        }
        assert_eq!(lone.len(), 2, "one waits once");
        assert!(lone.is_due(start));
        lone.others_run(start);
        lone.others_run(start + Duration::from_millis(600));
        let ran = start + Duration::from_millis(800);
        assert_eq!(lone.take().map(|it| it.id), Some(EntryId::new(1, 0)));
        lone.has_run(ran);
        assert_eq!(lone.next_due(), Some(ran + Duration::from_secs(8)));
        assert!(!lone.is_due(ran + Duration::from_secs(7)));
        // Where nobody had to be awaited the next comes soon.
        lone.has_run(ran);
        assert!(lone.is_due(ran + BETWEEN));
    }
}
