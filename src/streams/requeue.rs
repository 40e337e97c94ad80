//! Appends pending entries to the end of their stream again: for each, a copy is added and the old entry acknowledged
//! in one atomic step, if it has not changed since it was looked at.

use crate::model::{Consent, GroupInfo, Name, PendingEntry, Problem};
use crate::topology::is_temporary;
use crate::wire::{Connection, Holder, Move, requeue};

use super::course::Course;
use super::repair::{Applied, Chosen, Outcome, Repaired, Subject as _, seen};
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

/// Requeues `chosen` by `route`. Tombstones for entries without a body go to `dead_letter`.
pub async fn apply_requeue(
    connection: &Connection,
    chosen: Chosen,
    dead_letter: &Name,
    route: Route,
    _: Consent,
    course: Course<'_>,
) -> Applied {
    let Target { stream, group } = &chosen.target;
    let (home, to) = (chosen.target.home(), route.to(&chosen.target));
    let idle_min = chosen.idle_min;
    Applied::in_batches(
        &chosen.entries,
        &chosen.left_out,
        course,
        async |batch, applied| {
            let call = |it: &PendingEntry| {
                let holder = Holder {
                    stream,
                    group,
                    consumer: &it.consumer,
                    fence: None,
                    home: home.as_ref(),
                };
                requeue(holder, route.destination(&to), &seen(it), idle_min)
            };
            let outcomes = connection.call_all(batch.iter().map(call).collect()).await;
            let from = applied.rows.len();
            applied.take(batch, outcomes, |entry, moved| {
                let row = of_move(entry.row(Outcome::NotTried), moved, Outcome::Requeued);
                route.told(row, &to)
            });
            bury_ghosts(
                connection,
                &chosen.target,
                dead_letter,
                batch,
                (applied, from),
            )
            .await;
        },
    )
    .await
}

/// Writes tombstones for those of `batch` that had no body to copy; their rows in `applied` begin at `from`.
async fn bury_ghosts(
    connection: &Connection,
    target: &Target,
    dead_letter: &Name,
    batch: &[PendingEntry],
    (applied, from): (&mut Applied, usize),
) {
    for place in from..applied.rows.len() {
        let row = &applied.rows[place];
        let ghost = batch
            .iter()
            .find(|entry| row.outcome == Outcome::Trimmed && entry.id == row.id);
        let Some(ghost) = ghost else { continue };
        match bury(connection, target, dead_letter, ghost).await {
            Ok(row) => applied.rows[place] = row,
            Err(error) => {
                applied.rows.remove(place);
                return applied.fail([ghost.row(Outcome::NotTried)], error);
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
