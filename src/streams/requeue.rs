//! Putting pending entries at the end of their stream again: a copy is added and the old one acknowledged, each
//! atomically, if it still is as it was seen.

use crate::model::{Consent, GroupInfo, PendingEntry, Problem};
use crate::wire::{Connection, Move, Result, requeue};

use super::claim::seen;
use super::repair::{Applied, BATCH, Chosen, Outcome, Repaired};
use super::target::Target;

/// Makes sure that a copy at the end of the stream is seen by nobody but `target`, unless that is agreed to.
///
/// # Errors
/// Refused, naming the other groups, when there are any.
pub fn must_be_alone(
    target: &Target,
    groups: &[GroupInfo],
    all_groups_may_see_it: bool,
) -> std::result::Result<(), Problem> {
    let others: Vec<String> = groups
        .iter()
        .filter(|group| group.name != target.group)
        .map(|group| format!("`{}`", group.name))
        .collect();
    if others.is_empty() || all_groups_may_see_it {
        return Ok(());
    }
    Err(Problem::refused(format!(
        "stream `{}` has other groups, which would see the entries again: {}",
        target.stream,
        others.join(", ")
    ))
    .hint(
        "--all-groups-see-it does it all the same; `claim` hands entries over without a copy, which no other group sees",
    ))
}

/// Requeues `chosen`.
pub async fn apply_requeue(
    connection: &Connection,
    chosen: Chosen,
    all_groups_may_see_it: bool,
    _: Consent,
) -> Applied {
    let mut applied = Applied::default();
    let mut batches = chosen.entries.chunks(BATCH);
    for batch in batches.by_ref() {
        let calls = batch.iter().map(|entry| {
            let Target { stream, group } = &chosen.target;
            requeue(stream, group, stream, &seen(entry), all_groups_may_see_it)
        });
        match connection.call_all(calls.collect()).await {
            Ok(outcomes) => take(&mut applied, batch, outcomes),
            Err(error) => applied.fail(batch.iter().map(not_tried), error),
        }
        if applied.error.is_some() {
            break;
        }
    }
    applied.rows.extend(batches.flatten().map(not_tried));
    applied.rows.extend(chosen.left_out);
    applied
}

fn not_tried(entry: &PendingEntry) -> Repaired {
    Repaired::seen(entry, Outcome::NotTried)
}

fn take(applied: &mut Applied, batch: &[PendingEntry], outcomes: Vec<Result<Move>>) {
    for (entry, outcome) in batch.iter().zip(outcomes) {
        match outcome {
            Ok(outcome) => applied.rows.push(of_move(
                Repaired::seen(entry, Outcome::NotTried),
                outcome,
                Outcome::Requeued,
            )),
            Err(error) => applied.fail([not_tried(entry)], error),
        }
    }
}

/// `row` with what became of its move.
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
            detail: Some("the stream it came from is not there".to_owned()),
            ..with(Outcome::Refused)
        },
        Move::Refused(why) => Repaired {
            detail: Some(why),
            ..with(Outcome::Refused)
        },
    }
}
