//! A stream's ids are ahead of the server's clock.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "the last id of a stream is ahead of the server's clock",
    why: "Until the clock has caught up, the ids of new entries keep this time and only their sequence number grows: ages and positions by time are wrong.",
    remedy: "Find the publisher that sets explicit ids, or the clock that was ahead; the ids of a stream never decrease.",
    needs: Needs::Details,
};

/// How far ahead of the server's clock an id may be.
const TOLERATED_MS: u64 = 10_000;

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let Some(now) = scope.details().and_then(|it| it.server.now) else {
        return Vec::new();
    };
    let ahead = scope.observation.streams.iter().filter_map(|stream| {
        let last = stream.last_id?;
        let ahead_ms = last.ms.checked_sub(now.ms).filter(|it| *it > TOLERATED_MS)?;
        let summary = format!("its last id {last} is {} ahead of the server's clock", millis(Some(ahead_ms)));
        let next = CommandLine::new("get").arg(&stream.stream).arg(last.to_string());
        Some(Finding::of_stream(Severity::Warning, &stream.stream, summary, &next)
            .with("last_id", last.to_string(), "XINFO STREAM")
            .with("now", now.to_string(), "TIME"))
    });
    ahead.collect()
}
