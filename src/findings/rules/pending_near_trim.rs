//! Pending entries will soon be trimmed.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a stream is at its MAXLEN, and a group's oldest pending entry is within the oldest tenth of the time that its entries span",
    why: "If the entry is trimmed before it is acknowledged, no consumer can process it any more.",
    remedy: "See with `pending` which consumer holds it; handle it, or move it to the dead-letter stream, before it is trimmed.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for stream in &scope.observation.streams {
        let (Some(length), Some(maxlen)) = (stream.length, stream.maxlen) else {
            continue;
        };
        let (Some(first), Some(last)) = (stream.first_id, stream.last_id) else {
            continue;
        };
        if length < maxlen {
            continue;
        }
        let tenth = first.ms + last.ms.saturating_sub(first.ms) / 10;
        for group in &stream.groups {
            let Some(oldest) = group.oldest_pending_id.filter(|it| *it >= first && it.ms <= tenth) else {
                continue;
            };
            let summary = format!("its oldest pending entry {oldest} is among the oldest of a stream that is at its MAXLEN {}", with_commas(maxlen));
            let next = scope.command("pending", group);
            found.push(Finding::of_group(Severity::Warning, group, summary, &next)
                .with("oldest_pending_id", oldest.to_string(), "XPENDING")
                .with("first_id", first.to_string(), "XINFO STREAM")
                .with("length", length.to_string(), "XINFO STREAM"));
        }
    }
    found
}
