//! Finds entries that were trimmed from a stream before they were read, from the stream's own figures and how far it
//! was read.

use crate::model::{EntryId, Name, StreamInfo, entries};

/// Entries that were trimmed or deleted before they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The missing entries came after this id.
    pub from: EntryId,
    /// The missing entries came before this entry, the first that still exists; `None` when none is left.
    pub to: Option<EntryId>,
    /// How many entries are missing; `None` when the stream was deleted or recreated, so that the number is unknown.
    /// Then `to` is the first entry of the new stream, whatever its id.
    pub count: Option<u64>,
}

impl Gap {
    /// The gap in `stream`, in words.
    pub fn text(&self, stream: &Name) -> String {
        let from = self.from;
        let count = match (self.count, self.to) {
            (Some(count), _) => entries(count),
            (None, to) => {
                let then = match to {
                    Some(to) => format!("deleted and recreated, and begins at {to}"),
                    None => "deleted".to_owned(),
                };
                return format!(
                    "gap in `{stream}`: an unknown number of entries after {from}, trimmed or deleted before they were read: the stream \
                     was {then}"
                );
            }
        };
        let before = match self.to {
            Some(to) => format!(" and before {to}"),
            None => String::new(),
        };
        format!(
            "gap in `{stream}`: {count} after {from}{before}, trimmed or deleted before they were read"
        )
    }
}

/// What observing a stream tells about entries that were not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Continuity {
    /// Nothing is missing.
    Whole,
    /// These entries are missing.
    Missing(Gap),
    /// The stream now ends before what was read, on another server process: it was recreated, or the server has lost
    /// entries.
    Shorter(EntryId),
    /// It is unknown whether entries are missing.
    Unknown,
}

/// How far a stream was read, and how many entries had been added to it by then.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The next entries come after this id.
    pub(super) position: EntryId,
    /// The greatest id that the stream is known to have had.
    newest: EntryId,
    /// How many entries had ever been added when `position` was the newest.
    added: Option<u64>,
}

impl Place {
    /// The position in a stream with these figures. Without the figures, missing entries cannot be detected.
    pub(super) fn at(position: EntryId, info: Option<&StreamInfo>) -> Self {
        let newest = info.map_or(EntryId::MIN, |info| info.last_generated_id);
        let is_end = newest == position;
        Self {
            position,
            newest,
            added: info.and_then(|info| info.entries_added).filter(|_| is_end),
        }
    }

    /// The position in a stream that does not exist yet.
    pub(super) fn before_any(position: EntryId) -> Self {
        Self {
            position,
            newest: EntryId::MIN,
            added: (position == EntryId::MIN).then_some(0),
        }
    }

    /// An entry was read.
    pub(super) fn read(&mut self, id: EntryId) {
        self.position = id;
        self.newest = self.newest.max(id);
        self.added = self.added.map(|added| added + 1);
    }

    /// The stream does not exist (any more); it is read from its first entry once it is created.
    pub(super) fn gone(&mut self) -> Continuity {
        let was_there = self.newest > EntryId::MIN;
        if !was_there {
            self.added = (self.position == EntryId::MIN).then_some(0);
            return Continuity::Whole;
        }
        let gap = Gap {
            from: self.position,
            to: None,
            count: None,
        };
        // Where a later id than there was had been asked for, that still holds.
        let is_to_come = self.position > self.newest;
        *self = Self::before_any(if is_to_come {
            self.position
        } else {
            EntryId::MIN
        });
        Continuity::Missing(gap)
    }

    /// Whether a stream with these figures is another one than the one that was read. Neither the greatest id nor the
    /// count of entries added ever decreases, unless the server has lost data, which cannot happen within one
    /// process.
    pub(super) fn is_another(&self, info: &StreamInfo) -> bool {
        let has_fewer = match (self.added, info.entries_added) {
            (Some(before), Some(added)) => added < before,
            _ => false,
        };
        info.last_generated_id < self.newest || has_fewer
    }

    /// Sets the figures of a stream that was recreated under the same name, and is read from its first entry.
    pub(super) fn begin_again(&mut self, info: &StreamInfo) -> Gap {
        let first = info.first.as_ref().map(|entry| entry.id);
        let gap = Gap {
            from: self.position,
            to: first,
            count: None,
        };
        self.position = first.and_then(EntryId::previous).unwrap_or_default();
        self.newest = info.last_generated_id;
        self.added = info
            .entries_added
            .map(|added| added.saturating_sub(info.length));
        gap
    }

