//! What claim, ack, requeue and the commands for dead letters have in common: they change entries in batches, and
//! count the results.

use std::collections::BTreeMap;

use super::chosen::Chosen;
use super::course::{Course, TakeRows};
use super::repaired::{Outcome, Repaired, Subject};
use crate::model::{EntryId, Kind, Name, Problem};
use crate::snapshots::Receipt;
use crate::wire;

/// How many different details are kept.
const DETAILS_MAX: usize = 8;
/// How many rows of what was not tried, or was left out, are told at a time.
const TOLD_AT_A_TIME: usize = 1000;

/// How many entries there were, by result.
#[derive(Debug, Default)]
pub struct Results {
    /// All entries.
    pub all: u64,
    /// Entries with the result that was asked for.
    pub done: u64,
    /// Entries with the result that was asked for, by the word for it.
    by_word_done: BTreeMap<&'static str, u64>,
    /// The other entries by the word of their result.
    by_word_of_others: BTreeMap<&'static str, u64>,
    /// Entries with the result that was asked for, by the consumer that held them.
    by_holder: BTreeMap<Name, u64>,
    /// The first different details.
    details: Vec<String>,
    /// The first entry.
    first: Option<EntryId>,
}

impl Results {
    pub(super) fn add(&mut self, row: &Repaired) {
        self.all += 1;
        self.first = self.first.or(Some(row.id));
        if let Some(detail) = &row.detail
            && self.details.len() < DETAILS_MAX
            && !self.details.contains(detail)
        {
            self.details.push(detail.clone());
        }
        if !row.outcome.is_done() {
            *self
                .by_word_of_others
                .entry(row.outcome.word())
                .or_default() += 1;
            return;
        }
        self.done += 1;
        *self.by_word_done.entry(row.outcome.word()).or_default() += 1;
        let Some(consumer) = &row.consumer else {
            return;
        };
        match self.by_holder.get_mut(consumer) {
            Some(count) => *count += 1,
            None => _ = self.by_holder.insert(consumer.clone(), 1),
        }
    }

    /// How many have this result.
    pub(super) fn count(&self, outcome: Outcome) -> u64 {
        let by_word = if outcome.is_done() {
            &self.by_word_done
        } else {
            &self.by_word_of_others
        };
        by_word.get(outcome.word()).copied().unwrap_or_default()
    }

    /// How many do not have the result that was asked for, by the word of theirs.
    pub(super) const fn by_word_of_others(&self) -> &BTreeMap<&'static str, u64> {
        &self.by_word_of_others
    }

    /// How many of those with the result that was asked for each consumer held.
    pub(super) const fn by_holder(&self) -> &BTreeMap<Name, u64> {
        &self.by_holder
    }

    /// The first different details.
    pub(super) fn details(&self) -> &[String] {
        &self.details
    }

    /// The first entry; `None` when there is none.
    pub(super) const fn first(&self) -> Option<EntryId> {
        self.first
    }
}

/// How a change of all entries went, and the error that ended it early, if any.
#[derive(Debug, Default)]
pub struct Applied {
    /// How many there were, by result.
    pub results: Results,
    /// Whether the change was stopped before all entries were tried.
    pub is_stopped: bool,
    /// The error that ended it early.
    pub error: Option<anyhow::Error>,
    /// The results of the entries that were tried since they were last told.
    pub(super) rows: Vec<Repaired>,
}

impl Applied {
    /// The results of those that are `chosen`, which are changed in batches of `at_a_time` until a change fails or the course
    /// ends. Those that are left out come last.
    pub(super) async fn in_batches(
        chosen: &mut Chosen,
        course: &mut Course<'_>,
        at_a_time: impl Fn() -> usize,
        change: impl AsyncFnMut(&[Subject], &mut Self),
    ) -> Self {
        let mut applied = Self::default();
        let ended = applied.each_batch(chosen, course, at_a_time, change).await;
        if let Err(problem) = ended {
            applied.error.get_or_insert(problem.into());
        }
        applied
    }

