//! Moves to the dead-letter stream: entries that failed for good, and tombstones for entries without a body. A move
//! that cannot be made is repeated separately.

use std::time::{Duration, Instant};

use super::Engine;
use super::settle::confirm;
use crate::model::{EntryId, JournalOutcome, Time, format_duration_short};
use crate::streams::tombstone::TRIMMED;
use crate::wire::{Error, ErrorKind, ExpectedPending, Move, dead_letter};
use crate::worker::counters::add;
use crate::worker::handler::tail;
use crate::worker::state::settlement::{Settlement, What};

impl Engine {
    /// Puts postponed moves that are due back into the queue.
    pub(super) fn try_moves_again(&mut self, now: Instant) {
        let due = self.postponed.take_due(now);
        self.settlements.extend(due);
    }

    pub(super) async fn send_moves(&mut self, moves: &mut Vec<Settlement>) -> Result<(), Error> {
        let calls = moves.iter().map(|it| self.dead_letter_call(it)).collect();
        let Some(connection) = self.connection.as_ref().filter(|_| !moves.is_empty()) else {
            return Ok(());
        };
        let mut outcomes = connection.call_all(calls).await?.into_iter();
        let mut report = Report::default();
        let told = confirm(moves, |settlement| match outcomes.next() {
            Some(outcome) => self.on_moved(settlement, outcome, &mut report),
            None => Ok(()),
        });
        self.tell_of(&report);
        told
    }

    fn dead_letter_call(&self, settlement: &Settlement) -> crate::wire::ScriptCall<Move> {
        let (owner, reason) = match &settlement.what {
            What::DeadLetter { owner, reason } => (owner.clone(), reason.as_str()),
            What::Tombstone { owner } => (Some(owner.clone()), TRIMMED),
            _ => (None, ""),
        };
        let seen = ExpectedPending {
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
        report: &mut Report,
    ) -> Result<(), Error> {
        let id = settlement.id;
        match moved {
            Ok(Move::Done { is_tombstone, .. }) => {
                self.count_move(settlement, is_tombstone, report);
            }
            // This very script ran before, and its reply was lost.
            Ok(Move::Gone) if settlement.was_sent => {
                let is_tombstone = matches!(settlement.what, What::Tombstone { .. });
                self.count_move(settlement, is_tombstone, report);
            }
            Ok(Move::Gone) if self.hand.contains(id) => {
                self.gone.settlement(settlement);
                return Ok(());
            }
            Ok(Move::Gone | Move::Moved { .. }) => {
                if self.hand.contains(id) {
                    self.count_lost(id);
                }
            }
            Ok(Move::Refused(why)) => {
                self.on_immovable(settlement, why, report);
                return Ok(());
            }
            Ok(Move::Bodiless | Move::NoDestination) => {
                let why = "the script gave an unexpected reply".to_owned();
                self.on_immovable(settlement, why, report);
                return Ok(());
            }
            Err(error) if is_about_the_move(error.kind) => {
                self.on_immovable(settlement, error.text, report);
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        self.hand.remove(id);
        self.postponed.forget(id);
        Ok(())
    }

    fn count_move(&mut self, settlement: &Settlement, is_tombstone: bool, report: &mut Report) {
        let outcome = if is_tombstone {
            JournalOutcome::Trimmed
        } else {
            JournalOutcome::DeadLettered
        };
        self.note_settled(outcome, settlement.id);
        if is_tombstone {
            add(&self.counters.tombstones, 1);
            report.tombstones.push(settlement.id);
            return;
        }
        add(&self.counters.dead_lettered, 1);
        tracing::warn!(
            group = %self.job.group, id = %settlement.id, deliveries = settlement.deliveries,
            dead_letter = %self.job.dead_letter, "moved to the dead-letter stream"
        );
    }

    /// A dead letter could not be written. The entry stays pending and in hand, and only the move is repeated.
    fn on_immovable(&mut self, settlement: &Settlement, why: String, report: &mut Report) {
        let wait = self.postponed.push(Instant::now(), settlement.clone());
        report.immovable.push((settlement.id, why, wait));
    }

    /// Logs one line for each kind of result, because there may be thousands of entries.
    fn tell_of(&self, report: &Report) {
        let (group, dead_letter) = (&self.job.group, &self.job.dead_letter);
        if let [first, ..] = report.tombstones[..] {
            let entries = report.tombstones.len();
            tracing::warn!(%group, %first, entries, %dead_letter, "bodies were trimmed before their entries were \
                handled; the entries are recorded in the dead-letter stream");
        }
        if let Some((first, why, wait)) = report.immovable.first() {
            let entries = report.immovable.len();
            tracing::error!(
                %group, %first, entries, %dead_letter, why, again_in = %format_duration_short(*wait),
                "cannot move entries to the dead-letter stream: they stay pending, and the move is tried again"
            );
        }
    }
}

/// The results of moves that were sent together, for the log.
#[derive(Debug, Default)]
struct Report {
    tombstones: Vec<EntryId>,
    immovable: Vec<(EntryId, String, Duration)>,
}

/// Whether an error concerns the dead letter that was to be written and not the worker, so that it can go on with
/// other entries.
fn is_about_the_move(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WrongType
            | ErrorKind::NoPerm
            | ErrorKind::OutOfMemory
            | ErrorKind::Exhausted
            | ErrorKind::Server
            | ErrorKind::CrossSlot
    )
}
