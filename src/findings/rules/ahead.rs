//! A group's position is ahead of the last id of its stream.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a group's position is beyond the last id of its stream",
    why: "Entries that are added with lower ids are never delivered to the group.",
    remedy: "Move the group back to the end of the stream with `groups set-id GROUP end`.",
    needs: Needs::Observation,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    of_alert(scope, AlertName::Ahead, |group, alert| {

        let position = group.last_delivered_id.unwrap_or(EntryId::MIN);
        let summary = format!("its position is {position}, ahead of the last id of its stream");
        let next = set_id(scope, group, "end");
        Finding::of_group(alert.level, group, summary, &next).with(
            "last_delivered_id",
            position.to_string(),
            "XINFO GROUPS",
        )
    })
}
