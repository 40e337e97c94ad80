//! Settling: what became of an entry, told to the server. A settlement stays in its queue until the server has
//! confirmed it, so a lost connection loses none; each is safe to send again.

use std::time::Instant;

use super::counters::add;
use super::dispatch::{Blame, Failure};
use super::engine::Engine;
use super::settlement::{Settlement, What};
use crate::model::EntryId;
use crate::wire::{
    Effect, Error, ErrorKind, LeaseState, acknowledge, count_and_acknowledge,
    publish_and_acknowledge, renew, xack,
};

/// Settlements sent at a time.
const CHUNK: usize = 500;

impl Engine {
    /// Takes acknowledgements out of the queue that may go without a fence: the lease was confirmed so recently that
    /// nobody can have taken the entry by the rules.
    pub(super) fn take_riding(&mut self, now: Instant, count_max: usize) -> Vec<(EntryId, u64)> {
        let mut riding = Vec::new();
        if self.lease.is_some() {
            return riding;
        }
        let fresh_within = self.job.policy.claim_idle / 2;
        let hand = &self.hand;
        self.settlements.retain(|settlement| {
            let rides = riding.len() < count_max
                && matches!(settlement.what, What::Acknowledge)
                && hand.is_confirmed(settlement.id, now, fresh_within);
            if rides {
                riding.push((settlement.id, settlement.deliveries));
            }
            !rides
        });
        riding
    }

    /// Puts acknowledgements whose reply was lost back, to be sent under a fence.
    pub(super) fn settle_again(&mut self, riding: Vec<(EntryId, u64)>) {
        for (id, deliveries) in riding {
            let what = What::AcknowledgeAgain;
            self.settlements.push_back(Settlement {
                id,
                deliveries,
                what,
            });
        }
    }

