//! Finds the copies that a command made and could not note any more, because it was cut off.

use std::collections::HashMap;

use anyhow::Result;

use super::UndoPlan;
use crate::model::{
    AdaptiveBatch, CopyMark, Entry, EntryId, Fields, Name, Provenance, Time, bytes_of,
};
use crate::snapshots::{Effect, Receipt, SavedEntry, SavedLetter};
use crate::wire::{Connection, xrange};

/// The greatest number of entries fetched at a time.
const PAGE: usize = 100;
/// How many entries are looked at for copies that were not noted.
const LOOKED_AT_MAX: usize = 100_000;

/// Gives `each` the entries of a stream since a time, page by page, at most so many.
pub(super) async fn since(
    connection: &Connection,
    stream: &Name,
    time: Time,
    count_max: usize,
    mut each: impl FnMut(&Entry),
) -> Result<()> {
    let mut portion = AdaptiveBatch::new(PAGE);
    let (mut next, mut count) = (Some(EntryId::new(time.ms, 0)), 0);
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
    /// Looks for the copies of entries without a receipt, by what a copy says of its origin.
    pub(super) async fn find_unnoted(&mut self, connection: &Connection) -> Result<()> {
        if self.saved.is_ended {
            return Ok(());
        }
        let Some(copies) = self.copies().cloned() else {
            return Ok(());
        };
        let wanted = self.unnoted().await?;
        let (stream, group) = (self.row.stream.clone(), self.row.group.clone());
        let origin = |fields: &Fields| match (&group, Provenance::of(fields)) {
            (Some(group), Some(dead)) if copies != stream => {
                let is_of = dead.stream == stream.as_bytes() && dead.group == group.as_bytes();
                is_of.then(|| EntryId::parse(dead.id).ok()).flatten()
            }
            _ => EntryId::parse(CopyMark::of(fields)?.origin).ok(),
        };
        let done = &mut self.done;
        since(
            connection,
            &copies,
            self.row.taken,
            LOOKED_AT_MAX,
            |entry| {
                if let Some(id) = origin(&entry.fields).and_then(|it| wanted.get(&it)) {
                    let receipt = Receipt {
                        id: *id,
                        new_id: Some(entry.id),
                    };
                    done.entry(*id).or_insert(receipt);
                }
            },
        )
        .await
    }

    /// What has no receipt, by the id that a copy names as its origin.
    async fn unnoted(&self) -> Result<HashMap<EntryId, EntryId>> {
        let mut wanted = HashMap::new();
        let done = &self.done;
        if matches!(self.saved.about.effect, Effect::Redriven { .. }) {
            let each = async |batch: Vec<SavedLetter>| {
                let open = batch.iter().filter(|it| !done.contains_key(&it.0));
                wanted.extend(open.filter_map(|it| Some((origin_of_letter(&it.1)?, it.0))));
                Ok(())
            };
            self.saved.in_batches(PAGE, each).await?;
        } else {
            let each = async |batch: Vec<SavedEntry>| {
                let open = batch.iter().filter(|it| !done.contains_key(&it.0));
                wanted.extend(open.map(|it| (it.0, it.0)));
                Ok(())
            };
            self.saved.in_batches(PAGE, each).await?;
        }
        Ok(wanted)
    }
}

/// What a copy of a dead letter names as its origin.
fn origin_of_letter(fields: &Fields) -> Option<EntryId> {
    let dead = Provenance::of(fields)?;
    let moved = CopyMark::of(&fields[..dead.own]);
    EntryId::parse(moved.map_or(dead.id, |it| it.origin)).ok()
}
