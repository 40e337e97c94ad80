//! Entries that other consumers left: found in the pending entries list by their idle times and delivery counts, page
//! by page, and claimed when their consumer seems to be dead.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::Engine;
use super::claims::Whose;
use super::reading::WAITING_MAX;
use crate::model::{EntryId, Name, PendingEntry, is_fatal};
use crate::planted;
use crate::wire::{
    CountMode, Error, ExpectedPending, PendingFilter, xlen, xpending, xpending_entries,
};
use crate::worker::counters::add;
use crate::worker::job::Mode;
use crate::worker::state::bar::Bar;
use crate::worker::state::settlement::{Settlement, What};

/// The shortest time between two passes over the pending entries list.
const SWEEP_MIN: Duration = Duration::from_secs(1);
/// The part of its time that the worker spends on looking: at most one twentieth, and one fifth within a pass.
const PASS_SHARE: u32 = 20;
const LOOK_SHARE: u32 = 5;
/// The number of rows in a page of the pending entries list, and in one look.
pub(super) const PAGE: usize = 256;
pub(super) const ROWS_MAX: usize = 4096;
/// How many found entries may wait to be claimed or given up.
pub(super) const FOUND_MAX: usize = 1024;

impl Engine {
    /// Looks regularly for entries of dead consumers.
    pub(super) async fn sweep(&mut self, now: Instant) -> Result<(), Error> {
        if now < self.timers.sweep || !self.stale.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        if self.bar != Bar::Lifted {
            self.look_behind_bar().await?;
            if self.stale.is_empty() && self.lone.is_empty() {
                self.trouble.swept();
            }
            self.timers.sweep = Instant::now() + SWEEP_MIN.max(started.elapsed() * PASS_SHARE);
            return Ok(());
        }
        if self.find_inherited(&self.being_settled()).await? {
            // The next look follows as soon as these are taken.
            return Ok(());
        }
        let is_new_pass = self.sweep_from == EntryId::MIN;
        let is_over = if self.is_waiting_full()
            || is_new_pass && !self.has_others_entries().await?
            || planted::is("no-take-over")
        {
            true
        } else {
            self.find_stale().await?
        };
        if is_over && self.stale.is_empty() && self.lone.is_empty() {
            self.trouble.swept();
        }
        let took = started.elapsed();
        self.timers.sweep = Instant::now()
            + if is_over {
                SWEEP_MIN.max(took * PASS_SHARE)
            } else {
                took * LOOK_SHARE
            };
        Ok(())
    }

    /// Whether so many entries wait for a retry or for their dead letter that no more are claimed.
    pub(super) fn is_waiting_full(&self) -> bool {
        self.hand.waiting() + self.postponed.len() >= WAITING_MAX
    }

    /// Whether the group has pending entries that are not in hand here. This is one cheap request before the
    /// expensive ones.
    async fn has_others_entries(&mut self) -> Result<bool, Error> {
        let Some(connection) = &self.connection else {
            return Ok(false);
        };
        let pending = connection.run(xpending(&self.job.stream, &self.job.group));
        let Some(retries) = self.retries_to_look_at() else {
            let pending = pending.await?.count;
            let elsewhere = pending.saturating_sub(self.hand.len() as u64);
            self.pending_elsewhere = Some(elsewhere);
            return Ok(elsewhere > 0);
        };
        // Both in one round trip.
        let (pending, waiting) = tokio::join!(pending, connection.run(xlen(&retries)));
        let pending = pending?.count;
        self.on_retries(waiting, pending)?;
        Ok(pending > self.hand.len() as u64)
    }

