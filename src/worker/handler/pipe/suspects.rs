//! Entries that were with a process when it failed. The next time, each of them is the only one in its process, so
//! that it becomes certain which entry makes processes fail.

use std::collections::{HashSet, VecDeque};

use crate::model::EntryId;

/// How many suspects are remembered. The oldest are forgotten first, and may then share a process again.
const SUSPECTS_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Suspects {
    ids: HashSet<EntryId>,
    /// The suspects in the order in which they were added; may contain some that were cleared.
    order: VecDeque<EntryId>,
}

impl Suspects {
    pub(super) fn contains(&self, id: EntryId) -> bool {
        self.ids.contains(&id)
    }

    pub(super) fn insert(&mut self, id: EntryId) {
        if !self.ids.insert(id) {
            return;
        }
        self.order.push_back(id);
        while self.order.len() > SUSPECTS_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.ids.remove(&oldest);
            }
        }
    }

    /// The entry was answered.
    pub(super) fn remove(&mut self, id: EntryId) {
        self.ids.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_and_the_answered_are_cleared() {
        let mut suspects = Suspects::default();
        let id = |ms: usize| EntryId::new(ms as u64, 0);
        for ms in 0..=SUSPECTS_MAX {
            suspects.insert(id(ms));
        }
        assert!(!suspects.contains(id(0)) && suspects.contains(id(1)));
        suspects.remove(id(1));
        assert!(!suspects.contains(id(1)) && suspects.contains(id(2)));
    }
}
