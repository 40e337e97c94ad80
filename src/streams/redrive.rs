//! Moves dead letters back to the end of the stream they came from, each once, and deletes them.

use std::collections::BTreeSet;

use anyhow::Result;

use super::chosen::Chosen;
use super::course::{BATCH, Course};
use super::dead_letters::{DeadLetter, Found, Letters, Source, find_each};
use super::repair::Applied;
use super::repaired::{Outcome, Repaired, Subject};
use super::requeue::of_move;
use super::retry_stream::{Route, must_be_read};
use super::target::Target;
use crate::model::{Consent, Name, Problem};
use crate::topology::{Topology, is_temporary, retry_key};
use crate::wire::{Connection, ErrorKind, Move, redrive, xdel, xinfo_groups};

/// How many different groups of dead letters are remembered.
const GROUPS_MAX: usize = 100;

/// How dead letters are moved or deleted.
#[derive(Debug)]
pub struct LettersPlan {
    /// The dead-letter stream, and the stream whose dead letters they are.
    pub source: Source,
    /// The stream they are moved to.
    pub destination: Name,
    /// The way they are moved.
    pub route: Route,
    /// The groups that they died in.
    groups: BTreeSet<Name>,
}

/// Plans to delete the dead letters that are `wanted`.
///
/// # Errors
/// Errors of the server; local when the list cannot be kept.
pub async fn plan_purge(
    connection: &Connection,
    source: Source,
    wanted: &Letters,
) -> Result<(LettersPlan, Chosen)> {
    let mut chosen = Chosen::default();
    chosen.has_more = find_each(connection, &source, wanted, |found| match found {
        Found::Letter(letter) => Ok(chosen.add(&subject(&letter))?),
        other => not_there(other, &mut chosen),
    })
    .await?;
    let plan = LettersPlan {
        destination: source.stream.clone(),
        route: Route::default(),
        source,
        groups: BTreeSet::new(),
    };
    Ok((plan, chosen))
}

/// Plans to move the dead letters that are `wanted`, without the tombstones, to the stream whose dead letters they are, or
/// to `elsewhere`. Entries from another stream that shares the dead-letter stream stay, unless `elsewhere` is given.
///
/// # Errors
/// As [`plan_purge`].
pub async fn plan_redrive(
    connection: &Connection,
    topology: &Topology,
    source: Source,
    (elsewhere, route): (Option<Name>, Route),
    wanted: &Letters,
) -> Result<(LettersPlan, Chosen)> {
    let (mut chosen, mut groups) = (Chosen::default(), BTreeSet::new());
    let is_elsewhere = elsewhere.is_some();
    chosen.has_more = find_each(connection, &source, wanted, |found| {
        let letter = match found {
            Found::Letter(letter) => letter,
            other => return not_there(other, &mut chosen),
        };
        let other = letter
            .stream
            .as_ref()
            .filter(|stream| !is_elsewhere && source.is_shared_with(topology, stream));
        let stays = |outcome, detail| Repaired {
            detail: Some(detail),
            ..subject(&letter).row(outcome)
        };
        let stays = match other {
            _ if letter.is_tombstone => stays(Outcome::Trimmed, why_not(&letter).to_owned()),
            Some(stream) => {
                let detail = format!("it came from `{stream}`: name that stream to redrive it");
                stays(Outcome::Refused, detail)
            }
            None if route == Route::RetryStream && letter.group.is_none() => {
                let detail = "it names no group whose retry stream it could go to".to_owned();
                stays(Outcome::Refused, detail)
            }
            None => {
                chosen.add(&subject(&letter))?;
                if groups.len() < GROUPS_MAX {
                    groups.extend(letter.group);
                }
                return Ok(());
            }
        };
        Ok(chosen.leave_out(&stays)?)
    })
    .await?;
    let to = elsewhere.unwrap_or_else(|| source.stream.clone());
    let destination = match groups.first().filter(|_| route == Route::RetryStream) {
        Some(group) => retry_key(&to, group),
        None => to,
    };
    let chosen = chosen.telling(route.detail(&destination));
    let plan = LettersPlan {
        source,
        destination,
        route,
        groups,
    };
    Ok((plan, chosen))
}

/// Leaves out what is no dead letter that could be changed.
fn not_there(found: Found, chosen: &mut Chosen) -> Result<()> {
    let row = match found {
        Found::Letter(_) => return Ok(()),
        Found::Absent(id) => Repaired::unseen(id, Outcome::Gone),
        Found::Doubt(doubt) => Repaired {
            detail: Some(doubt.why.to_string()),
            ..Repaired::unseen(doubt.id, Outcome::Refused)
        },
    };
    Ok(chosen.leave_out(&row)?)
}

/// What is kept of a dead letter until it is changed.
fn subject(letter: &DeadLetter) -> Subject {
    Subject {
        id: letter.id,
        consumer: letter.consumer.clone(),
        idle_ms: None,
        deliveries: letter.deliveries,
    }
}

