//! Too many entries are pending.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a group has more pending entries than `max_pending`",
    why: "These entries were delivered, and no consumer has acknowledged them.",
    remedy: "See with `pending` which consumers hold them; claim the entries of dead consumers.",
    needs: Needs::Observation,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    of_alert(scope, AlertName::MaxPending, |group, alert| {

        // Those of its retry stream, too.
        let pending = group.figures.pending.unwrap_or_default();
        let limit = scope.limit(group, Measure::MaxPending, alert);
        let summary = format!("{} pending{limit}", entries(pending));
        let next = scope.command("pending", group);
        Finding::of_group(alert.level, group, summary, &next).with(
            "pending",
            pending.to_string(),
            "XINFO GROUPS",
        )
    })
}
