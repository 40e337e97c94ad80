//! Settling: reporting the results of entries to the server. A settlement stays in its queue until the server has
//! confirmed it, so a lost connection loses none. Each of them is safe to send again.

use std::collections::HashSet;
use std::time::Instant;

use super::Engine;
use super::failures::Failure;
use super::leases::renew_some;
use crate::model::{EntryId, JournalOutcome};
use crate::wire::{
    Effect, Error, ErrorKind, Lease, LeaseState, acknowledge, count_and_acknowledge,
    publish_and_acknowledge, xack,
};
use crate::worker::counters::add;
use crate::worker::handler::Fault;
use crate::worker::state::settlement::{Chunk, Settlement, What};

/// How many settlements are sent at a time.
const CHUNK: usize = 500;

impl Engine {
    /// Takes acknowledgements out of the queue that need no fencing token: their leases were confirmed so recently
    /// that no other consumer can have claimed the entries by the rules.
    pub(super) fn take_riding(&mut self, now: Instant, count_max: usize) -> Vec<Lease> {
        let mut riding = Vec::new();
        // A plain acknowledgement deletes nothing.
        if self.lease.is_some() || self.job.home.is_some() {
            return riding;
        }
        let fresh_within = self.job.policy.claim_idle / 2;
        let hand = &self.hand;
        self.settlements.retain(|settlement| {
            let rides = riding.len() < count_max
                && settlement.may_ride()
                && hand.is_confirmed(settlement.id, now, fresh_within);
            if rides {
                riding.push(settlement.lease());
            }
            !rides
        });
        riding
    }

    /// Puts acknowledgements whose reply was lost back into the queue, to be sent with a fencing token.
    pub(super) fn settle_again(&mut self, riding: Vec<Lease>) {
        let again = riding.into_iter().map(|(id, deliveries)| Settlement {
            was_sent: true,
            ..Settlement::new(id, deliveries, What::Acknowledge)
        });
        self.settlements.extend(again);
    }

    /// Sends what is in the queue.
    pub(super) async fn settle(&mut self) -> Result<(), Error> {
        self.acknowledge_fresh().await?;
        while !self.settlements.is_empty() && self.connection.is_some() {
            let count = self.settlements.len().min(CHUNK);
            let mut chunk = Chunk::of(self.settlements.drain(..count));
            if let Err(error) = self.send(&mut chunk).await {
                self.tell_later(chunk, error.kind.is_connection_lost());
                return Err(error);
            }
        }
        self.look_for_gone().await
    }

    /// Puts what the server has not confirmed back at the head of the queue, except for entries that no longer belong
    /// to this worker.
    fn tell_later(&mut self, chunk: Chunk, reply_was_lost: bool) {
        for mut settlement in chunk.left().rev() {
            if self.hand.contains(settlement.id) || settlement.is_of_others() {
                settlement.was_sent |= reply_was_lost;
                self.settlements.push_front(settlement);
            }
        }
    }

    /// Acknowledges without a fencing token while the reader waits on the server.
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

    /// Records in the journal the outcome of an entry that the server has confirmed. The entry is still in hand.
    pub(super) fn note_settled(&mut self, outcome: JournalOutcome, id: EntryId) {
        if let Some(recorder) = &mut self.recorder {
            let took = self.hand.get(id).and_then(|held| held.took);
            recorder.note(outcome, id, took);
        }
    }

    /// Entries were acknowledged without a fencing token; `acknowledged` of them were still pending.
    pub(super) fn on_acknowledged(&mut self, riding: &[Lease], acknowledged: u64) {
        // Where some were not, nobody knows which.
        let is_all = acknowledged == riding.len() as u64;
        for (id, _) in riding {
            if is_all {
                self.note_settled(JournalOutcome::Handled, *id);
            }
            self.hand.remove(*id);
        }
        add(&self.counters.handled, acknowledged);
        let lost = (riding.len() as u64).saturating_sub(acknowledged);
        self.gone.handled(lost);
    }

    async fn send(&mut self, chunk: &mut Chunk) -> Result<(), Error> {
        self.send_acknowledgements(&mut chunk.acknowledgements)
            .await?;
        self.send_rests(&mut chunk.rests).await?;
        self.send_effects(&mut chunk.effects).await?;
        self.send_moves(&mut chunk.moves).await
    }

    async fn send_acknowledgements(
        &mut self,
        acknowledgements: &mut Vec<Settlement>,
    ) -> Result<(), Error> {
        let leases: Vec<Lease> = acknowledgements.iter().map(Settlement::lease).collect();
        let Some(connection) = self.connection.as_ref().filter(|_| !leases.is_empty()) else {
            return Ok(());
        };
        let acknowledged = connection.call(acknowledge(self.holder(), &leases)).await?;
        for (settlement, acknowledged) in acknowledgements.drain(..).zip(acknowledged) {
            if matches!(settlement.what, What::LeaveOut) {
                if let Some(portion) = &self.job.portion {
                    portion.was_left_out(settlement.id);
                }
            } else if acknowledged || settlement.was_sent {
                self.note_settled(JournalOutcome::Handled, settlement.id);
                add(&self.counters.handled, 1);
            } else {
                self.gone.handled(1);
            }
            self.hand.remove(settlement.id);
        }
        Ok(())
    }

    async fn send_rests(&mut self, rests: &mut Vec<Settlement>) -> Result<(), Error> {
        while !rests.is_empty() {
            let leases: Vec<Lease> = rests.iter().map(Settlement::lease).collect();
            let Some(connection) = &self.connection else {
                return Ok(());
            };
            let asked_at = Instant::now();
            let states = renew_some(connection, self.holder(), &leases).await?;
            for (settlement, state) in rests.drain(..states.len()).zip(states) {
                self.on_rest(&settlement, state, asked_at);
            }
        }
        Ok(())
    }

