//! The server's clock and this machine's differ.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "the server's clock and this machine's differ by more than 5 s",
    why: "Ages, idle times and positions by time use the server's clock, and logs use this machine's clock, so they cannot be compared.",
    remedy: "Synchronize the clocks of both machines with NTP.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    scope.server().and_then(find).into_iter().collect()
}

/// The difference between the clocks, in milliseconds, that is tolerated.
const TOLERATED_MS: u64 = 5000;

fn find(server: &ServerDetails) -> Option<Finding> {
    let ahead = server.ahead_ms?;
    let apart = ahead.unsigned_abs().saturating_sub(server.round_trip_ms);
    if apart <= TOLERATED_MS {
        return None;
    }
    let word = if ahead > 0 { "ahead of" } else { "behind" };
    let summary = format!("the server's clock is {} {word} this machine's", millis(Some(apart)));
    let next = redis_cli("TIME");
    Some(Finding::of_server(Severity::Warning, summary, &next).with("ahead_ms", ahead.to_string(), "TIME"))
}
