//! The temporary group of a replay that nobody runs any more.

use super::prelude::*;
use crate::topology::replay_of;

pub(super) const ABOUT: About = About {
    finds: "a replay was stopped or killed before its end, and its temporary group is still there",
    why: "The part of the stream that it was to handle is not handled to its end; nothing is held back for it, so what is trimmed meanwhile is lost to it.",
    remedy: "Run the same `replay` with the same --name again, which goes on, or delete its group.",
    needs: Needs::Details,
};

/// A replay shows every ten seconds at the latest that it runs, and its lease lasts fifteen.
const ENDED_MS: u64 = 20_000;

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let left = scope.observation.groups().filter_map(|group| {
        let name = replay_of(&group.group)?;
        let is_at_work = group.consumers.iter().any(|it| it.idle_ms <= ENDED_MS);
        if is_at_work {
            return None;
        }
        let summary = format!("nobody runs the replay `{name}` any more; the same command with --name goes on");
        let next = scope.command("groups delete", group).flag("--force");
        let finding = Finding::of_group(Severity::Warning, group, summary, &next);
        Some(finding.with("consumers", group.consumers.len().to_string(), "XINFO CONSUMERS"))
    });
    left.collect()
}
