//! Makes entries pending as they were.

use anyhow::Result;

use super::super::repair::failed;
use super::super::repaired::Subject;
use super::{Copies, Done, Fate, Left, LeftEntry, UndoPlan, Undone, there};
use crate::model::{EntryId, Name, PendingEntry, Time};
use crate::snapshots::{Effect, SavedEntry};
use crate::wire::{Connection, ExpectedPending, Restore, Restored, restore_pending};

/// An entry that was pending then, with what is known of it now.
struct Found<'a> {
    saved: &'a SavedEntry,
    now: Option<&'a PendingEntry>,
    has_body: bool,
    /// Whether the command changed it; `None` when that is not known.
    is_changed: Option<bool>,
    copy: Option<EntryId>,
    /// Why its copy cannot be deleted.
    copy_left: Option<LeftEntry>,
}

impl UndoPlan {
    /// What is to be done with each of these entries as they are now.
    pub(super) async fn fates(
        &self,
        connection: &Connection,
        batch: &[SavedEntry],
        done: &Done,
    ) -> Result<Vec<Fate<Restore>>> {
        let Some(target) = &self.target else {
            return Ok(Vec::new());
        };
        let ids: Vec<EntryId> = batch.iter().map(|it| it.0).collect();
        let now = self.pending_now(connection, target, &ids).await?;
        let gone: Vec<EntryId> = ids
            .iter()
            .filter(|it| !now.contains_key(it))
            .copied()
            .collect();
        let bodies = there(connection, &target.stream, &gone).await?;
        let copies: Copies = self.look_at_copies(connection, done).await?;
        let fate = |saved: &SavedEntry| {
            let id = saved.0;
            let receipt = done.get(&id);
            let copy = receipt.and_then(|it| it.new_id);
            self.fate(&Found {
                saved,
                now: now.get(&id),
                has_body: bodies.contains(&id),
                is_changed: match receipt {
                    Some(_) => Some(true),
                    None => self.saved.is_ended.then_some(false),
                },
                copy,
                copy_left: copy.and_then(|copy| Self::copy_left(id, copy, &copies)),
            })
        };
        Ok(batch.iter().map(fate).collect())
    }

    fn fate(&self, it: &Found<'_>) -> Fate<Restore> {
        let SavedEntry(id, consumer, _, deliveries) = it.saved;
        let left = |why| {
            let holder = it.now.map(|now| now.consumer.clone());
            Fate::Left(LeftEntry {
                consumer: holder.filter(|name| !name.is_empty()),
                ..LeftEntry::new(*id, why)
            })
        };
        if it
            .now
            .is_some_and(|now| now.consumer == *consumer && now.deliveries == *deliveries)
        {
            return Fate::Unchanged;
        }
        let change = &self.saved.about.effect;
        if *change != Effect::Group && it.is_changed == Some(false) {
            return Fate::Untouched;
        }
        if consumer.is_empty() {
            return left(Left::Released);
        }
        match (change, it.now) {
            (Effect::Group, Some(now))
                if now.consumer != *consumer && self.live.contains(&now.consumer) =>
            {
                left(Left::Held)
            }
            (Effect::Group, Some(_)) => Fate::Restore(self.restore_of(it, None)),
            (
                Effect::Claimed {
                    to,
                    resets_deliveries,
                },
                Some(now),
            ) => {
                let count = if *resets_deliveries { 1 } else { *deliveries };
                self.handed_back(it, now, to, count)
                    .map_or_else(|| left(Left::Held), Fate::Restore)
            }
            (Effect::Removed { to: Some(to), .. }, Some(now)) => self
                .handed_back(it, now, to, *deliveries)
                .map_or_else(|| left(Left::Held), Fate::Restore),
            (Effect::Claimed { .. } | Effect::Removed { .. }, None) => left(Left::Acknowledged),
            (_, Some(_)) => left(Left::Held),
            (_, None) if !it.has_body => left(Left::Trimmed),
            (Effect::Moved { .. }, None) => match (&it.copy_left, it.copy) {
                (Some(why), _) => Fate::Left(why.clone()),
                (None, Some(copy)) => Fate::Restore(self.restore_of(it, Some(copy))),
                (None, None) => left(Left::Unknown),
            },
            (_, None) => Fate::Restore(self.restore_of(it, None)),
        }
    }

    /// The entry for the one that had it, if `to` holds it as it got it, with this delivery count.
    fn handed_back(
        &self,
        it: &Found<'_>,
        now: &PendingEntry,
        to: &Name,
        count: u64,
    ) -> Option<Restore> {
        let is_as_left = now.consumer == *to && now.deliveries == count;
        is_as_left.then(|| self.restore_of(it, None))
    }

    fn restore_of(&self, it: &Found<'_>, copy: Option<EntryId>) -> Restore {
        let SavedEntry(id, consumer, idle_ms, deliveries) = it.saved;
        let delivered = self
            .row
            .taken
            .ms
            .saturating_sub(idle_ms.unwrap_or_default());
        Restore {
            seen: it.now.map(|now| Subject::from(now.clone()).expected()),
            was: ExpectedPending {
                id: *id,
                owner: Some(consumer.clone()),
                deliveries: Some(*deliveries),
            },
            delivered: Time::from_ms(delivered),
            copy,
        }
    }

    /// Restores them if it `applies`; counts them in `row`.
    pub(super) async fn restore(
        &self,
        connection: &Connection,
        planned: Vec<Restore>,
        done: &Done,
        row: &mut Undone,
        applies: bool,
    ) -> Result<()> {
        let Some(target) = self.target.as_ref().filter(|_| !planned.is_empty()) else {
            return Ok(());
        };
        let counted = |restore: &Restore, row: &mut Undone| {
            // What this command acknowledged was not handled.
            let is_known = done.contains_key(&restore.was.id);
            let is_again = restore.seen.is_none() && !is_known;
            row.restores(is_again, restore.copy.is_some());
        };
        if !applies {
            for it in &planned {
                counted(it, row);
            }
            return Ok(());
        }
        let copies = self.copies().unwrap_or(&target.stream);
        let call = restore_pending((&target.stream, copies), &target.group, &planned);
        let outcomes = connection.call(call).await.map_err(failed)?;
        for (restore, outcome) in planned.iter().zip(outcomes) {
            let left = |why| LeftEntry {
                copy_id: restore.copy,
                ..LeftEntry::new(restore.was.id, why)
            };
            match outcome {
                Restored::Done => counted(restore, row),
                Restored::Changed => row.leaves(left(Left::Changed)),
                Restored::Ghost => row.leaves(left(Left::Trimmed)),
                Restored::CopyGone => row.leaves(left(Left::CopyGone)),
                Restored::CopyDelivered(group) => row.leaves(LeftEntry {
                    group: Some(group),
                    ..left(Left::Delivered)
                }),
            }
        }
        Ok(())
    }
}
