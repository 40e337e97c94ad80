//! Hands stale entries to another consumer. They are looked at first, and claimed only if they have not changed
//! since.

use std::time::Duration;

use anyhow::Result;

use super::consumers::Heir;
use super::course::{BATCH, Course};
use super::repair::{Applied, Chosen, Outcome, Repaired, seen};
use super::select::{Bodies, Criteria, Pager, PendingSelector};
use super::target::Target;
use super::tombstone::bury;
use crate::model::{AdaptiveBatch, Body, Consent, EntryId, Name, PendingEntry, bytes_of};
use crate::wire::{Claim, Connection, CountMode, ExpectedPending, Holder, claim};

/// How many bytes of claimed bodies are held in memory until all rows are shown.
const BODIES_HELD: usize = 2 << 20;

/// Entries to hand over.
#[derive(Debug)]
pub struct ClaimPlan {
    /// The entries to claim.
    pub chosen: Chosen,
    /// The consumer that gets them.
    pub to: Name,
    dead_letter: Name,
    mode: CountMode,
}

impl ClaimPlan {
    /// The consumer and the number of entries in words: `for consumer c 3 entries (2 of a, 1 of b)`. A worker that
    /// `handles` the entries itself is not named.
    pub fn summary(&self, handles: bool) -> String {
        let chosen = self.chosen.summary();
        let mut what = if handles {
            format!("and handle here {chosen}")
        } else {
            format!("for consumer `{}` {chosen}", self.to)
        };
        if self.mode == CountMode::Reset {
            what.push_str(", delivery counts reset to 1,");
        }
        what
    }
}

/// The consumer that gets the claimed entries.
#[derive(Clone, Debug)]
pub enum Recipient {
    /// An existing consumer.
    Consumer(Name),
    /// A worker of this process, which starts with these entries; claiming creates its consumer.
    Worker(Name),
}

/// Finds the entries for `to`: those that `which` selects and that have been idle for at least `idle_min`. Tombstones
/// of entries without a body go to `dead_letter`. `mode` says what happens to delivery counts.
///
/// # Errors
/// Not found when there is no such consumer or group; errors of the server.
pub async fn plan_claim(
    connection: &Connection,
    target: Target,
    which: &PendingSelector,
    idle_min: Duration,
    to: Recipient,
    dead_letter: Name,
    mode: CountMode,
) -> Result<ClaimPlan> {
    let to = match to {
        Recipient::Consumer(name) => {
            target.require_consumer(connection, &name).await?;
            name
        }
        Recipient::Worker(name) => name,
    };
    let which = which.held_by_others(&to);
    let mut chosen = Chosen::find(connection, target, &which, idle_min).await?;
    let (held, entries) = chosen.entries.into_iter().partition(|it| it.consumer == to);
    let held: Vec<PendingEntry> = held;
    chosen.entries = entries;
    // One without a body is nothing to hold: it becomes a tombstone, whoever has it. A count that is to change does too.
    let ids: Vec<EntryId> = held.iter().map(|it| it.id).collect();
    let mut has_body = vec![false; ids.len()];
    Bodies::of(connection, &chosen.target.stream)
        .fetch(&ids, |place, body| {
            has_body[place] = body.is_some();
            Ok(())
        })
        .await?;
    for (entry, has_body) in held.into_iter().zip(has_body) {
        if has_body && mode == CountMode::Keep {
            let row = Repaired::seen(&entry, Outcome::AlreadyHeld);
            chosen.left_out.push(row);
        } else {
            chosen.entries.push(entry);
        }
    }
    Ok(ClaimPlan {
        chosen,
        to,
        dead_letter,
        mode,
    })
}

/// Claims the entries, without counting a delivery. When the bodies are too large to hold all of them, `show` is
/// given each row once and takes its body.
pub async fn apply_claim(
    connection: &Connection,
    plan: ClaimPlan,
    _: Consent,
    mut course: Course<'_>,
    mut show: impl FnMut(&mut [Repaired]) -> Result<()>,
) -> Applied {
    let mut applied = Applied::default();
    let mut portion = AdaptiveBatch::new(BATCH);
    let (mut rest, mut held) = (plan.chosen.entries.as_slice(), 0);
    while applied.error.is_none() && !rest.is_empty() {
        if course.is_over() {
            applied.is_stopped = true;
            break;
        }
        let (batch, after) = rest.split_at(portion.at_a_time().min(rest.len()));
        rest = after;
        let from = applied.rows.len();
        held += claim_batch(connection, &plan, batch, &mut applied, &mut portion).await;
        applied.passed(&mut course, from);
        if held > BODIES_HELD {
            held = 0;
            let shown = show(&mut applied.rows[applied.shown..]);
            applied.shown = applied.rows.len();
            applied.error = applied.error.take().or(shown.err());
        }
    }
    let rest = rest.iter().map(not_tried);
    applied
        .rows
        .extend(rest.chain(plan.chosen.left_out.iter().cloned()));
    applied
}

