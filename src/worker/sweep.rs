//! What a worker does about entries that are not new: its own leases and retries, and other consumers' entries that
//! nobody attends to any more. All of it goes by the pending list's idle times and counts, and every claim is fenced by
//! what was seen there, so two workers never both win.

use std::time::{Duration, Instant};

use super::counters::add;
use super::engine::{Engine, presence_interval};
use super::hand::Delivery;
use super::retries::Retry;
use super::settlement::{Settlement, What};
use crate::model::{Entry, EntryId, PendingEntry};
use crate::planted;
use crate::wire::{
    Claim, CountMode, Error, LeaseState, PendingFilter, Seen, claim, renew, touch_consumer,
    xpending, xpending_entries,
};

/// The least time between two looks at the pending list.
const SWEEP_MIN: Duration = Duration::from_secs(1);
/// A look takes at most this part of the time: one in twenty.
const SWEEP_SHARE: u32 = 20;
/// Rows a page of the pending list.
const PAGE: usize = 256;
/// Entries found stale that wait to be claimed.
const STALE_MAX: usize = 1024;
/// Leases renewed by one script call.
const RENEWED_AT_A_TIME: usize = 500;

impl Engine {
    /// Renews the leases of what is in hand, and lets go of what was lost.
    pub(super) async fn renew_leases(&mut self, now: Instant) -> Result<(), Error> {
        if now < self.timers.renewal {
            return Ok(());
        }
        let leases = self.hand.leases();
        for chunk in leases.chunks(RENEWED_AT_A_TIME) {
            let asked_at = Instant::now();
            let Some(connection) = &self.connection else {
                return Ok(());
            };
            let states = connection.call(renew(self.holder(), chunk)).await?;
            for ((id, _), state) in chunk.iter().zip(states) {
                match state {
                    // Ghost: the body is in memory, and the handler may still succeed. Claiming the entry would drop it from the
                    // pending list without a word.
                    LeaseState::Done | LeaseState::Ghost => self.hand.confirm(*id, asked_at),
                    // Acknowledged by this worker, and the reply has not come: no news.
                    LeaseState::Lost if self.is_being_settled(*id) => {}
                    LeaseState::Lost => {
                        self.count_lost(*id);
                        self.let_go(*id);
                    }
                }
            }
        }
        self.timers.renewal = now + self.job.policy.renewal();
        Ok(())
    }

    /// Keeps the consumer's idle time fresh, so that others can tell a quiet worker from a dead one.
    pub(super) async fn show_presence(&mut self, now: Instant) -> Result<(), Error> {
        if now < self.timers.presence {
            return Ok(());
        }
        if let Some(connection) = &self.connection {
            connection
                .run(touch_consumer(
                    &self.job.stream,
                    &self.job.group,
                    &self.job.consumer,
                ))
                .await?;
        }
        self.timers.presence = now + presence_interval(&self.job.policy);
        Ok(())
    }

