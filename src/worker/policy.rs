//! The limits and delays of a worker, and the rule for delays that every worker computes alike.

use std::time::Duration;

use crate::model::{Backoff, Problem};
use crate::planted;
use crate::topology::GroupSpec;

/// [`Backoff::delay`] before the attempt after number `attempt` (0: it was never attempted, and need not wait),
/// lengthened by up to a fifth, never shortened; `fraction` is in 0..=1.
pub(super) fn spread_delay(backoff: Backoff, attempt: u64, fraction: f64) -> Duration {
    if attempt == 0 || planted::is("no-backoff") {
        return Duration::ZERO;
    }
    backoff
        .delay(attempt)
        .mul_f64(1.0 + 0.2 * fraction.clamp(0.0, 1.0))
}

/// A random number from 0 to 1, so that workers that failed together do not retry together.
pub(super) fn fraction() -> f64 {
    let [.., byte] = uuid::Uuid::new_v4().into_bytes();
    f64::from(byte) / f64::from(u8::MAX)
}

/// How a worker treats its entries.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// How many handlers run at a time.
    pub concurrency: usize,
    /// The greatest number of entries that a read requests, and that wait for a slot.
    pub batch: usize,
    /// Whether that also limits a handler that is sent entries ahead of its answers; otherwise such a handler gets as
    /// many as it can take.
    pub is_batch_fixed: bool,
    /// The number of failed deliveries after which an entry goes to the dead-letter stream.
    pub max_deliveries: u64,
    /// How long an entry must be idle before another worker may claim it; at least 3 s.
    pub claim_idle: Duration,
    /// How long a handler may run.
    pub handler_timeout: Duration,
    /// Delays between attempts.
    pub backoff: Backoff,
    /// How long a stopping worker waits for running handlers.
    pub grace: Duration,
    /// The greatest number of attempts per second; `None` for no limit.
    pub rate: Option<u32>,
}

/// How long a stopping worker waits by default.
const GRACE: Duration = Duration::from_secs(30);

impl From<&GroupSpec> for Policy {
    /// One handler at a time, and otherwise the settings of the group in the topology.
    fn from(spec: &GroupSpec) -> Self {
        Self {
            concurrency: 1,
            batch: 1,
            is_batch_fixed: false,
            max_deliveries: spec.max_deliveries,
            claim_idle: spec.claim_idle,
            handler_timeout: spec.handler_timeout,
            backoff: spec.backoff,
            grace: GRACE,
            rate: None,
        }
    }
}

const CONCURRENCY_MAX: usize = 1024;
const BATCH_MAX: usize = 10_000;

impl Policy {
    /// # Errors
    /// A number outside its limits; the error names it.
    pub fn check(&self) -> Result<(), Problem> {
        let refuse = |text: String| {
            Err(Problem::usage(text).hint(
                "change the flag, or the group in the topology file (see `ucp-streams topology show`)",
            ))
        };
        if self.claim_idle < GroupSpec::CLAIM_IDLE_MIN {
            return refuse(format!(
                "claim idle is {:?}; with less than 3 s, a short pause of this machine would look like a dead worker",
                self.claim_idle
            ));
        }
        if !(1..=CONCURRENCY_MAX).contains(&self.concurrency) {
            return refuse(format!(
                "concurrency is {}; it must be from 1 to {CONCURRENCY_MAX}",
                self.concurrency
            ));
        }
        if !(1..=BATCH_MAX).contains(&self.batch) {
            return refuse(format!(
                "batch is {}; it must be from 1 to {BATCH_MAX}",
                self.batch
            ));
        }
        if self.max_deliveries == 0 {
            return refuse("max deliveries is 0; it must be at least 1".to_owned());
        }
        if self.rate == Some(0) {
            return refuse("rate is 0; it must be at least 1 per second".to_owned());
        }
        if self.backoff.base.is_zero() || self.backoff.cap < self.backoff.base {
            return refuse(format!(
                "backoff is {:?} up to {:?}; the base must be more than zero and the cap at least the base",
                self.backoff.base, self.backoff.cap
            ));
        }
        Ok(())
    }

    /// How long an entry that was delivered `deliveries` times must be idle before another worker may claim it, if
    /// the longest claim idle of any live consumer is `longest`.
    pub fn rest(&self, longest: Duration, deliveries: u64) -> Duration {
        // Others wait out the owner's whole spread, so that the owner comes first.
        self.claim_idle
            .max(longest)
            .max(self.longest_delay(deliveries))
    }

    /// The longest time that the owner of an entry delivered `deliveries` times waits before its next attempt.
    pub fn longest_delay(&self, deliveries: u64) -> Duration {
        spread_delay(self.backoff, deliveries, 1.0)
    }

    /// How long after its confirmation a lease is good enough to start a handler, because no other worker can have
    /// waited for long enough.
    pub fn lease_good_for(&self) -> Duration {
        self.claim_idle * 5 / 6
    }

    /// How often leases are renewed.
    pub fn renewal(&self) -> Duration {
        self.claim_idle / 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        base: Duration::from_secs(1),
        cap: Duration::from_mins(5),
    };

    proptest::proptest! {
        #[test]
        fn a_spread_delay_is_never_early_and_at_most_a_fifth_late(attempt in 0u64..100, fraction in 0.0f64..=1.0) {
            let spread = spread_delay(BACKOFF, attempt, fraction);
            let least = if attempt == 0 { Duration::ZERO } else { BACKOFF.delay(attempt) };
            assert!(spread >= least && spread <= least.mul_f64(1.2) + Duration::from_nanos(10));
        }
    }

    #[test]
    fn others_rest_at_least_as_long_as_the_owner_waits() {
        let policy = Policy {
            claim_idle: Duration::from_secs(3),
            ..Policy::from(&GroupSpec::new("g", "s"))
        };
        for deliveries in 1..20 {
            let rest = policy.rest(Duration::ZERO, deliveries);
            assert!(rest >= spread_delay(policy.backoff, deliveries, 1.0));
            assert!(rest >= policy.claim_idle);
            assert!(policy.rest(Duration::from_mins(10), deliveries) >= Duration::from_mins(10));
        }
    }

    #[test]
    fn numbers_outside_their_limits_are_refused() {
        let good = Policy::from(&GroupSpec::new("g", "s"));
        assert!(good.check().is_ok());
        for bad in [
            Policy {
                claim_idle: Duration::from_millis(2999),
                ..good
            },
            Policy {
                concurrency: 0,
                ..good
            },
            Policy { batch: 0, ..good },
            Policy {
                rate: Some(0),
                ..good
            },
            Policy {
                max_deliveries: 0,
                ..good
            },
            Policy {
                backoff: Backoff {
                    base: Duration::ZERO,
                    ..BACKOFF
                },
                ..good
            },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
