//! Appends pending entries to the end of their stream again: for each, a copy is added and the old entry acknowledged
//! in one atomic step, if it has not changed since it was looked at.

use std::time::Duration;

use crate::model::{Consent, GroupInfo, Name, Problem};
use crate::topology::is_temporary;
use crate::wire::{Connection, Holder, Move, requeue};

use super::chosen::Chosen;
use super::course::{BATCH, Course};
use super::repair::Applied;
use super::repaired::{Outcome, Repaired, Subject};
use super::retry_stream::Route;
use super::target::Target;
use super::tombstone::bury;

/// The groups besides `target` that would see a copy at the end of the stream.
pub fn others(target: &Target, groups: &[GroupInfo]) -> Vec<Name> {
    let others = groups.iter().map(|it| &it.name);
    let others = others.filter(|it| **it != target.group && !is_temporary(it));
    others.cloned().collect()
}

/// Makes sure that only `target` sees a copy at the end of the stream, unless the copies take another way.
///
/// # Errors
/// Refused, with the `others`, when there are any.
pub fn must_be_alone(target: &Target, others: &[Name], route: Route) -> Result<(), Problem> {
    if others.is_empty() || route != Route::OneGroup {
        return Ok(());
    }
    let named: Vec<String> = others.iter().map(|it| format!("`{it}`")).collect();
    Err(Problem::refused(format!(
        "stream `{}` has other groups, which would see the entries again: {}",
        target.stream,
        named.join(", ")
    ))
    .hint(
        "--via-retry-stream copies them where only this group's workers see them; --all-groups-see-it allows that \
            the others see them, too; `claim` hands entries over without a copy",
    ))
}

/// How entries are requeued.
#[derive(Debug)]
pub struct RequeuePlan {
    /// The group.
    pub target: Target,
    /// How long each must have been idle, also at the time of the change.
    pub idle_min: Duration,
    /// Where tombstones for entries without a body go.
    pub dead_letter: Name,
    /// The way the copies take.
    pub route: Route,
}

/// Requeues `chosen`.
pub async fn apply_requeue(
    connection: &Connection,
    plan: &RequeuePlan,
    chosen: &mut Chosen,
    _: Consent,
    mut course: Course<'_>,
) -> Applied {
    let (target, route) = (&plan.target, plan.route);
    let (home, to) = (target.home(), route.to(target));
    Applied::in_batches(
        chosen,
        &mut course,
        || BATCH,
        async |batch, applied| {
            let owners: Vec<Name> = batch.iter().map(Subject::owner).collect();
            let calls = batch.iter().zip(&owners).map(|(it, owner)| {
                let holder = Holder {
                    stream: &target.stream,
                    group: &target.group,
                    consumer: owner,
                    fence: None,
                    home: home.as_ref(),
                };
                let to = route.destination(&to);
                requeue(holder, to, &it.expected(), plan.idle_min)
            });
            let outcomes = connection.call_all(calls.collect()).await;
            applied.take(batch, outcomes, |entry, moved| {
                let row = of_move(entry.row(Outcome::NotTried), moved, Outcome::Requeued);
                route.told(row, &to)
            });
            bury_ghosts(connection, plan, batch, applied).await;
        },
    )
    .await
}

/// Writes tombstones for those of `batch` that had no body to copy.
async fn bury_ghosts(
    connection: &Connection,
    plan: &RequeuePlan,
    batch: &[Subject],
    applied: &mut Applied,
) {
    for place in 0..applied.rows.len() {
        let row = &applied.rows[place];
        let ghost = batch
            .iter()
            .find(|entry| row.outcome == Outcome::Trimmed && entry.id == row.id);
        let Some(ghost) = ghost else { continue };
        match bury(connection, &plan.target, &plan.dead_letter, ghost).await {
            Ok(row) => applied.rows[place] = row,
            Err(error) => {
                applied.rows.remove(place);
                return applied.fail([ghost], error);
            }
        }
    }
}

/// `row` with the result of its move.
pub(super) fn of_move(row: Repaired, moved: Move, done: Outcome) -> Repaired {
    let with = |outcome| Repaired { outcome, ..row };
    match moved {
        Move::Done { new_id, .. } => Repaired {
            new_id: Some(new_id),
            ..with(done)
        },
        Move::Gone => with(Outcome::Gone),
        Move::Moved { owner, .. } => Repaired {
            detail: Some(format!("now held by `{owner}`")),
            ..with(Outcome::Moved)
        },
        Move::Bodiless => with(Outcome::Trimmed),
        Move::NoDestination => Repaired {
            detail: Some("the stream does not exist".to_owned()),
            ..with(Outcome::Refused)
        },
        Move::Refused(why) => Repaired {
            detail: Some(why),
            ..with(Outcome::Refused)
        },
    }
}
