//! The server has almost reached its memory limit.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "used memory is over 80 % of `maxmemory` (CRITICAL from 95 %)",
    why: "When memory is full, every XADD fails with OOM: nothing can be published, and no dead letter can be written.",
    remedy: "See with `memory` which streams use the most; `trim --read` removes what every group has read, or raise maxmemory.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    scope.server().and_then(find).into_iter().collect()
}

fn find(server: &ServerDetails) -> Option<Finding> {
    let limit = server.number("maxmemory").filter(|it| *it > 0)?;
    let used = server.number("used_memory")?;
    let percent = used.saturating_mul(100) / limit;
    let severity = match percent {
        95.. => Severity::Critical,
        80.. => Severity::Warning,
        _ => return None,
    };
    let summary = format!("{percent} % of maxmemory is used: {} of {}", human_bytes(used), human_bytes(limit));
    let next = CommandLine::new("memory");
    Some(Finding::of_server(severity, summary, &next)
        .with("used_memory", used.to_string(), "INFO memory")
        .with("maxmemory", limit.to_string(), "INFO memory"))
}
