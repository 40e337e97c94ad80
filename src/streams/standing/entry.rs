//! One entry: whether it is in its stream, its age and size, its place in the stream, and the entry that it is a copy
//! of.

use super::report::ids_cell;
use crate::model::{
    Cell, CopyMark, Entry, EntryId, Lag, Name, StreamInfo, Time, bytes_of, report, states,
};

states! {
    /// Whether an entry is in its stream.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum EntryState {
        /// The entry is in the stream.
        Present = "in the stream" in Ok,
        /// The entry's id is before the first entry, and the entry was not deleted on its own: it was trimmed, or was
        /// never added.
        Trimmed = "trimmed" in Bad,
        /// There are entries before and after the id: the entry was deleted, or was never added.
        Deleted = "deleted" in Bad,
        /// The entry's id is before the first entry: the entry was trimmed or deleted, or was never added.
        Gone = "trimmed or deleted" in Bad,
        /// The entry is not in the stream, and the user may not read why.
        Absent = "not in the stream" in Warn,
    }
}

report! {
    /// One entry.
    #[derive(Clone, Debug)]
    pub struct EntryReport {
        /// The entry.
        pub id: EntryId => whole("ID"),
        /// The stream.
        pub stream: Name => text("STREAM"),
        /// Whether the entry is in the stream.
        pub state: EntryState => whole("STATE"),
        /// When the entry was added, by its id; null for an id beyond the year 9999.
        pub time: Option<Time> => whole("TIME", unknown),
        /// The time since the entry was added, by the server's clock; null for an id ahead of it.
        pub age_ms: Option<u64> => millis("AGE", unknown),
        /// The number of the entry's fields.
        pub field_count: Option<usize> => number("FIELDS"),
        /// The size of the entry's names and values in bytes.
        pub bytes: Option<u64> => bytes("BYTES"),
        /// How many entries of the stream are before it.
        pub entries_before: Option<Lag> => number("BEFORE") by |it| it.entries_before.map_or(Cell::Nothing, Cell::from),
        /// How many entries of the stream are after it.
        pub entries_after: Option<Lag> => number("AFTER") by |it| it.entries_after.map_or(Cell::Nothing, Cell::from),
        /// The entry of which this is a copy that a requeue or a redrive made; for a copy of a copy, the original
        /// entry.
        pub copy_of: Option<EntryId> => whole("COPY OF"),
        /// How often the entry had been tried in total when the copy was made.
        pub attempts: Option<u64> => number("ATTEMPTS", wide),
        /// How often the entry was moved back from the dead-letter stream.
        pub redrives: Option<u64> => number("REDRIVES", wide),
        /// The copies of the entry that were found.
        pub copy_ids: Vec<EntryId> => whole("COPIES") by |it| ids_cell(&it.copy_ids),
    }
}

report! {
    /// A copy of an entry, made by a requeue or a redrive.
    #[derive(Clone, Debug)]
    pub struct CopyRow {
        /// The copy.
        pub id: EntryId => whole("ID"),
        /// When the copy was made, by its id.
        pub time: Option<Time> => whole("TIME", unknown),
        /// How often the entry had been tried in total when the copy was made; null when this is not recorded.
        pub attempts: Option<u64> => number("ATTEMPTS"),
        /// How often the entry was moved back from the dead-letter stream; null for a requeue.
        pub redrives: Option<u64> => number("REDRIVES"),
    }
}

/// What a copy records about the entry that was copied.
pub(in crate::streams) struct Origin {
    pub(in crate::streams) id: Option<EntryId>,
    pub(in crate::streams) attempts: Option<u64>,
    pub(in crate::streams) redrives: Option<u64>,
}

impl Origin {
    /// The origin in these fields; `None` when the entry is not a copy.
    pub(in crate::streams) fn of<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        fields: &[(N, V)],
    ) -> Option<Self> {
        let mark = CopyMark::of(fields)?;
        let count = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse().ok();
        Some(Self {
            id: EntryId::parse(mark.origin).ok(),
            attempts: mark.attempts.and_then(count),
            redrives: mark.redrives.and_then(count),
        })
    }

    /// The row of a copy with this origin.
    pub(super) fn copy(self, id: EntryId) -> CopyRow {
        CopyRow {
            id,
            time: id.time(),
            attempts: self.attempts,
            redrives: self.redrives,
        }
    }
}