    /// Compares the stream's figures with what was read before, on the same server process or not.
    pub(super) fn look(&mut self, info: &StreamInfo, is_same_server: bool) -> Continuity {
        let newest = info.last_generated_id;
        if is_same_server && self.is_another(info) {
            return Continuity::Missing(self.begin_again(info));
        }
        if newest < self.newest {
            *self = Self::at(newest, Some(info));
            return Continuity::Shorter(newest);
        }
        if self.is_another(info) {
            // What was lost from the end was made up for since; how the count stands is not known any more.
            self.added = None;
        }
        self.newest = newest;
        if newest <= self.position {
            let is_whole = self.added.is_some() || newest == self.position;
            self.added = info.entries_added.filter(|_| newest == self.position);
            return if is_whole {
                Continuity::Whole
            } else {
                Continuity::Unknown
            };
        }
        let first = info.first.as_ref().map(|entry| entry.id);
        if first.is_some_and(|first| first <= self.position) {
            return Continuity::Whole;
        }
        let (Some(before), Some(added)) = (self.added, info.entries_added) else {
            return Continuity::Unknown;
        };
        let gap = Gap {
            from: self.position,
            to: first,
            count: added
                .checked_sub(before)
                .map(|more| more.saturating_sub(info.length)),
        };
        self.position = first.and_then(EntryId::previous).unwrap_or(newest);
        self.added = Some(added.saturating_sub(info.length));
        if gap.count == Some(0) {
            Continuity::Whole
        } else {
            Continuity::Missing(gap)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Entry;

    fn id(ms: u64) -> EntryId {
        EntryId::new(ms, 0)
    }

    /// A stream that holds entries `first` to `last`, of `added` ever.
    fn stream(first: u64, last: u64, added: u64) -> StreamInfo {
        let length = (last + 1).saturating_sub(first);
        let entry = |ms| Entry {
            id: id(ms),
            fields: Vec::new(),
        };
        StreamInfo {
            length,
            last_generated_id: id(last),
            max_deleted_id: None,
            entries_added: Some(added),
            first: (length > 0).then(|| entry(first)),
            last: (length > 0).then(|| entry(last)),
        }
    }

    fn read_to(ms: u64) -> Place {
        Place::at(id(ms), Some(&stream(1, ms, ms)))
    }

    #[test]
    fn what_was_cut_after_the_position_is_counted() {
        let mut place = read_to(10);
        assert_eq!(place.look(&stream(1, 10, 10), true), Continuity::Whole);
        assert_eq!(place.look(&stream(10, 20, 20), true), Continuity::Whole);
        let gap = Gap {
            from: id(10),
            to: Some(id(15)),
            count: Some(4),
        };
        assert_eq!(
            place.look(&stream(15, 20, 20), true),
            Continuity::Missing(gap)
        );
        // Said once.
        assert_eq!(place.look(&stream(15, 20, 20), true), Continuity::Whole);
        for ms in 15..=20 {
            place.read(id(ms));
        }
        assert_eq!(place.look(&stream(15, 20, 20), true), Continuity::Whole);
        let gap = Gap {
            from: id(20),
            to: None,
            count: Some(5),
        };
        assert_eq!(
            place.look(&stream(26, 25, 25), true),
            Continuity::Missing(gap)
        );
        assert_eq!(place.position, id(25));
    }

    #[test]
    fn only_what_was_read_may_go_unnoticed() {
        let mut place = read_to(10);
        assert_eq!(place.look(&stream(11, 15, 15), true), Continuity::Whole);
        let mut place = read_to(10);
        assert_eq!(place.look(&stream(11, 10, 10), true), Continuity::Whole);
    }

    #[test]
    fn a_stream_that_was_made_again_is_not_counted() {
        let mut place = read_to(10);
        let gap = Gap {
            from: id(10),
            to: Some(id(12)),
            count: None,
        };
        assert_eq!(
            place.look(&stream(12, 13, 2), true),
            Continuity::Missing(gap)
        );
        // Its first entry is read, whatever its id, and those that were cut from it are among the unknown.
        for (again, first) in [
            (stream(1, 4, 4), 1),
            (stream(3, 4, 4), 3),
            (stream(1, 14, 9), 1),
        ] {
            let mut place = read_to(10);
            let gap = Gap {
                from: id(10),
                to: Some(id(first)),
                count: None,
            };
            assert_eq!(place.look(&again, true), Continuity::Missing(gap));
            assert!(place.position < id(first) && place.position.next() == Some(id(first)));
            assert_eq!(place.look(&again, true), Continuity::Whole);
        }
    }

    #[test]
    fn another_server_may_have_lost_the_end() {
        let mut place = read_to(10);
        assert_eq!(
            place.look(&stream(1, 4, 4), false),
            Continuity::Shorter(id(4))
        );
        assert_eq!(place.position, id(4));
        let mut place = read_to(10);
        assert_eq!(place.look(&stream(1, 14, 9), false), Continuity::Whole);
        assert_eq!(place.position, id(10));
        // That server itself loses nothing.
        assert_eq!(place.look(&stream(1, 14, 9), true), Continuity::Whole);
    }

    #[test]
    fn a_stream_that_was_deleted_is_read_from_its_first_entry_when_it_comes_again() {
        let mut place = read_to(10);
        let gap = Gap {
            from: id(10),
            to: None,
            count: None,
        };
        assert_eq!(place.gone(), Continuity::Missing(gap));
        // Said once.
        assert_eq!(place.gone(), Continuity::Whole);
        assert_eq!(place.look(&stream(1, 2, 2), true), Continuity::Whole);
        assert!(place.position < id(1));
        // What was asked for from a later id on is not there earlier.
        let mut place = Place::at(id(100), Some(&stream(1, 10, 10)));
        assert!(matches!(place.gone(), Continuity::Missing(_)));
        assert_eq!(place.position, id(100));
    }

    #[test]
    fn a_stream_that_comes_later_is_read_from_its_first_entry() {
        let mut place = Place::before_any(EntryId::MIN);
        assert_eq!(place.gone(), Continuity::Whole);
        let gap = Gap {
            from: EntryId::MIN,
            to: Some(id(3)),
            count: Some(2),
        };
        assert_eq!(place.look(&stream(3, 9, 9), true), Continuity::Missing(gap));
    }

    #[test]
    fn a_position_to_come_knows_nothing_until_it_is_reached() {
        let mut place = Place::at(id(100), Some(&stream(1, 10, 10)));
        assert_eq!(place.look(&stream(1, 20, 20), true), Continuity::Unknown);
        assert_eq!(
            place.look(&stream(150, 160, 160), true),
            Continuity::Unknown
        );
        for ms in 150..=160 {
            place.read(id(ms));
        }
        assert_eq!(place.look(&stream(150, 160, 160), true), Continuity::Whole);
        assert!(matches!(
            place.look(&stream(170, 171, 171), true),
            Continuity::Missing(_)
        ));
    }
}
