//! The end of a worker: running handlers may finish, entries that never started are released, and the consumer is
//! deleted when nothing is pending for it.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::Engine;
use super::beside::{Beside, ended};
use crate::wire::{
    Connection, Error, ErrorKind, Holder, LeaseState, delete_consumer, release, xinfo_groups,
    xpending,
};
use crate::worker::counters::add;
use crate::worker::job::{Mode, Signal};
use crate::worker::state::shared::Seat;

/// How many entries one script call releases.
const RELEASED_AT_A_TIME: usize = 500;
/// How long unfinished work may go on after the signal to stop at once.
const STOP_WITHIN: Duration = Duration::from_secs(1);
/// How long handlers run before leases and results are looked at again.
const KEEP_UP: Duration = Duration::from_millis(500);

/// The outcome of `work`, unless a signal to stop at once comes and the work does not end soon afterwards.
pub(super) async fn until_told_now<T>(
    mut signal: watch::Receiver<Signal>,
    work: impl Future<Output = T>,
) -> Option<T> {
    let stopped = async {
        if signal
            .wait_for(|signal| *signal == Signal::Now)
            .await
            .is_err()
        {
            // Whoever could say so is gone.
            std::future::pending::<()>().await;
        }
        sleep(STOP_WITHIN).await;
    };
    tokio::select! {
        outcome = work => Some(outcome),
        () = stopped => None,
    }
}

impl Engine {
    /// Brings everything in hand to an end: running handlers may finish within the grace period, entries that never
    /// started are released, entries that wait for a retry stay pending, and the consumer is deleted when nothing is
    /// pending for it. A signal to stop at once shortens all of this, even when the server is silent.
    pub(super) async fn wind_up(&mut self) {
        self.stop_reading();
        self.put_back_unstarted();
        self.shared.wants_none(self.seat);
        self.finish_running().await;
        let told = *self.signal.borrow();
        if let Some(beside) = &mut self.beside {
            beside.finish(told).await;
        }
        // What a process was sent ahead and did not come to.
        self.put_back_unstarted();
        self.hand.stop_running();
        let in_hand = (self.hand.len() + self.given.len()) as u64;
        let told = match until_told_now(self.signal.clone(), self.finish_with_server()).await {
            Some(told) => told,
            None => Err(Error::new(
                ErrorKind::Timeout,
                "",
                "stopped before the server answered",
            )),
        };
        let left = match told {
            Ok(left) => left.unwrap_or(0).max(self.hand.len() as u64),
            Err(error) => {
                tracing::warn!(group = %self.job.group, %error, "could not report all results to the server; \
                    entries in flight stay pending and are claimed by other workers later");
                in_hand
            }
        };
        add(&self.counters.left_pending, left);
        if self.seat == Seat::Stream {
            self.job.handler.close().await;
        }
        if let Some(recorder) = self.recorder.take() {
            until_told_now(self.signal.clone(), recorder.end()).await;
        }
    }

    /// Drops the reader and its connection; acknowledgements that were being sent are sent again, with a fencing
    /// token.
    fn stop_reading(&mut self) {
        self.reader = super::reader::Reader::idle();
        let riding = std::mem::take(&mut self.riding);
        self.settle_again(riding);
    }

    /// Collects entries that were delivered and never started, so that their delivery is taken back.
    pub(super) fn put_back_unstarted(&mut self) {
        let parked = std::mem::take(&mut self.parked).into_values();
        for delivery in std::mem::take(&mut self.ready).into_iter().chain(parked) {
            self.unstarted.push((delivery.id(), delivery.deliveries));
            self.hand.remove(delivery.id());
        }
    }

    async fn finish_running(&mut self) {
        let grace_ends = Instant::now() + self.job.policy.grace;
        while self.has_running() && *self.signal.borrow() != Signal::Now {
            // Leases are kept up, what never started goes back and results are told while others still run.
            let kept_up = until_told_now(self.signal.clone(), self.keep_up()).await;
            if matches!(kept_up, Some(Err(_))) {
                self.connection = None;
            }
            let now = Instant::now();
            if now >= grace_ends {
                tracing::warn!(group = %self.job.group, running = self.hand.running(), "the grace period is over: stopping the handlers");
                return;
            }
            let tick = (grace_ends - now).min(KEEP_UP);
            let mut signal = self.signal.clone();
            tokio::select! {
                finished = timeout(tick, self.finished.recv()) => {
                    if let Ok(Some(finished)) = finished {
                        self.on_finished(finished);
                    }
                }
                () = ended(&mut self.beside) => {}
                _ = signal.changed() => {}
            }
        }
    }

