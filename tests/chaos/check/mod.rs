//! The checker: a pure function from a [`History`] to what is wrong with it. Sets of keys, group by group; every
//! violation names its key and tells all that is known of it.

mod active;
mod attempts;
mod duplicates;
mod sets;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_attempts;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::history::{
    Attempt, Cause, Dead, Event, GroupState, History, Outcome, Published, Said, Work,
};

/// What a history must not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A message was stored, and nothing became of it.
    Lost,
    /// A message that nobody sent.
    Invented,
    /// Its body is not what was sent.
    Altered,
    /// It was stored more than once.
    StoredTwice,
    /// At the end somebody still has it, or nobody read it.
    LeftOver,
    /// It belongs in the dead-letter stream and is not there, or was handled.
    PoisonNotDead,
    /// It is in the dead-letter stream and does not belong there.
    WronglyDead,
    /// It is in the dead-letter stream more than once.
    DeadTwice,
    /// It was handled again, and nothing that happened explains it.
    Duplicate,
    /// Its output is there more than once.
    OutputTwice,
    /// Two workers were at work for a group that is to have one active.
    TwoActive,
    /// A delivery was counted for which no attempt was made, and nothing that happened explains it.
    NoAttempt,
    /// A body was lost where nothing was trimmed that was needed.
    Tombstone,
    /// More or less is recorded as lost before delivery than was.
    Gap,
    /// The server's own counts are others.
    Counts,
    /// An entry was begun with while another worker was at work on it, and nothing had happened to that one.
    Shared,
    /// Messages were begun with in another order than that of their entries.
    Disorder,
    /// An attempt was made before its time.
    Early,
    /// An entry that must run alone did not.
    NotAlone,
    /// The dead letter does not have what its handler said last.
    WrongReason,
    /// The tool tells something else of a dead letter than is true.
    Mistold,
    /// What an attempt had started went on after it was stopped.
    Outlived,
    /// A worker took more memory than it may.
    Memory,
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Violation {
    pub rule: Rule,
    pub group: String,
    /// The message's key, or an entry's id.
    pub key: String,
    pub text: String,
    /// All that is known of the key.
    pub history: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            group,
            key,
            text,
            history,
        } = self;
        write!(f, "{rule:?}: {key} of {group}: {text}")?;
        history
            .iter()
            .try_for_each(|line| write!(f, "\n    {line}"))
    }
}

/// What a history came to.
#[derive(Debug, Default)]
pub struct Verdict {
    pub violations: Vec<Violation>,
    /// Messages handled again, by the event that explains it.
    pub duplicates: BTreeMap<String, usize>,
}

impl Verdict {
    /// Whether this rule was broken.
    pub fn breaks(&self, rule: Rule) -> bool {
        self.violations.iter().any(|it| it.rule == rule)
    }
}

/// Judges a run that has come to rest.
pub fn check(history: &History) -> Verdict {
    let mut verdict = Verdict::default();
    verdict.violations.extend(memory(history));
    for group in &history.groups {
        let mut view = View::new(history, group);
        view.sets();
        view.duplicates();
        view.skipped();
        view.alone();
        view.shared();
        view.order();
        view.delays();
        view.isolation();
        view.reasons();
        view.told();
        view.outlived();
        verdict.violations.append(&mut view.violations);
        for (name, count) in view.explained {
            *verdict.duplicates.entry(name).or_default() += count;
        }
    }
    verdict
}

/// Workers that took more memory than they may.
fn memory(history: &History) -> impl Iterator<Item = Violation> {
    let max = history.rules.memory_kib_max.unwrap_or(u64::MAX);
    let peaks = history.peaks_kib.iter().filter(move |peak| **peak > max);
    peaks.map(move |peak| Violation {
        rule: Rule::Memory,
        group: "-".to_owned(),
        key: "-".to_owned(),
        text: format!("a worker had {peak} KiB, and may have {max}"),
        history: Vec::new(),
    })
}