    /// Starts the next attempt of entries whose delay is over.
    pub(super) async fn retry_due(&mut self, now: Instant) -> Result<(), Error> {
        let mut due = self.retries.take_due(now, self.room());
        while let Some(first) = due.first() {
            let is_free = first.is_free;
            let alike: Vec<Retry> = due.extract_if(.., |it| it.is_free == is_free).collect();
            if let Err(error) = self.attempt_again(&alike).await {
                // They stay due.
                for retry in alike.into_iter().chain(due) {
                    self.retries.push(retry);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Claims entries for their next attempt; all of them count a delivery, or none does.
    async fn attempt_again(&mut self, retries: &[Retry]) -> Result<(), Error> {
        let is_free = retries.first().is_some_and(|retry| retry.is_free);
        let mode = if is_free {
            CountMode::Keep
        } else {
            CountMode::Raise
        };
        let seen: Vec<Seen> = retries.iter().map(|retry| self.own(retry)).collect();
        self.claim(mode, &seen).await.map(|_| ())
    }

    /// While everything fails: tries one entry, without counting a delivery.
    pub(super) async fn probe(&mut self, now: Instant) -> Result<(), Error> {
        let is_due = self.breaker.next_probe().is_some_and(|at| now >= at);
        if !is_due || self.hand.running() > 0 {
            return Ok(());
        }
        self.breaker.probing(now);
        if self.breaker.is_for_a_new_one() && !self.is_reading_over {
            match self.ready.front_mut() {
                Some(delivery) => delivery.is_probe = true,
                None => self.is_probe_wanted = true,
            }
            return Ok(());
        }
        let Some(retry) = self.retries.take_first() else {
            // Nothing waits: the next entry that is read is the probe.
            self.breaker.succeeded();
            return Ok(());
        };
        let seen = [self.own(&retry)];
        match self.claim(CountMode::Keep, &seen).await {
            Ok(_) => {
                let mut ready = self.ready.iter_mut();
                if let Some(delivery) = ready.find(|delivery| delivery.id() == retry.id) {
                    delivery.is_probe = true;
                }
                Ok(())
            }
            Err(error) => {
                self.retries.push(retry);
                Err(error)
            }
        }
    }

    /// Everything fails: gives back what was not started and says so.
    pub(super) fn on_breaker_opened(&mut self, reason: &str) {
        tracing::error!(
            group = %self.job.group, stream = %self.job.stream, reason = %crate::model::escaped(reason.as_bytes()),
            "everything fails: pausing, and trying one message at a time; no deliveries are counted against the others"
        );
        self.put_back_unstarted();
    }

    /// Looks, now and then, for entries that nobody attends to.
    pub(super) async fn sweep(&mut self, now: Instant) -> Result<(), Error> {
        if now < self.timers.sweep || !self.stale.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        if self.has_others_entries().await? && !planted::is("no-take-over") {
            self.find_stale().await?;
        }
        if self.stale.is_empty() && self.lone.is_none() {
            self.trouble.swept();
        }
        self.timers.sweep = Instant::now() + SWEEP_MIN.max(started.elapsed() * SWEEP_SHARE);
        Ok(())
    }

    /// Whether the group has pending entries that are not in hand here: one cheap look before the expensive one.
    async fn has_others_entries(&self) -> Result<bool, Error> {
        let Some(connection) = &self.connection else {
            return Ok(false);
        };
        let summary = connection
            .run(xpending(&self.job.stream, &self.job.group))
            .await?;
        Ok(summary.count > self.hand.len() as u64)
    }

    /// Pages through entries idle for long enough, until enough are due or the list ends.
    async fn find_stale(&mut self) -> Result<(), Error> {
        let mut start = EntryId::MIN;
        while self.stale.len() < STALE_MAX {
            let filter = PendingFilter {
                start,
                idle_min: Some(self.job.policy.claim_idle),
                count_max: PAGE,
                ..PendingFilter::default()
            };
            let Some(connection) = &self.connection else {
                return Ok(());
            };
            let rows = connection
                .run(xpending_entries(&self.job.stream, &self.job.group, &filter))
                .await?;
            let is_last_page = rows.len() < PAGE;
            let next = rows.last().and_then(|row| row.id.next());
            for row in rows {
                self.consider(row);
            }
            match next {
                Some(next) if !is_last_page => start = next,
                _ => break,
            }
        }
        Ok(())
    }

    /// Decides what a stale-looking entry is due for.
    fn consider(&mut self, row: PendingEntry) {
        if self.hand.contains(row.id) || self.is_being_settled(row.id) || !self.has_rested(&row) {
            return;
        }
        let max = self.job.policy.max_deliveries;
        if row.deliveries >= 2 * max {
            self.give_up(row);
            return;
        }
        let seen = Seen {
            id: row.id,
            owner: Some(row.consumer),
            deliveries: Some(row.deliveries),
        };
        if row.deliveries < max {
            self.stale.push_back(seen);
        } else {
            self.lone.get_or_insert(seen);
        }
    }

    /// Whether an entry has been left alone long enough. One that was given back rests no more.
    fn has_rested(&self, row: &PendingEntry) -> bool {
        row.idle_ms.is_none_or(|idle_ms| {
            Duration::from_millis(idle_ms) >= self.job.policy.rest(row.deliveries)
        })
    }

    /// Takes over stale entries as far as there is room; the one that must run alone when nothing else runs.
    pub(super) async fn take_stale(&mut self) -> Result<(), Error> {
        let count = self.room().min(self.stale.len());
        let due: Vec<Seen> = self.stale.drain(..count).collect();
        let taken = self.claim(CountMode::Raise, &due).await?;
        self.count_taken(taken);
        if self.stale.is_empty() && self.hand.running() == 0 && self.hand.ready() == 0 {
            self.take_lone().await?;
        }
        Ok(())
    }

    /// Delivered so often that not even a lone attempt came to an end.
    fn give_up(&mut self, row: PendingEntry) {
        let reason = format!("delivered {} times without an outcome", row.deliveries);
        self.settlements.push_back(Settlement {
            id: row.id,
            deliveries: row.deliveries,
            what: What::DeadLetter {
                owner: Some(row.consumer),
                reason,
            },
        });
    }

    async fn take_lone(&mut self) -> Result<(), Error> {
        let Some(seen) = self.lone.take() else {
            return Ok(());
        };
        let id = seen.id;
        let taken = self.claim(CountMode::Raise, &[seen]).await?;
        self.count_taken(taken);
        if let Some(delivery) = self.ready.iter_mut().find(|delivery| delivery.id() == id) {
            delivery.is_alone = true;
            tracing::warn!(
                group = %self.job.group, %id, deliveries = delivery.deliveries,
                "its deliveries are used up, perhaps by crashes: one attempt alone"
            );
        }
        // There may be more of them.
        self.timers.sweep = Instant::now();
        Ok(())
    }

    fn count_taken(&self, taken: usize) {
        if taken > 0 {
            add(&self.counters.taken_over, taken as u64);
            tracing::info!(group = %self.job.group, entries = taken, "took over entries that nobody attended to");
        }
    }

    fn own(&self, retry: &Retry) -> Seen {
        Seen {
            id: retry.id,
            owner: Some(self.job.consumer.clone()),
            deliveries: Some(retry.deliveries),
        }
    }

    /// Claims entries that are still as seen; those that were are ready, ghosts are on their way to the dead-letter
    /// stream, and the others are out of hand. How many are ready.
    pub(super) async fn claim(&mut self, mode: CountMode, seen: &[Seen]) -> Result<usize, Error> {
        let Some(connection) = self.connection.as_ref().filter(|_| !seen.is_empty()) else {
            return Ok(0);
        };
        let asked_at = Instant::now();
        let claims = connection
            .call(claim(self.holder(), mode, Duration::ZERO, seen))
            .await?;
        let mut ready = 0;
        for (entry, outcome) in seen.iter().zip(claims) {
            match outcome {
                Claim::Held { deliveries, fields } => {
                    let entry = Entry {
                        id: entry.id,
                        fields,
                    };
                    self.hand.insert(entry.id, deliveries, asked_at);
                    self.ready.push_back(Delivery::of(&entry, deliveries));
                    ready += 1;
                }
                Claim::Ghost { owner, deliveries } => {
                    self.hand.remove(entry.id);
                    self.settlements.push_back(Settlement {
                        id: entry.id,
                        deliveries,
                        what: What::Tombstone { owner },
                    });
                }
                Claim::Gone | Claim::Moved { .. } | Claim::Fresh { .. } => {
                    if self.hand.remove(entry.id).is_some() {
                        self.count_lost(entry.id);
                    }
                }
            }
        }
        Ok(ready)
    }
}
