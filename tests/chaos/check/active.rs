//! A group with one active worker: while the handler of one worker runs, no other worker starts one. Only a worker that
//! could not renew its lease for so long that it had lost it may overlap with its successor: what its handler does
//! outside of the server is its own, and its acknowledgement is refused.

use super::{Attempt, Cause, Rule, Said, View};

/// A lease lasts 15 s and is renewed every 4 s, with a second to spare: shorter absences cost none.
const LOSABLE_MS: u64 = 10_000;

/// How soon a worker that was away finds out.
pub(super) const NOTICED_MS: u64 = 500;

/// One attempt, from its first line to its last.
pub(super) struct Span<'h> {
    pub(super) start: &'h Attempt,
    pub(super) until_ms: u64,
}

impl<'h> View<'h> {
    pub(super) fn alone(&mut self) {
        if !self.group.is_single {
            return;
        }
        let spans = self.spans();
        for (at, later) in spans.iter().enumerate() {
            let beside = spans[..at].iter().find(|earlier| {
                earlier.start.worker != later.start.worker
                    && earlier.until_ms > later.start.at_ms
                    && !self.may_have_lost_it(earlier.start.worker, later.start.at_ms)
                    && !self.has_just_returned(later.start.worker, later.start.at_ms)
            });
            if let Some(earlier) = beside {
                let text = format!(
                    "worker {} started it at {}, while worker {} was at work on {} from {} to {}",
                    later.start.worker,
                    later.start.at_ms,
                    earlier.start.worker,
                    earlier.start.key,
                    earlier.start.at_ms,
                    earlier.until_ms
                );
                self.broken(Rule::TwoActive, &later.start.key, text);
            }
        }
    }

    /// Whether the worker came back a moment ago from an absence that cost it the lease: what it had started before is
    /// seen to begin only now.
    fn has_just_returned(&self, worker: u32, at_ms: u64) -> bool {
        self.history.events.iter().any(|event| {
            event.cause == Cause::Absence
                && event.worker == Some(worker)
                && event.until_ms - event.from_ms >= LOSABLE_MS
                && (event.until_ms..=event.until_ms + NOTICED_MS).contains(&at_ms)
        })
    }

    /// Attempts in the order of their beginning. One that was cut off has no length.
    pub(super) fn spans(&self) -> Vec<Span<'h>> {
        let mut spans = Vec::new();
        for lines in self.attempts.values() {
            for start in lines.iter().filter(|line| line.said == Said::Start) {
                let ends = lines.iter().filter(|line| {
                    line.said != Said::Start
                        && (line.worker, line.deliveries) == (start.worker, start.deliveries)
                });
                let until_ms = ends.map(|line| line.at_ms).max().unwrap_or(start.at_ms);
                spans.push(Span { start, until_ms });
            }
        }
        spans.sort_by_key(|span| span.start.at_ms);
        spans
    }

    /// Whether the worker was away, or cut off, for so long before `at_ms` that its lease was over.
    fn may_have_lost_it(&self, worker: u32, at_ms: u64) -> bool {
        let mut absences: Vec<(u64, u64)> = self
            .history
            .events
            .iter()
            .filter(|event| event.cause == Cause::Absence && event.from_ms <= at_ms)
            .filter(|event| event.worker.is_none_or(|it| it == worker))
            .map(|event| (event.from_ms, event.until_ms))
            .collect();
        absences.sort_unstable();
        let (mut from_ms, mut until_ms) = (0, 0);
        for (next_from_ms, next_until_ms) in absences {
            if next_from_ms > until_ms {
                (from_ms, until_ms) = (next_from_ms, next_until_ms);
            }
            until_ms = until_ms.max(next_until_ms);
            if until_ms - from_ms >= LOSABLE_MS {
                return true;
            }
        }
        false
    }
}