/// A group's part of a history, by key.
struct View<'h> {
    history: &'h History,
    group: &'h GroupState,
    published: BTreeMap<&'h str, &'h Published>,
    attempts: BTreeMap<&'h str, Vec<&'h Attempt>>,
    dead: BTreeMap<&'h str, Vec<&'h Dead>>,
    copies: BTreeMap<&'h str, usize>,
    /// Ids of entries whose body was lost.
    tombstones: BTreeSet<&'h str>,
    violations: Vec<Violation>,
    explained: BTreeMap<String, usize>,
}

impl<'h> View<'h> {
    fn new(history: &'h History, group: &'h GroupState) -> Self {
        let of_stream = |it: &&Published| it.stream == group.stream;
        let of_group = |it: &&Attempt| it.stream == group.stream && it.group == group.group;
        let mut attempts: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for attempt in history.attempts.iter().filter(of_group) {
            attempts
                .entry(attempt.key.as_str())
                .or_default()
                .push(attempt);
        }
        for lines in attempts.values_mut() {
            lines.sort_by_key(|line| line.at_ms);
        }
        let mut dead: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut tombstones = BTreeSet::new();
        for letter in &group.dead {
            match &letter.message {
                Some(message) => dead.entry(message.key.as_str()).or_default().push(letter),
                None => drop(tombstones.insert(letter.id.as_str())),
            }
        }
        let mut copies = BTreeMap::new();
        for copy in &group.copies {
            *copies.entry(copy.key.as_str()).or_default() += 1;
        }
        let published = history.published.iter().filter(of_stream);
        Self {
            history,
            group,
            published: published.map(|it| (it.key.as_str(), it)).collect(),
            attempts,
            dead,
            copies,
            tombstones,
            violations: Vec::new(),
            explained: BTreeMap::new(),
        }
    }

    fn dones(&self, key: &str) -> Vec<&'h Attempt> {
        let lines = self.attempts.get(key).into_iter().flatten();
        lines
            .filter(|line| line.said == Said::Done)
            .copied()
            .collect()
    }

    fn broken(&mut self, rule: Rule, key: &str, text: impl Into<String>) {
        let violation = Violation {
            rule,
            group: format!("{} on {}", self.group.group, self.group.stream),
            key: key.to_owned(),
            text: text.into(),
            history: self.tell(key),
        };
        self.violations.push(violation);
    }

    /// All that is known of a key, and what happened meanwhile to those that had it.
    fn tell(&self, key: &str) -> Vec<String> {
        let mut lines: Vec<(u64, String)> = Vec::new();
        let mut workers = BTreeSet::new();
        if let Some(it) = self.published.get(key) {
            let text = format!("published as {}: {:?}", it.plan, it.outcome);
            lines.push((it.at_ms, text));
        }
        for it in self.attempts.get(key).into_iter().flatten() {
            workers.insert(it.worker);
            let text = format!(
                "{:?} of {} under count {} by worker {}",
                it.said, it.id, it.deliveries, it.worker
            );
            lines.push((it.at_ms, text));
        }
        let first = lines.iter().map(|(at, _)| *at).min().unwrap_or_default();
        let last = lines.iter().map(|(at, _)| *at).max().unwrap_or_default();
        let meanwhile = |event: &&Event| {
            event.until_ms + 10_000 > first
                && event.from_ms < last + 10_000
                && event.worker.is_none_or(|worker| workers.contains(&worker))
        };
        for event in self.history.events.iter().filter(meanwhile) {
            lines.push((event.from_ms, event.to_string()));
        }
        lines.sort();
        let mut told: Vec<String> = lines
            .into_iter()
            .map(|(at, text)| format!("{at} {text}"))
            .collect();
        for letter in self.dead.get(key).into_iter().flatten() {
            told.push(format!(
                "dead letter of {} after {} deliveries",
                letter.id, letter.deliveries
            ));
        }
        if let Some(count) = self.copies.get(key) {
            told.push(format!("{count} × in the output"));
        }
        told
    }
}
