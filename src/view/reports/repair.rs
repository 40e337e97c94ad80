//! `claim`, `ack`, `requeue`, `dlq add`, `dlq redrive` and `dlq purge`: what became of each entry.

use crate::model::{Body, EntryId, Name, Time, is_fatal, report};
use crate::streams::inspect::deliveries_cell;
use crate::streams::repair::{Outcome, Repaired};

report! {
    /// An entry, and what became of it.
    #[derive(Debug)]
    pub struct Changed ranked by rank_by_outcome {
        /// The entry.
        pub id: EntryId => whole("ID"),
        /// When it was added, by its id.
        pub time: Option<Time>,
        /// What became of it.
        pub outcome: Outcome => whole("OUTCOME"),
        /// Who held it when it was looked at; `null` also for what nobody held.
        pub consumer: Option<Name> => text("WAS HELD BY"),
        /// How long it had not been delivered then.
        pub idle_ms: Option<u64> => millis("IDLE"),
        /// How often it had been delivered; `null` also where that is fatal.
        pub deliveries: Option<u64> => number("DELIVERIES")
            by |row| deliveries_cell(row.deliveries, row.is_fatal),
        /// Whether it was given up for good (`XNACK … FATAL`).
        pub is_fatal: bool,
        /// Its id in the stream it went to.
        pub new_id: Option<EntryId> => whole("NEW ID"),
        /// When it went there, by that id.
        pub new_time: Option<Time>,
        /// The stream that the id is of.
        pub stream: Name => text("STREAM", wide),
        /// Why, where there is more to say.
        pub detail: Option<String> => text("DETAIL", wide),
        /// Its fields, where the operation has them.
        pub fields: Option<Body> => text("FIELDS", wide),
    }
}

impl Changed {
    /// What did not come out as it was meant to stands first.
    fn rank_by_outcome(&self) -> u64 {
        self.outcome.is_done().into()
    }

    /// `row`, of an id of `stream`.
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
