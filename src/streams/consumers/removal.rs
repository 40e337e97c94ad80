//! Deletes consumers: hands their pending entries over, then deletes those that have none.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result;

use super::super::claim::hand_over;
use super::super::repair::failed;
use super::super::target::Target;
use super::super::tombstone;
use super::{Fate, Heir, Removal, RemovalPlan, Rest};
use crate::model::{Consent, Kind, Name, Problem, counted, entries};
use crate::wire::{Connection, Holder, Pruned, delete_consumer, prune_consumers};

/// How many consumers one script call deletes.
const BATCH: usize = 100;
/// A list of consumers that is older than this is read again before any is deleted, because waiting for consent may
/// have taken long.
const LIST_AGE_MAX: Duration = Duration::from_secs(5);

/// The result of a removal, and the error that ended it early, if any.
#[derive(Debug)]
pub struct Removed {
    /// Each consumer that was looked at.
    pub rows: Vec<Removal>,
    /// What ended it early.
    pub error: Option<anyhow::Error>,
}

/// The number of consumers by what happened to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removals {
    /// Consumers that were deleted.
    pub deleted: usize,
    /// Consumers that were kept because they have pending entries.
    pub held: usize,
    /// Entries that were handed over.
    pub handed_over: u64,
    /// Entries for which tombstones were written.
    pub tombstones: u64,
}

impl Removals {
    /// Counted from these rows.
    pub fn of(rows: &[Removal]) -> Self {
        let count = |fate| rows.iter().filter(|it| it.outcome == fate).count();
        Self {
            deleted: count(Fate::Deleted),
            held: count(Fate::Held),
            handed_over: rows.iter().map(|it| it.handed_over).sum(),
            tombstones: rows.iter().map(|it| it.tombstones).sum(),
        }
    }

    /// One sentence about the results of all consumers.
    pub fn summary(&self) -> String {
        let deleted = counted(self.deleted, "consumer", "consumers");
        format!(
            "{deleted} deleted, {} handed over",
            entries(self.handed_over)
        )
    }

    /// A warning about consumers that were kept because they have pending entries.
    pub fn warning(&self) -> Option<String> {
        (self.held > 0).then(|| {
            format!(
                "not deleted, because they have pending entries: {} (hand them over first with --hand-over-to CONSUMER)",
                counted(self.held, "consumer", "consumers")
            )
        })
    }

    /// A warning about entries for which tombstones were written.
    pub fn tombstone_warning(&self) -> Option<String> {
        tombstone::warning(self.tombstones)
    }

    /// Whether nothing was deleted because every consumer has pending entries.
    pub const fn is_refused(&self) -> bool {
        self.held > 0 && self.deleted == 0 && self.tombstones == 0
    }
}

/// Hands over the pending entries of the planned consumers, then deletes those that have none.
pub async fn apply_removal(connection: &Connection, plan: RemovalPlan, _: Consent) -> Removed {
    let RemovalPlan {
        mut rows,
        target,
        heir,
        rest,
        refusal,
    } = plan;
    let planned = rows.iter_mut().filter(|it| it.outcome == Fate::Planned);
    let mut planned: Vec<&mut Removal> = planned.collect();
    let outcome = async {
        if let Some(refusal) = refusal {
            return Err(refusal.into());
        }
        for row in &mut planned {
            if let Some(heir) = heir.as_ref().filter(|_| row.member.pending > 0) {
                let idle_min = rest.map_or(Duration::ZERO, |it| it.least);
                row.hand_over(connection, &target, heir, idle_min).await?;
            }
        }
        match rest {
            Some(rest) => prune(connection, &target, rest, &mut planned).await,
            None => delete(connection, &target, &mut planned).await,
        }
    };
    let error = outcome.await.err();
    for row in &mut rows {
        if row.outcome == Fate::Planned {
            row.outcome = Fate::NotTried;
        }
    }
    Removed { rows, error }
}

impl Removal {
    async fn hand_over(
        &mut self,
        connection: &Connection,
        target: &Target,
        heir: &Heir,
        idle_min: Duration,
    ) -> Result<()> {
        let from = &self.member.consumer;
        let handed = hand_over(connection, target, from, heir, idle_min).await;
        self.handed_over = handed.entries;
        self.tombstones = handed.tombstones;
        handed.error.map_or(Ok(()), Err)
    }
}

async fn prune(
    connection: &Connection,
    target: &Target,
    rest: Rest,
    rows: &mut [&mut Removal],
) -> Result<()> {
    if rest.seen.elapsed() > LIST_AGE_MAX {
        look_again(connection, target, rest, rows).await?;
    }
    let planned = rows.iter_mut().filter(|it| it.outcome == Fate::Planned);
    let mut planned: Vec<_> = planned.collect();
    for batch in planned.chunks_mut(BATCH) {
        let names: Vec<Name> = batch.iter().map(|it| it.member.consumer.clone()).collect();
        let call = prune_consumers(&target.stream, &target.group, &names);
        let outcomes = connection.call(call).await.map_err(failed)?;
        for (row, outcome) in batch.iter_mut().zip(outcomes) {
            row.outcome = match outcome {
                Pruned::Done => Fate::Deleted,
                Pruned::Held => Fate::Held,
            };
        }
    }
    Ok(())
}

/// Leaves out consumers that became active, or were deleted, since the plan was made.
async fn look_again(
    connection: &Connection,
    target: &Target,
    rest: Rest,
    rows: &mut [&mut Removal],
) -> Result<()> {
    let consumers = target.consumers(connection).await?;
    let idle: HashMap<&Name, u64> = consumers.iter().map(|it| (&it.name, it.idle_ms)).collect();
    for row in rows {
        match idle.get(&row.member.consumer) {
            None => row.outcome = Fate::Gone,
            // A consumer whose entries were just handed over has done nothing itself.
            Some(&idle_ms) if !rest.is_of(idle_ms) => row.outcome = Fate::Active,
            Some(_) => {}
        }
    }
    Ok(())
}

async fn delete(connection: &Connection, target: &Target, rows: &mut [&mut Removal]) -> Result<()> {
    for row in rows {
        let consumer = &row.member.consumer;
        let holder = Holder {
            stream: &target.stream,
            group: &target.group,
            consumer,
            fence: None,
            home: None,
        };
        let deleted = connection.call(delete_consumer(holder)).await;
        row.outcome = match deleted.map_err(failed)? {
            Ok(()) => Fate::Deleted,
            Err(id) => {
                let kind = match row.handed_over + row.tombstones {
                    0 => Kind::Refused,
                    _ => Kind::Partial,
                };
                let what = format!(
                    "consumer `{consumer}` of {target} received entries in the meantime, from {id} on: it was not deleted"
                );
                row.outcome = Fate::Held;
                return Err(Problem::new(kind, what)
                    .hint("stop its process, then repeat the command")
                    .into());
            }
        };
    }
    Ok(())
}
