//! A group's position is behind what it was delivered.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a group's position is below its greatest pending id",
    why: "Somebody moved it back with XGROUP SETID: entries that were delivered are delivered again, and their delivery counts start anew.",
    remedy: "Where that is not wanted, set it to the greatest pending id with `groups set-id`.",
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
