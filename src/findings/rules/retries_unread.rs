//! Entries wait in a group's retry stream, and nobody reads it.

use super::prelude::*;
use crate::topology::retry_key;

pub(super) const ABOUT: About = About {
    finds: "entries wait in the retry stream of a group, and no live worker reads it",
    why: "Only the group's workers read it, so what `requeue` or `dlq redrive` copied there is not handled.",
    remedy: "Start a worker with `worker run GROUP`; other programs do not read a retry stream.",
    needs: Needs::Observation,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let unread = scope.observation.groups().filter_map(|group| {
        let waiting = group.retries_waiting().filter(|_| group.is_retry_read == Some(false))?;
        let key = retry_key(&group.stream, &group.group);
        let summary = format!(
            "{} wait in retry stream `{key}`, and no live worker reads it",
            entries(waiting)
        );
        let next = another_worker(scope, group);
        let finding = Finding::of_group(Severity::Warning, group, summary, &next);
        Some(
            finding
                .with("retry_lag", group.retry_lag.unwrap_or_default().to_string(), "XLEN")
                .with("retry_pending", group.retry_pending.unwrap_or_default().to_string(), "XINFO GROUPS"),
        )
    });
    unread.collect()
}
