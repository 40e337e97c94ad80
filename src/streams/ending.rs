//! The end of a change of entries: its summary, the number of changed entries, and whether that was all of them.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::chosen::Chosen;
use super::plan;
use super::redrive::LettersPlan;
use super::repair::{Applied, Results};
use super::repaired::Outcome;
use super::snapshot::Doomed;
use super::target::Target;
use super::tombstone;
use crate::model::{CommandLine, GroupInfo, Name, PlanFacts, Problem, entries, with_commas};
use crate::snapshots::Effect;
use crate::topology::Topology;

/// How many consumers a summary names.
const HOLDERS_MAX: usize = 4;

/// Describes a change of entries in words.
#[derive(Clone, Debug)]
pub struct Repair {
    /// What is changed: the group and its stream, or the dead-letter stream.
    pub target: String,
    /// The other facts of the plan; its stream is the one that the ids belong to.
    pub about: PlanFacts,
    /// The command that shows the entries that could be changed.
    pub look: CommandLine,
    /// `claim`.
    pub verb: &'static str,
    /// `claimed`.
    pub past: &'static str,
    /// Whether the entries were named by their ids.
    pub is_named: bool,
    /// Why an entry may have been idle for too short a time, if there is more to say about it.
    pub why_fresh: Option<String>,
}

/// How many entries there were, by result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// All entries that were to be changed.
    pub all: u64,
    /// Entries with the result that was asked for.
    pub done: u64,
    /// Entries whose bodies were trimmed, for which tombstones were written.
    pub tombstones: u64,
}

/// How a change ended.
#[derive(Debug)]
pub enum Ending {
    /// There was nothing to change; the text says so.
    Nothing(String),
    /// Nothing was changed, although something was to be changed.
    Refused(Problem),
    /// An error ended it early.
    Failed {
        /// The error.
        error: anyhow::Error,
        /// Warnings about what was done before the failure.
        warnings: Vec<String>,
    },
    /// The change was made, in whole or in part.
    Ended {
        /// One sentence about all results.
        summary: String,
        /// Warnings.
        warnings: Vec<String>,
        /// The numbers.
        counts: Counts,
        /// Whether the change was stopped before all entries were tried.
        is_stopped: bool,
    },
}

impl Counts {
    fn of(results: &Results) -> Self {
        Self {
            all: results.all,
            done: results.done,
            tombstones: results.count(Outcome::Tombstone),
        }
    }

    /// Whether some entries did not have the wanted result.
    pub const fn is_part(&self) -> bool {
        self.done < self.all
    }

    /// Whether bodies were lost.
    pub const fn has_lost(&self) -> bool {
        self.tombstones > 0
    }
}

impl Repair {
    /// A change of pending entries of `target`, one of these groups of its stream.
    pub fn of_pending(
        target: &Target,
        (groups, topology): (&[GroupInfo], &Topology),
        is_named: bool,
        verb: &'static str,
        past: &'static str,
    ) -> Self {
        Self {
            target: target.to_string(),
            about: plan::about(target, plan::seen(groups, target), String::new()),
            look: target.command("pending", topology),
            verb,
            past,
            is_named,
            why_fresh: None,
        }
    }

    /// A change of dead letters.
    pub fn of_letters(
        letters: &LettersPlan,
        is_named: bool,
        verb: &'static str,
        past: &'static str,
    ) -> Self {
        Self {
            target: format!("dead-letter stream `{}`", letters.source.dead_letter),
            about: PlanFacts {
                stream: Some(letters.source.dead_letter.clone()),
                other_groups: Some(Vec::new()),
                ..PlanFacts::default()
            },
            look: CommandLine::new("dlq list").arg(&letters.source.stream),
            verb,
            past,
            is_named,
            why_fresh: None,
        }
    }

    /// The same, with the reason why entries may be too fresh.
    #[must_use]
    pub fn fresh_because(mut self, why: Option<String>) -> Self {
        self.why_fresh = why;
        self
    }

    /// The same, for a change that moves or copies entries to this stream, where these other groups see them too.
    #[must_use]
    pub fn to_stream(mut self, stream: &Name, other_groups: Option<Vec<Name>>) -> Self {
        self.about.to_stream = Some(stream.clone());
        self.about.other_groups = other_groups;
        self
    }

