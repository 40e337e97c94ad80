//! A group's position is below the id of an entry that was delivered to it.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a group's position is below its greatest pending id, or below the one that a recording has",
    why: "A client moved the group back with XGROUP SETID: entries are delivered again, and their delivery counts start again at 1.",
    remedy: "If this was not intended, move the group to its greatest pending id with `groups set-id`.",
    needs: Needs::Observation,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    scope.lasting().filter_map(|group| of_group(scope, group)).collect()
}

fn of_group(scope: &Scope<'_>, group: &GroupReport) -> Option<Finding> {
    let position = group.last_delivered_id?;
    let target = Target::from(group);
    let pending = { scope.closely() }
        .find(|(_, details)| details.target == target)
        .and_then(|(_, details)| details.last_pending);
    let remembered = scope.observation.remembered.iter().find(|it| it.target == target);
    let recorded = remembered.map(|it| it.last_delivered_id);
    if let Some(last) = pending.filter(|it| position < *it) {
        let summary = format!("its position {position} is below {last}, which was delivered and is pending");
        let next = set_id(scope, group, &last.to_string());
        return Some(Finding::of_group(Severity::Critical, group, summary, &next)
            .with("last_delivered_id", position.to_string(), "XINFO GROUPS")
            .with("last_pending_id", last.to_string(), "XPENDING"));
    }
    let last = recorded.filter(|it| position < *it)?;
    let summary = format!("its position {position} is below {last}, which was delivered by the recording");
    let next = set_id(scope, group, &last.to_string());
    Some(Finding::of_group(Severity::Critical, group, summary, &next)
        .with("last_delivered_id", position.to_string(), "XINFO GROUPS")
        .with("recorded_id", last.to_string(), "the recording"))
}
