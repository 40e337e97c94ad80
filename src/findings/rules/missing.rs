//! The topology names a group that the server does not have.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "the topology names a group that the server does not have",
    why: "Nothing reads the stream for it, and entries may be trimmed before it exists.",
    remedy: "Create it with `init`; where it is not wanted any more, take it out of the topology file.",
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
