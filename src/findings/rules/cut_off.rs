//! A destructive command has no outcome.

use std::ops::RangeInclusive;

use super::prelude::*;
use crate::streams::audit::AuditRow;
use crate::streams::changes::open;

pub(super) const ABOUT: About = About {
    finds: "a destructive command began 10 minutes to a day ago, and its audit record has no outcome",
    why: "The command was cut off, maybe after a part of its change, or still runs.",
    remedy: "See what it was to do with `audit`; where it no longer runs, run the same command again, which does the rest, or take back what it did with `undo`.",
    needs: Needs::Details,
};

/// How long ago, in milliseconds, a command began that is reported.
const AGES_MS: RangeInclusive<u64> = 600_000..=86_400_000;

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    find(scope).unwrap_or_default()
}

fn find(scope: &Scope<'_>) -> Option<Vec<Finding>> {
    let details = scope.details()?;
    let now = details.server.now?;
    let found = open(&details.audit).filter_map(|row| {
        let age_ms = now.ms.checked_sub(row.time.ms)?;
        AGES_MS.contains(&age_ms).then(|| finding(scope, row, age_ms))
    });
    Some(found.collect())
}

/// Anybody may have written the record: its names are shown, and make no command.
fn finding(scope: &Scope<'_>, row: &AuditRow, age_ms: u64) -> Finding {
    let summary = format!(
        "{} {} at {} has no outcome: it was cut off, or still runs",
        row.what(), row.who(), row.time
    );
    let next = CommandLine::new("audit");
    let mut groups = scope.observation.groups();
    let group = groups.find(|it| Some(&it.group) == row.group.as_ref() && Some(&it.stream) == row.stream.as_ref());
    let finding = match group {
        Some(group) => Finding::of_group(Severity::Warning, group, summary, &next),
        None => Finding::of_server(Severity::Warning, summary, &next),
    };
    finding.with("age_ms", millis(Some(age_ms)), "XREVRANGE")
}
