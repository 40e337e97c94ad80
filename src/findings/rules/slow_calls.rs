//! Commands blocked the server for long.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a command of the last 10 minutes blocked the server for 100 ms or more",
    why: "Redis runs one command at a time, so every publisher and worker waited during the call.",
    remedy: "Find the client by its address and name; use SCAN instead of KEYS, smaller ranges for XRANGE, shorter scripts and transactions.",
    needs: Needs::Details,
};

/// The duration of a slow call in microseconds.
const SLOW_US: u64 = 100_000;
/// How long ago, in seconds, a slow call is still reported.
const RECENT_S: u64 = 600;

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    find(scope).into_iter().collect()
}

fn find(scope: &Scope<'_>) -> Option<Finding> {
    let server = scope.server()?;
    let since = (server.now?.ms / 1000).saturating_sub(RECENT_S);
    let is_slow = |it: &&SlowCall| it.micros >= SLOW_US && it.at_s >= since;
    let slow: Vec<_> = server.slow.iter().filter(is_slow).collect();
    let worst = slow.iter().max_by_key(|it| it.micros)?;
    let summary = format!(
        "{} for 100 ms or more in the last 10 minutes; the longest, {} from {}, took {}",
        counted(slow.len(), "call blocked the server", "calls blocked the server"),
        worst.command, worst.client, millis(Some(worst.micros / 1000))
    );
    let next = redis_cli("SLOWLOG").arg("RESET");
    Some(Finding::of_server(Severity::Warning, summary, &next).with("slowlog", slow.len().to_string(), "SLOWLOG GET"))
}
