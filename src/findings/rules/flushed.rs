//! FLUSHALL or FLUSHDB was called.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "FLUSHALL or FLUSHDB was called since the server started",
    why: "Everything in the database was deleted: streams, positions of groups, pending entries, dead letters.",
    remedy: "Find the client in the server's log; `init` creates the groups again. CONFIG RESETSTAT clears the count.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    scope.server().and_then(find).into_iter().collect()
}

fn find(server: &ServerDetails) -> Option<Finding> {
    let (all, one) = (server.calls("flushall"), server.calls("flushdb"));
    if all + one == 0 {
        return None;
    }
    let said = [("FLUSHALL", all), ("FLUSHDB", one)].into_iter().filter(|(_, calls)| *calls > 0);
    let said: Vec<String> = said.map(|(name, calls)| format!("{name} was called {}", counted(calls, "time", "times"))).collect();
    let summary = format!("{} since the server started", said.join(" and "));
    let next = redis_cli("CONFIG").arg("RESETSTAT");
    Some(Finding::of_server(Severity::Warning, summary, &next)
        .with("cmdstat_flushall", all.to_string(), "INFO commandstats")
        .with("cmdstat_flushdb", one.to_string(), "INFO commandstats"))
}
