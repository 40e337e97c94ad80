//! Passes entries to handlers, and decides what happens to them afterwards.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::Engine;
use super::failures::Failure;
use crate::model::EntryId;
use crate::planted;
use crate::worker::counters::add;
use crate::worker::handler::{Finished, Verdict};
use crate::worker::state::in_hand::{Delivery, Phase, Run};
use crate::worker::state::key_order::Key;
use crate::worker::state::settlement::{Settlement, What};
use crate::worker::state::shared::{Need, Seat, Slot};

/// Reports the verdict when it is dropped, so that a handler that panicked or was stopped is reported too.
struct Report {
    finished: mpsc::UnboundedSender<Finished>,
    delivery: Delivery,
    verdict: Option<Verdict>,
}

impl Drop for Report {
    fn drop(&mut self) {
        let verdict = self
            .verdict
            .take()
            .unwrap_or_else(|| Verdict::retry("the handler ended without a verdict"));
        let _ = self.finished.send(Finished {
            delivery: self.delivery.clone(),
            verdict,
        });
    }
}

impl Engine {
    /// Starts the entries that may be started. An inline handler gives its verdict at once.
    pub(super) fn start_ready(&mut self) {
        while let Some((delivery, slot)) = self.next_to_start() {
            if let Some(slot) = slot {
                self.spawn(delivery, slot);
                continue;
            }
            if let Some(verdict) = self.job.handler.inline(&delivery)
                && self
                    .hand
                    .advance(delivery.id(), delivery.deliveries, Phase::Settling)
            {
                self.attempt_was_made(&delivery);
                self.judge(&delivery, verdict);
            }
        }
        let has_other = self.seat == Seat::Retries || self.beside.is_some();
        if self.ready.is_empty() && has_other {
            self.shared.wants_none(self.seat);
        }
    }

    /// The next entry to start, and its slot, if it needs one.
    fn next_to_start(&mut self) -> Option<(Delivery, Option<Slot>)> {
        if self.is_held_back() || self.is_closed() {
            return None;
        }
        self.take_turns();
        let next = if self.breaker.is_open() {
            self.ready.iter().position(|delivery| delivery.is_probe)?
        } else if planted::is("last-first") {
            self.ready.len().checked_sub(1)?
        } else {
            0
        };
        let need = self.need(self.ready.get(next)?);
        let has_slot = self.has_own_slot(&need) && self.shared.ask(self.seat, &need);
        if !has_slot
            || !self.shared.is_in_pace()
            || !self.may_start_more()
            || !self.has_leases(need.id)
        {
            return None;
        }
        let max = self.job.max_messages;
        if self.job.handler.is_inline() {
            let may_start = self.shared.start_inline(max);
            return may_start.then(|| Some((self.ready.remove(next)?, None)))?;
        }
        let slot = self.shared.start(self.seat, &need, max)?;
        Some((self.ready.remove(next)?, Some(slot)))
    }

    /// Lets an entry wait for a slot, or first for the turn of its key.
    pub(super) fn line_up(&mut self, delivery: Delivery) {
        let key = self
            .job
            .key
            .as_ref()
            .and_then(|field| delivery.value(field));
        if let Some(key) = key {
            self.hand.order.insert(delivery.id(), Key::from(key));
        }
        self.park_unless_first(delivery);
    }

    fn park_unless_first(&mut self, delivery: Delivery) {
        if self.hand.order.is_first(delivery.id()) {
            self.ready.push_back(delivery);
        } else {
            self.parked.insert(delivery.id(), delivery);
        }
    }

    /// Makes ready what is in turn now, and parks what is not any more: an earlier entry of its key was taken over.
    fn take_turns(&mut self) {
        for id in self.hand.order.take_freed() {
            if let Some(delivery) = self.parked.remove(&id) {
                self.park_unless_first(delivery);
            }
        }
        while let Some(first) = self.ready.front().map(Delivery::id)
            && !self.hand.order.is_first(first)
        {
            if let Some(delivery) = self.ready.pop_front() {
                self.parked.insert(first, delivery);
            }
        }
    }

