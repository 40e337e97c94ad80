//! Entries in hand that are no longer pending. Either they were acknowledged by another client, or this worker's
//! consumer was deleted together with its pending entries (`XGROUP DELCONSUMER`). In the second case they are made
//! pending again, so that no result is lost and no entry is forgotten. When the server cannot tell which case it is,
//! nothing is changed, and the log says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::Engine;
use crate::model::EntryId;
use crate::wire::{Error, Lease, TakenBack, take_back};
use crate::worker::counters::add;
use crate::worker::state::settlement::Settlement;

/// How many entries one script call makes pending again.
const TAKEN_AT_A_TIME: usize = 500;
/// How many ids a log line names.
const SHOWN_MAX: usize = 10;
/// How long the reader may need to report that it created the consumer again.
const READER_TELLS: Duration = Duration::from_millis(20);

/// What was found, until its cause is known.
#[derive(Debug)]
pub(super) struct Gone {
    /// Set by the reader, whose next read creates a deleted consumer again.
    deleted: Arc<AtomicBool>,
    /// Entries that are in hand and not pending.
    leases: Vec<EntryId>,
    /// How many entries had been handled and were no longer pending for this consumer when that was reported.
    handled: u64,
    /// Settlements whose outputs or dead letters were not written because their entries are not pending.
    settlements: Vec<Settlement>,
}

impl Gone {
    pub(super) fn new(deleted: Arc<AtomicBool>) -> Self {
        Self {
            deleted,
            leases: Vec::new(),
            handled: 0,
            settlements: Vec::new(),
        }
    }

    /// Records whether the consumer was missing.
    pub(super) fn note(&self, was_deleted: bool) {
        self.deleted.fetch_or(was_deleted, Ordering::AcqRel);
    }

    pub(super) fn lease(&mut self, id: EntryId) {
        self.leases.push(id);
    }

    pub(super) fn handled(&mut self, count: u64) {
        self.handled += count;
    }

    pub(super) fn settlement(&mut self, settlement: &Settlement) {
        self.settlements.push(settlement.clone());
    }

    pub(super) fn clear(&mut self) {
        self.leases.clear();
        self.handled = 0;
        self.settlements.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.leases.is_empty() && self.handled == 0 && self.settlements.is_empty()
    }

    fn is_known(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }
}

impl Engine {
    /// Finds out why entries are no longer pending, and does what can be done about it.
    pub(super) async fn look_for_gone(&mut self) -> Result<(), Error> {
        if self.connection.is_none() || self.gone.is_empty() && !self.gone.is_known() {
            return Ok(());
        }
        if !self.gone.is_known() && self.reader.is_reading() {
            sleep(READER_TELLS).await;
        }
        let was_deleted = self.take_back().await?;
        let handled = std::mem::take(&mut self.gone.handled);
        let settlements = std::mem::take(&mut self.gone.settlements);
        let mut leases = std::mem::take(&mut self.gone.leases);
        if was_deleted {
            // These are where an acknowledgement would have brought them.
            add(&self.counters.handled, handled);
            let held = settlements
                .into_iter()
                .filter(|it| self.hand.contains(it.id));
            self.settlements.extend(held);
            return Ok(());
        }
        leases.extend(settlements.iter().map(|it| it.id));
        for id in &leases {
            self.let_go(*id);
        }
        add(&self.counters.leases_lost, leases.len() as u64 + handled);
        if handled > 0 {
            tracing::warn!(
                group = %self.job.group, stream = %self.job.stream, entries = handled,
                "lease lost: handled entries were no longer pending for this consumer: another consumer claimed \
                    them, another client acknowledged them, or this consumer was deleted (XGROUP DELCONSUMER)"
            );
        }
        if leases.is_empty() {
            return Ok(());
        }
        tracing::warn!(
            group = %self.job.group, stream = %self.job.stream, entries = leases.len(), ids = shown(&leases),
            "lease lost: entries in flight are no longer pending, and the group will not deliver them again: another client acknowledged \
             them, or deleted this consumer (XGROUP DELCONSUMER)"
        );
        Ok(())
    }