    /// The same, for a change that hands entries to this consumer.
    #[must_use]
    pub fn to_consumer(mut self, consumer: &Name) -> Self {
        self.about.to_consumer = Some(consumer.clone());
        self
    }

    /// What a change of those that are `chosen` is about to change.
    pub fn doomed<'a>(&self, effect: Effect, chosen: &'a mut Chosen) -> Doomed<'a> {
        Doomed {
            stream: self.about.stream.clone().unwrap_or_default(),
            group: self.about.group.clone(),
            effect,
            chosen,
        }
    }

    /// The plan to change those that are `chosen` as data; `what` describes them.
    pub fn facts(&self, what: &str, chosen: &Chosen) -> PlanFacts {
        let what = if chosen.count() > 0 { what } else { "nothing" };
        chosen.facts(PlanFacts {
            summary: self.planned(what),
            ..self.about.clone()
        })
    }

    /// The plan as the question of the consent; `what` describes the entries.
    pub fn planned(&self, what: &str) -> String {
        format!("{} {what} of {}", self.verb, self.target)
    }

    /// The end of a change whose result is `applied`.
    pub fn ending(&self, applied: Applied) -> Ending {
        let results = &applied.results;
        let counts = Counts::of(results);
        let mut warnings = Vec::new();
        if let Some(error) = applied.error {
            if counts.done > 0 {
                let done = entries(counts.done);
                warnings.push(format!("{done} were {} before it failed", self.past));
            }
            warnings.extend(tombstone::warning(counts.tombstones));
            return Ending::Failed { error, warnings };
        }
        if counts.all == 0 {
            return Ending::Nothing(format!("nothing to {} in {}", self.verb, self.target));
        }
        let is_stopped = applied.is_stopped;
        if counts.done == 0 && !counts.has_lost() && !is_stopped {
            return Ending::Refused(self.nothing(results));
        }
        warnings.extend(tombstone::warning(counts.tombstones));
        Ending::Ended {
            summary: format!(
                "{}{} of {} {} in {}{}",
                if is_stopped { "stopped: " } else { "" },
                with_commas(counts.done),
                entries(counts.all),
                self.past,
                self.target,
                by_outcome(results)
            ),
            warnings,
            counts,
            is_stopped,
        }
    }

    /// The error when none of the entries was changed.
    fn nothing(&self, results: &Results) -> Problem {
        let text = |why: &str| format!("nothing was {} in {}: {why}", self.past, self.target);
        let absent = results.count(Outcome::NotPending) + results.count(Outcome::Gone);
        if absent == results.all && !self.is_named {
            return Problem::refused(text(
                "other consumers claimed or acknowledged all of the entries in the meantime",
            ))
            .hint("repeat the command to see what is pending now");
        }
        if absent == results.all {
            return Problem::not_found(text(&why_absent(results)))
                .hint(format!("see what is there with `{}`", self.look));
        }
        let words: Vec<&str> = results.by_word_of_others().keys().copied().collect();
        let is_fresh = results.count(Outcome::Fresh) > 0;
        let detail = results.details().first().map(String::as_str);
        let detail = detail.or(self.why_fresh.as_deref().filter(|_| is_fresh));
        let why = match detail {
            Some(detail) => format!("{} ({detail})", words.join(", ")),
            None => words.join(", "),
        };
        Problem::refused(text(&why))
            .hint("check the current state of the entries, then name those to change")
    }
}

/// Why none of the named entries could be changed.
fn why_absent(results: &Results) -> String {
    let mut states: Vec<&str> = results.details().iter().map(String::as_str).collect();
    states.sort_unstable();
    match (results.all, results.first(), states.as_slice()) {
        (1, Some(id), [state]) => format!("{id} is not pending: {state}"),
        (_, _, []) => "none of these ids was found".to_owned(),
        _ => format!("none of these ids is pending: {}", states.join("; ")),
    }
}

