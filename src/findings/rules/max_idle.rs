//! A pending entry has been idle for too long.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a pending entry has been idle for longer than `max_idle`",
    why: "Its consumer is dead or stuck: no consumer handles the entry, and none has claimed it.",
    remedy: "See with `pending` which consumer holds it; start a worker, which claims it, or claim it with `claim GROUP --to CONSUMER`.",
    needs: Needs::Observation,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    of_alert(scope, AlertName::MaxIdle, |group, alert| {

        let idle = millis(group.figures.idle_ms);
        let limit = scope.limit(group, Measure::MaxIdle, alert);
        let summary = format!("a pending entry has been idle for {idle}{limit}");
        let next = scope.command("pending", group);
        Finding::of_group(alert.level, group, summary, &next).with(
            "oldest_pending_idle_ms",
            idle,
            "XPENDING",
        )
    })
}