    /// Makes entries in hand pending again if this consumer was deleted. Returns whether it was.
    async fn take_back(&mut self) -> Result<bool, Error> {
        let leases = self.unacknowledged();
        let mut is_known = self.gone.is_known();
        let (mut done, mut ghosts, mut unread) = (Vec::new(), Vec::new(), Vec::new());
        let mut rest = &leases[..];
        loop {
            let (chunk, others) = rest.split_at(rest.len().min(TAKEN_AT_A_TIME));
            let Some(connection) = &self.connection else {
                return Ok(is_known);
            };
            let asked_at = Instant::now();
            let call = take_back(self.holder(), is_known, chunk);
            let Some(outcomes) = connection.call(call).await? else {
                return Ok(false);
            };
            // Also where the rest cannot be asked for: the next look goes on.
            self.gone.deleted.store(true, Ordering::Release);
            is_known = true;
            for ((id, _), outcome) in chunk.iter().zip(outcomes) {
                match outcome {
                    TakenBack::Done => {
                        self.hand.confirm(*id, asked_at);
                        done.push(*id);
                    }
                    TakenBack::Ghost => ghosts.push(*id),
                    TakenBack::Unread => unread.push(*id),
                    // It was delivered since, or is somebody else's: the next renewal tells.
                    TakenBack::Held => {}
                }
            }
            rest = others;
            if rest.is_empty() {
                break;
            }
        }
        self.gone.deleted.store(false, Ordering::Release);
        self.tell_of_deletion(&done, &ghosts);
        for id in unread {
            self.let_go(id);
            self.count_lost(id);
        }
        Ok(true)
    }

    /// Entries in hand that cannot have been acknowledged: not by this worker, which has not sent that, nor by
    /// another one, because they have not been idle for long enough since this worker's lease was valid.
    fn unacknowledged(&self) -> Vec<Lease> {
        let now = Instant::now();
        let policy = &self.job.policy;
        let sent = self.settlements.iter().filter(|it| it.was_sent);
        let sent = sent.map(|it| it.id);
        let riding = self.riding.iter().map(|(id, _)| *id);
        let told: Vec<EntryId> = sent.chain(riding).collect();
        let mut leases = self.hand.all();
        leases.retain(|(id, deliveries)| {
            let within = policy.rest(Duration::ZERO, *deliveries) * 5 / 6;
            !told.contains(id) && self.hand.is_confirmed(*id, now, within)
        });
        leases.sort_unstable();
        leases
    }

    fn tell_of_deletion(&self, done: &[EntryId], ghosts: &[EntryId]) {
        let (group, stream, consumer) = (&self.job.group, &self.job.stream, &self.job.consumer);
        add(&self.counters.taken_back, done.len() as u64);
        if !done.is_empty() {
            tracing::error!(
                %group, %stream, %consumer, entries = done.len(), ids = shown(done),
                "this consumer was deleted (XGROUP DELCONSUMER) while its worker is running; its entries were no longer pending, and are \
                 pending for it again. Stop a worker before deleting its consumer"
            );
        }
        if !ghosts.is_empty() {
            tracing::error!(
                %group, %stream, entries = ghosts.len(), ids = shown(ghosts),
                "entries of the deleted consumer cannot be made pending again, because their bodies were trimmed: they are handled \
                 only if an attempt that is running now succeeds"
            );
        }
    }
}

/// The first few ids.
fn shown(ids: &[EntryId]) -> String {
    let first: Vec<String> = ids
        .iter()
        .take(SHOWN_MAX)
        .map(ToString::to_string)
        .collect();
    let more = ids.len().saturating_sub(SHOWN_MAX);
    match more {
        0 => first.join(" "),
        _ => format!("{} and {more} more", first.join(" ")),
    }
}
