//! A dead worker's entries are claimed too late.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a group's claim idle is longer than `max_idle` or `max_age`",
    why: "The entries of a dead worker are claimed only after the alert was raised, so every crash raises it.",
    remedy: "Make `claim_idle` shorter, or the threshold longer, in the topology; a worker's own value is set with --claim-idle.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (group, details) in scope.closely() {
        let claim_idle = whole_ms(scope.claim_idle(group, details));
        let limits = [Measure::MaxIdle, Measure::MaxAge].map(|it| Some((group.thresholds.of(it)?.critical, it.word())));
        let Some((limit, word)) = limits.into_iter().flatten().min().filter(|(limit, _)| claim_idle > *limit) else {
            continue;
        };
        let summary = format!("its claim idle of {} is longer than {word} {}", millis(Some(claim_idle)), millis(Some(limit)));
        let next = CommandLine::new("topology show");
        found.push(Finding::of_group(Severity::Warning, group, summary, &next)
            .with("claim_idle_ms", millis(Some(claim_idle)), "{stream}:policy:<group>, the topology")
            .with("threshold_ms", millis(Some(limit)), "the topology"));
    }
    found
}
