//! Finds the copies that a command made and could not note any more, because it was cut off.

use std::collections::HashMap;

use anyhow::Result;

use super::{Done, UndoPlan};
use crate::model::{AdaptiveBatch, CopyMark, Entry, EntryId, Fields, Name, Provenance, bytes_of};
use crate::snapshots::{Effect, Receipt, SavedEntry, SavedLetter};
use crate::wire::{Connection, xrange};

/// The greatest number of entries fetched at a time.
const PAGE: usize = 100;
/// How many entries are looked at for copies that were not noted.
const LOOKED_AT_MAX: usize = 100_000;

/// Gives `each` the entries of a stream from an id on, page by page, at most so many.
pub(super) async fn since(
    connection: &Connection,
    stream: &Name,
    start: EntryId,
    count_max: usize,
    mut each: impl FnMut(&Entry),
) -> Result<()> {
    let mut portion = AdaptiveBatch::new(PAGE);
    let (mut next, mut count) = (Some(start), 0);
    while let Some(start) = next.filter(|_| count < count_max) {
        let asked = portion.at_a_time();
        let page = connection
            .run(xrange(stream, start, EntryId::MAX, asked))
            .await?;
        let bytes = page.iter().map(|it| bytes_of(&it.fields)).sum();
        portion.brought(asked, page.len(), bytes);
        next = page.last().and_then(|it| it.id.next());
        count += page.len();
        page.iter().for_each(&mut each);
    }
    Ok(())
}

impl UndoPlan {
    /// Looks for the copies of entries without a receipt, by what a copy says of its origin. They were made after the last
    /// one that was noted.
    pub(super) async fn find_unnoted(&mut self, connection: &Connection) -> Result<()> {
        if self.saved.is_ended {
            return Ok(());
        }
        let Some(copies) = self.copies().cloned() else {
            return Ok(());
        };
        let (stream, group) = (self.row.stream.clone(), self.row.group.clone());
        let origin = |fields: &Fields| match (&group, Provenance::of(fields)) {
            (Some(group), Some(dead)) if copies != stream => {
                let is_of = dead.stream == stream.as_bytes() && dead.group == group.as_bytes();
                is_of.then(|| EntryId::parse(dead.id).ok()).flatten()
            }
            _ => EntryId::parse(CopyMark::of(fields)?.origin).ok(),
        };
        let taken = EntryId::new(self.row.taken.ms, 0);
        let start = self.saved.last_copy.map_or(taken, |last| last.max(taken));
        let mut by_origin = HashMap::new();
        since(connection, &copies, start, LOOKED_AT_MAX, |entry| {
            if let Some(id) = origin(&entry.fields) {
                by_origin.insert(id, entry.id);
            }
        })
        .await?;
        if !by_origin.is_empty() {
            self.unnoted = self.unnoted(&by_origin).await?;
        }
        Ok(())
    }

    /// What has no receipt and one of these copies, each by the id that it names as its origin.
    async fn unnoted(&self, by_origin: &HashMap<EntryId, EntryId>) -> Result<Done> {
        let mut unnoted = Done::new();
        let mut add = |id: EntryId, origin: Option<EntryId>, noted: &Done| {
            let copy = origin.and_then(|it| by_origin.get(&it)).copied();
            if copy.is_some() && !noted.contains_key(&id) {
                unnoted.insert(id, Receipt { id, new_id: copy });
            }
        };
        if matches!(self.saved.about.effect, Effect::Redriven { .. }) {
            let each = async |batch: Vec<SavedLetter>, noted| {
                for SavedLetter(id, fields) in &batch {
                    add(*id, origin_of_letter(fields), &noted);
                }
                Ok(())
            };
            self.saved.in_batches(PAGE, each).await?;
        } else {
            let each = async |batch: Vec<SavedEntry>, noted| {
                for SavedEntry(id, ..) in &batch {
                    add(*id, Some(*id), &noted);
                }
                Ok(())
            };
            self.saved.in_batches(PAGE, each).await?;
        }
        Ok(unnoted)
    }
}

/// What a copy of a dead letter names as its origin.
fn origin_of_letter(fields: &Fields) -> Option<EntryId> {
    let dead = Provenance::of(fields)?;
    let moved = CopyMark::of(&fields[..dead.own]);
    EntryId::parse(moved.map_or(dead.id, |it| it.origin)).ok()
}
