//! The group is too far behind.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "the lag of a group is greater than `max_lag`",
    why: "Entries are added faster than the group reads them, or no worker reads them.",
    remedy: "Start more workers, or find out why the live ones are slow.",
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
