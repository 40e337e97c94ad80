//! The oldest entry that is not acknowledged is too old.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "the oldest undelivered or unacknowledged entry of a group is older than `max_age`",
    why: "Everything that depends on this entry is at least as late.",
    remedy: "See the cause with the command that the finding names; start more workers if the lag grows.",
    needs: Needs::Observation,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    of_alert(scope, AlertName::MaxAge, |group, alert| {

        let (undelivered, pending) = (group.undelivered_age_ms, group.oldest_pending_age_ms);
        let age = millis(undelivered.max(pending).max(group.retry_age_ms));
        let (what, verb) = if group.retry_age_ms > undelivered.max(pending) {
            ("retried", "lag")
        } else if undelivered > pending {
            ("undelivered", "lag")
        } else {
            ("unacknowledged", "pending")
        };
        let limit = scope.limit(group, Measure::MaxAge, alert);
        let summary = format!("the oldest {what} entry is {age} old{limit}");
        let next = scope.command(verb, group);
        let finding = Finding::of_group(alert.level, group, summary, &next);
        // What is not there has no age.
        let ages = [("undelivered_age_ms", undelivered, "XRANGE"), ("oldest_pending_age_ms", pending, "XPENDING"), ("retry_age_ms", group.retry_age_ms, "XRANGE")];
        let there = ages.into_iter().filter(|(_, age, _)| age.is_some());
        there.fold(finding, |it, (name, age, source)| it.with(name, millis(age), source))
    })
}
