//! What a partition is known to hold of a stream.

use std::collections::BTreeSet;

use crate::model::EntryId;

/// How many ids are kept of what a partition holds: more than a bridge has in hand.
const IDS_MAX: usize = 50_000;

/// Whether an entry is in its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It is there.
    Written,
    /// It is not there.
    Missing,
    /// It may be there: what tells was removed, or is too far back.
    Unknown,
}

/// The ids that a partition holds, from some id on.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    /// The greatest id.
    last: Option<EntryId>,
    /// From this id on, `ids` are all that is there.
    floor: EntryId,
    ids: BTreeSet<EntryId>,
    /// Whether ids may have been there that are not any more, and none is known.
    is_dark: bool,
}

impl Written {
    /// A partition that holds nothing of the stream.
    pub(super) fn nothing() -> Self {
        Self::default()
    }

    /// A partition of which it cannot be said what of the stream was written to it.
    pub(super) fn dark() -> Self {
        Self {
            is_dark: true,
            ..Self::default()
        }
    }

    /// A partition with these ids at its end; `is_all` when there are no others.
    pub(super) fn end(ids: BTreeSet<EntryId>, is_all: bool) -> Self {
        let first = ids.first().copied().unwrap_or_default();
        Self {
            last: ids.last().copied(),
            floor: if is_all { EntryId::MIN } else { first },
            ids,
            is_dark: false,
        }
    }

    /// The greatest id that is there.
    pub(super) fn last(&self) -> Option<EntryId> {
        self.last
    }

    /// Whether it cannot be said what was written.
    pub(super) fn is_dark(&self) -> bool {
        self.is_dark
    }

    /// Whether the entry is there, which was delivered for the `deliveries`th time. Entries are written in the order of
    /// their ids: one that is delivered for the first time and is far behind the last one was written, and the group was
    /// moved back or made again. One that was delivered before may have waited with somebody else.
    pub(super) fn presence(&self, id: EntryId, deliveries: u64) -> Presence {
        match self.last {
            None if self.is_dark && deliveries > 1 => Presence::Unknown,
            None => Presence::Missing,
            Some(last) if id > last => Presence::Missing,
            Some(_) if id >= self.floor => {
                if self.ids.contains(&id) {
                    Presence::Written
                } else {
                    Presence::Missing
                }
            }
            Some(_) if deliveries <= 1 => Presence::Written,
            Some(_) => Presence::Unknown,
        }
    }

    /// The broker confirmed this entry.
    pub(super) fn add(&mut self, id: EntryId) {
        self.last = self.last.max(Some(id));
        self.ids.insert(id);
        while self.ids.len() > IDS_MAX {
            self.ids.pop_first();
            self.floor = self.ids.first().copied().unwrap_or(self.floor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64) -> EntryId {
        EntryId::new(ms, 0)
    }

    fn ids(of: &[u64]) -> BTreeSet<EntryId> {
        of.iter().map(|ms| id(*ms)).collect()
    }

    #[test]
    fn what_is_not_there_is_missing_however_great_the_last_id_is() {
        let written = Written::end(ids(&[5, 6, 9]), false);
        for (ms, deliveries, presence) in [
            (10, 1, Presence::Missing),
            (9, 2, Presence::Written),
            (7, 2, Presence::Missing),
            (7, 1, Presence::Missing),
            (5, 2, Presence::Written),
            (4, 1, Presence::Written),
            (4, 2, Presence::Unknown),
        ] {
            assert_eq!(written.presence(id(ms), deliveries), presence, "{ms}");
        }
        let all = Written::end(ids(&[5, 6, 9]), true);
        assert_eq!(all.presence(id(4), 1), Presence::Missing);
        assert_eq!(Written::nothing().presence(id(1), 9), Presence::Missing);
        assert_eq!(Written::dark().presence(id(1), 1), Presence::Missing);
        assert_eq!(Written::dark().presence(id(1), 2), Presence::Unknown);
    }

    #[test]
    fn it_remembers_what_was_confirmed_and_forgets_what_is_far_back() {
        let mut written = Written::nothing();
        for ms in 0..=IDS_MAX as u64 + 1 {
            written.add(id(ms * 2));
        }
        assert_eq!(written.last(), Some(id(IDS_MAX as u64 * 2 + 2)));
        assert_eq!(written.presence(id(100), 2), Presence::Written);
        assert_eq!(written.presence(id(101), 2), Presence::Missing);
        assert_eq!(written.presence(id(0), 2), Presence::Unknown);
    }
}
