//! Messages handled more than once, and deliveries without an attempt: each must be explained by something that
//! happened to the worker that had the message then, and an event explains no more than its workers can have had in
//! hand.

use std::collections::BTreeMap;

use super::active::NOTICED_MS;
use super::{Attempt, Cause, Event, Rule, Said, View, Work};
use crate::message::Plan;

/// How long an acknowledgement may take when nothing is wrong, on a busy machine.
const ACKNOWLEDGED_MS: u64 = 1000;

impl<'h> View<'h> {
    pub(super) fn duplicates(&mut self) {
        if self.group.work != Work::Handler {
            return;
        }
        let workers = self.group.workers;
        let mut left: BTreeMap<usize, usize> = BTreeMap::new();
        let keys: Vec<&str> = self.attempts.keys().copied().collect();
        for key in keys {
            let dones = self.dones(key);
            for pair in dones.windows(2) {
                let (first, again) = (pair[0], pair[1]);
                if self.was_planned(first) {
                    *self.explained.entry("its plan".to_owned()).or_default() += 1;
                    continue;
                }
                let events = self.history.events.iter().enumerate();
                let explanation = events
                    .filter(|(_, event)| explains(event, first, again))
                    .find(|(at, event)| {
                        let among = if event.worker.is_some() { 1 } else { workers };
                        let left = left
                            .entry(*at)
                            .or_insert(among * self.history.rules.in_hand);
                        let is_left = *left > 0;
                        *left = left.saturating_sub(1);
                        is_left
                    });
                match explanation {
                    Some((_, event)) => {
                        *self.explained.entry(event.name.clone()).or_default() += 1;
                    }
                    None => self.broken(
                        Rule::Duplicate,
                        key,
                        format!(
                            "handled by worker {} at {}, and again by {} at {}: nothing explains it",
                            first.worker, first.at_ms, again.worker, again.at_ms
                        ),
                    ),
                }
            }
        }
    }

    /// Whether the handler said that it failed after it was done.
    fn was_planned(&self, done: &Attempt) -> bool {
        done.deliveries == 1
            && self
                .published
                .get(done.key.as_str())
                .is_some_and(|it| it.plan == Plan::DoneAndFails)
    }

    pub(super) fn skipped(&mut self) {
        if self.group.work != Work::Handler {
            return;
        }
        let keys: Vec<&str> = self.attempts.keys().copied().collect();
        for key in keys {
            let starts: Vec<&'h Attempt> = self.attempts[key]
                .iter()
                .filter(|line| line.said == Said::Start)
                .copied()
                .collect();
            let published = self.published.get(key).map_or(0, |it| it.at_ms);
            let (mut count, mut at_ms) = (0, published);
            for start in starts {
                let is_explained = start.deliveries <= count + 1
                    || self.history.events.iter().any(|event| {
                        event.cause != Cause::Blip
                            && event.until_ms + self.history.rules.claim_idle_ms >= at_ms
                            && event.from_ms <= start.at_ms
                    });
                if !is_explained {
                    let text = format!(
                        "attempted under count {count}, next under {}: a delivery was wasted",
                        start.deliveries
                    );
                    self.broken(Rule::NoAttempt, key, text);
                }
                count = count.max(start.deliveries);
                at_ms = start.at_ms;
            }
        }
    }
}

/// Whether `event` can be why what `first` had done was done `again`: it happened to the one with the earlier delivery,
/// whose acknowledgement did not get through, or who did not know yet that another one had taken the entry.
fn explains(event: &Event, first: &Attempt, again: &Attempt) -> bool {
    let (earlier, later) = if again.deliveries < first.deliveries {
        (again, first)
    } else {
        (first, again)
    };
    if event.cause == Cause::Blip
        || event.worker.is_some_and(|worker| worker != earlier.worker)
        || event.from_ms > later.at_ms
    {
        return false;
    }
    let done = earlier.at_ms;
    // The acknowledgement was not through yet when it began; or it was not over yet.
    let noticed_ms = match event.cause {
        Cause::Absence => NOTICED_MS,
        _ => 0,
    };
    done + ACKNOWLEDGED_MS >= event.from_ms && done <= event.until_ms + noticed_ms
}
