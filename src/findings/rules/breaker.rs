//! The workers' circuit breaker is open.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "the circuit breaker of a group's workers is open",
    why: "Every attempt of the workers fails, so they pause and try one entry at a time.",
    remedy: "Fix the cause that the reason names, most often the service that the handler calls; the workers then resume.",
    needs: Needs::Observation,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let open = scope.lasting().filter_map(|group| {
        let breaker = group.circuit_breaker.as_ref()?;
        let summary = format!(
            "the circuit breaker is open since {}: {}",
            breaker.since, breaker.reason
        );
        let next = scope.command("pending", group);
        Some(Finding::of_group(Severity::Critical, group, summary, &next).with(
            "circuit_breaker",
            breaker.reason.as_str(),
            "{stream}:breaker:<group>",
        ))
    });
    open.collect()
}
