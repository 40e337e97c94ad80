//! Many consumers have no pending entries and have been idle for long.

use super::prelude::*;
use crate::streams::abandoned::{Holder, delete_left_behind};

pub(super) const ABOUT: About = About {
    finds: "a group has a hundred or more consumers that have no pending entries and have been idle for an hour",
    why: "Workers that end without deleting their consumer leave one more behind each time, which slows XINFO CONSUMERS and lengthens every list.",
    remedy: "Delete them with `consumers prune`; stop workers with SIGTERM, so that they delete their consumers.",
    needs: Needs::Details,
};

/// The number of idle consumers at which the rule finds a problem.
const MANY: usize = 100;

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let many = scope.lasting().filter_map(|group| {
        let idle = group.consumers.iter().filter(|it| Holder::from(*it).is_left_behind()).count();
        if idle < MANY {
            return None;
        }
        let summary = format!("{} of its {} consumers have no pending entries and have been idle for an hour or more", with_commas(idle), with_commas(group.consumers.len()));
        let next = delete_left_behind(&Target::from(group), scope.topology);
        Some(Finding::of_group(Severity::Warning, group, summary, &next).with("consumers", idle.to_string(), "XINFO CONSUMERS"))
    });
    many.collect()
}
