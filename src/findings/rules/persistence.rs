//! Acknowledged writes do not survive a crash of the server.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "the append-only file is off (CRITICAL where snapshots are off too)",
    why: "A crash loses everything since the last snapshot, including the positions of groups; without snapshots it loses everything.",
    remedy: "Set appendonly to yes, also in redis.conf.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    scope.server().and_then(find).into_iter().collect()
}

fn find(server: &ServerDetails) -> Option<Finding> {
    if server.text("aof_enabled")? != "0" {
        return None;
    }
    let save = server.setting("save");
    let (severity, summary) = match save {
        Some("") => (Severity::Critical, "neither the append-only file nor snapshots are on: a restart loses everything"),
        Some(_) => (Severity::Warning, "the append-only file is off: a crash loses everything since the last snapshot"),
        None => (Severity::Warning, "the append-only file is off: a crash loses everything since the last snapshot, if there is one"),
    };
    let next = config_set("appendonly", "yes");
    Some(Finding::of_server(severity, summary.to_owned(), &next)
        .with("aof_enabled", "0", "INFO persistence")
        .with("save", save.unwrap_or("?"), "CONFIG GET save"))
}
