//! There are too many dead letters.

use super::prelude::*;

pub(super) const ABOUT: About = About {
    finds: "a stream has more dead letters than `max_dead_letters`",
    why: "Handlers could not process these entries: an operator must redrive or purge them.",
    remedy: "See the reasons with `dlq list`, fix the cause, then redrive the entries with `dlq redrive`, or delete them with `dlq purge`.",
    needs: Needs::Observation,
};

pub(super) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let found = of_alert(scope, AlertName::MaxDeadLetters, |group, alert| {
        let count = group.figures.dead_letters.unwrap_or_default();
        let limit = scope.limit(group, Measure::MaxDeadLetters, alert);
        let summary = format!(
            "its stream has {}{limit}{}",
            counted(count, "dead letter", "dead letters"),
            reasons(scope, group)
        );
        let next = CommandLine::new("dlq list").arg(&group.stream);
        let next = if count > 1 { next.option("--by", scope.topology.reasons_by(&group.stream)) } else { next };
        Finding::of_group(alert.level, group, summary, &next).with(
            "dead_letters",
            count.to_string(),
            "XLEN",
        )
    });
    // A stream's dead letters are one finding, the worst, whatever the number of its groups.
    let mut worst: Vec<Finding> = Vec::new();
    for finding in found {
        match worst.iter_mut().find(|it| it.stream == finding.stream) {
            None => worst.push(finding),
            Some(other) if finding.severity > other.severity => *other = finding,
            Some(_) => {}
        }
    }
    worst
}

/// The most frequent reasons, for the end of a sentence: `: 3 with "card declined", 1 with "timeout"`.
fn reasons(scope: &Scope<'_>, group: &GroupReport) -> String {
    let details = scope.details();
    let of_stream = details.and_then(|it| it.reasons.iter().find(|it| it.stream == group.stream));
    let counts = of_stream.map(|it| it.counts.as_slice()).unwrap_or_default();
    let words: Vec<String> = counts
        .iter()
        .map(|(reason, count)| format!("{count} with \"{reason}\""))
        .collect();
    if words.is_empty() {
        String::new()
    } else {
        format!(": {}", words.join(", "))
    }
}
