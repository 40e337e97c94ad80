//! Moves pending entries to the dead-letter stream before their deliveries are used up: each with its provenance, in
//! one atomic step, and only if it has not changed since it was looked at.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;

use super::chosen::Chosen;
use super::course::{BATCH, Course};
use super::repair::Applied;
use super::repaired::{Outcome, Repaired, Subject};
use super::target::Target;
use crate::model::{CommandLine, Consent, EntryId, GroupInfo, Name, Problem, Time, entries};
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
    target: &Target,
    chosen: &mut Chosen,
    groups: &[GroupInfo],
) -> Result<()> {
    let Target { stream, group } = target;
    let position = groups.iter().find(|it| it.name == *group);
    let last = position.map(|it| it.last_delivered_id).unwrap_or_default();
    let mut rows: Vec<Repaired> = chosen.left_out()?.collect::<Result<_, _>>()?;
    let asked = rows.iter().map(|row| xrange(stream, row.id, row.id, 1));
    let found = connection.run_all(asked.collect()).await?;
    for (row, entries) in rows.iter_mut().zip(found) {
        row.detail = Some(state(row.id, last, !entries?.is_empty()).to_owned());
    }
    Ok(chosen.leave_out_only(&rows)?)
}

/// The state of an entry that is not pending, for a group whose last delivered id is `last`.
fn state(id: EntryId, last: EntryId, is_there: bool) -> &'static str {
    match (is_there, id > last) {
        (false, _) => "it is not in the stream",
        (true, true) => "it has not been delivered yet",
        (true, false) => "it was acknowledged, or was never delivered to the group",
    }
}

/// How pending entries are moved to the dead-letter stream.
#[derive(Debug)]
pub struct ParkPlan {
    /// The group.
    pub target: Target,
    /// The dead-letter stream.
    pub graves: Name,
    /// Why.
    pub reason: String,
}

/// Moves `chosen` to the dead-letter stream. A worker that holds one of them loses its lease. An entry without a body
/// becomes a tombstone.
pub async fn apply_park(
    connection: &Connection,
    plan: &ParkPlan,
    chosen: &mut Chosen,
    _: Consent,
    mut course: Course<'_>,
) -> Applied {
    let (target, graves, reason) = (&plan.target, &plan.graves, plan.reason.as_bytes());
    let (now, home) = (Time::now(), target.home());
    Applied::in_batches(
        chosen,
        &mut course,
        || BATCH,
        async |batch, applied| {
            let owners: Vec<Name> = batch.iter().map(Subject::owner).collect();
            let calls = batch.iter().zip(&owners).map(|(entry, owner)| {
                let holder = Holder {
                    stream: &target.stream,
                    group: &target.group,
                    consumer: owner,
                    fence: None,
                    home: home.as_ref(),
                };
                dead_letter(holder, graves, &entry.expected(), reason, now)
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
///
/// # Errors
/// Local when they cannot be read.
pub fn in_flight(chosen: &mut Chosen, claim_idle: Duration) -> Result<Option<String>, Problem> {
    let (mut holders, mut count) = (BTreeSet::new(), 0_u64);
    for subject in chosen.subjects()? {
        let subject = subject?;
        if subject.is_idle(claim_idle) {
            continue;
        }
        count += 1;
        holders.insert(format!("`{}`", subject.owner()));
    }
    let holders: Vec<String> = holders.into_iter().collect();
    Ok((count > 0).then(|| {
        format!(
            "{} may be in flight in a handler (consumer {}): that worker then loses its lease, and effects of the \
                handler outside Redis are not undone",
            entries(count),
            holders.join(", ")
        )
    }))
}

/// The command that moves these dead letters back to the end of their stream; many of them are selected by their
/// reason.
pub fn put_back(stream: &Name, ids: &[EntryId], reason: &str) -> Option<CommandLine> {
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