    /// How many entries may be taken in hand for another attempt. Those that wait for the turn of their key leave room for
    /// what they wait for.
    pub(super) fn room_for_retries(&self) -> usize {
        match self.job.key {
            Some(_) => self.room().max(self.job.policy.concurrency),
            None => self.room(),
        }
    }

    /// Whether nothing runs or can be started, so that an entry may run alone.
    pub(super) fn is_idle(&self) -> bool {
        self.hand.running() == 0 && self.ready.is_empty()
    }

    /// What an entry needs to be started.
    fn need(&self, delivery: &Delivery) -> Need {
        Need {
            id: delivery.id(),
            slots: self.slots(),
            is_alone: delivery.is_alone && !planted::is("crowded-lone"),
        }
    }

    /// Whether nothing of the retry stream is started, because everything fails in the stream.
    pub(super) fn is_held_back(&self) -> bool {
        self.seat == Seat::Retries && self.shared.is_paused()
    }

    /// How many entries handlers may have at a time.
    pub(super) fn slots(&self) -> usize {
        self.job.policy.concurrency + self.job.handler.ahead()
    }

    /// Whether this engine has a free slot for the entry, and no entry that must run alone prevents it.
    fn has_own_slot(&self, need: &Need) -> bool {
        let running = self.hand.running();
        running < need.slots && (!need.is_alone || running == 0) && !self.hand.is_lone_running
    }

    fn has_slot(&self, delivery: &Delivery) -> bool {
        let need = self.need(delivery);
        self.has_own_slot(&need) && self.shared.has_slot(self.seat, &need)
    }

    /// Whether this worker has the resources for another start. The clock is read only when it lacks some.
    fn may_start_more(&self) -> bool {
        !self.lack.is_there() || self.lack.allows(Instant::now(), self.hand.running())
    }

    /// Whether only the rate limit prevents the start of the next entry.
    pub(super) fn is_held_by_pace(&self) -> bool {
        self.may_start_more() && self.ready.front().is_some_and(|first| self.has_slot(first))
    }

    /// Whether the leases are still valid. This is checked for each start, because the process may have been
    /// suspended since the turn began, so that leases have expired.
    fn has_leases(&mut self, id: EntryId) -> bool {
        let now = Instant::now();
        let good_for = self.job.policy.lease_good_for();
        if !self.hand.is_confirmed(id, now, good_for) {
            // Others may have taken it by now: asked first.
            self.timers.renewal = now;
        }
        self.leases_end(id).is_some_and(|end| now < end)
    }

    /// The time until which no other consumer can have claimed the entry by the rules, as far as this worker knows.
    fn leases_end(&self, id: EntryId) -> Option<Instant> {
        let confirmed = self.hand.get(id)?.confirmed;
        let own = confirmed + self.job.policy.lease_good_for();
        match &self.lease {
            Some(lease) => Some(own.min(lease.held_until()?)),
            None => Some(own),
        }
    }

