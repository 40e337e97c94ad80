//! Hands stale entries to another consumer. They are looked at first, and claimed only if they have not changed
//! since.

use std::cell::Cell;
use std::collections::HashSet;
use std::time::Duration;

use anyhow::Result;

use super::chosen::Chosen;
use super::consumers::Heir;
use super::course::{BATCH, Course};
use super::repair::{Applied, Results};
use super::repaired::{Outcome, Repaired, Subject};
use super::select::{Bodies, Criteria, Pager, PendingSelector};
use super::target::Target;
use super::tombstone::bury;
use crate::model::{AdaptiveBatch, Body, Consent, EntryId, Name, bytes_of};
use crate::wire::{Claim, Connection, CountMode, ExpectedPending, Holder, claim};

/// How entries are handed over.
#[derive(Debug)]
pub struct ClaimPlan {
    /// The group.
    pub target: Target,
    /// The consumer that gets them.
    pub to: Name,
    /// How long each must have been idle, also at the time of the change.
    idle_min: Duration,
    dead_letter: Name,
    mode: CountMode,
}

impl ClaimPlan {
    /// The consumer and the number of entries in words: `for consumer c 3 entries (2 of a, 1 of b)`. A worker that
    /// `handles` the entries itself is not named.
    pub fn summary(&self, chosen: &Chosen, handles: bool) -> String {
        let chosen = chosen.summary();
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
) -> Result<(ClaimPlan, Chosen)> {
    let to = match to {
        Recipient::Consumer(name) => {
            target.require_consumer(connection, &name).await?;
            name
        }
        Recipient::Worker(name) => name,
    };
    let which = which.held_by_others(&to);
    let mut chosen = Chosen::find(connection, &target, &which, idle_min).await?;
    if matches!(which, PendingSelector::Ids(_)) {
        chosen = held_apart(connection, &target, chosen, &to, mode).await?;
    }
    let plan = ClaimPlan {
        target,
        to,
        idle_min,
        dead_letter,
        mode,
    };
    Ok((plan, chosen))
}

/// The same entries without those that `to` holds already. One without a body is nothing to hold: it becomes a
/// tombstone, whoever has it. A count that is to change does too.
async fn held_apart(
    connection: &Connection,
    target: &Target,
    mut chosen: Chosen,
    to: &Name,
    mode: CountMode,
) -> Result<Chosen> {
    let mut apart = Chosen::default();
    apart.has_more = chosen.has_more;
    let (subjects, left_out) = chosen.all()?;
    // They were named, so there are not many.
    let subjects: Vec<Subject> = subjects.collect::<Result<_, _>>()?;
    for row in left_out {
        apart.leave_out(&row?)?;
    }
    let is_held = |it: &&Subject| it.consumer.as_ref() == Some(to);
    let held: Vec<EntryId> = subjects.iter().filter(is_held).map(|it| it.id).collect();
    let mut with_body = HashSet::new();
    Bodies::of(connection, &target.stream)
        .fetch(&held, |place, body| {
            if body.is_some() {
                with_body.insert(held[place]);
            }
            Ok(())
        })
        .await?;
    for subject in subjects {
        if with_body.contains(&subject.id) && mode == CountMode::Keep {
            apart.leave_out(&subject.row(Outcome::AlreadyHeld))?;
        } else {
            apart.add(&subject)?;
        }
    }
    Ok(apart)
}

/// Claims the entries, without counting a delivery.
pub async fn apply_claim(
    connection: &Connection,
    plan: &ClaimPlan,
    chosen: &mut Chosen,
    _: Consent,
    mut course: Course<'_>,
) -> Applied {
    // Few at a time where bodies are large.
    let portion = Cell::new(AdaptiveBatch::new(BATCH));
    let at_a_time = || portion.get().at_a_time();
    Applied::in_batches(chosen, &mut course, at_a_time, async |batch, applied| {
        let bytes = claim_batch(connection, plan, batch, applied).await;
        let mut next = portion.get();
        next.brought(batch.len(), batch.len(), bytes);
        portion.set(next);
    })
    .await
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
        target: target.clone(),
        to: heir.to.clone(),
        idle_min,
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
            Ok(Some(page)) => page.into_iter().map(Subject::from).collect::<Vec<_>>(),
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
            let bytes = claim_batch(connection, &plan, batch, &mut applied).await;
            portion.brought(batch.len(), batch.len(), bytes);
            let mut results = Results::default();
            for row in &applied.rows {
                results.add(row);
            }
            handed.entries += results.count(Outcome::Claimed);
            handed.tombstones += results.count(Outcome::Tombstone);
            if applied.error.is_some() {
                handed.error = applied.error;
                return handed;
            }
        }
    }
}

/// Claims one batch. Returns the total size of the bodies in the reply.
async fn claim_batch(
    connection: &Connection,
    plan: &ClaimPlan,
    batch: &[Subject],
    applied: &mut Applied,
) -> usize {
    let seen: Vec<ExpectedPending> = batch.iter().map(Subject::expected).collect();
    let call = claim(holder(plan), plan.mode, |_| plan.idle_min, &seen);
    let outcomes = match connection.call(call).await {
        Ok(outcomes) => outcomes,
        Err(error) => {
            applied.fail(batch, error);
            return 0;
        }
    };
    let mut bytes = 0;
    for (entry, outcome) in batch.iter().zip(outcomes) {
        if let Claim::Held { fields, .. } = &outcome {
            bytes += bytes_of(fields);
        }
        let row = |outcome| entry.row(outcome);
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
                match bury(connection, &plan.target, &plan.dead_letter, entry).await {
                    Ok(row) => row,
                    Err(error) => {
                        applied.fail([entry], error);
                        continue;
                    }
                }
            }
        });
    }
    bytes
}

fn holder(plan: &ClaimPlan) -> Holder<'_> {
    Holder {
        stream: &plan.target.stream,
        group: &plan.target.group,
        consumer: &plan.to,
        fence: None,
        home: None,
    }
}
