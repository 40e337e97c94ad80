//! The start of a worker that handles the entries of one key in order: what was pending before is settled or in hand
//! before anything new is read, and is taken over in the order of the stream.

use super::Engine;
use super::sweep::{FOUND_MAX, PAGE, ROWS_MAX};
use crate::model::{EntryId, PendingEntry};
use crate::wire::{Error, PendingFilter, xpending, xpending_entries};
use crate::worker::state::bar::Bar;

impl Engine {
    /// Looks for the entries that must come first, and lifts the bar when there are no more of them.
    pub(super) async fn look_behind_bar(&mut self) -> Result<(), Error> {
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        if self.bar == Bar::Unknown {
            let summary = connection.run(xpending(&self.job.stream, &self.job.group));
            let pending = summary.await?;
            self.bar = pending.last.map_or(Bar::Lifted, Bar::UpTo);
            if self.bar != Bar::Lifted {
                tracing::info!(
                    group = %self.job.group, stream = %self.job.stream, entries = pending.count,
                    "keeps the order of keys: nothing new is read until what was pending is settled or taken over"
                );
            }
        }
        let Bar::UpTo(last) = self.bar else {
            return Ok(());
        };
        self.keep_claim_idle().await?;
        if self.take_in_order(last).await? {
            self.bar = Bar::Lifted;
            tracing::info!(group = %self.job.group, stream = %self.job.stream, "what was pending is settled or taken over");
        }
        Ok(())
    }

    /// Finds entries up to `last` that are pending and not in hand, in their order and up to the first whose time has not
    /// come. Returns whether there is none.
    async fn take_in_order(&mut self, last: EntryId) -> Result<bool, Error> {
        let settling = self.being_settled();
        let is_own = |engine: &Self, row: &PendingEntry| {
            engine.hand.contains(row.id) || settling.contains(&row.id)
        };
        let (mut next, mut rows_seen, mut has_none) = (Some(EntryId::MIN), 0, true);
        while let Some(start) = next.filter(|start| *start <= last && rows_seen < ROWS_MAX) {
            let Some(connection) = &self.connection else {
                return Ok(false);
            };
            let filter = PendingFilter {
                start,
                end: last,
                count_max: PAGE,
                ..PendingFilter::default()
            };
            let rows = xpending_entries(&self.job.stream, &self.job.group, &filter);
            let rows = connection.run(rows).await?;
            rows_seen += rows.len();
            let is_last_page = rows.len() < PAGE;
            next = rows.last().and_then(|row| row.id.next());
            next = next.filter(|_| !is_last_page);
            for row in rows {
                if is_own(self, &row) {
                    continue;
                }
                has_none = false;
                let is_lone = row.deliveries >= self.job.policy.max_deliveries;
                if !self.has_rested(&row) || self.found() >= FOUND_MAX {
                    return Ok(false);
                }
                self.consider(row, &settling);
                if is_lone {
                    // It runs alone: what comes after it waits.
                    return Ok(false);
                }
            }
        }
        Ok(has_none && next.is_none_or(|next| next > last))
    }
}
