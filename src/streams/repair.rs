//! What claim, ack, requeue and the commands for dead letters have in common: the entries they change, and the result
//! for each.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;

use super::course::Course;
use super::select::{PendingSelector, is_idle, select};
use super::target::Target;
use crate::model::{
    Body, EntryId, Kind, Name, PendingEntry, Problem, entries, states, with_commas,
};
use crate::snapshots::Receipt;
use crate::wire::{self, Connection, ExpectedPending};

/// How many consumers a summary names; the others are counted together.
const HOLDERS_MAX: usize = 5;

states! {
    /// The result for one entry.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Outcome {
        /// The entry would be changed; nothing was changed yet.
        Planned = "planned" in Plain,
        /// The consumer holds it now.
        Claimed = "claimed" in Ok,
        /// The consumer already held it.
        AlreadyHeld = "already held" in Ok,
        /// The entry is no longer pending.
        Acknowledged = "acknowledged" in Ok,
        /// A copy was appended to the stream, and the old entry was acknowledged.
        Requeued = "requeued" in Ok,
        /// The entry is now a dead letter, and no longer pending.
        DeadLettered = "dead-lettered" in Ok,
        /// The entry was moved back to the end of its stream, and is no longer a dead letter.
        Redriven = "redriven" in Ok,
        /// The dead letter was deleted.
        Purged = "purged" in Ok,
        /// The entry's body had been trimmed, and a tombstone was written to the dead-letter stream.
        Tombstone = "tombstone" in Bad,
        /// The entry was not pending (or did not exist) when it was looked up.
        NotPending = "not pending" in Warn,
        /// The entry was delivered too recently.
        Fresh = "fresh" in Warn,
        /// After the entry was looked up, another consumer claimed it, or it was delivered again.
        Moved = "moved" in Warn,
        /// After the entry was looked up, it was acknowledged or deleted.
        Gone = "gone" in Warn,
        /// The entry's body had been trimmed; nothing was changed.
        Trimmed = "trimmed" in Bad,
        /// A rule refused the change; nothing was changed.
        Refused = "refused" in Warn,
        /// The change was sent, and the reply was lost.
        Unknown = "unknown" in Bad,
        /// An error came first; nothing was changed.
        NotTried = "not tried" in Warn,
    }
}

impl Outcome {
    /// Whether this is the result that was asked for.
    pub const fn is_done(self) -> bool {
        matches!(
            self,
            Self::Planned
                | Self::Claimed
                | Self::AlreadyHeld
                | Self::Acknowledged
                | Self::Requeued
                | Self::DeadLettered
                | Self::Redriven
                | Self::Purged
        )
    }
}

/// One entry and its result.
#[derive(Clone, Debug)]
pub struct Repaired {
    /// The entry.
    pub id: EntryId,
    /// The result for the entry.
    pub outcome: Outcome,
    /// The consumer that held the entry when it was looked up; `None` also when no consumer held it.
    pub consumer: Option<Name>,
    /// How long the entry had been idle then.
    pub idle_ms: Option<u64>,
    /// How often the entry had been delivered.
    pub deliveries: Option<u64>,
    /// The entry's new id in the stream to which it was added.
    pub new_id: Option<EntryId>,
    /// The reason, if there is more to say.
    pub detail: Option<String>,
    /// The entry's fields, if the operation has them.
    pub fields: Option<Body>,
}

impl Repaired {
    /// An entry of which only the id is known.
    pub(super) const fn unseen(id: EntryId, outcome: Outcome) -> Self {
        Self {
            id,
            outcome,
            consumer: None,
            idle_ms: None,
            deliveries: None,
            new_id: None,
            detail: None,
            fields: None,
        }
    }

    /// What is kept of it so that it can be undone; `None` when nothing was changed, as far as is known.
    pub(super) fn receipt(&self) -> Option<Receipt> {
        let is_changed = match self.outcome {
            Outcome::Planned | Outcome::AlreadyHeld => false,
            Outcome::Tombstone => true,
            outcome => outcome.is_done(),
        };
        is_changed.then_some(Receipt {
            id: self.id,
            new_id: self.new_id,
        })
    }

    /// A pending entry as it was when it was looked at.
    pub(super) fn seen(entry: &PendingEntry, outcome: Outcome) -> Self {
        Self {
            consumer: Some(entry.consumer.clone()).filter(|name| !name.is_empty()),
            idle_ms: entry.idle_ms,
            deliveries: Some(entry.deliveries),
            ..Self::unseen(entry.id, outcome)
        }
    }
}

/// Pending entries that an operation is to change, as they were when they were looked at, and those it leaves out.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The group of the entries.
    pub target: Target,
    /// The entries to be changed.
    pub entries: Vec<PendingEntry>,
    /// Requested entries that are not to be changed: not pending, or too fresh.
    pub left_out: Vec<Repaired>,
    /// Whether more would have matched.
    pub has_more: bool,
    /// How long each must have been idle, also at the time of the change.
    pub idle_min: Duration,
}

impl Chosen {
    /// Finds the entries.
    ///
    /// # Errors
    /// Not found when the group does not exist; errors of the server.
    pub async fn find(
        connection: &Connection,
        target: Target,
        which: &PendingSelector,
        idle_min: Duration,
    ) -> Result<Self> {
        let selected = select(connection, &target, which).await?;
        let (entries, fresh): (Vec<_>, Vec<_>) = selected
            .entries
            .into_iter()
            .partition(|entry| is_idle(entry, idle_min));
        let fresh = fresh.iter().map(|it| Repaired::seen(it, Outcome::Fresh));
        let missing = selected.not_pending.into_iter();
        let missing = missing.map(|id| Repaired::unseen(id, Outcome::NotPending));
        Ok(Self {
            target,
            entries,
            left_out: fresh.chain(missing).collect(),
            has_more: selected.has_more,
            idle_min,
        })
    }

