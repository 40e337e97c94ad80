//! Moves dead letters back to the end of the stream they came from, each once, and deletes them.

use std::collections::BTreeSet;

use anyhow::Result;

use super::course::Course;
use super::dead_letters::{DeadLetter, FoundLetters, Source};
use super::repair::{Applied, Outcome, Repaired, Subject};
use super::requeue::of_move;
use super::retry_stream::{Route, must_be_read};
use super::target::Target;
use crate::model::{Consent, Name, Problem};
use crate::topology::{Topology, is_temporary, retry_key};
use crate::wire::{Connection, ErrorKind, Move, redrive, xdel, xinfo_groups};

/// Dead letters that are to be moved or deleted.
#[derive(Debug)]
pub struct LettersPlan {
    /// The dead-letter stream, and the stream whose dead letters they are.
    pub source: Source,
    /// The stream they are moved to.
    pub destination: Name,
    /// The way they are moved.
    pub route: Route,
    /// The dead letters that are to be changed.
    pub letters: Vec<DeadLetter>,
    /// Dead letters that were requested and are not to be changed: they do not exist, or are tombstones without a body
    /// to move.
    pub left_out: Vec<Repaired>,
    /// Whether more would have matched.
    pub has_more: bool,
}

impl LettersPlan {
    /// A plan to delete `found`.
    pub fn purge(source: Source, found: FoundLetters) -> Self {
        let absent = found.absent.into_iter();
        let absent = absent.map(|id| Repaired::unseen(id, Outcome::Gone));
        let doubtful = found.doubts.into_iter().map(|doubt| Repaired {
            detail: Some(doubt.why.to_string()),
            ..Repaired::unseen(doubt.id, Outcome::Refused)
        });
        Self {
            destination: source.stream.clone(),
            route: Route::default(),
            source,
            letters: found.letters,
            left_out: absent.chain(doubtful).collect(),
            has_more: found.has_more,
        }
    }

    /// A plan to move `found`, without the tombstones, to the stream whose dead letters they are, or to `elsewhere`.
    /// Entries from another stream that shares the dead-letter stream stay, unless `elsewhere` is given.
    pub fn redrive(
        topology: &Topology,
        source: Source,
        elsewhere: Option<Name>,
        route: Route,
        found: FoundLetters,
    ) -> Self {
        let mut plan = Self::purge(source, found);
        plan.route = route;
        let is_elsewhere = elsewhere.is_some();
        plan.destination = elsewhere.unwrap_or(plan.destination);
        for letter in std::mem::take(&mut plan.letters) {
            let other = letter
                .stream
                .as_ref()
                .filter(|stream| !is_elsewhere && plan.source.is_shared_with(topology, stream));
            let row = match other {
                _ if letter.is_tombstone => Repaired {
                    detail: Some(why_not(&letter).to_owned()),
                    ..letter.row(Outcome::Trimmed)
                },
                Some(stream) => Repaired {
                    detail: Some(format!(
                        "it came from `{stream}`: name that stream to redrive it"
                    )),
                    ..letter.row(Outcome::Refused)
                },
                None if route == Route::RetryStream && letter.group.is_none() => Repaired {
                    detail: Some("it names no group whose retry stream it could go to".to_owned()),
                    ..letter.row(Outcome::Refused)
                },
                None => {
                    plan.letters.push(letter);
                    continue;
                }
            };
            plan.left_out.push(row);
        }
        let group = plan.groups().first().map(|it| (*it).clone());
        if let Some(group) = group.filter(|_| route == Route::RetryStream) {
            plan.destination = retry_key(&plan.destination, &group);
        }
        plan
    }

    /// What would happen to each dead letter.
    pub fn preview(&self) -> Vec<Repaired> {
        let planned = self.letters.iter().map(|it| {
            let row = it.row(Outcome::Planned);
            self.route.told(row, &self.destination)
        });
        planned.chain(self.left_out.iter().cloned()).collect()
    }

    /// The groups that they died in.
    fn groups(&self) -> BTreeSet<&Name> {
        let groups = self.letters.iter().filter_map(|it| it.group.as_ref());
        groups.collect()
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

impl Subject for DeadLetter {
    fn row(&self, outcome: Outcome) -> Repaired {
        Repaired {
            consumer: self.consumer.clone(),
            deliveries: self.deliveries,
            ..Repaired::unseen(self.id, outcome)
        }
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
    let groups = plan.groups();
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
        group: (*first).clone(),
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
    plan: LettersPlan,
    _: Consent,
    course: Course<'_>,
) -> Applied {
    let (from, to) = (&plan.source.dead_letter, &plan.destination);
    let route = plan.route;
    Applied::in_batches(
        &plan.letters,
        &plan.left_out,
        course,
        async |batch, applied| {
            let call = |it: &DeadLetter| redrive(from, route.destination(to), it.id);
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
    plan: LettersPlan,
    _: Consent,
    course: Course<'_>,
) -> Applied {
    let from = &plan.source.dead_letter;
    Applied::in_batches(
        &plan.letters,
        &plan.left_out,
        course,
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
