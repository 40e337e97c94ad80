//! A group's position is below the id of an entry that was delivered to it.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a group's position is below its greatest pending id",
    why: "A client moved the group back with XGROUP SETID: entries are delivered again, and their delivery counts start again at 1.",
    remedy: "If this was not intended, move the group to its greatest pending id with `groups set-id`.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (group, details) in scope.closely() {
        let (Some(position), Some(last)) = (group.last_delivered_id, details.last_pending) else {
            continue;
        };
        if position >= last {
            continue;
        }
        let summary = format!("its position {position} is below {last}, which was delivered and is pending");
        let next = set_id(scope, group, &last.to_string());
        found.push(Finding::of_group(Severity::Critical, group, summary, &next)
            .with("last_delivered_id", position.to_string(), "XINFO GROUPS")
            .with("last_pending_id", last.to_string(), "XPENDING"));
    }
    found
}
