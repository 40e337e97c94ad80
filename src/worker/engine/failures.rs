//! Decides what happens to an entry whose attempt failed; this depends only on what caused the failure.

use std::time::{Duration, Instant};

use super::Engine;
use crate::model::{EntryId, escaped, format_duration_short};
use crate::planted;
use crate::worker::counters::add;
use crate::worker::handler::Fault;
use crate::worker::policy::{fraction, spread_delay};
use crate::worker::state::fault::{Circumstances, Decision};
use crate::worker::state::in_hand::{Delivery, Phase};
use crate::worker::state::retries::Retry;
use crate::worker::state::settlement::{Settlement, What};

/// An attempt that failed.
pub(super) struct Failure<'a> {
    pub(super) id: EntryId,
    pub(super) deliveries: u64,
    pub(super) reason: String,
    /// The shortest delay that the handler asked for.
    pub(super) after: Option<Duration>,
    pub(super) fault: Fault,
    /// The entry that was to be handled, which may not have been started.
    pub(super) delivery: Option<&'a Delivery>,
}

impl Engine {
    /// Lets an entry wait for its next attempt, or ends its attempts.
    pub(super) fn attempt_failed(&mut self, failure: Failure<'_>) {
        let decision = self.decide(&failure);
        let Failure {
            id,
            deliveries,
            reason,
            after,
            delivery,
            ..
        } = failure;
        match decision {
            Decision::PutBack => {
                if let Some(delivery) = delivery {
                    self.not_started(delivery, &reason);
                }
            }
            Decision::DeadLetter => {
                let what = What::DeadLetter {
                    owner: None,
                    reason,
                };
                self.settlements
                    .push_back(Settlement::new(id, deliveries, what));
            }
            Decision::Retry { is_free } => {
                let is_last = deliveries >= self.job.policy.max_deliveries;
                if is_last && failure.fault == Fault::Service && !self.breaker.is_open() {
                    tracing::warn!(
                        group = %self.job.group, %id, attempt = deliveries, reason = %escaped(reason.as_bytes()),
                        "attempt failed, as every attempt has since the outage began: the entry is not \
                            dead-lettered yet"
                    );
                } else {
                    tracing::info!(
                        group = %self.job.group, %id, attempt = deliveries, reason = %escaped(reason.as_bytes()),
                        "attempt failed"
                    );
                }
                let started = self.hand.get(id).and_then(|held| held.started);
                let started = started.unwrap_or_else(Instant::now);
                self.long.failed(id, deliveries, started, &reason);
                self.wait_for_retry(id, deliveries, after, is_free);
            }
        }
    }

    /// Counts the failure, and decides what follows from it.
    fn decide(&mut self, failure: &Failure<'_>) -> Decision {
        let now = Instant::now();
        let was_open = self.breaker.is_open();
        if failure.fault != Fault::Worker {
            add(&self.counters.failed_attempts, 1);
            if self.breaker.failed(now, failure.id) {
                self.on_breaker_opened(&failure.reason);
            }
        }
        failure.fault.decide(&Circumstances {
            deliveries: failure.deliveries,
            deliveries_max: self.job.policy.max_deliveries,
            // While everything fails it is not the message's fault: it stays.
            everything_fails: was_open || self.breaker.is_open() || self.is_held_back(),
            failing_for: self.breaker.failing_for(now, failure.id),
        })
    }

    /// Handles an attempt that could not be started because this worker lacks resources. The entry is the next to
    /// start once there may be enough of them.
    fn not_started(&mut self, delivery: &Delivery, reason: &str) {
        add(&self.counters.not_started, 1);
        self.put_back(delivery);
        let now = Instant::now();
        if self.lack.failed(now, self.hand.running()) {
            tracing::error!(
                group = %self.job.group, stream = %self.job.stream,
                reason = %escaped(reason.as_bytes()),
                "this worker lacks resources to start an attempt: retrying; no delivery is counted against the entries"
            );
        }
    }

    /// Checks whether the missing resources are available again.
    pub(super) fn look_for_lack(&mut self, now: Instant) {
        if let Some(since) = self.lack.look(now, self.slots()) {
            tracing::warn!(
                group = %self.job.group, after = %format_duration_short(since.elapsed()),
                "attempts can be started again"
            );
        }
    }

    /// Records that a handler ran to its end.
    pub(super) fn attempt_was_made(&self, delivery: &Delivery) {
        if delivery.deliveries > 1 && !delivery.is_probe {
            add(&self.counters.retried, 1);
        }
    }

    /// Lets an entry in hand wait until its next attempt is due.
    fn wait_for_retry(
        &mut self,
        id: EntryId,
        deliveries: u64,
        after: Option<Duration>,
        is_free: bool,
    ) {
        let backoff = self.job.policy.backoff;
        let delay = spread_delay(backoff, deliveries.max(1), fraction());
        let after = after.filter(|_| !planted::is("no-retry-after"));
        let delay = delay.max(after.unwrap_or_default().min(backoff.cap.max(delay)));
        if self.hand.advance(id, deliveries, Phase::Waiting) {
            self.retries.push(Retry {
                due: Instant::now() + delay,
                id,
                deliveries,
                is_free,
            });
            self.settlements
                .push_back(Settlement::new(id, deliveries, What::Rest));
        }
    }
}
