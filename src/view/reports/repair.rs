//! `claim`, `ack`, `requeue`, `dlq add`, `dlq redrive` and `dlq purge`: the result for each entry.

use crate::model::{Body, EntryId, Name, Time, is_fatal, report};
use crate::streams::inspect::deliveries_cell;
use crate::streams::repaired::{Outcome, Repaired};

report! {
    /// An entry, and the result of the change.
    #[derive(Debug)]
    pub struct Changed ranked by rank_by_outcome {
        /// The entry.
        pub id: EntryId => whole("ID"),
        /// When the entry was added, by its id.
        pub time: Option<Time>,
        /// What happened to it.
        pub outcome: Outcome => whole("OUTCOME"),
        /// The consumer that held the entry when it was looked up; `null` also when no consumer held it.
        pub consumer: Option<Name> => text("WAS HELD BY"),
        /// How long the entry had been idle then.
        pub idle_ms: Option<u64> => millis("IDLE"),
        /// How often the entry had been delivered; `null` also when it was given up for good.
        pub deliveries: Option<u64> => number("DELIVERIES")
            by |row| deliveries_cell(row.deliveries, row.is_fatal),
        /// Whether the entry was given up for good (`XNACK … FATAL`).
        pub is_fatal: bool,
        /// The entry's new id in the stream to which it was added.
        pub new_id: Option<EntryId> => whole("NEW ID"),
        /// When the entry was added there, by its new id.
        pub new_time: Option<Time>,
        /// The stream that the id belongs to.
        pub stream: Name => text("STREAM", wide),
        /// The reason, if there is more to say.
        pub detail: Option<String> => text("DETAIL", wide),
        /// The entry's fields, if the operation has them.
        pub fields: Option<Body> => text("FIELDS", wide),
    }
}

impl Changed {
    /// Entries without the result that was asked for come first.
    fn rank_by_outcome(&self) -> u64 {
        self.outcome.is_done().into()
    }

    /// `row`, for an id of `stream`.
    pub fn new(stream: &Name, row: &Repaired) -> Self {
        let Repaired {
            id,
            outcome,
            consumer,
            idle_ms,
            deliveries,
            new_id,
            detail,
            fields,
        } = row.clone();
        let is_fatal = deliveries.is_some_and(is_fatal);
        Self {
            id,
            time: id.time(),
            outcome,
            consumer,
            idle_ms,
            deliveries: deliveries.filter(|_| !is_fatal),
            is_fatal,
            new_id,
            new_time: new_id.and_then(EntryId::time),
            stream: stream.clone(),
            detail,
            fields,
        }
    }
}