impl EntryReport {
    /// The report of an entry, or of an id without an entry, in a stream of which `info` is known.
    pub(super) fn new(
        stream: &Name,
        id: EntryId,
        entry: Option<&Entry>,
        info: Option<&StreamInfo>,
        now: Time,
    ) -> Self {
        let origin = entry.and_then(|it| Origin::of(&it.fields));
        let time = id.time();
        Self {
            id,
            stream: stream.clone(),
            state: state(id, entry.is_some(), info),
            time,
            age_ms: time.and_then(|it| now.ms.checked_sub(it.ms)),
            field_count: entry.map(|it| it.fields.len()),
            bytes: entry.map(|it| bytes_of(&it.fields) as u64),
            entries_before: None,
            entries_after: None,
            copy_of: origin.as_ref().and_then(|it| it.id),
            attempts: origin.as_ref().and_then(|it| it.attempts),
            redrives: origin.as_ref().and_then(|it| it.redrives),
            copy_ids: Vec::new(),
        }
    }

    /// Sets how many entries come before and after this one, from a search that read `after` entries after it and may
    /// have reached the end of the stream.
    pub(super) fn place(&mut self, after: u64, is_whole: bool, length: Option<u64>) {
        let is_there = u64::from(self.state == EntryState::Present);
        let before = length.map(|length| length.saturating_sub(after + is_there));
        if is_whole {
            self.entries_after = Some(Lag::Known(after));
            self.entries_before = before.map(Lag::Known);
        } else {
            self.entries_after = Some(Lag::AtLeast(after));
            self.entries_before = before.map(Lag::AtMost);
        }
    }
}

/// The state of the entry: present, or why it is missing.
fn state(id: EntryId, is_there: bool, info: Option<&StreamInfo>) -> EntryState {
    let Some(info) = info.filter(|_| !is_there) else {
        return if is_there {
            EntryState::Present
        } else {
            EntryState::Absent
        };
    };
    let is_before_first = info.first.as_ref().is_none_or(|first| id < first.id);
    match info.max_deleted_id {
        // What is trimmed leaves the greatest deleted id as it is.
        Some(deleted) if is_before_first && deleted < id => EntryState::Trimmed,
        _ if is_before_first => EntryState::Gone,
        _ => EntryState::Deleted,
    }
}

/// Whether no entry ever had this id: it is greater than the last id of the stream, or it is after the first entry and
/// nothing so late was deleted.
pub(super) fn never_was(id: EntryId, info: &StreamInfo) -> bool {
    let is_after_first = info.first.as_ref().is_some_and(|first| id > first.id);
    let was_deleted = info.max_deleted_id.is_none_or(|deleted| id <= deleted);
    id > info.last_generated_id || is_after_first && !was_deleted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(first: Option<u64>, deleted: Option<u64>) -> StreamInfo {
        let at = |ms| EntryId::new(ms, 0);
        StreamInfo {
            length: 1,
            last_generated_id: at(9),
            max_deleted_id: deleted.map(at),
            entries_added: None,
            first: first.map(|ms| Entry {
                id: at(ms),
                fields: Vec::new(),
            }),
            last: None,
        }
    }

    #[test]
    fn how_an_entry_came_not_to_be_there() {
        let five = EntryId::new(5, 0);
        for (first, deleted, expected, never) in [
            (Some(6), Some(0), EntryState::Trimmed, false),
            (Some(6), Some(5), EntryState::Gone, false),
            (Some(6), None, EntryState::Gone, false),
            (None, Some(0), EntryState::Trimmed, false),
            (Some(4), Some(5), EntryState::Deleted, false),
            (Some(4), None, EntryState::Deleted, false),
            (Some(4), Some(0), EntryState::Deleted, true),
        ] {
            let info = info(first, deleted);
            assert_eq!(state(five, false, Some(&info)), expected, "{info:?}");
            assert_eq!(never_was(five, &info), never, "{info:?}");
        }
        let info = info(Some(1), Some(0));
        assert_eq!(state(five, true, Some(&info)), EntryState::Present);
        assert_eq!(state(five, false, None), EntryState::Absent);
        assert!(never_was(EntryId::new(10, 0), &info));
    }
}
