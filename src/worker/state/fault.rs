//! What caused a failed attempt, and the decision that follows from it.

use std::time::Duration;

use crate::planted;

/// How long an outage of a service may last before an entry becomes a dead letter nevertheless.
const OUTAGE_MAX: Duration = Duration::from_hours(24);

/// What caused an attempt to fail.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The message, as far as can be told; after enough failures it becomes a dead letter.
    Message,
    /// The service that the handler called: it could not be reached, did not answer in time, or reported that it is
    /// unavailable.
    Service,
    /// The Redis server: it could not store the output, whatever the output is.
    Server,
    /// This worker: it lacked resources, and no attempt was made.
    Worker,
}

/// What else is known about a failed attempt.
#[derive(Clone, Copy, Debug)]
pub(in crate::worker) struct Circumstances {
    /// How often the entry was delivered, including this time.
    pub(in crate::worker) deliveries: u64,
    /// The group's limit.
    pub(in crate::worker) deliveries_max: u64,
    /// Whether the breaker is open, or was open when the attempt failed.
    pub(in crate::worker) everything_fails: bool,
    /// How long ago the first failure after the last success was; `None` when something succeeded while this entry
    /// failed.
    pub(in crate::worker) failing_for: Option<Duration>,
}

/// What happens to an entry whose attempt failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::worker) enum Decision {
    /// The entry was not attempted, so it is the next to start.
    PutBack,
    /// Another attempt; if `is_free`, it does not count as a delivery.
    Retry { is_free: bool },
    /// The entry's deliveries are used up.
    DeadLetter,
}

impl Fault {
    /// Decides what happens to the entry.
    pub(in crate::worker) fn decide(self, seen: &Circumstances) -> Decision {
        let has_used_up = match self {
            Self::Worker => return Decision::PutBack,
            Self::Server => return Decision::Retry { is_free: true },
            Self::Message => seen.deliveries >= seen.deliveries_max,
            Self::Service => {
                let is_outage = seen.failing_for.is_some_and(|it| it < OUTAGE_MAX);
                let is_outage = is_outage && !planted::is("outage-counts");
                let limit = seen.deliveries_max * if is_outage { 2 } else { 1 };
                seen.deliveries >= limit
            }
        };
        if has_used_up && !seen.everything_fails {
            Decision::DeadLetter
        } else {
            Decision::Retry { is_free: false }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fault: Fault, deliveries: u64, failing_for: Option<Duration>) -> Decision {
        fault.decide(&Circumstances {
            deliveries,
            deliveries_max: 5,
            everything_fails: false,
            failing_for,
        })
    }

    #[test]
    fn only_a_message_and_a_service_that_others_can_use_make_a_dead_letter_at_the_limit() {
        let (retry, outage) = (Decision::Retry { is_free: false }, Some(Duration::ZERO));
        for (fault, deliveries, failing_for, decision) in [
            (Fault::Message, 4, outage, retry),
            (Fault::Message, 5, outage, Decision::DeadLetter),
            (Fault::Service, 4, None, retry),
            (Fault::Service, 5, None, Decision::DeadLetter),
            (Fault::Service, 5, outage, retry),
            (Fault::Service, 9, outage, retry),
            (Fault::Service, 10, outage, Decision::DeadLetter),
            (Fault::Service, 5, Some(OUTAGE_MAX), Decision::DeadLetter),
            (
                Fault::Server,
                100,
                outage,
                Decision::Retry { is_free: true },
            ),
            (Fault::Worker, 100, outage, Decision::PutBack),
        ] {
            assert_eq!(
                of(fault, deliveries, failing_for),
                decision,
                "{fault:?} {deliveries}"
            );
        }
    }

    #[test]
    fn nothing_is_given_up_while_everything_fails() {
        for fault in [Fault::Message, Fault::Service, Fault::Server, Fault::Worker] {
            let decision = fault.decide(&Circumstances {
                deliveries: 100,
                deliveries_max: 5,
                everything_fails: true,
                failing_for: None,
            });
            assert_ne!(decision, Decision::DeadLetter, "{fault:?}");
        }
    }
}
