//! The server has a group that the topology does not.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a stream of the topology has a group that the topology does not name",
    why: "It has only the default thresholds, and entries that it does not read cannot be trimmed without loss.",
    remedy: "Add the group to the topology file, or delete it with `groups delete`.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let extra = scope.lasting().filter(|it| it.is_extra && meant(scope, it).is_none());
    extra.map(|group| {
        let summary = "the topology does not name this group".to_owned();
        let next = scope.command("groups delete", group);
        Finding::of_group(Severity::Warning, group, summary, &next).with("is_extra", "true", "XINFO GROUPS, the topology")
    })
    .collect()
}
