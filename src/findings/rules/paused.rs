//! A group is paused.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a group is paused, so that its workers take nothing",
    why: "While a group is paused, lag grows, and MAXLEN may trim entries that it has not read.",
    remedy: "Resume it with `resume GROUP` when it may go on; a pause with --for ends by itself.",
    needs: Needs::Observation,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let paused = scope.observation.groups().filter_map(|group| {
        let paused = group.paused.as_ref()?;
        let summary = format!("it is paused {}", paused.told());
        let next = scope.command("resume", group);
        Some(Finding::of_group(Severity::Warning, group, summary, &next).with(
            "paused",
            paused.told(),
            "{stream}:paused:<group>",
        ))
    });
    paused.collect()
}
