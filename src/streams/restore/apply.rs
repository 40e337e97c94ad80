//! Carries out a restore.

use std::time::Duration;

use anyhow::Result;

use super::{RestorePlan, Restored, is_there};
use crate::archive::{Destination, Groups, SavedPending, Walk, load};
use crate::model::{Consent, Entry, EntryId, Kind, Name, Problem, Time};
use crate::topology::{restoring_key, restoring_of_key};
use crate::wire::{
    Adds, AddsTo, Connection, Dialer, ErrorKind, Lane, del, renamenx, set_for, xclaim_as,
    xgroup_create, xgroup_destroy, xsetid,
};

/// How many bytes of commands are sent before their replies are awaited, and how many entries.
const BATCH_BYTES: usize = 1 << 20;
const BATCH: usize = 1000;
/// How long it is remembered what a restore that was cut off was restoring.
const REMEMBERED: Duration = Duration::from_hours(30 * 24);

/// Restores a stream; `told` is given the entries that were added.
///
/// # Errors
/// Errors of the server and of the destination; what was added is there then, and the same restore goes on after it.
/// Refused when a key of that name came into being.
pub async fn apply_restore(
    dialer: &Dialer,
    connection: &Connection,
    destination: &Destination,
    plan: RestorePlan,
    told: impl Fn(u64),
    _consent: Consent,
) -> Result<Restored> {
    let (to, key) = (plan.wanted.to.clone(), restoring_key(&plan.wanted.to));
    let of_key = restoring_of_key(&to);
    if plan.wanted.is_anew {
        connection.run(del(&[key.clone(), of_key.clone()])).await?;
    }
    let kept = set_for(&of_key, &plan.identity.to_bytes(), REMEMBERED);
    connection.run(kept).await?;
    let mut adding = Adding {
        lane: dialer.lane().await?,
        key: key.clone(),
        skip: plan.row.resumed,
        last: EntryId::MIN,
        added: 0,
        after: plan.groups.as_ref().map(|it| it.head.last_generated_id),
        added_after: 0,
        has_new_ids: plan.wanted.has_new_ids,
        adds: Adds::default(),
        told: &told,
    };
    adding.all(destination, &plan).await?;
    let (last, count, after) = (adding.last, adding.added, adding.added_after);
    let mut row = Restored {
        entries: count,
        is_done: true,
        ..plan.row
    };
    if let Some(groups) = &plan.groups {
        restore_groups(connection, &key, groups, &mut row).await?;
        let head = &groups.head;
        let last = head.last_generated_id.max(last);
        let added = head
            .entries_added
            .map(|it| it.saturating_add(after).max(count));
        connection
            .run(xsetid(&key, last, added, head.max_deleted_id))
            .await?;
    }
    if !connection.run(renamenx(&key, &to)).await? {
        return Err(is_there(&to)
            .hint(format!(
                "all is restored in `{key}`: move the other key away, then repeat the command"
            ))
            .into());
    }
    connection.run(del(&[of_key])).await?;
    Ok(row)
}

/// Adds entries to the temporary key.
struct Adding<'a> {
    lane: Lane,
    key: Name,
    /// How many of the first entries are there.
    skip: u64,
    /// The last id of the archive that was added.
    last: EntryId,
    /// Entries that are there.
    added: u64,
    /// The greatest id that the snapshot of the groups counts, and how many entries with greater ids are there.
    after: Option<EntryId>,
    added_after: u64,
    has_new_ids: bool,
    adds: Adds,
    told: &'a dyn Fn(u64),
}

impl Adding<'_> {
    async fn all(&mut self, destination: &Destination, plan: &RestorePlan) -> Result<()> {
        let (of, limit) = (&plan.row.of, plan.wanted.expanded_max);
        let mut walk = Walk::forwards(destination, of, EntryId::MIN);
        while let Some(found) = walk.next().await? {
            let loaded = load(destination, found, limit).await?;
            let frames = loaded.manifest.map(|it| it.frames).unwrap_or_default();
            let Some(segment) = loaded.segment else {
                continue;
            };
            for frame in frames {
                match segment.unpacked(frame).await? {
                    Ok(entries) => self.entries(&entries).await?,
                    Err(_) if plan.wanted.skips_damaged => {}
                    Err(why) => {
                        let key = &segment.manifest.segment;
                        let text = format!("{key}: {why}; it was whole a moment ago");
                        return Err(Problem::new(Kind::DataLoss, text).into());
                    }
                }
            }
        }
        self.send().await
    }

    async fn entries(&mut self, entries: &[Entry]) -> Result<()> {
        let to = AddsTo::new(&self.key, None);
        for entry in entries {
            // Two archivers may have archived the same entries.
            if entry.id <= self.last {
                continue;
            }
            self.last = entry.id;
            self.added += 1;
            self.added_after += u64::from(self.after.is_some_and(|it| entry.id > it));
            if self.added <= self.skip {
                (self.told)(1);
                continue;
            }
            if self.has_new_ids {
                self.adds.push(&to, &entry.fields);
            } else {
                self.adds.push_at(&self.key, entry.id, &entry.fields);
            }
            if self.adds.len() >= BATCH || self.adds.bytes() >= BATCH_BYTES {
                self.send().await?;
            }
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<()> {
        let adds = std::mem::take(&mut self.adds);
        if adds.is_empty() {
            return Ok(());
        }
        // What is there is counted when it goes on: there must be no gap.
        self.lane.add_all_or_none(&adds).await?;
        (self.told)(adds.len() as u64);
        Ok(())
    }
}

/// Creates the groups, with what they had pending.
async fn restore_groups(
    connection: &Connection,
    key: &Name,
    groups: &Groups,
    row: &mut Restored,
) -> Result<()> {
    for group in &groups.head.groups {
        // One that an earlier restore created has only a part of what was pending.
        match connection.run(xgroup_destroy(key, &group.group)).await {
            Err(error) if error.kind != ErrorKind::NoKey => return Err(error.into()),
            _ => {}
        }
        let (last, read) = (group.last_delivered_id, group.entries_read);
        let create = xgroup_create(key, &group.group, last, read);
        connection.run(create).await?;
    }
    let taken = groups.head.taken;
    (row.pending, row.left_out) = (0, 0);
    let each = async |batch: Vec<SavedPending>| {
        let (held, released): (Vec<_>, Vec<_>) = batch.into_iter().partition(|it| !it.2.is_empty());
        row.left_out += released.len() as u64;
        let claim = |SavedPending(group, id, consumer, idle_ms, deliveries): SavedPending| {
            let group = &groups.head.groups[group].group;
            let delivered = Time::from_ms(taken.ms.saturating_sub(idle_ms.unwrap_or_default()));
            xclaim_as((key, group), &consumer, id, delivered, deliveries)
        };
        let claims = held.into_iter().map(claim).collect();
        for claimed in connection.run_all(claims).await? {
            if claimed? {
                row.pending += 1;
            } else {
                row.left_out += 1;
            }
        }
        Ok(())
    };
    groups.in_batches(BATCH, each).await
}