    fn spawn(&mut self, delivery: Delivery, slot: Slot) {
        let (id, deliveries) = (delivery.id(), delivery.deliveries);
        let Some(leases_end) = self.leases_end(id) else {
            return;
        };
        let is_alone = delivery.is_alone;
        let (handler, origin) = (Arc::clone(&self.job.handler), Arc::clone(&self.origin));
        let policy = self.job.policy;
        // Handed over here, and not in its task: tasks may begin in any order.
        let handed_over = self.job.handler.ordered();
        let handed_over = handed_over.map(|it| it.take(delivery.clone()));
        let report = Report {
            finished: self.finished_sender.clone(),
            delivery,
            verdict: None,
        };
        let task = match handed_over {
            // A task of its own kind, because what waits is small, and there is one for each entry.
            Some(told) => tokio::spawn(async move {
                let mut report = report;
                report.verdict = Some(told.await.unwrap_or(Verdict::Interrupted));
            }),
            None => tokio::spawn(async move {
                let mut report = report;
                // Looked at once more: the process may have stood still since this was started.
                report.verdict = Some(if Instant::now() < leases_end {
                    handler.handle(&origin, &report.delivery, &policy).await
                } else {
                    Verdict::Interrupted
                });
            }),
        };
        let run = Run {
            handler: task.abort_handle(),
            _slot: slot,
        };
        if self.hand.advance(id, deliveries, Phase::Running(run)) {
            self.hand.is_lone_running = is_alone && !planted::is("crowded-lone");
            if self.lack.is_there() {
                self.lack.started(Instant::now(), self.hand.running());
            }
            if deliveries > 1 {
                self.long.runs(id, deliveries, Instant::now());
            }
            if planted::is("early-acknowledgement") {
                self.settle_again(vec![(id, deliveries)]);
            }
        } else {
            task.abort();
        }
    }

    /// Handles the end of a handler.
    pub(super) fn on_finished(&mut self, finished: Finished) {
        let Finished { delivery, verdict } = finished;
        if delivery.is_alone {
            self.hand.is_lone_running = false;
        }
        if matches!(verdict, Verdict::Interrupted) {
            self.put_back(&delivery);
            return;
        }
        if self
            .hand
            .advance(delivery.id(), delivery.deliveries, Phase::Settling)
        {
            if verdict.is_of_an_attempt() {
                self.attempt_was_made(&delivery);
            }
            self.judge(&delivery, verdict);
        }
    }

    /// Returns an entry that was not attempted after all, because its process ended over another entry or its lease
    /// must be checked again. It is the next to start, in the order of ids.
    pub(super) fn put_back(&mut self, delivery: &Delivery) {
        let id = delivery.id();
        if !self.hand.advance(id, delivery.deliveries, Phase::Ready) {
            return;
        }
        tracing::debug!(group = %self.job.group, %id, "entry was not attempted; it is started again");
        self.shared.was_not_started();
        let ahead = self.ready.iter().take_while(|next| next.id() < id);
        let at = ahead.count();
        self.ready.insert(at, delivery.clone());
    }

    /// Decides what happens to an entry that was attempted. It is in hand, in the phase of settling.
    pub(super) fn judge(&mut self, delivery: &Delivery, verdict: Verdict) {
        let what = match verdict {
            Verdict::Done => {
                self.record(delivery.id());
                What::Acknowledge
            }
            Verdict::Publish(outputs) => What::Publish(outputs),
            Verdict::Count {
                update,
                uncountable,
            } => What::Count {
                update,
                uncountable,
            },
            Verdict::Dead { reason } => {
                add(&self.counters.failed_attempts, 1);
                What::DeadLetter {
                    owner: None,
                    reason,
                }
            }
            Verdict::Retry {
                reason,
                fault,
                after,
            } => {
                self.attempt_failed(Failure {
                    id: delivery.id(),
                    deliveries: delivery.deliveries,
                    reason,
                    after,
                    fault,
                    delivery: Some(delivery),
                });
                return;
            }
            // Only handlers that run beside the engine are interrupted, and that was seen to.
            Verdict::Interrupted => return,
        };
        // Where there is an output, only its arrival is a success.
        if matches!(what, What::Acknowledge) {
            self.attempt_succeeded();
        }
        self.settlements
            .push_back(Settlement::new(delivery.id(), delivery.deliveries, what));
    }

    /// Records in the journal that an entry was handled.
    pub(super) fn record(&self, id: EntryId) {
        if let Some(journal) = &self.job.journal {
            journal(id);
        }
    }

    /// Notes that an attempt succeeded.
    pub(super) fn attempt_succeeded(&mut self) {
        if self.breaker.succeeded() {
            tracing::warn!(group = %self.job.group, "circuit breaker closed: handlers succeed again");
            self.timers.sweep = Instant::now();
        }
    }
}
