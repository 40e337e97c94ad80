//! One entry in the trace of an event: what it is, and how long after the one before it was added.

use crate::model::{Entry, EntryId, Fields, Name, Time, report, states};
use crate::streams::dead_letters::DeadLetter;
use crate::streams::standing::Origin;
use crate::topology::home_of_retries;
use crate::wire::FieldSlices;

states! {
    /// The kind of an entry in the trace of an event.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum HopState {
        /// An entry of the stream.
        Entry = "entry" in Ok,
        /// A copy of an entry, made by a requeue or a redrive.
        Copy = "copy" in Plain,
        /// A dead letter.
        DeadLetter = "dead letter" in Bad,
        /// An entry that a dead letter or a copy names, and that is not in the stream any more.
        Gone = "gone" in Warn,
    }
}

report! {
    /// One entry in the trace of an event.
    #[derive(Clone, Debug)]
    pub struct Hop {
        /// The stream.
        pub stream: Name => text("STREAM"),
        /// The entry.
        pub id: EntryId => whole("ID"),
        /// The kind of the entry.
        pub state: HopState => whole("STATE"),
        /// When the entry was added, by its id; null for an id beyond the year 9999.
        pub time: Option<Time> => whole("TIME", wide, unknown),
        /// The time since the entry was added, by the server's clock; null for an id ahead of it.
        pub age_ms: Option<u64> => millis("AGE", unknown),
        /// The time from the entry before to this one, by their ids; null for the first entry.
        pub latency_ms: Option<u64> => millis("LATER"),
        /// The time from the first entry to this one, by their ids.
        pub total_ms: u64 => millis("IN ALL", wide),
        /// The size of the entry's names and values in bytes; null for an entry that is gone.
        pub bytes: Option<u64> => bytes("BYTES", wide),
        /// The entry of which this is a dead letter or a copy; for a copy of a copy, the original entry.
        pub of: Option<EntryId> => whole("OF"),
        /// Whether this is a copy that a redrive made.
        pub is_redriven: bool => whole("REDRIVEN", wide),
        /// The group that could not process the entry; only for a dead letter.
        pub group: Option<Name> => text("GROUP"),
        /// Why the entry is a dead letter: the last line of the reason that is not empty; only for a dead letter.
        pub reason: Option<String> => text("REASON"),
    }
}

impl Hop {
    pub(super) fn new(stream: &Name, id: EntryId, state: HopState) -> Self {
        Self {
            stream: stream.clone(),
            id,
            state,
            time: id.time(),
            age_ms: None,
            latency_ms: None,
            total_ms: 0,
            bytes: None,
            of: None,
            is_redriven: false,
            group: None,
            reason: None,
        }
    }

    /// The hop of an entry, and the entry that it names, if it is a dead letter or a copy.
    pub(super) fn of(
        stream: &Name,
        id: EntryId,
        fields: &FieldSlices<'_>,
        is_dead: bool,
    ) -> (Self, Option<(Vec<u8>, EntryId)>) {
        let mut hop = Self::new(stream, id, HopState::Entry);
        let lengths = fields.iter().map(|(name, value)| name.len() + value.len());
        hop.bytes = Some(lengths.sum::<usize>() as u64);
        if is_dead {
            let owned = |(name, value): &(&[u8], &[u8])| (name.to_vec(), value.to_vec());
            let fields: Fields = fields.iter().map(owned).collect();
            let letter = DeadLetter::of(stream, Entry { id, fields });
            hop.state = HopState::DeadLetter;
            hop.of = letter.origin_id;
            hop.reason = letter.cause().map(std::borrow::Cow::into_owned);
            hop.group.clone_from(&letter.group);
            let origin = letter.stream.zip(letter.origin_id);
            return (
                hop,
                origin.map(|(stream, id)| (stream.as_bytes().to_vec(), id)),
            );
        }
        let Some(origin) = Origin::of(fields) else {
            return (hop, None);
        };
        hop.state = HopState::Copy;
        hop.of = origin.id;
        hop.is_redriven = origin.redrives.is_some();
        // What is in a retry stream is a copy of an entry of the stream that it belongs to.
        let home = home_of_retries(stream);
        let of = home.as_ref().unwrap_or(stream);
        let origin = origin.id.map(|id| (of.as_bytes().to_vec(), id));
        (hop, origin)
    }
}

/// Sorts the hops by the time at which they were added, and calculates the time between them.
pub(super) fn in_order(hops: &mut [Hop], now: Time) {
    hops.sort_by_key(|hop| hop.id);
    let first_ms = hops.first().map(|hop| hop.id.ms).unwrap_or_default();
    let mut before = None;
    for hop in hops {
        let ms = hop.id.ms;
        hop.latency_ms = before.map(|before| ms - before);
        hop.total_ms = ms - first_ms;
        hop.age_ms = hop.time.and_then(|it| now.ms.checked_sub(it.ms));
        before = Some(ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_between_neighbours_and_from_the_first() {
        let hop = |ms| Hop::new(&"s".into(), EntryId::new(ms, 0), HopState::Entry);
        let mut hops = [hop(50), hop(10), hop(30)];
        in_order(&mut hops, Time::from_ms(40));
        let found = hops.map(|it| (it.id.ms, it.latency_ms, it.total_ms, it.age_ms));
        assert_eq!(
            found,
            [
                (10, None, 0, Some(30)),
                (30, Some(20), 20, Some(10)),
                (50, Some(20), 40, None),
            ]
        );
    }
}
