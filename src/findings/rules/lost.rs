//! Entries were trimmed or deleted before they were delivered.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "entries were trimmed or deleted before they were delivered to a group",
    why: "No worker ever got these entries, so they were never handled.",
    remedy: "Publish them again from their source; `groups accept-loss` clears the alert. Give the stream a larger MAXLEN, or the group more workers.",
    needs: Needs::Observation,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    of_alert(scope, AlertName::Lost, |group, alert| {

        let lost = group.lost_unaccepted.unwrap_or(Lag::Unknown);
        let summary = format!("{} lost before delivery", said(lost));
        let next = scope.command("groups accept-loss", group);
        Finding::of_group(alert.level, group, summary, &next).with(
            "lost_unaccepted",
            figure(lost),
            "XINFO STREAM, XINFO GROUPS, {stream}:lost:<group>",
        )
    })
}
