//! Entries of the worker that was the active one before. Its lease has expired, so it handles nothing any more, and
//! its entries are handled before new ones. They need not be idle for the claim idle, but do wait for their next
//! attempt like any other entry.

use std::collections::HashSet;

use super::Engine;
use super::sweep::PAGE;
use crate::model::{EntryId, Name, PendingEntry};
use crate::wire::{Error, PendingFilter, xpending_entries};

/// How many entries of one predecessor are looked at in one pass.
const ROWS_MAX: usize = 4096;

/// The consumer whose entries now belong to this worker.
#[derive(Debug, Default)]
pub(super) struct Inheritance {
    predecessor: Option<Name>,
    /// Whether some of these entries are due; no new entries are read before they are claimed.
    is_due: bool,
}

impl Inheritance {
    /// Sets the consumer that this worker succeeds, if one is known.
    pub(super) fn of(&mut self, predecessor: Option<Name>) {
        self.is_due = predecessor.is_some();
        self.predecessor = predecessor;
    }

    /// Whether this worker takes over the entries of this consumer.
    pub(super) fn is_from(&self, owner: &Name) -> bool {
        self.predecessor.as_ref() == Some(owner)
    }

    /// Whether some of these entries must be claimed before new ones are read.
    pub(super) fn is_due(&self) -> bool {
        self.is_due
    }
}

impl Engine {
    /// Looks for entries of the predecessor that are due. Returns whether there are any.
    pub(super) async fn find_inherited(
        &mut self,
        settling: &HashSet<EntryId>,
    ) -> Result<bool, Error> {
        let Some(predecessor) = self.inheritance.predecessor.clone() else {
            return Ok(false);
        };
        let (mut next, mut rows_seen, before) = (Some(EntryId::MIN), 0, self.stale.len());
        while let Some(start) = next.filter(|_| rows_seen < ROWS_MAX) {
            let rows = self.entries_of(&predecessor, start).await?;
            rows_seen += rows.len();
            let is_last_page = rows.len() < PAGE;
            next = rows.last().and_then(|row| row.id.next());
            next = next.filter(|_| !is_last_page);
            for row in rows {
                self.consider(row, settling);
            }
        }
        if rows_seen == 0 {
            self.inheritance.predecessor = None;
        }
        self.inheritance.is_due = self.stale.len() > before;
        Ok(self.inheritance.is_due)
    }

    async fn entries_of(
        &self,
        consumer: &Name,
        start: EntryId,
    ) -> Result<Vec<PendingEntry>, Error> {
        let Some(connection) = &self.connection else {
            return Ok(Vec::new());
        };
        let filter = PendingFilter {
            start,
            consumer: Some(consumer),
            count_max: PAGE,
            ..PendingFilter::default()
        };
        let (stream, group) = (&self.job.stream, &self.job.group);
        connection
            .run(xpending_entries(stream, group, &filter))
            .await
    }
}
