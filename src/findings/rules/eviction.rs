//! The server evicts keys when its memory is full.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "`maxmemory` is set, and `maxmemory-policy` is not noeviction",
    why: "When memory is full, Redis deletes keys to free some: whole streams with an allkeys policy, leases and idempotency keys with a volatile policy.",
    remedy: "Set maxmemory-policy to noeviction, also in redis.conf.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    scope.server().and_then(find).into_iter().collect()
}

fn find(server: &ServerDetails) -> Option<Finding> {
    let limit = server.number("maxmemory").filter(|it| *it > 0)?;
    let policy = server.text("maxmemory_policy").filter(|it| *it != "noeviction")?;
    let (severity, what) = if policy.starts_with("allkeys") {
        (Severity::Critical, "whole streams")
    } else {
        (Severity::Warning, "leases and other keys that expire")
    };
    let summary = format!("maxmemory-policy is {policy}: when memory is full, {what} are deleted");
    let next = config_set("maxmemory-policy", "noeviction");
    Some(Finding::of_server(severity, summary, &next)
        .with("maxmemory_policy", policy, "INFO memory")
        .with("maxmemory", limit.to_string(), "INFO memory"))
}
