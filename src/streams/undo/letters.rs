//! Adds dead letters again that were moved or deleted.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use anyhow::Result;

use super::super::repair::failed;
use super::copies::since;
use super::{Done, Fate, Left, LeftEntry, UndoPlan, Undone, there};
use crate::model::{EntryId, Fields, Name, Time};
use crate::snapshots::{Effect, SavedLetter};
use crate::wire::{Connection, Move, put_back};

/// A dead letter that is to be added again.
pub(super) struct PutBack {
    letter: SavedLetter,
    copy: Option<EntryId>,
}

/// What was added to a dead-letter stream since a snapshot, so that nothing is added again twice: two dead letters with
/// the same fields, which say when they became that, are one.
pub(super) struct Present(HashSet<u64>);

impl Present {
    pub(super) async fn since(
        connection: &Connection,
        dead_letter: &Name,
        taken: Time,
    ) -> Result<Self> {
        let mut hashes = HashSet::new();
        let start = EntryId::new(taken.ms, 0);
        since(connection, dead_letter, start, usize::MAX, |entry| {
            hashes.insert(hash(&entry.fields));
        })
        .await?;
        Ok(Self(hashes))
    }

    fn has(&self, fields: &Fields) -> bool {
        self.0.contains(&hash(fields))
    }
}

fn hash(fields: &Fields) -> u64 {
    let mut hasher = DefaultHasher::new();
    fields.hash(&mut hasher);
    hasher.finish()
}

impl UndoPlan {
    /// What is to be done with each of these dead letters.
    pub(super) async fn letter_fates(
        &self,
        connection: &Connection,
        batch: &[SavedLetter],
        done: &Done,
        present: &Present,
    ) -> Result<Vec<Fate<PutBack>>> {
        let ids: Vec<EntryId> = batch.iter().map(|it| it.0).collect();
        let there = there(connection, &self.row.stream, &ids).await?;
        let copies = self.look_at_copies(connection, done).await?;
        let is_moved = matches!(self.saved.about.effect, Effect::Redriven { .. });
        let fate = |letter: &SavedLetter| {
            let id = letter.0;
            if there.contains(&id) || present.has(&letter.1) {
                return Fate::Unchanged;
            }
            let receipt = done.get(&id);
            if receipt.is_none() && self.saved.is_ended {
                return Fate::Untouched;
            }
            let copy = receipt.and_then(|it| it.new_id);
            if is_moved && copy.is_none() {
                return Fate::Left(LeftEntry::new(id, Left::Unknown));
            }
            match copy.and_then(|copy| Self::copy_left(id, copy, &copies)) {
                Some(left) => Fate::Left(left),
                None => Fate::Restore(PutBack {
                    letter: letter.clone(),
                    copy,
                }),
            }
        };
        Ok(batch.iter().map(fate).collect())
    }

    /// Adds them again if it `applies`; counts them in `row`.
    pub(super) async fn put_back(
        &self,
        connection: &Connection,
        planned: Vec<PutBack>,
        row: &mut Undone,
        applies: bool,
    ) -> Result<()> {
        if !applies || planned.is_empty() {
            for it in &planned {
                row.restores(false, it.copy.is_some());
            }
            return Ok(());
        }
        let stream = self.copies();
        let call = |it: &PutBack| put_back(&self.row.stream, stream.zip(it.copy), &it.letter.1);
        let outcomes = connection
            .call_all(planned.iter().map(call).collect())
            .await;
        for (it, outcome) in planned.iter().zip(outcomes.map_err(failed)?) {
            let left = |why| LeftEntry {
                copy_id: it.copy,
                ..LeftEntry::new(it.letter.0, why)
            };
            match outcome.map_err(failed)? {
                Move::Done { .. } => row.restores(false, it.copy.is_some()),
                Move::Moved { owner, .. } => row.leaves(LeftEntry {
                    group: Some(owner),
                    ..left(Left::Delivered)
                }),
                Move::Gone => row.leaves(left(Left::CopyGone)),
                Move::Bodiless | Move::NoDestination | Move::Refused(_) => {
                    row.leaves(left(Left::Refused));
                }
            }
        }
        Ok(())
    }
}
