//! The server was started a short time ago.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "the server started less than 15 minutes ago, and has entries from before",
    why: "A restart explains other findings: consumers that reconnect, read counters that were forgotten (before 7.2), entries that were not written to disk.",
    remedy: "Find out why in the server's log; the finding disappears 15 minutes after the start.",
    needs: Needs::Details,
};

/// How long after a start, in seconds, the rule reports it.
const RECENT_S: u64 = 900;

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    find(scope).into_iter().collect()
}

fn find(scope: &Scope<'_>) -> Option<Finding> {
    let server = scope.server()?;
    let up = server.number("uptime_in_seconds").filter(|it| *it < RECENT_S)?;
    let started_ms = server.now?.ms.saturating_sub(up * 1000);
    // A second for what is rounded.
    let is_older = |it: &&StreamReport| it.first_id.is_some_and(|id| id.ms + 1000 < started_ms);
    let older = scope.observation.streams.iter().filter(is_older).count();
    if older == 0 {
        return None;
    }
    let summary = format!("the server started {} ago, and {} older entries", millis(Some(up * 1000)), counted(older, "stream has", "streams have"));
    let next = CommandLine::new("info");
    Some(Finding::of_server(Severity::Warning, summary, &next).with("uptime_in_seconds", up.to_string(), "INFO server"))
}
