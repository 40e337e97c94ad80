//! The server has no memory limit.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "`maxmemory` is not set",
    why: "Redis grows until the operating system kills it or the machine swaps; with a limit it refuses writes, which publishers notice and which loses nothing.",
    remedy: "Set maxmemory to what the machine can spare, with maxmemory-policy noeviction, also in redis.conf.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    scope.server().and_then(find).into_iter().collect()
}

fn find(server: &ServerDetails) -> Option<Finding> {
    if server.number("maxmemory")? > 0 {
        return None;
    }
    let used = server.number("used_memory").unwrap_or_default();
    // Three quarters of the machine's memory, in whole megabytes.
    let total = server.number("total_system_memory").unwrap_or_default();
    let room = (total / 4 * 3) >> 20;
    let summary = format!("maxmemory is not set; {} are used", human_bytes(used));
    let next = config_set("maxmemory", &format!("{}mb", room.max(1)));
    Some(Finding::of_server(Severity::Warning, summary, &next)
        .with("maxmemory", "0", "INFO memory")
        .with("used_memory", used.to_string(), "INFO memory"))
}
