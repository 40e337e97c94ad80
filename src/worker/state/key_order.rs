//! The order of entries that have the same value of one field: which of those in hand is the next of its key.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::model::EntryId;

/// The value of the field by which entries are in order.
pub(in crate::worker) type Key = Arc<[u8]>;

/// The entries in hand by their keys. An entry stays until it is settled: handled, or a dead letter.
#[derive(Debug, Default)]
pub(in crate::worker) struct KeyOrder {
    by_key: HashMap<Key, BTreeSet<EntryId>>,
    keys: HashMap<EntryId, Key>,
    /// Those that became the first of their key when an earlier one was settled.
    freed: Vec<EntryId>,
}

impl KeyOrder {
    /// Takes up an entry.
    pub(in crate::worker) fn insert(&mut self, id: EntryId, key: Key) {
        self.by_key.entry(Arc::clone(&key)).or_default().insert(id);
        self.keys.insert(id, key);
    }

    /// Forgets an entry, so that the next one of its key may start.
    pub(in crate::worker) fn remove(&mut self, id: EntryId) {
        let Some(key) = self.keys.remove(&id) else {
            return;
        };
        if let Some(ids) = self.by_key.get_mut(&key) {
            let was_first = ids.first() == Some(&id);
            ids.remove(&id);
            if was_first {
                self.freed.extend(ids.first());
            }
            if ids.is_empty() {
                self.by_key.remove(&key);
            }
        }
    }

    /// The entries that became the first of their key since this was asked last.
    pub(in crate::worker) fn take_freed(&mut self) -> Vec<EntryId> {
        std::mem::take(&mut self.freed)
    }

    /// Whether no earlier entry of the same key is in hand.
    pub(in crate::worker) fn is_first(&self, id: EntryId) -> bool {
        let ids = self.keys.get(&id).and_then(|key| self.by_key.get(key));
        ids.is_none_or(|ids| ids.first() == Some(&id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_of_a_key_comes_first_until_it_is_settled() {
        let (mut order, id) = (KeyOrder::default(), |ms| EntryId::new(ms, 0));
        let key = |text: &str| Key::from(text.as_bytes());
        for (ms, of) in [(3, "a"), (1, "a"), (2, "b")] {
            order.insert(id(ms), key(of));
        }
        let first = |order: &KeyOrder| [1, 2, 3, 4].map(|ms| order.is_first(id(ms)));
        // What has no key waits for nobody.
        assert_eq!(first(&order), [true, true, false, true]);
        order.remove(id(1));
        assert_eq!(order.take_freed(), [id(3)]);
        assert!(first(&order)[2]);
        order.remove(id(3));
        order.remove(id(3));
        assert!(order.by_key.len() == 1 && order.keys.len() == 1);
    }
}
