//! The end of a worker: what runs may finish, what never started goes back, and the consumer goes when it holds nothing.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::counters::add;
use super::engine::Engine;
use super::job::{Mode, Signal};
use crate::wire::{Connection, Error, Holder, LeaseState, delete_consumer, release, xpending};

/// Entries given back by one script call.
const RELEASED_AT_A_TIME: usize = 500;
/// How long handlers run on before leases and results are seen to again.
const KEEP_UP: Duration = Duration::from_millis(500);

impl Engine {
    /// Brings everything in hand to an end: what runs may finish within the grace, what never started goes back, what
    /// waits for a retry stays pending, and the consumer goes when it holds nothing.
    pub(super) async fn wind_up(&mut self) {
        self.stop_reading();
        self.put_back_unstarted();
        self.finish_running().await;
        let in_hand = self.hand.len() as u64;
        let left = match self.finish_with_server().await {
            Ok(in_group) => in_group.unwrap_or(0).max(self.hand.len() as u64),
            Err(error) => {
                tracing::warn!(group = %self.job.group, %error, "could not tell the server everything; what was in hand stays pending and is taken over later");
                in_hand
            }
        };
        add(&self.counters.left_pending, left);
        self.job.handler.close().await;
    }

    /// Drops the reader and its lane; acknowledgements under way are sent again under a fence.
    fn stop_reading(&mut self) {
        self.reader = super::reader::Reader::idle();
        let riding = std::mem::take(&mut self.riding);
        self.settle_again(riding);
    }

    /// Entries that were delivered and never started: their delivery is taken back.
    pub(super) fn put_back_unstarted(&mut self) {
        for delivery in std::mem::take(&mut self.ready) {
            self.unstarted.push((delivery.id(), delivery.deliveries));
            self.hand.remove(delivery.id());
        }
    }

    async fn finish_running(&mut self) {
        let grace_ends = Instant::now() + self.job.policy.grace;
        while self.hand.running() > 0 && *self.signal.borrow() != Signal::Now {
            let now = Instant::now();
            if now >= grace_ends {
                tracing::warn!(group = %self.job.group, running = self.hand.running(), "the grace is over: stopping handlers");
                break;
            }
            let tick = (grace_ends - now).min(KEEP_UP);
            let mut signal = self.signal.clone();
            tokio::select! {
                _ = timeout(tick, self.next_finished()) => {}
                _ = signal.changed() => {}
            }
            // Leases are kept up and results told while others still run.
            if self.keep_up().await.is_err() {
                self.connection = None;
            }
        }
        for id in self.hand.ids() {
            if self.hand.is_running(id) {
                self.let_go(id);
                add(&self.counters.left_pending, 1);
            }
        }
    }

    async fn keep_up(&mut self) -> Result<(), Error> {
        if self.connection.is_none() {
            self.connection = Some(self.dialer.connect().await?);
        }
        self.renew_leases(Instant::now()).await?;
        self.settle().await
    }

    /// Tells the server the rest. With `--once`, how many entries the whole group has pending at the end: also those that
    /// rest after an attempt somewhere else are left.
    async fn finish_with_server(&mut self) -> Result<Option<u64>, Error> {
        if self.connection.as_ref().is_none_or(Connection::is_lost) {
            self.connection = Some(self.dialer.connect().await?);
        }
        // Once more, and for the last time.
        let postponed = self.postponed.take_all();
        self.settlements.extend(postponed);
        self.settle().await?;
        self.release_strays().await?;
        let Some(connection) = &self.connection else {
            return Ok(None);
        };
        connection.call(delete_consumer(self.holder())).await?.ok();
        let left = match self.job.mode {
            Mode::Once => Some(
                connection
                    .run(xpending(&self.job.stream, &self.job.group))
                    .await?
                    .count,
            ),
            Mode::Forever => None,
        };
        if let (Some(lease), Some(connection)) = (&mut self.lease, &self.connection) {
            lease.drop(connection).await?;
        }
        Ok(left)
    }

    /// Gives back what was delivered to a read that was abandoned, and what never started.
    async fn release_strays(&mut self) -> Result<(), Error> {
        let strays = self.own_strays().await?;
        self.unstarted
            .extend(strays.into_iter().map(|stray| (stray.id, stray.deliveries)));
        self.unstarted.sort_unstable();
        self.unstarted.dedup();
        self.release_unstarted().await
    }

    /// Gives back what never started: its delivery is taken back.
    pub(super) async fn release_unstarted(&mut self) -> Result<(), Error> {
        while !self.unstarted.is_empty() {
            let count = self.unstarted.len().min(RELEASED_AT_A_TIME);
            let leases: Vec<_> = self.unstarted[..count]
                .iter()
                .map(|&(id, deliveries)| ((id, deliveries), Some(deliveries.saturating_sub(1))))
                .collect();
            let Some(connection) = &self.connection else {
                return Ok(());
            };
            // Giving back needs no lease of the group: it changes nothing but who may take the entry.
            let holder = Holder {
                fence: None,
                ..self.holder()
            };
            let states = connection.call(release(holder, &leases)).await?;
            let released = states
                .iter()
                .filter(|state| **state == LeaseState::Done)
                .count();
            add(&self.counters.released, released as u64);
            self.unstarted.drain(..count);
        }
        Ok(())
    }
}
