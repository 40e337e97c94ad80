//! It is unknown whether the lag is over its threshold.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "the lag of a group is unknown, and may be over `max_lag`",
    why: "The server does not know the lag, and the count stopped at its limit: the group may be too far behind.",
    remedy: "Count the lag with `lag GROUP --exact`; the server knows it again once the group has read to the end of the stream.",
    needs: Needs::Observation,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    of_alert(scope, AlertName::LagUnknown, |group, alert| {

        let _ = alert;
        let lag = group.figures.lag.unwrap_or(Lag::Unknown);
        let summary = format!("the lag is unknown: {} behind", said(lag));
        let next = scope.command("lag", group).flag("--exact");
        Finding::of_group(Severity::Unknown, group, summary, &next).with(
            "lag",
            figure(lag),
            "XINFO GROUPS, XRANGE",
        )
    })
}
