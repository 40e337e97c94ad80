//! The group is too far behind.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "more entries than `max_lag` are not delivered to a group yet",
    why: "Entries come faster than they are read, or nobody reads.",
    remedy: "Start more workers, or find out why those that live are slow.",
    needs: Needs::Observation,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    of_alert(scope, AlertName::MaxLag, |group, alert| {

        let lag = group.figures.lag.unwrap_or(Lag::Unknown);
        let limit = scope.limit(group, Measure::MaxLag, alert);
        let summary = format!("{} behind{limit}", said(lag));
        // Those that live may be slow, or hold what they do not handle.
        let next = match group.live {
            Some(0) => another_worker(scope, group),
            _ => scope.command("consumers", group),
        };
        Finding::of_group(alert.level, group, summary, &next).with(
            "lag",
            figure(lag),
            "XINFO GROUPS, XRANGE",
        )
    })
}
