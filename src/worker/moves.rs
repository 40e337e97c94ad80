//! Moves to the dead-letter stream: entries that failed for good, and tombstones of those whose bodies are gone. A move
//! that cannot be made is tried again by itself.

use std::time::Instant;

use super::counters::add;
use super::engine::Engine;
use super::handler::tail;
use super::settle::is_about_the_effect;
use super::settlement::{Settlement, What};
use crate::model::{Time, format_duration_short};
use crate::wire::{Error, Move, Seen, dead_letter};

impl Engine {
    /// Puts postponed moves that are due back into the queue.
    pub(super) fn try_moves_again(&mut self, now: Instant) {
        let due = self.postponed.take_due(now);
        self.settlements.extend(due);
    }

    pub(super) async fn send_moves(&mut self, chunk: &[Settlement]) -> Result<(), Error> {
        let moving: Vec<&Settlement> = chunk
            .iter()
            .filter(|it| matches!(it.what, What::DeadLetter { .. } | What::Tombstone { .. }))
            .collect();
        let calls = moving.iter().map(|it| self.dead_letter_call(it)).collect();
        let Some(connection) = self.connection.as_ref().filter(|_| !moving.is_empty()) else {
            return Ok(());
        };
        let moves = connection.call_all(calls).await?;
        for (settlement, moved) in moving.into_iter().zip(moves) {
            self.on_moved(settlement, moved)?;
        }
        Ok(())
    }

    fn dead_letter_call(&self, settlement: &Settlement) -> crate::wire::ScriptCall<Move> {
        let (owner, reason) = match &settlement.what {
            What::DeadLetter { owner, reason } => (owner.clone(), reason.as_str()),
            What::Tombstone { owner } => (
                Some(owner.clone()),
                "the body was trimmed away before it was handled",
            ),
            _ => (None, ""),
        };
        let seen = Seen {
            id: settlement.id,
            owner: Some(owner.unwrap_or_else(|| self.job.consumer.clone())),
            deliveries: Some(settlement.deliveries),
        };
        let reason = tail(reason).as_bytes();
        dead_letter(
            self.holder(),
            &self.job.dead_letter,
            &seen,
            reason,
            Time::now(),
        )
    }

    fn on_moved(
        &mut self,
        settlement: &Settlement,
        moved: Result<Move, Error>,
    ) -> Result<(), Error> {
        let (id, deliveries) = (settlement.id, settlement.deliveries);
        let (group, dead_letter) = (&self.job.group, &self.job.dead_letter);
        match moved {
            Ok(Move::Done {
                new_id,
                is_tombstone: true,
            }) => {
                tracing::warn!(%group, %id, %dead_letter, %new_id, "the body was trimmed away before the entry was handled: recorded in the dead-letter stream");
                add(&self.counters.tombstones, 1);
            }
            Ok(Move::Done { new_id, .. }) => {
                tracing::warn!(%group, %id, deliveries, %dead_letter, %new_id, "moved to the dead-letter stream");
                add(&self.counters.dead_lettered, 1);
            }
            Ok(Move::Gone | Move::Moved { .. }) => {
                if self.hand.contains(id) {
                    self.count_lost(id);
                }
            }
            Ok(Move::Refused(why)) => {
                self.on_immovable(settlement.clone(), &why);
                return Ok(());
            }
            Ok(Move::Bodiless | Move::NoDestination) => {
                self.on_immovable(
                    settlement.clone(),
                    "the script answered what it never answers",
                );
                return Ok(());
            }
            Err(error) if is_about_the_effect(error.kind) => {
                self.on_immovable(settlement.clone(), &error.text);
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        self.hand.remove(id);
        self.postponed.forget(id);
        Ok(())
    }

    /// A dead letter could not be written: the entry stays pending and in hand, and only the move is tried again.
    fn on_immovable(&mut self, settlement: Settlement, why: &str) {
        let id = settlement.id;
        let wait = self.postponed.push(Instant::now(), settlement);
        tracing::error!(
            group = %self.job.group, %id, dead_letter = %self.job.dead_letter, why,
            again_in = %format_duration_short(wait),
            "cannot move the entry to the dead-letter stream: it stays pending, and the move is tried again"
        );
    }
}
