//! A group has undelivered or pending entries, and too few live consumers.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a group has undelivered or pending entries, and fewer live consumers than `min_live`",
    why: "Too few workers handle the group's entries, so lag and pending entries grow.",
    remedy: "Start workers with `worker run GROUP`; `consumers` shows which consumers were active last.",
    needs: Needs::Observation,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    of_alert(scope, AlertName::MinLive, |group, alert| {

        let (live, all) = (group.live.unwrap_or_default(), group.consumers.len());
        let summary = format!(
            "{} of {} consumers are live, and entries are undelivered or pending",
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
