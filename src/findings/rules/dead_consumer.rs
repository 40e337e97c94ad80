//! Consumers that are not live hold pending entries.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a consumer holds pending entries and has been idle for twice the claim idle, and for two minutes at least",
    why: "Nobody works on what it holds, and nobody has claimed it.",
    remedy: "Hand its entries to a live consumer with `claim --to`, or start a worker, which claims them.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (group, details) in scope.closely() {
        let claim_idle = scope.claim_idle(group, details);
        // A live worker looks for what it may claim every claim idle, and needs a moment.
        let limit = whole_ms(claim_idle.max(LIVE)) * 2;
        let dead: Vec<_> = group.consumers.iter().filter(|it| it.pending > 0 && it.idle_ms > limit).collect();
        let Some(worst) = dead.iter().max_by_key(|it| it.pending) else {
            continue;
        };
        let held: u64 = dead.iter().map(|it| it.pending).sum();
        let summary = format!(
            "{} not live and {} {}; `{}` holds {} and has been idle for {}",
            counted(dead.len(), "consumer is", "consumers are"),
            if dead.len() == 1 { "holds" } else { "hold" },
            entries(held), worst.name, with_commas(worst.pending), millis(Some(worst.idle_ms))
        );
        let live = group.consumers.iter().filter(|it| it.idle_ms <= limit).min_by_key(|it| it.idle_ms);
        let next = match live {
            Some(live) => scope.command("claim", group).option("--consumer", &worst.name).option("--to", &live.name),
            None => scope.command("worker run", group),
        };
        found.push(Finding::of_group(Severity::Warning, group, summary, &next)
            .with("pending", held.to_string(), "XINFO CONSUMERS")
            .with("idle_ms", millis(Some(worst.idle_ms)), "XINFO CONSUMERS"));
    }
    found
}
