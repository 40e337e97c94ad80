//! Further attempts at entries in hand: when their delay is over, and one at a time while the circuit breaker is
//! open.

use std::time::Instant;

use super::Engine;
use super::claims::Whose;
use crate::wire::{CountMode, Error, ExpectedPending};
use crate::worker::state::retries::Retry;

impl Engine {
    /// Starts the next attempt of entries whose delay is over.
    pub(super) async fn retry_due(&mut self, now: Instant) -> Result<(), Error> {
        let count_max = self.room_for_retries().min(self.claims.at_a_time());
        let mut due = self.retries.take_due(now, count_max);
        while let Some(first) = due.first() {
            let is_free = first.is_free;
            let alike: Vec<Retry> = due.extract_if(.., |it| it.is_free == is_free).collect();
            if let Err(error) = self.attempt_again(&alike, is_free).await {
                // They stay due.
                for retry in alike.into_iter().chain(due) {
                    self.retries.push(retry);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Claims entries for their next attempt. Either all of these claims count as deliveries, or none does.
    async fn attempt_again(&mut self, retries: &[Retry], is_free: bool) -> Result<(), Error> {
        let mode = if is_free {
            CountMode::Keep
        } else {
            CountMode::Raise
        };
        let seen: Vec<ExpectedPending> = retries.iter().map(|retry| self.own(retry)).collect();
        self.claim(mode, Whose::Own, &seen).await.map(|_| ())
    }

    /// While the circuit breaker is open: tries one entry, without counting a delivery. An entry that waits for a
    /// retry is not tried before its time.
    pub(super) async fn probe(&mut self, now: Instant) -> Result<(), Error> {
        let is_due = self.breaker.next_probe().is_some_and(|at| now >= at);
        if !is_due || self.hand.running() > 0 {
            return Ok(());
        }
        let waiting = self.retries.next_due();
        let is_one_due = waiting.is_some_and(|at| at <= now);
        // A read that waits brings the next new one by itself.
        let may_read = !self.is_reading_over && !self.reader.is_reading();
        let is_new_possible = !self.ready.is_empty() || may_read;
        let is_for_a_new_one = self.breaker.is_for_a_new_one() || !is_one_due;
        if is_for_a_new_one && is_new_possible {
            self.breaker.probing(now);
            match self.ready.front_mut() {
                Some(delivery) => delivery.is_probe = true,
                None => self.is_probe_wanted = true,
            }
            return Ok(());
        }
        let Some(retry) = self.retries.take_due(now, 1).pop() else {
            self.await_probe(now, waiting);
            return Ok(());
        };
        self.breaker.probing(now);
        let seen = [self.own(&retry)];
        match self.claim(CountMode::Keep, Whose::Own, &seen).await {
            Ok(_) => {
                let mut ready = self.ready.iter_mut();
                if let Some(delivery) = ready.find(|delivery| delivery.id() == retry.id) {
                    delivery.is_probe = true;
                }
                Ok(())
            }
            Err(error) => {
                self.retries.push(retry);
                Err(error)
            }
        }
    }

    /// No probe can be made now, so the next one is scheduled.
    fn await_probe(&mut self, now: Instant, waiting: Option<Instant>) {
        match waiting {
            Some(at) => self.breaker.probe_not_before(at),
            None if self.reader.is_reading() => {
                self.breaker.probing(now);
                self.is_probe_wanted = true;
            }
            // Nothing is left to probe with, and nothing to be spared.
            None => {
                self.breaker.succeeded();
            }
        }
    }

    fn own(&self, retry: &Retry) -> ExpectedPending {
        ExpectedPending {
            id: retry.id,
            owner: Some(self.job.consumer.clone()),
            deliveries: Some(retry.deliveries),
        }
    }
}
