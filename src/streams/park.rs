//! Moves pending entries to the dead-letter stream before their deliveries are used up: each with its provenance, in
//! one atomic step, and only if it has not changed since it was looked at.

use std::time::Duration;

use anyhow::Result;

use super::course::Course;
use super::repair::{Applied, Chosen, Outcome, Repaired, Subject as _, seen};
use super::select::is_idle;
use super::target::Target;
use crate::model::{CommandLine, Consent, EntryId, GroupInfo, Name, Time, entries};
use crate::wire::{Connection, Holder, Move, dead_letter, xrange};

/// How many dead letters the command that puts them back names by id.
const NAMED_MAX: usize = 50;

/// Finds out why each of the ids that are not pending is not: it was not delivered yet, is not in the stream, or was
/// acknowledged.
///
/// # Errors
/// Errors of the server.
pub async fn tell_states(
    connection: &Connection,
    chosen: &mut Chosen,
    groups: &[GroupInfo],
) -> Result<()> {
    let Target { stream, group } = &chosen.target;
    let position = groups.iter().find(|it| it.name == *group);
    let last = position.map(|it| it.last_delivered_id).unwrap_or_default();
    let rows = &mut chosen.left_out;
    let asked = rows.iter().map(|row| xrange(stream, row.id, row.id, 1));
    let found = connection.run_all(asked.collect()).await?;
    for (row, entries) in rows.iter_mut().zip(found) {
        row.detail = Some(state(row.id, last, !entries?.is_empty()).to_owned());
    }
    Ok(())
}

/// The state of an entry that is not pending, for a group whose last delivered id is `last`.
fn state(id: EntryId, last: EntryId, is_there: bool) -> &'static str {
    match (is_there, id > last) {
        (false, _) => "it is not in the stream",
        (true, true) => "it has not been delivered yet",
        (true, false) => "it was acknowledged, or was never delivered to the group",
    }
}

/// Moves `chosen` to `graves` for `reason`. A worker that holds one of them loses its lease. An entry without a body
/// becomes a tombstone.
pub async fn apply_park(
    connection: &Connection,
    chosen: Chosen,
    graves: &Name,
    reason: &str,
    _: Consent,
    course: Course<'_>,
) -> Applied {
    let Target { stream, group } = &chosen.target;
    let (now, home) = (Time::now(), chosen.target.home());
    Applied::in_batches(
        &chosen.entries,
        &chosen.left_out,
        course,
        async |batch, applied| {
            let calls = batch.iter().map(|entry| {
                let holder = Holder {
                    stream,
                    group,
                    consumer: &entry.consumer,
                    fence: None,
                    home: home.as_ref(),
                };
                dead_letter(holder, graves, &seen(entry), reason.as_bytes(), now)
            });
            let outcomes = connection.call_all(calls.collect()).await;
            applied.take(batch, outcomes, |entry, moved| {
                parked(entry.row(Outcome::NotTried), moved, graves)
            });
        },
    )
    .await
}

fn parked(row: Repaired, moved: Move, graves: &Name) -> Repaired {
    let outcome = match &moved {
        Move::Done {
            is_tombstone: false,
            ..
        } => Outcome::DeadLettered,
        Move::Done { .. } => Outcome::Tombstone,
        Move::Gone => Outcome::Gone,
        Move::Moved { .. } => Outcome::Moved,
        Move::Bodiless | Move::NoDestination | Move::Refused(_) => Outcome::Refused,
    };
    let (new_id, detail) = match moved {
        Move::Done { new_id, .. } => (Some(new_id), Some(format!("in `{graves}`"))),
        Move::Moved { owner, .. } => (None, Some(format!("now held by `{owner}`"))),
        Move::Refused(why) => (None, Some(why)),
        _ => (None, None),
    };
    Repaired {
        outcome,
        new_id,
        detail,
        ..row
    }
}

/// The warning about entries that were delivered within `claim_idle`, because a worker may be handling them.
pub fn in_flight(chosen: &Chosen, claim_idle: Duration) -> Option<String> {
    let fresh = chosen.entries.iter().filter(|it| !is_idle(it, claim_idle));
    let named = fresh.clone().map(|it| format!("`{}`", it.consumer));
    let mut holders: Vec<String> = named.collect();
    holders.sort_unstable();
    holders.dedup();
    let count = fresh.count();
    (count > 0).then(|| {
        format!(
            "{} may be in flight in a handler (consumer {}): that worker then loses its lease, and effects of the \
                handler outside Redis are not undone",
            entries(count),
            holders.join(", ")
        )
    })
}

/// The command that moves the dead letters back to the end of their stream; many of them are selected by their
/// reason.
pub fn put_back(stream: &Name, applied: &Applied, reason: &str) -> Option<CommandLine> {
    let parked = applied
        .rows
        .iter()
        .filter(|row| row.outcome == Outcome::DeadLettered);
    let ids: Vec<EntryId> = parked.filter_map(|row| row.new_id).collect();
    let line = CommandLine::new("dlq redrive").arg(stream);
    match ids.len() {
        0 => None,
        1..=NAMED_MAX => Some(ids.iter().fold(line, |line, id| line.arg(id.to_string()))),
        _ => Some(line.option("--reason", reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_pending_is_told_apart() {
        let (id, later) = (EntryId::new(5, 0), EntryId::new(6, 0));
        assert_eq!(state(later, id, true), "it has not been delivered yet");
        assert!(state(id, id, true).starts_with("it was acknowledged"));
        assert_eq!(state(later, id, false), "it is not in the stream");
    }
}
