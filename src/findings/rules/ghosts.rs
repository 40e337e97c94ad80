//! Pending entries whose bodies were trimmed away.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a pending entry was trimmed from the stream before it was acknowledged",
    why: "No consumer can process the entry any more, and a plain XCLAIM or XAUTOCLAIM drops it silently.",
    remedy: "Record it as a tombstone in the dead-letter stream with `dlq add`; live workers do this when they claim it.",
    needs: Needs::Details,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (group, details) in scope.closely() {
        let first = scope.first_id_of(&group.stream);
        let is_trimmed = |it: &&PendingEntry| first.is_none_or(|first| it.id < first);
        let ghosts: Vec<_> = details.oldest.iter().filter(is_trimmed).collect();
        let Some(oldest) = ghosts.first() else {
            continue;
        };
        let more = details.oldest.len() == OLDEST_MAX && ghosts.len() == OLDEST_MAX;
        let count = format!("{}{}", if more { "at least " } else { "" }, ghosts.len());
        let summary = format!("{count} of its pending entries were trimmed from the stream, the oldest {}", oldest.id);
        let ids = ghosts.iter().take(NAMED_MAX);
        let next = ids.fold(scope.command("dlq add", group), |line, it| line.arg(it.id.to_string())).option("--reason", "trimmed");
        found.push(Finding::of_group(Severity::Critical, group, summary, &next)
            .with("trimmed", count, "XPENDING, XINFO STREAM")
            .with("oldest_pending_id", oldest.id.to_string(), "XPENDING"));
    }
    found
}
