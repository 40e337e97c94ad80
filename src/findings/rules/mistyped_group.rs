//! A group's name differs only slightly from that of another group.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "the server has a group whose name differs by one typing mistake from a group of the topology",
    why: "A worker or a script was probably started with a mistyped group name: it handles every entry a second time.",
    remedy: "Stop the worker or script that uses the wrong name, then delete the group with `groups delete`.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let extra = scope.lasting().filter_map(|group| {
        let meant = meant(scope, group).filter(|_| group.is_extra)?;
        let summary = format!("the topology does not name this group; `{meant}` may be meant");
        let next = scope.command("groups delete", group);
        Some(Finding::of_group(Severity::Warning, group, summary, &next).with("is_extra", "true", "XINFO GROUPS, the topology"))
    });
    extra.collect()
}
