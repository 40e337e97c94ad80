//! Many consumers that hold nothing and have not been seen for long.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a group has a hundred consumers or more that hold nothing and have been idle for an hour",
    why: "Workers that end without deleting their consumer leave one behind each time: XINFO CONSUMERS and every screen grow.",
    remedy: "Delete them with `consumers prune`; end workers with SIGTERM, so that they delete their own.",
    needs: Needs::Details,
};

/// So many are too many.
const MANY: usize = 100;
/// Not seen for so long.
const IDLE_MS: u64 = 3_600_000;

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let many = scope.observation.groups().filter_map(|group| {
        let idle = group.consumers.iter().filter(|it| it.pending == 0 && it.idle_ms > IDLE_MS).count();
        if idle < MANY {
            return None;
        }
        let summary = format!("{} of its {} consumers hold nothing and have been idle for an hour or more", with_commas(idle), with_commas(group.consumers.len()));
        let next = scope.command("consumers prune", group).option("--idle", "1h");
        Some(Finding::of_group(Severity::Warning, group, summary, &next).with("consumers", idle.to_string(), "XINFO CONSUMERS"))
    });
    many.collect()
}
