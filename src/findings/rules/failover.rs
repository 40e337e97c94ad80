//! A failover is in progress.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a failover is in progress, or clients are paused for one",
    why: "Writes wait or fail until the failover is over.",
    remedy: "Wait, and check again; a failover ends or is aborted without help.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    scope.server().and_then(find).into_iter().collect()
}

fn find(server: &ServerDetails) -> Option<Finding> {
    let state = server.text("master_failover_state").filter(|it| *it != "no-failover")?;
    let summary = format!("a failover is in progress: {state}");
    let next = CommandLine::new("check");
    Some(Finding::of_server(Severity::Warning, summary, &next).with("master_failover_state", state, "INFO replication"))
}
