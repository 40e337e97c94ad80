//! The end of a change of entries: its summary, the number of changed entries, and whether that was all of them.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::plan;
use super::redrive::LettersPlan;
use super::repair::{Applied, Chosen, Outcome, Repaired};
use super::snapshot::Doomed;
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
    /// Whether more would have matched.
    pub has_more: bool,
    /// Why an entry may have been idle for too short a time, if there is more to say about it.
    pub why_fresh: Option<String>,
}

/// How many entries there were, by result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// All entries that were to be changed.
    pub all: usize,
    /// Entries with the result that was asked for.
    pub done: usize,
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
    fn of(rows: &[Repaired]) -> Self {
        Self {
            all: rows.len(),
            done: rows.iter().filter(|row| row.outcome.is_done()).count(),
            tombstones: count(rows, Outcome::Tombstone) as u64,
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
    /// A change of pending entries that were `chosen` in one of these groups of their stream.
    pub fn of_pending(
        chosen: &Chosen,
        (groups, topology): (&[GroupInfo], &Topology),
        is_named: bool,
        verb: &'static str,
        past: &'static str,
    ) -> Self {
        Self {
            target: chosen.target.to_string(),
            about: plan::about(
                &chosen.target,
                plan::seen(groups, &chosen.target),
                String::new(),
            ),
            look: chosen.target.command("pending", topology),
            verb,
            past,
            is_named,
            has_more: chosen.has_more,
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
            has_more: letters.has_more,
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

    /// What a change with these planned rows is about to change.
    pub fn doomed<'a>(&self, effect: Effect, rows: &'a [Repaired]) -> Doomed<'a> {
        Doomed {
            stream: self.about.stream.clone().unwrap_or_default(),
            group: self.about.group.clone(),
            effect,
            rows,
        }
    }

    /// The plan as data: `what` describes the entries, and `rows` say what would happen to each.
    pub fn facts(&self, what: &str, rows: &[Repaired]) -> PlanFacts {
        let is_planned = |row: &Repaired| row.outcome == Outcome::Planned;
        let facts = PlanFacts {
            summary: self.planned(if rows.iter().any(is_planned) {
                what
            } else {
                "nothing"
            }),
            has_more: self.has_more,
            ..self.about.clone()
        };
        plan::of_rows(facts, rows)
    }

    /// The plan as the question of the consent; `what` describes the entries.
    pub fn planned(&self, what: &str) -> String {
        format!("{} {what} of {}", self.verb, self.target)
    }

    /// The end of a change whose result is `applied`.
    pub fn ending(&self, applied: Applied) -> Ending {
        let counts = Counts::of(&applied.rows);
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
            return Ending::Refused(self.nothing(&applied.rows));
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
                by_outcome(&applied.rows)
            ),
            warnings,
            counts,
            is_stopped,
        }
    }

    /// The error when none of the entries was changed.
    fn nothing(&self, rows: &[Repaired]) -> Problem {
        let text = |why: &str| format!("nothing was {} in {}: {why}", self.past, self.target);
        let absent = count(rows, Outcome::NotPending) + count(rows, Outcome::Gone);
        if absent == rows.len() && !self.is_named {
            return Problem::refused(text(
                "other consumers claimed or acknowledged all of the entries in the meantime",
            ))
            .hint("repeat the command to see what is pending now");
        }
        if absent == rows.len() {
            return Problem::not_found(text(&why_absent(rows)))
                .hint(format!("see what is there with `{}`", self.look));
        }
        let mut words: Vec<&str> = rows.iter().map(|row| row.outcome.word()).collect();
        words.sort_unstable();
        words.dedup();
        let mut details: Vec<&str> = rows.iter().filter_map(|it| it.detail.as_deref()).collect();
        let is_fresh = count(rows, Outcome::Fresh) > 0;
        details.extend(self.why_fresh.as_deref().filter(|_| is_fresh));
        details.dedup();
        let why = match details.first() {
            Some(detail) => format!("{} ({detail})", words.join(", ")),
            None => words.join(", "),
        };
        Problem::refused(text(&why))
            .hint("check the current state of the entries, then name those to change")
    }
}

/// Why none of the named entries could be changed.
fn why_absent(rows: &[Repaired]) -> String {
    let mut states: Vec<&str> = rows.iter().filter_map(|it| it.detail.as_deref()).collect();
    states.sort_unstable();
    states.dedup();
    match (rows, states.as_slice()) {
        ([row], [state]) => format!("{} is not pending: {state}", row.id),
        (_, []) => "none of these ids was found".to_owned(),
        _ => format!("none of these ids is pending: {}", states.join("; ")),
    }
}

/// The holders of the changed entries, if there are several, and the results of the others: `: 400 of w1, 187 of w2;
/// 13 not: 12 fresh, 1 gone`.
fn by_outcome(rows: &[Repaired]) -> String {
    let (done, others): (Vec<&Repaired>, Vec<&Repaired>) =
        rows.iter().partition(|row| row.outcome.is_done());
    let mut text = String::new();
    let holders = tally(done.iter().filter_map(|row| row.consumer.clone()));
    if holders.len() > 1 {
        let more = holders.len().saturating_sub(HOLDERS_MAX);
        let held = holders.iter().take(HOLDERS_MAX);
        let mut held: Vec<String> = held
            .map(|(name, count): &(Name, usize)| format!("{} of {name}", with_commas(count)))
            .collect();
        held.extend((more > 0).then(|| format!("the rest of {more} other consumers")));
        text.push_str(": ");
        text.push_str(&held.join(", "));
    }
    if !others.is_empty() {
        let outcomes = tally(others.iter().map(|row| row.outcome.word()));
        let words: Vec<String> = match outcomes.as_slice() {
            [(word, _)] => vec![(*word).to_owned()],
            outcomes => {
                let words = outcomes
                    .iter()
                    .map(|(word, count)| format!("{} {word}", with_commas(count)));
                words.collect()
            }
        };
        let _ = write!(text, "; {} not: {}", others.len(), words.join(", "));
    }
    text
}

/// How often each value occurs, the most frequent first.
fn tally<T: Ord>(all: impl Iterator<Item = T>) -> Vec<(T, usize)> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for each in all {
        *counts.entry(each).or_default() += 1;
    }
    let mut counts: Vec<(T, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    counts
}

fn count(rows: &[Repaired], outcome: Outcome) -> usize {
    rows.iter().filter(|row| row.outcome == outcome).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EntryId;

    fn repair(is_named: bool) -> Repair {
        Repair {
            target: "group `g` of stream `s`".to_owned(),
            about: PlanFacts::default(),
            look: CommandLine::new("pending").arg("g"),
            verb: "claim",
            past: "claimed",
            is_named,
            has_more: false,
            why_fresh: Some("w1 lives".to_owned()),
        }
    }

    fn rows(outcomes: &[(Outcome, &str)]) -> Vec<Repaired> {
        let row = |(outcome, consumer): &(Outcome, &str)| Repaired {
            consumer: Some((*consumer).into()),
            ..Repaired::unseen(EntryId::new(1, 0), *outcome)
        };
        outcomes.iter().map(row).collect()
    }

    fn ending(is_named: bool, outcomes: &[(Outcome, &str)]) -> Ending {
        repair(is_named).ending(Applied {
            rows: rows(outcomes),
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
            rows: rows(&[(Outcome::Claimed, "w1"), (Outcome::NotTried, "w1")]),
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
