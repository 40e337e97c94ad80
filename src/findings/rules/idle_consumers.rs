//! Many consumers have no pending entries and have been idle for long.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a group has a hundred or more consumers that have no pending entries and have been idle for an hour",
    why: "Workers that end without deleting their consumer leave one more behind each time, which slows XINFO CONSUMERS and lengthens every list.",
    remedy: "Delete them with `consumers prune`; stop workers with SIGTERM, so that they delete their consumers.",
    needs: Needs::Details,
};

/// The number of idle consumers at which the rule finds a problem.
const MANY: usize = 100;
/// The idle time, in milliseconds, from which a consumer counts.
const IDLE_MS: u64 = 3_600_000;

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let many = scope.observation.groups().filter_map(|group| {
        let idle = group.consumers.iter().filter(|it| it.pending == 0 && it.idle_ms > IDLE_MS).count();
        if idle < MANY {
            return None;
        }
        let summary = format!("{} of its {} consumers have no pending entries and have been idle for an hour or more", with_commas(idle), with_commas(group.consumers.len()));
        let next = scope.command("consumers prune", group).option("--idle", "1h");
        Some(Finding::of_group(Severity::Warning, group, summary, &next).with("consumers", idle.to_string(), "XINFO CONSUMERS"))
    });
    many.collect()
}