/// Why a tombstone cannot be moved back.
fn why_not(letter: &DeadLetter) -> &'static str {
    if letter.lost.is_some() {
        "a tombstone of entries that were trimmed or deleted before delivery: there are no bodies to move"
    } else {
        "a tombstone: there is no body to move"
    }
}

/// The groups that would see redriven entries, if there are several; `None` when the user may not ask, which matters
/// only if they must be the only one. By a retry stream nobody else sees them.
///
/// # Errors
/// Errors of the server.
pub async fn seen_by(connection: &Connection, plan: &LettersPlan) -> Result<Option<Vec<Name>>> {
    if plan.route == Route::RetryStream {
        return Ok(Some(Vec::new()));
    }
    let all_groups_may_see_it = plan.route == Route::AllGroups;
    let groups = match connection.run(xinfo_groups(&plan.destination)).await {
        // Each of the entries will say so.
        Err(error) if matches!(error.kind, ErrorKind::NoKey | ErrorKind::WrongType) => Vec::new(),
        Err(error) if all_groups_may_see_it && error.kind == ErrorKind::NoPerm => return Ok(None),
        groups => groups?,
    };
    let names = groups.into_iter().map(|it| it.name);
    let several: Vec<Name> = names.filter(|it| !is_temporary(it)).collect();
    Ok(Some(if several.len() > 1 {
        several
    } else {
        Vec::new()
    }))
}

/// Makes sure that the dead letters died in one group whose live workers read its retry stream, if they are moved there.
///
/// # Errors
/// Refused when they are of several groups; as [`must_be_read`].
pub async fn retries_must_be_read(
    connection: &Connection,
    plan: &LettersPlan,
    topology: &Topology,
    is_forced: bool,
) -> Result<Result<(), Problem>> {
    let groups = &plan.groups;
    let Some(first) = groups.first().filter(|_| plan.route == Route::RetryStream) else {
        return Ok(Ok(()));
    };
    if groups.len() > 1 {
        let names: Vec<String> = groups.iter().map(|it| format!("`{it}`")).collect();
        return Ok(Err(Problem::refused(format!(
            "the dead letters are of several groups, each with a retry stream of its own: {}",
            names.join(", ")
        ))
        .hint("redrive those of one group at a time, with --group")));
    }
    let target = Target {
        stream: plan.source.stream.clone(),
        group: first.clone(),
    };
    must_be_read(connection, &target, topology, is_forced).await
}

/// Makes sure that only one group sees a redriven entry, unless it takes another way.
///
/// # Errors
/// Refused, with the `groups`, when there are several.
pub fn must_be_one_group(plan: &LettersPlan, groups: Option<&[Name]>) -> Result<(), Problem> {
    let groups = groups.unwrap_or_default();
    if groups.is_empty() || plan.route != Route::OneGroup {
        return Ok(());
    }
    let names: Vec<String> = groups.iter().map(|it| format!("`{it}`")).collect();
    Err(Problem::refused(format!(
        "stream `{}` has several groups, which would all see the entries again: {}",
        plan.destination,
        names.join(", ")
    ))
    .hint(
        "--via-retry-stream moves them to where only the workers of the group that they died in see them; \
            --all-groups-see-it allows that all of them do",
    ))
}

/// Moves them back.
pub async fn apply_redrive(
    connection: &Connection,
    plan: &LettersPlan,
    chosen: &mut Chosen,
    _: Consent,
    mut course: Course<'_>,
) -> Applied {
    let (from, to) = (&plan.source.dead_letter, &plan.destination);
    let route = plan.route;
    Applied::in_batches(
        chosen,
        &mut course,
        || BATCH,
        async |batch, applied| {
            let call = |it: &Subject| redrive(from, route.destination(to), it.id);
            let outcomes = connection.call_all(batch.iter().map(call).collect()).await;
            applied.take(batch, outcomes, |letter, moved| {
                let is_missing = moved == Move::NoDestination;
                let moved = of_move(letter.row(Outcome::NotTried), moved, Outcome::Redriven);
                let detail = match moved.outcome {
                    Outcome::Redriven => Some(format!("to `{to}`")),
                    _ if is_missing => Some(format!("stream `{to}` does not exist")),
                    _ => moved.detail,
                };
                Repaired { detail, ..moved }
            });
        },
    )
    .await
}

/// Deletes them.
pub async fn apply_purge(
    connection: &Connection,
    plan: &LettersPlan,
    chosen: &mut Chosen,
    _: Consent,
    mut course: Course<'_>,
) -> Applied {
    let from = &plan.source.dead_letter;
    Applied::in_batches(
        chosen,
        &mut course,
        || BATCH,
        async |batch, applied| {
            let calls = batch.iter().map(|it| xdel(from, &[it.id]));
            let outcomes = connection.run_all(calls.collect()).await;
            applied.take(batch, outcomes, |letter, deleted| {
                letter.row(match deleted {
                    0 => Outcome::Gone,
                    _ => Outcome::Purged,
                })
            });
        },
    )
    .await
}
