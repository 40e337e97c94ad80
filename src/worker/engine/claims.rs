//! Claiming entries: fenced by what was seen of them, so two workers never both win, and in portions that the link to
//! the server can carry.

use std::time::{Duration, Instant};

use super::Engine;
use crate::model::{Entry, bytes_of};
use crate::wire::{Claim, CountMode, Error, ErrorKind, ExpectedPending, claim};
use crate::worker::state::in_hand::Delivery;
use crate::worker::state::settlement::{Settlement, What};

/// Whose entries are claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// This consumer's own.
    Own,
    /// Those of whoever does not attend to them: only what still rests long enough when the claim is made, since a worker
    /// that was thought dead may have renewed its leases meanwhile.
    Others,
}

impl Engine {
    /// Claims entries that are still as seen; those that were are ready, ghosts are on their way to the dead-letter
    /// stream, and the others are out of hand. How many are ready.
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

    /// Whether the entry is in hand now.
    fn on_claimed(&mut self, seen: &ExpectedPending, outcome: Claim, asked_at: Instant) -> bool {
        let id = seen.id;
        match outcome {
            Claim::Held { deliveries, fields } => {
                self.hand
                    .insert(id, deliveries, asked_at, bytes_of(&fields));
                let entry = Entry { id, fields };
                self.ready.push_back(Delivery::of(&entry, deliveries));
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
