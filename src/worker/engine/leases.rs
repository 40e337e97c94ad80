//! Keeps what belongs to this worker: the leases of entries in hand, and the sign that its consumer is live.

use std::time::Instant;

use super::{Engine, presence_interval};
use crate::model::EntryId;
use crate::wire::{
    Connection, Error, ErrorKind, Holder, Lease, LeaseState, renew, touch_consumer,
    xgroup_create_consumer,
};
use crate::worker::counters::add;
use crate::worker::state::in_hand::Phase;

/// How many leases one script call renews, which takes a busy server about five milliseconds.
const RENEWED_AT_A_TIME: usize = 200;

/// Renews the first of these leases, at least one: as many as the server looks at in one call.
pub(super) async fn renew_some(
    connection: &Connection,
    holder: Holder<'_>,
    leases: &[Lease],
) -> Result<Vec<LeaseState>, Error> {
    let states = connection.call(renew(holder, leases)).await?;
    if states.is_empty() || states.len() > leases.len() {
        let odd = "the server's reply is not a state for each lease";
        return Err(Error::new(ErrorKind::Protocol, "renew", odd));
    }
    Ok(states)
}

impl Engine {
    /// Renews the leases of entries in hand, and drops entries whose lease was lost.
    pub(super) async fn renew_leases(&mut self, now: Instant) -> Result<(), Error> {
        if now < self.timers.renewal {
            return Ok(());
        }
        let leases = self.hand.leases();
        let mut left = &leases[..];
        while !left.is_empty() {
            let chunk = &left[..left.len().min(RENEWED_AT_A_TIME)];
            let asked_at = Instant::now();
            let Some(connection) = &self.connection else {
                return Ok(());
            };
            let states = renew_some(connection, self.holder(), chunk).await?;
            left = &left[states.len()..];
            let settling = self.being_settled();
            for ((id, _), state) in chunk.iter().zip(states) {
                match state {
                    // Ghost: the body is in memory, and the handler may still succeed. Claiming the entry would drop it from the
                    // pending list without a word.
                    LeaseState::Done | LeaseState::Ghost => self.hand.confirm(*id, asked_at),
                    // Acknowledged by this worker, and the reply has not come: no news.
                    LeaseState::Lost | LeaseState::Gone if settling.contains(id) => {}
                    LeaseState::Gone => self.gone.lease(*id),
                    LeaseState::Lost => {
                        self.count_lost(*id);
                        self.let_go(*id);
                    }
                }
            }
        }
        self.timers.renewal = now + self.job.policy.renewal();
        self.look_for_gone().await
    }

    /// Keeps the consumer's idle time short, so that others can tell an idle worker from a dead one, and keeps its
    /// claim idle published.
    pub(super) async fn show_presence(&mut self, now: Instant) -> Result<(), Error> {
        if now < self.timers.presence {
            return if self.others.is_due() {
                self.keep_claim_idle().await
            } else {
                Ok(())
            };
        }
        if let Some(connection) = &self.connection {
            let (stream, group, consumer) = (&self.job.stream, &self.job.group, &self.job.consumer);
            // The touch would make a consumer that was deleted again without a word.
            match connection
                .run(xgroup_create_consumer(stream, group, consumer))
                .await
            {
                Ok(is_new) => self.gone.note(is_new),
                Err(error) if error.kind == ErrorKind::OutOfMemory => {}
                Err(error) => return Err(error),
            }
            connection
                .run(touch_consumer(stream, group, consumer))
                .await?;
        }
        if self.others.goes_with_presence() {
            self.keep_claim_idle().await?;
        }
        self.timers.presence = now + presence_interval(&self.job.policy);
        Ok(())
    }

    /// Drops all entries in hand and stops their handlers, because they no longer belong to this worker.
    pub(super) fn drop_everything(&mut self, why: &str) {
        let ids = self.hand.ids();
        if !ids.is_empty() {
            tracing::warn!(group = %self.job.group, entries = ids.len(), why, "dropping the entries in hand");
            add(&self.counters.leases_lost, ids.len() as u64);
        }
        for id in ids {
            self.let_go(id);
        }
        self.ready.clear();
        self.parked.clear();
        self.stale.clear();
        self.lone.clear();
        self.sweep_from = EntryId::MIN;
        self.pending_elsewhere = None;
        self.retries.clear();
        self.settlements.clear();
        self.postponed.clear();
        self.riding.clear();
        self.gone.clear();
        self.hand.is_lone_running = false;
    }

    /// Drops one entry and stops its handler.
    pub(super) fn let_go(&mut self, id: EntryId) {
        if let Some(held) = self.hand.remove(id)
            && let Phase::Running(run) = held.phase
        {
            run.abort();
        }
        self.ready.retain(|delivery| delivery.id() != id);
        self.parked.remove(&id);
    }
}
