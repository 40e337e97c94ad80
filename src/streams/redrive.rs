//! Moving dead letters back to the end of the stream they came from, each once, and throwing them away.

use anyhow::Result;

use super::dead_letters::{DeadLetter, FoundLetters, Source};
use super::repair::{Applied, Outcome, Repaired, Subject};
use super::requeue::of_move;
use crate::model::{Consent, Name, Problem};
use crate::wire::{Connection, ErrorKind, redrive, xdel, xinfo_groups};

/// Dead letters that are to be changed.
#[derive(Debug)]
pub struct LettersPlan {
    /// Where they are, and where those go that do not say where they came from.
    pub source: Source,
    /// To be changed.
    pub letters: Vec<DeadLetter>,
    /// Asked for, and not to be changed: absent, or tombstones without a body to move.
    pub left_out: Vec<Repaired>,
    /// Whether more would have matched.
    pub has_more: bool,
}

impl LettersPlan {
    /// To throw `found` away.
    pub fn purge(source: Source, found: FoundLetters) -> Self {
        let absent = found.absent.into_iter();
        Self {
            source,
            letters: found.letters,
            left_out: absent
                .map(|id| Repaired::unseen(id, Outcome::Gone))
                .collect(),
            has_more: found.has_more,
        }
    }

    /// To move `found` back, without the tombstones among them.
    pub fn redrive(source: Source, found: FoundLetters) -> Self {
        let mut plan = Self::purge(source, found);
        let (tombstones, letters) = plan.letters.into_iter().partition(|it| it.is_tombstone);
        let tombstones: Vec<DeadLetter> = tombstones;
        plan.letters = letters;
        plan.left_out
            .extend(tombstones.iter().map(|letter| Repaired {
                detail: Some("a tombstone: there is no body to move".to_owned()),
                ..letter.row(Outcome::Trimmed)
            }));
        plan
    }

    /// What would become of each.
    pub fn preview(&self) -> Vec<Repaired> {
        let planned = self.letters.iter().map(|it| it.row(Outcome::Planned));
        planned.chain(self.left_out.iter().cloned()).collect()
    }

    /// The streams they go to, each once.
    pub fn destinations(&self) -> Vec<&Name> {
        let mut names: Vec<&Name> = self.letters.iter().map(|it| self.destination(it)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn destination<'a>(&'a self, letter: &'a DeadLetter) -> &'a Name {
        letter.stream.as_ref().unwrap_or(&self.source.stream)
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

/// Makes sure that a redriven entry is seen by one group only, unless that is agreed to.
///
/// # Errors
/// Refused, naming the groups, where a stream they go to has several; what the server says.
pub async fn must_be_one_group(
    connection: &Connection,
    plan: &LettersPlan,
    all_groups_may_see_it: bool,
) -> Result<()> {
    if all_groups_may_see_it {
        return Ok(());
    }
    for stream in plan.destinations() {
        let groups = match connection.run(xinfo_groups(stream)).await {
            // Each of its entries will say so.
            Err(error) if matches!(error.kind, ErrorKind::NoKey | ErrorKind::WrongType) => continue,
            groups => groups?,
        };
        if groups.len() > 1 {
            let names: Vec<String> = groups.iter().map(|it| format!("`{}`", it.name)).collect();
            return Err(Problem::refused(format!(
                "stream `{stream}` has several groups, which would all see the entries again: {}",
                names.join(", ")
            ))
            .hint("--all-groups-see-it does it all the same")
            .into());
        }
    }
    Ok(())
}

/// Moves them back.
pub async fn apply_redrive(
    connection: &Connection,
    plan: LettersPlan,
    all_groups_may_see_it: bool,
    _: Consent,
) -> Applied {
    let from = &plan.source.dead_letter;
    Applied::in_batches(&plan.letters, &plan.left_out, async |batch, applied| {
        let call =
            |it: &DeadLetter| redrive(from, plan.destination(it), it.id, all_groups_may_see_it);
        let outcomes = connection.call_all(batch.iter().map(call).collect()).await;
        applied.take(batch, outcomes, |letter, moved| {
            let moved = of_move(letter.row(Outcome::NotTried), moved, Outcome::Redriven);
            let to = (moved.outcome == Outcome::Redriven).then(|| plan.destination(letter));
            Repaired {
                detail: to.map(|to| format!("to `{to}`")).or(moved.detail),
                ..moved
            }
        });
    })
    .await
}

/// Throws them away.
pub async fn apply_purge(connection: &Connection, plan: LettersPlan, _: Consent) -> Applied {
    let from = &plan.source.dead_letter;
    Applied::in_batches(&plan.letters, &plan.left_out, async |batch, applied| {
        let calls = batch.iter().map(|it| xdel(from, &[it.id]));
        let outcomes = connection.run_all(calls.collect()).await;
        applied.take(batch, outcomes, |letter, deleted| {
            letter.row(match deleted {
                0 => Outcome::Gone,
                _ => Outcome::Purged,
            })
        });
    })
    .await
}
