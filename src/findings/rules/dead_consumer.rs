//! Consumers that are not live hold pending entries.

use super::prelude::*;
use crate::streams::abandoned::{Abandoned, Holder};
use crate::streams::target::Target;

pub(super) const ABOUT: About = About {
    finds: "a consumer holds pending entries and has been idle for twice the claim idle, and for two minutes at least",
    why: "No worker handles its pending entries, and none has claimed them.",
    remedy: "Hand its entries to a live consumer with `claim --to`, or start a worker, which claims them.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (group, details) in scope.closely() {
        let claim_idle = scope.claim_idle(group, details);
        let Some(abandoned) = Abandoned::of(group.consumers.iter().map(Holder::from), claim_idle) else {
            continue;
        };
        let Abandoned { consumers, held, worst, .. } = abandoned;
        let summary = format!(
            "{} not live and {} {}; `{}` holds {} and has been idle for {}",
            counted(consumers, "consumer is", "consumers are"),
            if consumers == 1 { "holds" } else { "hold" },
            entries(held), worst.name, with_commas(worst.pending), millis(Some(worst.idle_ms))
        );
        let next = abandoned.next(&Target::from(group), scope.topology);
        found.push(Finding::of_group(Severity::Warning, group, summary, &next)
            .with("pending", held.to_string(), "XINFO CONSUMERS")
            .with("idle_ms", millis(Some(worst.idle_ms)), "XINFO CONSUMERS"));
    }
    found
}
