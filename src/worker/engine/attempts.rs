//! Further attempts at entries in hand: when their delay is over, and one at a time while everything fails.

use std::time::Instant;

use super::Engine;
use super::claims::Whose;
use crate::wire::{CountMode, Error, Seen};
use crate::worker::state::retries::Retry;

impl Engine {
    /// Starts the next attempt of entries whose delay is over.
    pub(super) async fn retry_due(&mut self, now: Instant) -> Result<(), Error> {
        let count_max = self.room().min(self.claims.at_a_time());
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

    /// Claims entries for their next attempt; all of them count a delivery, or none does.
    async fn attempt_again(&mut self, retries: &[Retry], is_free: bool) -> Result<(), Error> {
        let mode = if is_free {
            CountMode::Keep
        } else {
            CountMode::Raise
        };
        let seen: Vec<Seen> = retries.iter().map(|retry| self.own(retry)).collect();
        self.claim(mode, Whose::Own, &seen).await.map(|_| ())
    }

    /// While everything fails: tries one entry, without counting a delivery.
    pub(super) async fn probe(&mut self, now: Instant) -> Result<(), Error> {
        let is_due = self.breaker.next_probe().is_some_and(|at| now >= at);
        if !is_due || self.hand.running() > 0 {
            return Ok(());
        }
        self.breaker.probing(now);
        let is_for_a_new_one = self.breaker.is_for_a_new_one() || self.retries.is_empty();
        if is_for_a_new_one && !self.is_reading_over {
            match self.ready.front_mut() {
                Some(delivery) => delivery.is_probe = true,
                None => self.is_probe_wanted = true,
            }
            return Ok(());
        }
        let Some(retry) = self.retries.take_first() else {
            // Nothing is left to probe with, and nothing to be spared.
            self.breaker.succeeded();
            return Ok(());
        };
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

    fn own(&self, retry: &Retry) -> Seen {
        Seen {
            id: retry.id,
            owner: Some(self.job.consumer.clone()),
            deliveries: Some(retry.deliveries),
        }
    }
}
