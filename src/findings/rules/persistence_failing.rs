//! The server cannot write its data to disk.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "the last write of the append-only file or the last snapshot failed",
    why: "Redis refuses writes with MISCONF, and a restart loses what was not written.",
    remedy: "Free disk space or correct the permissions; the server's log says what failed.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    scope.server().and_then(find).into_iter().collect()
}

fn find(server: &ServerDetails) -> Option<Finding> {
    let failed = ["aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status"]
        .into_iter()
        .filter_map(|name| Some((name, server.text(name).filter(|it| *it != "ok")?)))
        .collect::<Vec<_>>();
    let (first, _) = failed.first()?;
    let summary = format!("the server cannot write its data to disk: {first} is not ok");
    let next = redis_cli("INFO").arg("persistence");
    let finding = Finding::of_server(Severity::Critical, summary, &next);
    Some(failed.into_iter().fold(finding, |it, (name, value)| it.with(name, value, "INFO persistence")))
}
