//! The group has work, and too few consumers are alive.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a group has work, and fewer live consumers than `min_live`",
    why: "Nobody reads the stream: what is pending and what comes stays undone.",
    remedy: "Start workers with `worker run GROUP`, and see with `consumers` who was there last.",
    needs: Needs::Observation,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    of_alert(scope, AlertName::MinLive, |group, alert| {

        let (live, all) = (group.live.unwrap_or_default(), group.consumers.len());
        let summary = format!(
            "{} of {} consumers are live, and there is work",
            with_commas(live),
            with_commas(all)
        );
        let next = another_worker(scope, group);
        Finding::of_group(alert.level, group, summary, &next).with(
            "live",
            format!("{live}/{all}"),
            "XINFO CONSUMERS",
        )
    })
}
