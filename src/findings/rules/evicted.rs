//! Keys were evicted.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "the server has evicted keys since it started",
    why: "Streams with their groups, or leases, may be missing.",
    remedy: "See with `info` what is missing; then set maxmemory-policy to noeviction. CONFIG RESETSTAT clears the count.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    scope.server().and_then(find).into_iter().collect()
}

fn find(server: &ServerDetails) -> Option<Finding> {
    let evicted = server.number("evicted_keys").filter(|it| *it > 0)?;
    let summary = format!("{} since the server started", counted(evicted, "key was evicted", "keys were evicted"));
    let next = redis_cli("CONFIG").arg("RESETSTAT");
    Some(Finding::of_server(Severity::Critical, summary, &next).with("evicted_keys", evicted.to_string(), "INFO stats"))
}