/// The holders of the changed entries, if there are several, and the results of the others: `: 400 of w1, 187 of w2;
/// 13 not: 12 fresh, 1 gone`.
fn by_outcome(results: &Results) -> String {
    let mut text = String::new();
    let holders = most_first(results.by_holder());
    if holders.len() > 1 {
        let more = holders.len().saturating_sub(HOLDERS_MAX);
        let held = holders.iter().take(HOLDERS_MAX);
        let mut held: Vec<String> = held
            .map(|(name, count)| format!("{} of {name}", with_commas(count)))
            .collect();
        held.extend((more > 0).then(|| format!("the rest of {more} other consumers")));
        text.push_str(": ");
        text.push_str(&held.join(", "));
    }
    let others = most_first(results.by_word_of_others());
    if !others.is_empty() {
        let words: Vec<String> = match others.as_slice() {
            [(word, _)] => vec![(**word).to_owned()],
            others => {
                let words = others
                    .iter()
                    .map(|(word, count)| format!("{} {word}", with_commas(count)));
                words.collect()
            }
        };
        let count = results.all - results.done;
        let _ = write!(text, "; {count} not: {}", words.join(", "));
    }
    text
}

/// The values and how often each occurs, the most frequent first.
fn most_first<T>(counts: &BTreeMap<T, u64>) -> Vec<(&T, u64)> {
    let mut counts: Vec<(&T, u64)> = counts.iter().map(|(it, count)| (it, *count)).collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EntryId;
    use crate::streams::repaired::Repaired;

    fn repair(is_named: bool) -> Repair {
        Repair {
            target: "group `g` of stream `s`".to_owned(),
            about: PlanFacts::default(),
            look: CommandLine::new("pending").arg("g"),
            verb: "claim",
            past: "claimed",
            is_named,
            why_fresh: Some("w1 lives".to_owned()),
        }
    }

    fn results(outcomes: &[(Outcome, &str)]) -> Results {
        let mut results = Results::default();
        for (outcome, consumer) in outcomes {
            results.add(&Repaired {
                consumer: Some((*consumer).into()),
                ..Repaired::unseen(EntryId::new(1, 0), *outcome)
            });
        }
        results
    }

    fn ending(is_named: bool, outcomes: &[(Outcome, &str)]) -> Ending {
        repair(is_named).ending(Applied {
            results: results(outcomes),
            ..Applied::default()
        })
    }

    #[test]
    fn a_summary_says_whose_they_were_and_what_became_of_the_others() {
        let Ending::Ended {
            summary,
            warnings,
            counts,
            is_stopped,
        } = ending(
            false,
            &[
                (Outcome::Claimed, "w1"),
                (Outcome::Claimed, "w1"),
                (Outcome::Claimed, "w2"),
                (Outcome::Moved, "w2"),
                (Outcome::Tombstone, "w2"),
            ],
        )
        else {
            panic!("it ended");
        };
        assert_eq!(
            summary,
            "3 of 5 entries claimed in group `g` of stream `s`: 2 of w1, 1 of w2; 2 not: 1 moved, 1 tombstone"
        );
        assert!(warnings[0].starts_with("1 entry had been trimmed"));
        assert!(counts.is_part() && counts.has_lost() && !is_stopped);
    }

    #[test]
    fn nothing_done_is_nothing_to_do_not_found_or_refused() {
        use crate::model::Kind;
        assert!(
            matches!(ending(true, &[]), Ending::Nothing(text) if text == "nothing to claim in group `g` of stream `s`")
        );
        for (is_named, outcome, kind, why) in [
            (
                true,
                Outcome::NotPending,
                Kind::NotFound,
                "none of these ids",
            ),
            (
                false,
                Outcome::Gone,
                Kind::Refused,
                "other consumers claimed",
            ),
            (true, Outcome::Fresh, Kind::Refused, "fresh (w1 lives)"),
            (true, Outcome::Moved, Kind::Refused, "moved"),
        ] {
            let Ending::Refused(problem) = ending(is_named, &[(outcome, "w1")]) else {
                panic!("{outcome:?}");
            };
            assert_eq!(problem.kind, kind, "{outcome:?}");
            assert!(problem.message.contains(why), "{}", problem.message);
        }
    }

    #[test]
    fn an_error_tells_what_was_done_before() {
        let applied = Applied {
            results: results(&[(Outcome::Claimed, "w1"), (Outcome::NotTried, "w1")]),
            error: Some(anyhow::anyhow!("it broke")),
            ..Applied::default()
        };
        let Ending::Failed { error, warnings } = repair(false).ending(applied) else {
            panic!("it failed");
        };
        assert_eq!(error.to_string(), "it broke");
        assert_eq!(warnings, ["1 entry were claimed before it failed"]);
    }
}
