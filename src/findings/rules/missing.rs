//! The topology names a group that the server does not have.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "the topology names a group that the server does not have",
    why: "No worker reads the stream for this group, and entries may be trimmed before the group exists.",
    remedy: "Create the group with `init`, or remove it from the topology file if it is no longer needed.",
    needs: Needs::Observation,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let missing = scope.observation.groups().filter(|it| it.figures.is_missing).count();
    of_alert(scope, AlertName::Missing, |group, alert| {

        let summary = "the group does not exist on the server".to_owned();
        let next = CommandLine::new("init");
        let next = if missing > 1 { next } else { next.arg(&group.group) };
        Finding::of_group(alert.level, group, summary, &next).with("state", "missing", "XINFO GROUPS")
    })
}
