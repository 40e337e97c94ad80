//! Claims entries, with what was seen of them as a precondition, so that two workers never both succeed, and in
//! batches that the connection can carry.

use std::time::{Duration, Instant};

use super::Engine;
use crate::model::{Entry, bytes_of};
use crate::wire::{Claim, CountMode, Error, ErrorKind, ExpectedPending, claim};
use crate::worker::state::in_hand::Delivery;
use crate::worker::state::settlement::{Settlement, What};

/// The consumers whose entries are claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Entries of this consumer.
    Own,
    /// Entries of consumers that seem to be dead. Only entries that have still been idle for long enough at the
    /// time of the claim are taken, because a worker that seemed dead may have renewed its leases in the meantime.
    Others,
}

impl Engine {
    /// Claims entries that have not changed since they were seen. Claimed entries become ready, those without a body
    /// will be recorded in the dead-letter stream, and the others are dropped. Returns how many are ready.
    pub(super) async fn claim(
        &mut self,
        mode: CountMode,
        whose: Whose,
        seen: &[ExpectedPending],
    ) -> Result<usize, Error> {
        let Some(connection) = self.connection.as_ref().filter(|_| !seen.is_empty()) else {
            return Ok(0);
        };
        let idle_min = |seen: &ExpectedPending| match (whose, &seen.owner) {
            (Whose::Others, Some(owner)) => self.rest(owner, seen.deliveries.unwrap_or(0)),
            (Whose::Others, None) => self
                .job
                .policy
                .rest(self.claim_idle(), seen.deliveries.unwrap_or(0)),
            (Whose::Own, _) => Duration::ZERO,
        };
        let asked_at = Instant::now();
        let claims = connection
            .call(claim(self.holder(), mode, idle_min, seen))
            .await;
        let claims = match claims {
            Ok(claims) => claims,
            Err(error) => {
                if error.kind == ErrorKind::Timeout {
                    self.claims.was_late(seen.len());
                }
                return Err(error);
            }
        };
        let bodies = claims.iter().filter_map(|claim| match claim {
            Claim::Held { fields, .. } => Some(bytes_of(fields)),
            _ => None,
        });
        let (got, bytes) = bodies.fold((0, 0), |(got, bytes), more| (got + 1, bytes + more));
        self.claims.brought(seen.len(), got, bytes);
        let mut ready = 0;
        for (seen, outcome) in seen.iter().zip(claims) {
            ready += usize::from(self.on_claimed(seen, outcome, asked_at));
        }
        Ok(ready)
    }

    /// Handles the result of one claim. Returns whether the entry is in hand now.
    fn on_claimed(&mut self, seen: &ExpectedPending, outcome: Claim, asked_at: Instant) -> bool {
        let id = seen.id;
        match outcome {
            Claim::Held { deliveries, fields } => {
                self.hand
                    .insert(id, deliveries, asked_at, bytes_of(&fields));
                let entry = Entry { id, fields };
                self.make_ready(Delivery::of(&entry, deliveries));
                return true;
            }
            Claim::Ghost { owner, deliveries } => {
                self.let_go(id);
                let what = What::Tombstone { owner };
                self.settlements
                    .push_back(Settlement::new(id, deliveries, what));
            }
            Claim::Gone | Claim::Moved { .. } | Claim::Fresh { .. } => {
                if self.hand.contains(id) {
                    self.let_go(id);
                    self.count_lost(id);
                }
            }
        }
        false
    }
}
