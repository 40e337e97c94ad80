//! Continues after a lost connection: connects again, and finds the entries that were delivered to this consumer in
//! replies that were lost. It only looks at the pending entries list, so no delivery is counted.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::Member;
use crate::model::{Batch, EntryId, PendingEntry};
use crate::streams::patience::{WAITS, passes};
use crate::streams::tail::Sink;
use crate::wire::{Error, PendingFilter, xpending_entries, xrange};

/// How much longer than requested a server may take to end a blocking read.
const OVERTIME: Duration = Duration::from_millis(100);
/// The number of rows in a page of this consumer's pending entries.
const PAGE: usize = 500;

/// Entries that were delivered in lost replies.
#[derive(Debug, Default)]
pub(super) struct Strays {
    /// Entries that were never handed over.
    pub(super) batch: Batch,
    /// Entries whose bodies were trimmed in the meantime; they stay pending.
    pub(super) bodiless: Vec<EntryId>,
}

impl Member<'_> {
    /// Connects again, however long that takes, and finds the entries that were delivered in lost replies; `None`
    /// when stopped.
    pub(super) async fn go_on(
        &mut self,
        failed: &Error,
        sink: &mut impl Sink,
        is_stopped: &impl Fn() -> bool,
    ) -> Result<Option<Strays>, Error> {
        sink.note(&format!("{failed}; connecting again"));
        let mut waits = WAITS.waits();
        while !is_stopped() {
            match self.reopen().await {
                Ok(strays) => {
                    sink.note("reconnected; continuing at the same position");
                    return Ok(Some(strays));
                }
                Err(error) if !passes(&error) => return Err(error),
                Err(_) => sleep(waits.failed()).await,
            }
        }
        Ok(None)
    }

    async fn reopen(&mut self) -> Result<Strays, Error> {
        self.lane = Some(self.dialer.lane().await?);
        self.connection = self.dialer.connect().await?;
        // Until then a server that does not know of the lost connection may still deliver to the read that waited there.
        if let Some(read_ends) = self.read_ends {
            sleep_until(Instant::from_std(read_ends + OVERTIME)).await;
        }
        self.strays().await
    }

    /// Closes the reading connection because nobody takes entries any more, and releases the entries that were
    /// delivered to it in the meantime. Returns how many.
    pub(super) async fn abandon(&mut self) -> Result<u64, Error> {
        self.lane = None;
        // A server that has answered twice has seen in between that the connection is closed: nothing is delivered to it after.
        for _ in 0..2 {
            self.own_page(self.position, 1).await?;
        }
        let mut given_back = 0;
        let mut start = self.position.next();
        while let Some(from) = start {
            let rows = self.own_page(from, PAGE).await?;
            start = rows
                .last()
                .and_then(|row| row.id.next())
                .filter(|_| rows.len() == PAGE);
            let leases: Vec<_> = rows.iter().map(|row| (row.id, row.deliveries)).collect();
            given_back += self.release(&leases).await;
        }
        Ok(given_back)
    }

    async fn own_page(&self, start: EntryId, count_max: usize) -> Result<Vec<PendingEntry>, Error> {
        let filter = PendingFilter {
            start,
            consumer: Some(self.consumer),
            count_max,
            ..PendingFilter::default()
        };
        let rows = xpending_entries(&self.target.stream, &self.target.group, &filter);
        self.connection.run(rows).await
    }

    /// The pending entries of this consumer that come after the last one handed over.
    async fn strays(&self) -> Result<Strays, Error> {
        let stream = &self.target.stream;
        let mut strays = Strays::default();
        let mut start = self.position.next();
        while let Some(from) = start {
            let rows = self.own_page(from, PAGE).await?;
            let is_last_page = rows.len() < PAGE;
            start = rows
                .last()
                .and_then(|row| row.id.next())
                .filter(|_| !is_last_page);
            let bodies = rows
                .iter()
                .map(|row| xrange(stream, row.id, row.id, 1))
                .collect();
            for (row, found) in rows.iter().zip(self.connection.run_all(bodies).await?) {
                match found?.first() {
                    Some(entry) => strays.batch.append(entry),
                    None => strays.bodiless.push(row.id),
                }
            }
        }
        Ok(strays)
    }
}
