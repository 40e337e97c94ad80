//! What is promised of attempts beside their outcome: the order in which messages are begun with, the delay before
//! another attempt, that what may be a killer runs alone, and that a dead letter says what its handler said last.

use std::collections::BTreeMap;

use super::{Attempt, Rule, Said, View, Work};
use crate::message::Plan;

/// Clocks are read in two processes, and rounded.
const ROUNDING_MS: u64 = 5;

impl<'h> View<'h> {
    /// Whoever begins with it, a message is begun with after those before it in the stream.
    pub(super) fn order(&mut self) {
        if !self.history.rules.is_ordered || self.group.work != Work::Handler {
            return;
        }
        let mut first: BTreeMap<&str, &'h Attempt> = BTreeMap::new();
        for lines in self.attempts.values() {
            for line in lines.iter().filter(|line| line.said == Said::Start) {
                let known = first.entry(&line.id).or_insert(line);
                if line.at_ms < known.at_ms {
                    *known = line;
                }
            }
        }
        let mut begun: Vec<_> = first.into_values().collect();
        begun.sort_by_key(|line| line.at_ms);
        let (mut last, mut late) = ((0, 0), Vec::new());
        for line in begun {
            let id = parsed(&line.id);
            if id < last {
                late.push(line);
            }
            last = last.max(id);
        }
        for line in late {
            let text = format!("{} was begun with after a later one", line.id);
            self.broken(Rule::Disorder, &line.key, text);
        }
    }

    /// A worker that is at work keeps its entries.
    pub(super) fn shared(&mut self) {
        if !self.history.rules.is_undisturbed {
            return;
        }
        let spans = self.spans();
        let mut shared = Vec::new();
        for (at, later) in spans.iter().enumerate() {
            let earlier = spans[..at].iter().find(|earlier| {
                earlier.start.id == later.start.id
                    && earlier.start.worker != later.start.worker
                    && earlier.until_ms > later.start.at_ms
            });
            shared.extend(earlier.map(|earlier| (later.start, earlier.start.worker)));
        }
        for (line, worker) in shared {
            let text = format!("begun with while worker {worker} was at work on it");
            self.broken(Rule::Shared, &line.key, text);
        }
    }

    /// Between a failure and the next attempt lies at least the backoff, and what the handler asked for, up to the cap.
    pub(super) fn delays(&mut self) {
        let Some((base_ms, cap_ms)) = self.history.rules.backoff_ms else {
            return;
        };
        let mut early = Vec::new();
        for (key, lines) in &self.attempts {
            let failures = lines.iter().enumerate();
            for (at, failed) in failures.filter(|(_, line)| line.said == Said::Fail) {
                let doublings = u32::try_from(failed.deliveries.saturating_sub(1)).unwrap_or(0);
                let backoff_ms = base_ms.saturating_mul(2u64.saturating_pow(doublings));
                let wait_ms = backoff_ms.max(failed.after_ms).min(cap_ms);
                let next = lines[at..].iter().find(|line| line.said == Said::Start);
                if let Some(next) = next
                    && next.at_ms + ROUNDING_MS < failed.at_ms + wait_ms
                {
                    let waited_ms = next.at_ms - failed.at_ms;
                    early.push((*key, waited_ms, wait_ms));
                }
            }
        }
        for (key, waited_ms, wait_ms) in early {
            let text = format!("attempted again after {waited_ms} ms instead of {wait_ms}");
            self.broken(Rule::Early, key, text);
        }
    }

    /// Beside an attempt whose deliveries were used up before it, its worker runs nothing.
    pub(super) fn isolation(&mut self) {
        let max = self.history.rules.max_deliveries;
        let spans = self.spans();
        let mut crowded = Vec::new();
        for lone in spans.iter().filter(|span| span.start.deliveries > max) {
            let beside = spans.iter().find(|span| {
                span.start.worker == lone.start.worker
                    && span.start.id != lone.start.id
                    && span.start.at_ms < lone.until_ms
                    && span.until_ms > lone.start.at_ms
            });
            crowded.extend(beside.map(|beside| (lone.start, beside.start)));
        }
        for (lone, beside) in crowded {
            let text = format!(
                "delivery {} of {} ran beside {}",
                lone.deliveries, lone.id, beside.id
            );
            self.broken(Rule::NotAlone, &lone.key, text);
        }
    }

    /// Nothing of an attempt runs on after it was stopped.
    pub(super) fn outlived(&mut self) {
        let lines = self.attempts.values().flatten();
        let late: Vec<&'h Attempt> = lines.filter(|it| it.said == Said::Late).copied().collect();
        for line in late {
            let text = format!(
                "something that delivery {} had started still ran",
                line.deliveries
            );
            self.broken(Rule::Outlived, &line.key, text);
        }
    }

    /// What the tool tells of a dead letter is what its script wrote, whatever fields the message has of its own.
    pub(super) fn told(&mut self) {
        let mut wrong = Vec::new();
        for (key, letters) in &self.dead {
            for letter in letters {
                let truth = (letter.reason.clone(), letter.id.clone());
                if let Some(told) = letter.told.as_ref().filter(|told| **told != truth) {
                    wrong.push((*key, format!("it is told {told:?}, and is {truth:?}")));
                }
            }
        }
        for (key, text) in wrong {
            self.broken(Rule::Mistold, key, text);
        }
    }

    /// The end of what a handler said is what is kept.
    pub(super) fn reasons(&mut self) {
        if self.group.work != Work::Handler {
            return;
        }
        let worn_out = 2 * self.history.rules.max_deliveries;
        let mut wrong = Vec::new();
        for (key, letters) in &self.dead {
            let plan = self.published.get(key).map(|it| it.plan);
            let Some(words) = plan.and_then(Plan::last_words) else {
                continue;
            };
            let letters = letters.iter().filter(|it| it.deliveries < worn_out);
            for letter in letters.filter(|it| !it.reason.trim_end().ends_with(words)) {
                wrong.push((*key, words, letter.reason.clone()));
            }
        }
        for (key, words, reason) in wrong {
            let text = format!("its handler said {words:?} at last, its dead letter {reason:?}");
            self.broken(Rule::WrongReason, key, text);
        }
    }
}

/// An id as its two numbers.
pub(super) fn parsed(id: &str) -> (u64, u64) {
    let (ms, seq) = id.split_once('-').unwrap_or((id, "0"));
    (ms.parse().unwrap_or(0), seq.parse().unwrap_or(0))
}