    /// What would happen to each entry.
    pub fn preview(&self) -> Vec<Repaired> {
        let planned = self.entries.iter();
        let planned = planned.map(|it| Repaired::seen(it, Outcome::Planned));
        planned.chain(self.left_out.iter().cloned()).collect()
    }

    /// `3 entries (2 of c1, 1 of c2)`.
    pub fn summary(&self) -> String {
        let mut held: BTreeMap<&Name, usize> = BTreeMap::new();
        for entry in &self.entries {
            *held.entry(&entry.consumer).or_default() += 1;
        }
        let of = |(name, count): (&Name, &usize)| {
            let count = with_commas(count);
            if name.is_empty() {
                format!("{count} without a consumer")
            } else {
                format!("{count} of {name}")
            }
        };
        let mut parts: Vec<String> = held.iter().map(|(name, count)| of((name, count))).collect();
        if parts.len() > HOLDERS_MAX {
            let more = parts.len() - (HOLDERS_MAX - 1);
            parts.truncate(HOLDERS_MAX - 1);
            parts.push(format!("the rest of {more} other consumers"));
        }
        format!("{} ({})", entries(self.entries.len()), parts.join(", "))
    }
}

/// The results of all entries, and the error that ended the change early, if any.
#[derive(Debug, Default)]
pub struct Applied {
    /// A result for each.
    pub rows: Vec<Repaired>,
    /// How many of the rows have been shown already.
    pub shown: usize,
    /// Whether the change was stopped before all entries were tried.
    pub is_stopped: bool,
    /// The error that ended it early.
    pub error: Option<anyhow::Error>,
}

/// Something that is to be changed, as it was when it was looked at.
pub(super) trait Subject {
    /// Its row with a result.
    fn row(&self, outcome: Outcome) -> Repaired;
}

impl Subject for PendingEntry {
    fn row(&self, outcome: Outcome) -> Repaired {
        Repaired::seen(self, outcome)
    }
}

impl Applied {
    /// The results of `subjects`, which are changed in batches until a change fails or the course ends. The rows of
    /// `left_out` come last.
    pub(super) async fn in_batches<S: Subject>(
        subjects: &[S],
        left_out: &[Repaired],
        mut course: Course<'_>,
        mut change: impl AsyncFnMut(&[S], &mut Self),
    ) -> Self {
        let mut applied = Self::default();
        let mut rest = subjects;
        while applied.error.is_none() && !rest.is_empty() {
            let Some(at_a_time) = course.next().await else {
                applied.is_stopped = true;
                break;
            };
            let (batch, after) = rest.split_at(at_a_time.min(rest.len()));
            rest = after;
            let from = applied.rows.len();
            change(batch, &mut applied).await;
            applied.passed(&mut course, from);
        }
        let rest = rest.iter().map(|it| it.row(Outcome::NotTried));
        applied.rows.extend(rest.chain(left_out.iter().cloned()));
        applied
    }

    /// Records the rows of a batch, which begin at `from`. Without receipts it does not go on.
    pub(super) fn passed(&mut self, course: &mut Course<'_>, from: usize) {
        let rows = &self.rows[from..];
        let changed: Vec<Receipt> = rows.iter().filter_map(Repaired::receipt).collect();
        if let Err(problem) = course.passed(rows.len(), &changed) {
            self.error.get_or_insert(problem.into());
        }
    }

    /// Adds the result of each entry of a batch, or the failure of the whole batch.
    pub(super) fn take<S: Subject, O>(
        &mut self,
        batch: &[S],
        outcomes: wire::Result<Vec<wire::Result<O>>>,
        row: impl Fn(&S, O) -> Repaired,
    ) {
        let not_tried = |subject: &S| subject.row(Outcome::NotTried);
        let outcomes = match outcomes {
            Ok(outcomes) => outcomes,
            Err(error) => return self.fail(batch.iter().map(not_tried), error),
        };
        for (subject, outcome) in batch.iter().zip(outcomes) {
            match outcome {
                Ok(outcome) => self.rows.push(row(subject, outcome)),
                Err(error) => self.fail([not_tried(subject)], error),
            }
        }
    }

    /// The result of changing nothing.
    pub fn none(rows: Vec<Repaired>) -> Self {
        Self {
            rows,
            ..Self::default()
        }
    }

    /// How many entries have the result that was asked for.
    pub fn done(&self) -> usize {
        let done = |row: &&Repaired| row.outcome.is_done();
        self.rows.iter().filter(done).count()
    }

    /// How many have this result.
    pub(super) fn count(&self, outcome: Outcome) -> u64 {
        self.rows
            .iter()
            .filter(|row| row.outcome == outcome)
            .count() as u64
    }

    /// Handles a failed batch: when its reply was lost, it is unknown whether it was carried out.
    pub(super) fn fail(&mut self, batch: impl IntoIterator<Item = Repaired>, error: wire::Error) {
        let outcome = if error.kind.is_outcome_unknown() {
            Outcome::Unknown
        } else {
            Outcome::NotTried
        };
        let rows = batch.into_iter();
        self.rows
            .extend(rows.map(|row| Repaired { outcome, ..row }));
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

/// The entry as it was seen, as the precondition of a change.
pub(super) fn seen(entry: &PendingEntry) -> ExpectedPending {
    ExpectedPending {
        id: entry.id,
        owner: Some(entry.consumer.clone()),
        deliveries: Some(entry.deliveries),
    }
}
