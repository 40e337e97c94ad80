//! Nobody knows whether the lag is over its threshold.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "the lag of a group is not known, and may be over `max_lag`",
    why: "The server lost count, and counting ended at its limit: the group may be too far behind.",
    remedy: "Count it with `lag GROUP --exact`; the server counts again once the group has read to the end.",
    needs: Needs::Observation,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    of_alert(scope, AlertName::LagUnknown, |group, alert| {

        let _ = alert;
        let lag = group.figures.lag.unwrap_or(Lag::Unknown);
        let summary = format!("the lag is not known: {} behind", said(lag));
        let next = scope.command("lag", group).flag("--exact");
        Finding::of_group(Severity::Unknown, group, summary, &next).with(
            "lag",
            figure(lag),
            "XINFO GROUPS, XRANGE",
        )
    })
}