    /// The result of changing nothing, where none is to be changed: `take` is given those that are left out.
    pub fn of_left_out(chosen: &mut Chosen, take: TakeRows<'_>) -> Self {
        let mut applied = Self::default();
        let told = chosen.left_out().and_then(|mut rows| {
            loop {
                let mut batch = rows.batch(TOLD_AT_A_TIME)?;
                if batch.is_empty() {
                    return Ok(());
                }
                for row in &batch {
                    applied.results.add(row);
                }
                take(&mut batch);
            }
        });
        applied.error = told.err().map(Into::into);
        applied
    }

    async fn each_batch(
        &mut self,
        chosen: &mut Chosen,
        course: &mut Course<'_>,
        at_a_time: impl Fn() -> usize,
        mut change: impl AsyncFnMut(&[Subject], &mut Self),
    ) -> Result<(), Problem> {
        let mut untried = chosen.count();
        let (mut subjects, left_out) = chosen.all()?;
        while self.error.is_none() && untried > 0 {
            let Some(count_max) = course.next().await else {
                self.is_stopped = true;
                break;
            };
            let batch = subjects.batch(count_max.min(at_a_time()))?;
            untried = untried.saturating_sub(batch.len() as u64);
            change(&batch, self).await;
            self.passed(course);
        }
        for subject in subjects {
            self.tell(course, subject?.row(Outcome::NotTried));
        }
        for row in left_out {
            self.tell(course, row?);
        }
        self.told(course);
        Ok(())
    }

    /// Records a batch that was tried. Without receipts it does not go on.
    pub(super) fn passed(&mut self, course: &mut Course<'_>) {
        let changed = self.rows.iter().filter_map(Repaired::receipt);
        let mut changed: Vec<Receipt> = changed.collect();
        changed.sort_unstable_by_key(|it| it.id);
        if let Err(problem) = course.passed(self.rows.len(), &changed) {
            self.error.get_or_insert(problem.into());
        }
        self.told(course);
    }

    /// Tells of an entry that is not tried.
    fn tell(&mut self, course: &mut Course<'_>, row: Repaired) {
        self.rows.push(row);
        if self.rows.len() >= TOLD_AT_A_TIME {
            self.told(course);
        }
    }

    /// Counts the rows, and gives them away.
    fn told(&mut self, course: &mut Course<'_>) {
        for row in &self.rows {
            self.results.add(row);
        }
        course.tell(&mut self.rows);
        self.rows.clear();
    }

    /// Adds the result of each entry of a batch, or the failure of the whole batch.
    pub(super) fn take<O>(
        &mut self,
        batch: &[Subject],
        outcomes: wire::Result<Vec<wire::Result<O>>>,
        row: impl Fn(&Subject, O) -> Repaired,
    ) {
        let outcomes = match outcomes {
            Ok(outcomes) => outcomes,
            Err(error) => return self.fail(batch, error),
        };
        for (subject, outcome) in batch.iter().zip(outcomes) {
            match outcome {
                Ok(outcome) => self.rows.push(row(subject, outcome)),
                Err(error) => self.fail([subject], error),
            }
        }
    }

    /// Handles a failed batch: when its reply was lost, it is unknown whether it was carried out.
    pub(super) fn fail<'s>(
        &mut self,
        batch: impl IntoIterator<Item = &'s Subject>,
        error: wire::Error,
    ) {
        let outcome = if error.kind.is_outcome_unknown() {
            Outcome::Unknown
        } else {
            Outcome::NotTried
        };
        let rows = batch.into_iter().map(|it| it.row(outcome));
        self.rows.extend(rows);
        self.error = Some(failed(error));
    }
}

/// The error of a failed change: when its reply was lost, it is unknown whether it was made.
pub(super) fn failed(error: wire::Error) -> anyhow::Error {
    if !error.kind.is_outcome_unknown() {
        return error.into();
    }
    let problem = Problem::new(
        Kind::Unknown,
        format!("{error}; the change may have been made"),
    )
    .hint("check the state before you repeat the command");
    anyhow::Error::from(error).context(problem)
}