    fn on_rest(&mut self, settlement: &Settlement, state: LeaseState, asked_at: Instant) {
        let (id, deliveries) = settlement.lease();
        // After a lost connection its next attempt may have begun before this was told: that is another lease.
        let is_same = self
            .hand
            .get(id)
            .is_some_and(|held| held.deliveries == deliveries);
        match state {
            _ if !is_same => {}
            // Its rest begins here, and with it the time in which it is nobody else's.
            LeaseState::Done | LeaseState::Ghost => {
                self.note_settled(JournalOutcome::Failed, id);
                self.hand.confirm(id, asked_at);
            }
            LeaseState::Gone => self.gone.lease(id),
            LeaseState::Lost => {
                self.count_lost(id);
                self.let_go(id);
            }
        }
    }

    async fn send_effects(&mut self, effects: &mut Vec<Settlement>) -> Result<(), Error> {
        let calls: Vec<_> = effects
            .iter()
            .filter_map(|it| match &it.what {
                What::Publish(outputs) => {
                    Some(publish_and_acknowledge(self.holder(), it.lease(), outputs))
                }
                What::Count { update, .. } => {
                    Some(count_and_acknowledge(self.holder(), it.lease(), update))
                }
                _ => None,
            })
            .collect();
        let Some(connection) = self.connection.as_ref().filter(|_| !calls.is_empty()) else {
            return Ok(());
        };
        let outcomes = connection.call_all(calls).await?;
        let mut outcomes = outcomes.into_iter();
        confirm(effects, |settlement| match outcomes.next() {
            Some(outcome) => self.on_effect(settlement, outcome),
            None => Ok(()),
        })
    }

    fn on_effect(
        &mut self,
        settlement: &Settlement,
        effect: Result<Effect, Error>,
    ) -> Result<(), Error> {
        let (id, deliveries) = settlement.lease();
        match effect {
            Ok(Effect::Done) => self.effect_is_there(settlement),
            Ok(Effect::PartlyCounted(left_out)) => {
                add(&self.counters.uncounted, left_out.len() as u64);
                tracing::warn!(group = %self.job.group, %id, figures = left_out.join(", "),
                    "figures that cannot be incremented (not a number, or 2^53 and more) were left unchanged; the \
                        event was handled without them");
                self.effect_is_there(settlement);
            }
            // This very script ran before, and its reply was lost.
            Ok(Effect::Gone) if settlement.was_sent => self.effect_is_there(settlement),
            Ok(Effect::Gone) => self.gone.settlement(settlement),
            Ok(Effect::Moved { .. }) => {
                self.hand.remove(id);
                self.count_lost(id);
            }
            Ok(Effect::Refused(why)) => self.on_unwritable(id, deliveries, why, Fault::Message),
            Err(error) => match fault_of(error.kind) {
                Some(fault) => self.on_unwritable(id, deliveries, error.text, fault),
                None => return Err(error),
            },
        }
        Ok(())
    }

    /// An entry's output was written, together with its acknowledgement.
    fn effect_is_there(&mut self, settlement: &Settlement) {
        let id = settlement.id;
        if let What::Count {
            uncountable: Some(what),
            ..
        } = &settlement.what
        {
            add(&self.counters.uncounted, 1);
            tracing::warn!(group = %self.job.group, %id, what, "a figure cannot be incremented; the event is \
                counted without it");
        }
        self.note_settled(JournalOutcome::Handled, id);
        self.hand.remove(id);
        add(&self.counters.handled, 1);
        self.record(id);
        self.attempt_succeeded();
    }

    /// A handler's output could not be written, which counts as a failed attempt.
    fn on_unwritable(&mut self, id: EntryId, deliveries: u64, reason: String, fault: Fault) {
        tracing::error!(group = %self.job.group, %id, why = reason, "the output could not be written; nothing was changed");
        self.attempt_failed(Failure {
            id,
            deliveries,
            reason,
            after: None,
            fault,
            delivery: None,
        });
    }

    pub(super) fn count_lost(&self, id: EntryId) {
        add(&self.counters.leases_lost, 1);
        tracing::warn!(group = %self.job.group, %id, "lease lost: another consumer claimed the entry, or the group was moved back");
    }

    /// Entries whose results have not been reported to the server yet.
    pub(super) fn being_settled(&self) -> HashSet<EntryId> {
        let queued = self.settlements.iter().map(|it| it.id);
        let riding = self.riding.iter().map(|(id, _)| *id);
        queued.chain(riding).chain(self.postponed.ids()).collect()
    }
}

/// Takes settlements out as `each` confirms them, up to the first failure; those after it were sent nevertheless.
pub(super) fn confirm(
    settlements: &mut Vec<Settlement>,
    mut each: impl FnMut(&Settlement) -> Result<(), Error>,
) -> Result<(), Error> {
    for at in 0..settlements.len() {
        if let Err(error) = each(&settlements[at]) {
            settlements.drain(..at);
            for sent in settlements.iter_mut().skip(1) {
                sent.was_sent = true;
            }
            return Err(error);
        }
    }
    settlements.clear();
    Ok(())
}

/// What caused the failure to write an output; `None` when the cause concerns the worker and not this output.
fn fault_of(kind: ErrorKind) -> Option<Fault> {
    match kind {
        // A full server says nothing of the message, nor does a key that holds something else, nor a stream without an id
        // left: somebody must repair that.
        ErrorKind::OutOfMemory | ErrorKind::WrongType | ErrorKind::Exhausted => Some(Fault::Server),
        ErrorKind::Server | ErrorKind::CrossSlot => Some(Fault::Message),
        _ => None,
    }
}
