//! What became of a replay, as a report and in words.

use std::time::Instant;

use super::super::shared::Context;
use crate::archive::Position;
use crate::model::{EntryId, Name, entries, format_duration, report, with_commas};
use crate::streams::replay::{Replay, ReplayFailure, again};

/// How many failures are told on standard error.
const TOLD_MAX: usize = 10;

report! {
    /// A replay, and what became of its part of the stream.
    #[derive(Clone, Debug)]
    pub(in crate::commands) struct Replayed {
        /// Its name.
        pub(super) name: Name => whole("NAME"),
        /// The stream.
        pub(super) stream: Name => text("STREAM"),
        /// The first id of the part.
        pub(super) from_id: EntryId => whole("FROM", wide),
        /// The last id of the part.
        pub(super) to_id: EntryId => whole("TO", wide),
        /// Whether it was begun before; the counts are those of this run.
        pub(super) is_resumed: bool => whole("RESUMED", wide),
        /// Whether every entry of the part was handled, left out, or is a dead letter.
        pub(super) is_complete: bool => whole("COMPLETE"),
        /// Entries that were handled or copied.
        pub(super) handled: u64 => number("HANDLED"),
        /// Entries that did not match the conditions.
        pub(super) left_out: u64 => number("LEFT OUT"),
        /// Attempts that failed.
        pub(super) failed_attempts: u64 => number("FAILED ATTEMPTS"),
        /// Entries that went to the dead-letter stream.
        pub(super) dead_lettered: u64 => number("DEAD LETTERS"),
        /// Entries of an archive that failed for good, of all its runs.
        pub(super) failed: u64 => number("FAILED", wide),
        /// Entries that were trimmed before they could be handled.
        pub(super) lost: u64 => number("LOST"),
        /// How long it ran, in milliseconds.
        pub(super) took_ms: u64 => millis("TOOK", wide),
        /// The entries that could not be handled, of all its runs; at most 100.
        pub(super) failures: Vec<ReplayFailure> => number("FAILURES", wide) by |it| it.failures.len().into(),
    }
}

impl Replayed {
    /// One of an archive.
    pub(super) fn of_archive(name: &Name, position: &Position, is_resumed: bool) -> Self {
        let failures = position.failures.iter();
        let failures = failures.map(|(id, deliveries, reason)| ReplayFailure {
            id: *id,
            deliveries: Some(*deliveries),
            reason: Some(reason.clone()),
            dead_letter_id: None,
        });
        Self {
            name: name.clone(),
            stream: position.stream.clone(),
            from_id: position.from,
            to_id: position.to,
            is_resumed,
            is_complete: false,
            handled: 0,
            left_out: 0,
            failed_attempts: 0,
            dead_lettered: 0,
            failed: position.failed,
            lost: 0,
            took_ms: 0,
            failures: failures.collect(),
        }
    }

    /// One that has not run.
    pub(super) fn planned(replay: &Replay) -> Self {
        Self {
            name: replay.name.clone(),
            stream: replay.target.stream.clone(),
            from_id: replay.from,
            to_id: replay.to,
            is_resumed: replay.is_resumed,
            is_complete: false,
            handled: 0,
            left_out: 0,
            failed_attempts: 0,
            dead_lettered: 0,
            failed: 0,
            lost: 0,
            took_ms: 0,
            failures: Vec::new(),
        }
    }
}

/// Says how it ended, and what failed.
pub(super) fn tell(report: &Replayed, has_more: bool, began: Instant, context: &Context) {
    let console = &context.console;
    let Replayed { name, stream, .. } = report;
    for failure in report.failures.iter().take(TOLD_MAX) {
        let reason = failure.reason.as_deref().unwrap_or_default();
        let last = reason
            .lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty());
        let why = last.unwrap_or("its body was trimmed");
        console.warn(&format!("{} failed: {why}", failure.id));
    }
    let count = report.failures.len();
    if count > TOLD_MAX {
        let least = if has_more { "at least " } else { "" };
        console.warn(&format!("{least}{} failed in all", with_commas(count)));
    }
    let handled = format!(
        "{} handled, {} left out in {}",
        entries(report.handled),
        with_commas(report.left_out),
        format_duration(began.elapsed())
    );
    if report.is_complete {
        console.note(&format!(
            "replay `{name}` of `{stream}` is complete: {handled}"
        ));
    } else {
        console.warn(&format!(
            "replay `{name}` of `{stream}` is not complete: {handled}; the same command with --name {name} goes on \
             ({} …)",
            again(stream, name)
        ));
    }
}