    /// Continues through entries that have been idle for long enough, until enough of them are due or enough were
    /// looked at. Returns whether the end of the pending entries list was reached.
    async fn find_stale(&mut self) -> Result<bool, Error> {
        let settling = self.being_settled();
        let mut rows_seen = 0;
        while rows_seen < ROWS_MAX && self.found() < FOUND_MAX {
            let filter = PendingFilter {
                start: self.sweep_from,
                idle_min: (self.job.mode != Mode::Portion).then(|| self.claim_idle()),
                count_max: PAGE,
                ..PendingFilter::default()
            };
            let Some(connection) = &self.connection else {
                return Ok(false);
            };
            let rows = connection
                .run(xpending_entries(&self.job.stream, &self.job.group, &filter))
                .await?;
            rows_seen += rows.len();
            let is_last_page = rows.len() < PAGE;
            let next = rows.last().and_then(|row| row.id.next());
            let is_own =
                |row: &PendingEntry| self.hand.contains(row.id) || settling.contains(&row.id);
            let rested: Vec<PendingEntry> = rows
                .into_iter()
                .filter(|row| !is_own(row) && self.has_rested(row))
                .collect();
            if !rested.is_empty() {
                // Whoever holds them may have kept its claim idle since it was looked at.
                self.keep_claim_idle().await?;
            }
            for row in rested {
                self.consider(row, &settling);
            }
            match next {
                Some(next) if !is_last_page => self.sweep_from = next,
                _ => {
                    self.sweep_from = EntryId::MIN;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    pub(super) fn found(&self) -> usize {
        self.stale.len() + self.lone.len() + self.settlements.len()
    }

    /// Decides what to do with an entry that seems stale.
    pub(super) fn consider(&mut self, row: PendingEntry, settling: &HashSet<EntryId>) {
        let is_own = self.hand.contains(row.id) || settling.contains(&row.id);
        if is_own || !self.has_rested(&row) {
            return;
        }
        let max = self.job.policy.max_deliveries;
        if row.deliveries >= 2 * max {
            self.give_up(row);
            return;
        }
        let seen = ExpectedPending {
            id: row.id,
            owner: Some(row.consumer),
            deliveries: Some(row.deliveries),
        };
        if row.deliveries < max {
            self.stale.push_back(seen);
        } else {
            self.lone.push(seen);
        }
    }

    /// Whether an entry has been idle for long enough. A released entry need not wait.
    pub(super) fn has_rested(&self, row: &PendingEntry) -> bool {
        row.idle_ms.is_none_or(|idle_ms| {
            Duration::from_millis(idle_ms) >= self.rest(&row.consumer, row.deliveries)
        })
    }

    /// How long an entry that `owner` holds must be idle.
    pub(super) fn rest(&self, owner: &Name, deliveries: u64) -> Duration {
        let policy = &self.job.policy;
        let is_of_ended = self.job.mode == Mode::Portion && *owner != self.job.consumer;
        if is_of_ended || self.inheritance.is_from(owner) {
            policy.longest_delay(deliveries)
        } else {
            policy.rest(self.claim_idle(), deliveries)
        }
    }

    /// Claims stale entries as far as there is room.
    pub(super) async fn take_stale(&mut self) -> Result<(), Error> {
        let room = self.room().min(self.claims.at_a_time());
        let due: Vec<ExpectedPending> = self.stale.drain(..room.min(self.stale.len())).collect();
        let taken = self.claim(CountMode::Raise, Whose::Others, &due).await?;
        self.count_taken(taken);
        Ok(())
    }

    /// Starts entries that were assigned to this worker, as far as there is room. They are pending for its consumer,
    /// and the attempt counts as a delivery.
    pub(super) async fn take_given(&mut self) -> Result<(), Error> {
        let room = self.room().min(self.claims.at_a_time());
        let count = room.min(self.given.len());
        let next: Vec<ExpectedPending> = self.given.iter().take(count).cloned().collect();
        self.claim(CountMode::Raise, Whose::Own, &next).await?;
        self.given.drain(..count);
        Ok(())
    }

    /// Gives up an entry that was delivered so often that not even an attempt alone came to an end.
    fn give_up(&mut self, row: PendingEntry) {
        let reason = if is_fatal(row.deliveries) {
            "marked fatal by XNACK".to_owned()
        } else {
            format!("delivered {} times without a result", row.deliveries)
        };
        let what = What::DeadLetter {
            reason,
            owner: Some(row.consumer),
        };
        self.settlements
            .push_back(Settlement::new(row.id, row.deliveries, what));
    }

    /// Claims an entry that must run alone, once nothing else is running or ready.
    pub(super) async fn take_lone(&mut self, now: Instant) -> Result<(), Error> {
        if !self.is_idle() || self.room_for_retries() == 0 {
            self.lone.others_run(now);
            return Ok(());
        }
        let Some(seen) = self.lone.take() else {
            return Ok(());
        };
        let id = seen.id;
        let taken = self.claim(CountMode::Raise, Whose::Others, &[seen]).await?;
        self.lone.has_run(now);
        self.count_taken(taken);
        let mut ready = self.ready.iter_mut();
        let found = ready.find(|delivery| delivery.id() == id);
        if let Some(delivery) = found.or_else(|| self.parked.get_mut(&id)) {
            delivery.is_alone = true;
            tracing::warn!(
                group = %self.job.group, %id, deliveries = delivery.deliveries,
                "the entry's deliveries are used up, perhaps because it crashes workers: trying it once more, alone"
            );
        }
        Ok(())
    }

    fn count_taken(&self, taken: usize) {
        if taken > 0 {
            add(&self.counters.taken_over, taken as u64);
            tracing::info!(group = %self.job.group, entries = taken, "claimed pending entries from dead consumers");
        }
    }
}
