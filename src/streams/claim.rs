//! Handing stale entries to another consumer: seen first, and claimed only if they still are as they were seen.

use std::time::Duration;

use anyhow::Result;

use super::repair::{Applied, BATCH, Chosen, Outcome, Repaired};
use super::select::{Criteria, Pager, Which, bodies};
use super::target::Target;
use super::tombstone::bury;
use crate::model::{Body, Consent, EntryId, Name, PendingEntry};
use crate::wire::{Claim, Connection, CountMode, Holder, Seen, claim};

/// Entries to hand over.
#[derive(Debug)]
pub struct ClaimPlan {
    /// The entries.
    pub chosen: Chosen,
    /// The consumer that is to hold them.
    pub to: Name,
    idle_min: Duration,
    dead_letter: Name,
    mode: CountMode,
}

/// Who is to hold what is claimed.
#[derive(Clone, Debug)]
pub enum Recipient {
    /// A consumer that must be there.
    Consumer(Name),
    /// A worker that begins with what it is given: its consumer is made by the claim.
    Worker(Name),
}

/// Looks for what `to` is to get: `which`, not delivered for at least `idle_min`. `dead_letter` takes the tombstones of
/// those whose bodies are gone. `mode` says what becomes of delivery counts.
///
/// # Errors
/// Not found when there is no such consumer or group; what the server says.
pub async fn plan_claim(
    connection: &Connection,
    target: Target,
    which: &Which,
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
    let bodies = bodies(connection, &chosen.target.stream, &ids).await?;
    for (entry, body) in held.into_iter().zip(bodies) {
        if body.is_some() && mode == CountMode::Keep {
            let row = Repaired::seen(&entry, Outcome::AlreadyHeld);
            chosen.left_out.push(row);
        } else {
            chosen.entries.push(entry);
        }
    }
    Ok(ClaimPlan {
        chosen,
        to,
        idle_min,
        dead_letter,
        mode,
    })
}

/// Claims them, without counting a delivery.
pub async fn apply_claim(connection: &Connection, plan: ClaimPlan, _: Consent) -> Applied {
    let chosen = &plan.chosen;
    Applied::in_batches(&chosen.entries, &chosen.left_out, async |batch, applied| {
        claim_batch(connection, &plan, batch, applied).await;
    })
    .await
}

/// What became of everything that a consumer held.
#[derive(Debug, Default)]
pub(super) struct HandedOver {
    /// Entries that the other consumer holds now.
    pub(super) entries: u64,
    /// Entries whose bodies were gone, and that are tombstones now.
    pub(super) tombstones: u64,
    /// What ended it early.
    pub(super) error: Option<anyhow::Error>,
}

/// Hands all that `from` holds to `to`, page by page, without counting a delivery. What somebody else takes or
/// acknowledges meanwhile is left to them.
pub(super) async fn hand_over(
    connection: &Connection,
    target: &Target,
    from: &Name,
    to: &Name,
    dead_letter: &Name,
) -> HandedOver {
    let plan = ClaimPlan {
        chosen: Chosen {
            target: target.clone(),
            entries: Vec::new(),
            left_out: Vec::new(),
            has_more: false,
        },
        to: to.clone(),
        idle_min: Duration::ZERO,
        dead_letter: dead_letter.clone(),
        mode: CountMode::Keep,
    };
    let filter = Criteria {
        consumer: Some(from.clone()),
        ..Criteria::default()
    };
    let mut pager = Pager::new(connection, target, &filter);
    let mut handed = HandedOver::default();
    loop {
        let page = match pager.page().await {
            Ok(Some(page)) => page,
            Ok(None) => return handed,
            Err(error) => {
                handed.error = Some(error);
                return handed;
            }
        };
        for batch in page.chunks(BATCH) {
            let mut applied = Applied::default();
            claim_batch(connection, &plan, batch, &mut applied).await;
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

async fn claim_batch(
    connection: &Connection,
    plan: &ClaimPlan,
    batch: &[PendingEntry],
    applied: &mut Applied,
) {
    let seen: Vec<Seen> = batch.iter().map(seen).collect();
    let call = claim(holder(plan), plan.mode, |_| plan.idle_min, &seen);
    let outcomes = match connection.call(call).await {
        Ok(outcomes) => outcomes,
        Err(error) => return applied.fail(batch.iter().map(not_tried), error),
    };
    for (entry, outcome) in batch.iter().zip(outcomes) {
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
}

fn holder(plan: &ClaimPlan) -> Holder<'_> {
    Holder {
        stream: &plan.chosen.target.stream,
        group: &plan.chosen.target.group,
        consumer: &plan.to,
        fence: None,
    }
}

/// The entry as it was seen, for a change that must not win if it is another by now.
pub(super) fn seen(entry: &PendingEntry) -> Seen {
    Seen {
        id: entry.id,
        owner: Some(entry.consumer.clone()),
        deliveries: Some(entry.deliveries),
    }
}