    /// Whether handlers are running, or the engine of the retry stream is, which is told to end.
    fn has_running(&self) -> bool {
        if let Some(beside) = &self.beside {
            beside.tell(Signal::Drain);
        }
        self.hand.running() > 0 || self.beside.as_ref().is_some_and(Beside::is_running)
    }

    async fn keep_up(&mut self) -> Result<(), Error> {
        self.reconnect().await?;
        self.keep_lease().await?;
        self.release_unstarted().await?;
        let now = Instant::now();
        self.show_presence(now).await?;
        self.renew_leases(now).await?;
        self.note_long(now).await?;
        self.settle().await
    }

    /// Renews the lease of a single active worker as long as it has something to finish under it.
    async fn keep_lease(&mut self) -> Result<(), Error> {
        if self.hand.len() > 0 || self.beside.as_ref().is_some_and(Beside::is_running) {
            self.hold_lease(Instant::now()).await?;
        }
        Ok(())
    }

    /// Reports the remaining results to the server. When the worker ends by itself, returns how many entries are left
    /// to it. With `--once` these are the entries of the whole group, including those that wait after an attempt in
    /// another worker and those that were left to the active worker.
    async fn finish_with_server(&mut self) -> Result<Option<u64>, Error> {
        self.reconnect().await?;
        self.keep_lease().await?;
        self.leave_word(Instant::now()).await?;
        // Once more, and for the last time.
        let postponed = self.postponed.take_all();
        self.settlements.extend(postponed);
        match self.settle().await {
            Err(error) if error.kind == ErrorKind::Fenced => {
                self.drop_everything("another worker is the active one now");
            }
            told => told?,
        }
        self.release_strays().await?;
        self.look_for_losses_at_the_end().await?;
        self.take_notes_back().await?;
        let Some(connection) = &self.connection else {
            return Ok(None);
        };
        // Neither this nor giving back needs the lease of the group: what holds nothing harms nobody.
        let consumer = Holder {
            fence: None,
            ..self.holder()
        };
        connection.call(delete_consumer(consumer)).await?.ok();
        if self.seat == Seat::Stream {
            self.take_claim_idle_back().await?;
        }
        let left = match self.job.mode {
            Mode::Once | Mode::Portion => Some(self.left_in_group(connection).await?),
            Mode::Preclaimed => Some(self.left_to_this_consumer(connection).await?),
            Mode::Forever | Mode::WhileThere => None,
        };
        if self.seat == Seat::Retries {
            return Ok(left);
        }
        if let (Some(lease), Some(connection)) = (&mut self.lease, &self.connection) {
            lease.drop(connection).await?;
        }
        Ok(left)
    }

    /// How many entries are pending for this consumer.
    async fn left_to_this_consumer(&self, connection: &Connection) -> Result<u64, Error> {
        let (stream, group) = (&self.job.stream, &self.job.group);
        let summary = connection.run(xpending(stream, group)).await?;
        let mut held = summary.consumers.into_iter();
        let own = held.find(|(name, _)| *name == self.job.consumer);
        Ok(own.map_or(0, |(_, count)| count))
    }

    /// How many entries the group has pending, and, when another worker is the active one, whether there are any that
    /// it has not read yet.
    async fn left_in_group(&self, connection: &Connection) -> Result<u64, Error> {
        let (stream, group) = (&self.job.stream, &self.job.group);
        let pending = connection.run(xpending(stream, group)).await?.count;
        if !self.is_standing_by() {
            return Ok(pending);
        }
        let groups = connection.run(xinfo_groups(stream)).await?;
        let delivered = groups
            .iter()
            .find(|info| info.name == *group)
            .map(|info| info.last_delivered_id);
        let is_behind = self
            .read_until
            .is_some_and(|until| delivered.is_none_or(|delivered| delivered < until));
        Ok(pending + u64::from(is_behind))
    }

    /// Releases entries that were delivered to a read that was abandoned, and those that never started.
    async fn release_strays(&mut self) -> Result<(), Error> {
        if self.job.mode == Mode::Preclaimed {
            return self.release_unstarted().await;
        }
        let strays = self.own_strays().await?;
        self.unstarted
            .extend(strays.into_iter().map(|stray| (stray.id, stray.deliveries)));
        self.unstarted.sort_unstable();
        self.unstarted.dedup();
        self.release_unstarted().await
    }

    /// Releases entries that never started; their delivery is taken back.
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
