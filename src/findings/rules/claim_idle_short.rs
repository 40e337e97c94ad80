//! A handler may still be running when its entry is claimed.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a group's claim idle is shorter than its handler timeout, and consumers of other programs have pending entries",
    why: "Workers of this tool renew their entries in flight; other consumers do not, so their entries are claimed and handled twice.",
    remedy: "Make `claim_idle` longer than the longest handler in the topology.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (group, details) in scope.closely() {
        let spec = scope.spec_of(group);
        let claim_idle = scope.claim_idle(group, details);
        let has_foreign = details.claim_idle.is_none() && group.consumers.iter().any(|it| it.pending > 0);
        if !has_foreign || claim_idle >= spec.handler_timeout {
            continue;
        }
        let (idle, timeout) = (format_duration_short(claim_idle), format_duration_short(spec.handler_timeout));
        let summary = format!("its claim idle of {idle} is shorter than its handler timeout of {timeout}");
        let next = CommandLine::new("topology show");
        found.push(Finding::of_group(Severity::Warning, group, summary, &next)
            .with("claim_idle_ms", idle, "the topology")
            .with("handler_timeout_ms", timeout, "the topology"));
    }
    found
}
