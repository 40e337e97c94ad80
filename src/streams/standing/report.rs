//! How an entry stands with a group, as it is told.

use crate::model::{Cell, EntryId, JournalOutcome, Name, Time, Tone, is_fatal, report, states};
use crate::streams::inspect::deliveries_cell;

states! {
    /// How an entry stands with a group.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Standing {
        /// It was delivered and is not acknowledged.
        Pending = "pending" in Warn,
        /// The same, and its body is gone from the stream, so that nobody can process it.
        Ghost = "pending without body" in Bad,
        /// It was not delivered to the group yet.
        Undelivered = "not delivered" in Plain,
        /// It was delivered and acknowledged.
        Acknowledged = "acknowledged" in Ok,
        /// The group begins after it.
        Skipped = "skipped" in Dim,
        /// A copy of it was added to the end of the stream, and the entry itself is done with.
        Requeued = "requeued" in Plain,
        /// A dead letter of it was moved back to the end of the stream as a copy.
        Redriven = "redriven" in Plain,
        /// It is in the dead-letter stream.
        DeadLettered = "dead-lettered" in Bad,
        /// It left the stream before it was delivered to the group.
        Lost = "lost" in Bad,
        /// The server does not have the group.
        NoGroup = "no such group" in Warn,
        /// It cannot be told.
        Unknown = "unknown" in Warn,
    }
}

states! {
    /// How well something is known.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Certainty {
        /// The server, or a worker's journal, says so.
        Certain = "certain" in Ok,
        /// It follows from what the server says, and something else may be true.
        Inferred = "inferred" in Warn,
        /// What it would follow from could not be seen.
        Unknown = "unknown" in Warn,
    }
}

report! {
    /// How an entry stands with a group.
    #[derive(Clone, Debug)]
    pub struct GroupStanding {
        /// The group.
        pub group: Name => text("GROUP"),
        /// The stream.
        pub stream: Name => text("STREAM", varying),
        /// The entry.
        pub id: EntryId => whole("ID", varying),
        /// How it stands with the group.
        pub standing: Standing => whole("STANDING"),
        /// How well that is known.
        pub certainty: Certainty => whole("CERTAINTY"),
        /// Who holds it, or had it last.
        pub consumer: Option<Name> => text("CONSUMER"),
        /// How often it was delivered; null where nobody knows, and where that is fatal.
        pub deliveries: Option<u64> => number("DELIVERIES") by |it| deliveries_cell(it.deliveries, it.is_fatal),
        /// Whether it was given up for good (`XNACK … FATAL`).
        pub is_fatal: bool,
        /// Milliseconds since it was last delivered to who holds it, or renewed.
        pub idle_ms: Option<u64> => millis("IDLE"),
        /// When a handler was first started with it, where a worker noted that: at its second attempt, or after ten seconds.
        pub in_flight_since: Option<Time> => whole("IN FLIGHT SINCE", wide),
        /// Why its last attempt failed, or why it is a dead letter, where that is known.
        pub reason: Option<String> => text("REASON", wide),
        /// When it was settled, where a worker's journal or its dead letter says so.
        pub settled_at: Option<Time> => whole("SETTLED", wide),
        /// How long its handler took, where a worker's journal says so.
        pub took_ms: Option<u64> => millis("TOOK", wide),
        /// Its dead letters of this group that were found.
        pub dead_letter_ids: Vec<EntryId> => whole("DEAD LETTER", wide) by |it| ids_cell(&it.dead_letter_ids),
        /// The last id delivered to the group; null where that could not be seen.
        pub position: Option<EntryId> => whole("POSITION", wide, unknown),
        /// What it is known from.
        pub evidence: String => text("EVIDENCE", wide),
        /// What to type next, where there is something to do or to see.
        pub next: Option<String> => text("NEXT", wide),
    }
}

report! {
    /// What a worker recorded of an entry.
    #[derive(Clone, Debug)]
    pub struct JournalRow {
        /// The group.
        pub group: Name => text("GROUP"),
        /// The stream.
        pub stream: Name => text("STREAM", wide),
        /// The entry.
        pub id: EntryId => whole("ID", varying),
        /// When it was settled, by the server's clock.
        pub time: Time => whole("TIME"),
        /// Who had it.
        pub consumer: Name => text("CONSUMER"),
        /// What became of it.
        pub outcome: JournalOutcome => whole("OUTCOME"),
        /// How long its handler took; null where nobody measured that.
        pub took_ms: Option<u64> => millis("TOOK", unknown),
    }
}

impl GroupStanding {
    /// Of which nothing is known but its names.
    pub(super) fn new(stream: &Name, group: &Name, id: EntryId) -> Self {
        Self {
            group: group.clone(),
            stream: stream.clone(),
            id,
            standing: Standing::Unknown,
            certainty: Certainty::Unknown,
            consumer: None,
            deliveries: None,
            is_fatal: false,
            idle_ms: None,
            in_flight_since: None,
            reason: None,
            settled_at: None,
            took_ms: None,
            dead_letter_ids: Vec::new(),
            position: None,
            evidence: String::new(),
            next: None,
        }
    }

    /// With a delivery count, which may be no number of deliveries.
    pub(super) fn count(&mut self, deliveries: u64) {
        self.is_fatal = is_fatal(deliveries);
        self.deliveries = (!self.is_fatal).then_some(deliveries);
    }
}

/// Ids after each other; nothing for none.
pub(super) fn ids_cell(ids: &[EntryId]) -> Cell {
    let words = ids.iter().map(ToString::to_string);
    match words.collect::<Vec<_>>().join(" ") {
        none if none.is_empty() => Cell::Nothing,
        ids => Cell::Text(ids).toned(Tone::Id),
    }
}