/// The result of handing over everything that a consumer held.
#[derive(Debug, Default)]
pub(super) struct HandedOver {
    /// Entries that the other consumer now holds.
    pub(super) entries: u64,
    /// Entries without a body, for which tombstones were written.
    pub(super) tombstones: u64,
    /// The error that ended it early.
    pub(super) error: Option<anyhow::Error>,
}

/// Hands the pending entries of `from` that have been idle for `idle_min` to `to`, page by page, without counting a
/// delivery. An entry that another client claims or acknowledges in the meantime is skipped.
pub(super) async fn hand_over(
    connection: &Connection,
    target: &Target,
    from: &Name,
    heir: &Heir,
    idle_min: Duration,
) -> HandedOver {
    let plan = ClaimPlan {
        chosen: Chosen {
            target: target.clone(),
            entries: Vec::new(),
            left_out: Vec::new(),
            has_more: false,
            idle_min,
        },
        to: heir.to.clone(),
        dead_letter: heir.dead_letter.clone(),
        mode: CountMode::Keep,
    };
    let filter = Criteria {
        consumer: Some(from.clone()),
        ..Criteria::default()
    };
    let mut pager = Pager::new(connection, target, &filter);
    let mut handed = HandedOver::default();
    let mut portion = AdaptiveBatch::new(BATCH);
    loop {
        let page = match pager.page().await {
            Ok(Some(page)) => page,
            Ok(None) => return handed,
            Err(error) => {
                handed.error = Some(error);
                return handed;
            }
        };
        let mut rest = page.as_slice();
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(portion.at_a_time().min(rest.len()));
            rest = after;
            let mut applied = Applied::default();
            claim_batch(connection, &plan, batch, &mut applied, &mut portion).await;
            handed.entries += applied.count(Outcome::Claimed);
            handed.tombstones += applied.count(Outcome::Tombstone);
            if applied.error.is_some() {
                handed.error = applied.error;
                return handed;
            }
        }
    }
}

fn not_tried(entry: &PendingEntry) -> Repaired {
    Repaired::seen(entry, Outcome::NotTried)
}

/// Claims one batch. Returns the total size of the bodies in the reply.
async fn claim_batch(
    connection: &Connection,
    plan: &ClaimPlan,
    batch: &[PendingEntry],
    applied: &mut Applied,
    portion: &mut AdaptiveBatch,
) -> usize {
    let seen: Vec<ExpectedPending> = batch.iter().map(seen).collect();
    let call = claim(holder(plan), plan.mode, |_| plan.chosen.idle_min, &seen);
    let outcomes = match connection.call(call).await {
        Ok(outcomes) => outcomes,
        Err(error) => {
            applied.fail(batch.iter().map(not_tried), error);
            return 0;
        }
    };
    let mut bytes = 0;
    for (entry, outcome) in batch.iter().zip(outcomes) {
        if let Claim::Held { fields, .. } = &outcome {
            bytes += bytes_of(fields);
        }
        let row = |outcome| Repaired::seen(entry, outcome);
        applied.rows.push(match outcome {
            Claim::Held { fields, .. } => Repaired {
                fields: Some(Body::from(fields)),
                ..row(Outcome::Claimed)
            },
            Claim::Gone => row(Outcome::Gone),
            Claim::Moved { owner, .. } => Repaired {
                detail: Some(format!("now held by `{owner}`")),
                ..row(Outcome::Moved)
            },
            Claim::Fresh { .. } => row(Outcome::Fresh),
            Claim::Ghost { .. } => {
                match bury(connection, &plan.chosen.target, &plan.dead_letter, entry).await {
                    Ok(row) => row,
                    Err(error) => {
                        applied.fail([not_tried(entry)], error);
                        continue;
                    }
                }
            }
        });
    }
    portion.brought(batch.len(), batch.len(), bytes);
    bytes
}

fn holder(plan: &ClaimPlan) -> Holder<'_> {
    Holder {
        stream: &plan.chosen.target.stream,
        group: &plan.chosen.target.group,
        consumer: &plan.to,
        fence: None,
        home: None,
    }
}