    /// Sends what is in the queue.
    pub(super) async fn settle(&mut self) -> Result<(), Error> {
        self.acknowledge_fresh().await?;
        while !self.settlements.is_empty() {
            let chunk: Vec<Settlement> = self
                .settlements
                .drain(..self.settlements.len().min(CHUNK))
                .collect();
            let outcome = self.send(&chunk).await;
            if let Err(error) = outcome {
                // What was confirmed is out of hand; the rest is sent again later.
                for settlement in chunk.into_iter().rev() {
                    let is_open = self.hand.contains(settlement.id)
                        || matches!(
                            settlement.what,
                            What::Tombstone { .. } | What::DeadLetter { owner: Some(_), .. }
                        );
                    if is_open && !self.postponed.is_waiting(settlement.id) {
                        let what = match settlement.what {
                            What::Acknowledge => What::AcknowledgeAgain,
                            other => other,
                        };
                        self.settlements
                            .push_front(Settlement { what, ..settlement });
                    }
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Acknowledges without a fence while the reader is busy waiting.
    async fn acknowledge_fresh(&mut self) -> Result<(), Error> {
        loop {
            let riding = self.take_riding(Instant::now(), CHUNK);
            if riding.is_empty() {
                return Ok(());
            }
            let Some(connection) = &self.connection else {
                self.settle_again(riding);
                return Ok(());
            };
            let ids: Vec<EntryId> = riding.iter().map(|(id, _)| *id).collect();
            match connection
                .run(xack(&self.job.stream, &self.job.group, &ids))
                .await
            {
                Ok(acknowledged) => self.on_acknowledged(&riding, acknowledged),
                Err(error) => {
                    self.settle_again(riding);
                    return Err(error);
                }
            }
        }
    }

    fn on_acknowledged(&mut self, riding: &[(EntryId, u64)], acknowledged: u64) {
        for (id, _) in riding {
            self.hand.remove(*id);
        }
        add(&self.counters.handled, acknowledged);
        add(
            &self.counters.leases_lost,
            (riding.len() as u64).saturating_sub(acknowledged),
        );
    }

    async fn send(&mut self, chunk: &[Settlement]) -> Result<(), Error> {
        self.send_acknowledgements(chunk).await?;
        self.send_rests(chunk).await?;
        self.send_effects(chunk).await?;
        self.send_moves(chunk).await
    }

    async fn send_acknowledgements(&mut self, chunk: &[Settlement]) -> Result<(), Error> {
        let leases: Vec<(EntryId, u64)> = leases(chunk, |what| {
            matches!(what, What::Acknowledge | What::AcknowledgeAgain)
        });
        let Some(connection) = self.connection.as_ref().filter(|_| !leases.is_empty()) else {
            return Ok(());
        };
        let acknowledged = connection.call(acknowledge(self.holder(), &leases)).await?;
        let again: Vec<bool> = chunk
            .iter()
            .filter(|it| matches!(it.what, What::Acknowledge | What::AcknowledgeAgain))
            .map(|it| matches!(it.what, What::AcknowledgeAgain))
            .collect();
        for (((id, _), acknowledged), was_sent_before) in
            leases.into_iter().zip(acknowledged).zip(again)
        {
            self.hand.remove(id);
            if acknowledged || was_sent_before {
                add(&self.counters.handled, 1);
            } else {
                self.count_lost(id);
            }
        }
        Ok(())
    }

    async fn send_rests(&mut self, chunk: &[Settlement]) -> Result<(), Error> {
        let leases = leases(chunk, |what| matches!(what, What::Rest));
        let Some(connection) = self.connection.as_ref().filter(|_| !leases.is_empty()) else {
            return Ok(());
        };
        let states = connection.call(renew(self.holder(), &leases)).await?;
        for ((id, deliveries), state) in leases.into_iter().zip(states) {
            // After a lost connection its next attempt may have begun before this was told: that is another lease.
            let is_same = self
                .hand
                .get(id)
                .is_some_and(|held| held.deliveries == deliveries);
            if state == LeaseState::Lost && is_same {
                self.count_lost(id);
                self.let_go(id);
            }
        }
        Ok(())
    }

    async fn send_effects(&mut self, chunk: &[Settlement]) -> Result<(), Error> {
        let mut sent = Vec::new();
        let calls: Vec<_> = chunk
            .iter()
            .filter_map(|it| {
                let lease = (it.id, it.deliveries);
                let call = match &it.what {
                    What::Publish(outputs) => {
                        publish_and_acknowledge(self.holder(), lease, outputs)
                    }
                    What::Count(update) => count_and_acknowledge(self.holder(), lease, update),
                    _ => return None,
                };
                sent.push(lease);
                Some(call)
            })
            .collect();
        let Some(connection) = self.connection.as_ref().filter(|_| !calls.is_empty()) else {
            return Ok(());
        };
        let effects = connection.call_all(calls).await?;
        for ((id, deliveries), effect) in sent.into_iter().zip(effects) {
            self.on_effect(id, deliveries, effect)?;
        }
        Ok(())
    }

    fn on_effect(
        &mut self,
        id: EntryId,
        deliveries: u64,
        effect: Result<Effect, Error>,
    ) -> Result<(), Error> {
        match effect {
            // Gone: this very script ran before and its reply was lost, or somebody acknowledged the entry by hand.
            Ok(Effect::Done | Effect::Gone) => {
                self.hand.remove(id);
                add(&self.counters.handled, 1);
                self.record(id);
                self.attempt_succeeded();
            }
            Ok(Effect::Moved { .. }) => {
                self.hand.remove(id);
                self.count_lost(id);
            }
            Ok(Effect::Refused(why)) => self.on_unwritable(id, deliveries, why, Blame::Message),
            Err(error) if is_about_the_effect(error.kind) => {
                // A server that is full says nothing of the message.
                let is_full = error.kind == ErrorKind::OutOfMemory;
                let blame = if is_full {
                    Blame::Server
                } else {
                    Blame::Message
                };
                self.on_unwritable(id, deliveries, error.text, blame);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// A handler's output could not be written: a failed attempt.
    fn on_unwritable(&mut self, id: EntryId, deliveries: u64, reason: String, blame: Blame) {
        tracing::error!(group = %self.job.group, %id, why = reason, "the output could not be written; nothing was changed");
        self.attempt_failed(Failure {
            id,
            deliveries,
            reason,
            after: None,
            blame,
        });
    }

    pub(super) fn count_lost(&self, id: EntryId) {
        add(&self.counters.leases_lost, 1);
        tracing::warn!(group = %self.job.group, %id, "lease lost: the entry was taken over or acknowledged by somebody else");
    }

    /// Whether what became of an entry is on its way to the server.
    pub(super) fn is_being_settled(&self, id: EntryId) -> bool {
        let is_queued = self.settlements.iter().any(|it| it.id == id);
        is_queued
            || self.postponed.contains(id)
            || self.riding.iter().any(|(riding, _)| *riding == id)
    }
}

fn leases(chunk: &[Settlement], wanted: impl Fn(&What) -> bool) -> Vec<(EntryId, u64)> {
    chunk
        .iter()
        .filter(|settlement| wanted(&settlement.what))
        .map(|settlement| (settlement.id, settlement.deliveries))
        .collect()
}

/// Errors that concern what was to be written, not the worker: going on with other entries makes sense.
pub(super) fn is_about_the_effect(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WrongType
            | ErrorKind::NoPerm
            | ErrorKind::OutOfMemory
            | ErrorKind::Server
            | ErrorKind::CrossSlot
    )
}
