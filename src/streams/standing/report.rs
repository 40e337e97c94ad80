//! The report of an entry's standing with a group.

use crate::model::{Cell, EntryId, JournalOutcome, Name, Time, Tone, is_fatal, report, states};
use crate::streams::inspect::deliveries_cell;

states! {
    /// The standing of an entry with a group.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Standing {
        /// The entry was delivered and is not acknowledged.
        Pending = "pending" in Warn,
        /// The entry is pending, and its body is gone from the stream, so that nobody can process it.
        Ghost = "pending without body" in Bad,
        /// The entry was not delivered to the group yet.
        Undelivered = "not delivered" in Plain,
        /// The entry was delivered and acknowledged.
        Acknowledged = "acknowledged" in Ok,
        /// The group's position was set after the entry, so the entry is never delivered to it.
        Skipped = "skipped" in Dim,
        /// A copy of the entry was added to the end of the stream, and the entry itself was acknowledged.
        Requeued = "requeued" in Plain,
        /// A dead letter of the entry was moved back to the end of the stream as a copy.
        Redriven = "redriven" in Plain,
        /// The entry is in the dead-letter stream.
        DeadLettered = "dead-lettered" in Bad,
        /// The entry was trimmed or deleted before it was delivered to the group.
        Lost = "lost" in Bad,
        /// The server does not have the group.
        NoGroup = "no such group" in Warn,
        /// The standing cannot be determined.
        Unknown = "unknown" in Warn,
    }
}

states! {
    /// How certain a standing is.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Certainty {
        /// The server, or a worker's journal, says so.
        Certain = "certain" in Ok,
        /// It follows from what the server says, but something else may be true.
        Inferred = "inferred" in Warn,
        /// The facts from which it would follow could not be read.
        Unknown = "unknown" in Warn,
    }
}

report! {
    /// The standing of one entry with one group.
    #[derive(Clone, Debug)]
    pub struct GroupStanding {
        /// The group.
        pub group: Name => text("GROUP"),
        /// The stream.
        pub stream: Name => text("STREAM", varying),
        /// The entry.
        pub id: EntryId => whole("ID", varying),
        /// The standing of the entry with the group.
        pub standing: Standing => whole("STANDING"),
        /// How certain the standing is.
        pub certainty: Certainty => whole("CERTAINTY"),
        /// The consumer that holds the entry, or held it last.
        pub consumer: Option<Name> => text("CONSUMER"),
        /// How often the entry was delivered; null when it is unknown, and when `is_fatal`.
        pub deliveries: Option<u64> => number("DELIVERIES") by |it| deliveries_cell(it.deliveries, it.is_fatal),
        /// Whether the entry was given up for good (`XNACK … FATAL`).
        pub is_fatal: bool,
        /// Milliseconds since the entry was last delivered to its consumer, or renewed.
        pub idle_ms: Option<u64> => millis("IDLE"),
        /// When a handler was first started with the entry, if a worker recorded that (at its second attempt, or after
        /// ten seconds).
        pub in_flight_since: Option<Time> => whole("IN FLIGHT SINCE", wide),
        /// Why the last attempt failed, or why the entry is a dead letter, if this is known.
        pub reason: Option<String> => text("REASON", wide),
        /// When the entry was settled, according to a worker's journal or its dead letter.
        pub settled_at: Option<Time> => whole("SETTLED", wide),
        /// How long the handler took, according to a worker's journal.
        pub took_ms: Option<u64> => millis("TOOK", wide),
        /// The dead letters of the entry in this group that were found.
        pub dead_letter_ids: Vec<EntryId> => whole("DEAD LETTER", wide) by |it| ids_cell(&it.dead_letter_ids),
        /// The last id delivered to the group; null when the user may not read it.
        pub position: Option<EntryId> => whole("POSITION", wide, unknown),
        /// The facts on which the standing is based.
        pub evidence: String => text("EVIDENCE", wide),
        /// The command to type next, if there is something to do or to see.
        pub next: Option<String> => text("NEXT", wide),
    }
}

report! {
    /// A record about an entry in a worker's journal.
    #[derive(Clone, Debug)]
    pub struct JournalRow {
        /// The group.
        pub group: Name => text("GROUP"),
        /// The stream.
        pub stream: Name => text("STREAM", wide),
        /// The entry.
        pub id: EntryId => whole("ID", varying),
        /// When the entry was settled, by the server's clock.
        pub time: Time => whole("TIME"),
        /// The consumer that held the entry.
        pub consumer: Name => text("CONSUMER"),
        /// The outcome.
        pub outcome: JournalOutcome => whole("OUTCOME"),
        /// How long the handler took; null when this was not measured.
        pub took_ms: Option<u64> => millis("TOOK", unknown),
    }
}

impl GroupStanding {
    /// A standing about which nothing but the names is known.
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

    /// Sets the delivery count, which may also be the mark of an entry that was given up for good.
    pub(super) fn count(&mut self, deliveries: u64) {
        self.is_fatal = is_fatal(deliveries);
        self.deliveries = (!self.is_fatal).then_some(deliveries);
    }
}

/// Ids separated by spaces; no value when there are none.
pub(super) fn ids_cell(ids: &[EntryId]) -> Cell {
    let words = ids.iter().map(ToString::to_string);
    match words.collect::<Vec<_>>().join(" ") {
        none if none.is_empty() => Cell::Nothing,
        ids => Cell::Text(ids).toned(Tone::Id),
    }
}
