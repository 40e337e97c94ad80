//! Undoes what a command did, as far as its snapshot and the server allow. A group that was moved or deleted gets its
//! position and all its pending entries back; of a change of entries or dead letters, only what that command changed is
//! undone, and only where it still is as the command left it. What cannot be undone is found out before consent.

mod copies;
mod entries;
mod group;
mod letters;
mod rows;
mod told;

use std::collections::{HashMap, HashSet};

use anyhow::Result;

use super::groups::live;
use super::names::listed;
use super::plan;
use super::repair::failed;
use super::select::pending_entry;
use super::target::Target;
use crate::model::{Consent, EntryId, Lag, Name, PendingEntry, PlanFacts, Problem, SeenGroup};
use crate::snapshots::{Effect, Line, Receipt, Saved, SavedEntry, SavedLetter};
use crate::topology::Topology;
use crate::wire::{
    Connection, ErrorKind, xgroup_create_consumer, xinfo_consumers, xinfo_groups, xrange,
};
use letters::Present;
pub use rows::{Left, LeftEntry, Undone};

/// How many entries are restored in one call of the server.
const BATCH: usize = 100;

/// What undoing a change would do, and the state it was planned from.
#[derive(Debug)]
pub struct UndoPlan {
    /// What it would do.
    pub row: Undone,
    saved: Saved,
    /// The group; `None` for dead letters.
    target: Option<Target>,
    /// The group as it was found; `None` when there was none.
    seen: Option<SeenGroup>,
    /// Whether it is there by now.
    is_there: bool,
    live: Vec<Name>,
    /// Consumers that were deleted and are not there.
    absent: Vec<Name>,
    /// What the command changed and could not note any more, with the copies, by id.
    unnoted: HashMap<EntryId, Receipt>,
}

/// What the command changed, by id.
type Done = HashMap<EntryId, Receipt>;

/// What is to be done with an entry or a dead letter.
enum Fate<R> {
    Restore(R),
    Unchanged,
    /// The command did not change it.
    Untouched,
    Left(LeftEntry),
}

/// Finds out what undoing the change would do. Changes nothing.
///
/// # Errors
/// Not found when there is no such stream; errors of the server.
pub async fn plan_undo(
    connection: &Connection,
    (snapshot, saved): (EntryId, Saved),
    topology: &Topology,
) -> Result<UndoPlan> {
    let about = &saved.about;
    let target = about.group.clone().map(|group| Target {
        stream: about.stream.clone(),
        group,
    });
    let is_group = about.effect == Effect::Group;
    let mut plan = UndoPlan {
        row: Undone {
            snapshot,
            taken: about.taken,
            operation: about.operation.clone(),
            group: about.group.clone(),
            stream: about.stream.clone(),
            is_done: false,
            from_id: None,
            to_id: about.last_delivered_id.filter(|_| is_group),
            restored: 0,
            again: 0,
            copies: 0,
            consumers: 0,
            unchanged: 0,
            left_out: 0,
            left: Vec::new(),
        },
        unnoted: HashMap::new(),
        saved,
        target,
        seen: None,
        is_there: false,
        live: Vec::new(),
        absent: Vec::new(),
    };
    if let Some(target) = plan.target.clone() {
        plan.look_at_group(connection, &target, topology).await?;
    }
    plan.find_unnoted(connection).await?;
    plan.row = plan.each(connection, false).await?;
    Ok(plan)
}

impl UndoPlan {
    async fn look_at_group(
        &mut self,
        connection: &Connection,
        target: &Target,
        topology: &Topology,
    ) -> Result<()> {
        let groups = match connection.run(xinfo_groups(&target.stream)).await {
            Err(error) if error.kind == ErrorKind::NoKey => {
                let text = format!("there is no stream `{}` any more", target.stream);
                return Err(Problem::not_found(text)
                    .hint(
                        "a snapshot has the position of a group, and not the entries of its stream",
                    )
                    .into());
            }
            groups => groups?,
        };
        self.seen = plan::seen(&groups, target);
        self.is_there = self.seen.is_some();
        if self.is_of_group() {
            self.row.from_id = self.seen.map(|it| it.last_delivered_id);
        } else if self.seen.is_none() {
            let text = format!("there is no {target} any more");
            return Err(Problem::not_found(text)
                .hint("restore the group first: `ucp-streams snapshot --list` names the snapshots")
                .into());
        }
        let Some(_) = self.seen else { return Ok(()) };
        let spec = topology.group(&target.group, Some(&target.stream))?;
        let found = connection
            .run(xinfo_consumers(&target.stream, &target.group))
            .await?;
        self.live = live(&found, spec.claim_idle);
        if let Effect::Removed { consumers, .. } = &self.saved.about.effect {
            let there: HashSet<&Name> = found.iter().map(|it| &it.name).collect();
            let absent = consumers.iter().filter(|it| !there.contains(it));
            self.absent = absent.cloned().collect();
            self.row.consumers = self.absent.len() as u64;
        }
        Ok(())
    }

    /// Whether all of a group is restored.
    fn is_of_group(&self) -> bool {
        self.saved.about.effect == Effect::Group
    }

    /// The group that is moved, if it is there.
    pub fn group_to_move(&self) -> Option<&Target> {
        self.target
            .as_ref()
            .filter(|_| self.is_of_group() && self.seen.is_some())
    }

    /// The stream with the copies of what was moved.
    fn copies(&self) -> Option<&Name> {
        match &self.saved.about.effect {
            Effect::Moved { to } | Effect::Redriven { to } => Some(to),
            _ => None,
        }
    }

    /// Whether everything is as the snapshot has it, as far as it can be.
    pub fn is_nothing(&self) -> bool {
        let stays = self.row.to_id.is_none() || self.row.from_id == self.row.to_id;
        self.row.restored == 0 && self.row.consumers == 0 && stays
    }

    /// Why it is refused, unless `is_forced`: a live consumer would be moved, or the snapshot is of another server than
    /// `server`.
    pub fn refusal(&self, server: &str, is_forced: bool) -> Option<Problem> {
        let of = &self.saved.about.server;
        if is_forced || self.is_nothing() {
            return None;
        }
        if of != server {
            let text = format!("the snapshot was taken of {of}, and this is {server}");
            return Some(Problem::refused(text).hint("name that server, or add --force"));
        }
        let to_id = self.row.to_id?;
        let is_moved = self.row.from_id.is_some_and(|from| from != to_id);
        let target = self.target.as_ref()?;
        (is_moved && !self.live.is_empty()).then(|| {
            let text = format!("{target} has live consumers: {}", listed(&self.live));
            Problem::refused(text).hint("stop them first, or add --force")
        })
    }

    /// The plan as data.
    pub fn facts(&self) -> PlanFacts {
        let row = &self.row;
        let about = match &self.target {
            Some(target) => plan::about(target, self.seen, self.told()),
            None => PlanFacts {
                stream: Some(row.stream.clone()),
                summary: self.told(),
                other_groups: Some(Vec::new()),
                ..PlanFacts::default()
            },
        };
        PlanFacts {
            count: (!self.is_nothing()).into(),
            left_out: self.is_nothing().into(),
            entries: Some(Lag::Known(row.restored)),
            ..about
        }
    }

    /// Looks at each of the saved entries, and restores them if it `applies`.
    async fn each(&self, connection: &Connection, applies: bool) -> Result<Undone> {
        let mut row = self.row.uncounted();
        match self.saved.about.effect {
            Effect::Redriven { .. } | Effect::Purged => {
                let present = Present::since(connection, &self.row.stream, self.row.taken).await?;
                let each = async |batch: Vec<SavedLetter>, noted| {
                    let done = self.done(&batch, noted);
                    let found = self.letter_fates(connection, &batch, &done, &present);
                    let fates = found.await?;
                    let planned = sorted_out(fates, &mut row);
                    self.put_back(connection, planned, &mut row, applies).await
                };
                self.saved.in_batches(BATCH, each).await?;
            }
            _ => {
                let each = async |batch: Vec<SavedEntry>, noted| {
                    let done = self.done(&batch, noted);
                    let fates = self.fates(connection, &batch, &done).await?;
                    let planned = sorted_out(fates, &mut row);
                    let restored = self.restore(connection, planned, &done, &mut row, applies);
                    restored.await
                };
                self.saved.in_batches(BATCH, each).await?;
            }
        }
        Ok(row)
    }

    /// What the command did to the entries of a batch, of which it `noted` these.
    fn done<L: Line>(&self, batch: &[L], noted: Done) -> Done {
        let mut done = noted;
        if !self.unnoted.is_empty() {
            let unnoted = |it: &L| self.unnoted.get(&it.id());
            done.extend(batch.iter().filter_map(unnoted).map(|it| (it.id, *it)));
        }
        done
    }

    /// Those of the entries that are pending now.
    async fn pending_now(
        &self,
        connection: &Connection,
        target: &Target,
        ids: &[EntryId],
    ) -> Result<HashMap<EntryId, PendingEntry>> {
        if !self.is_there {
            return Ok(HashMap::new());
        }
        let asked = ids.iter().map(|id| pending_entry(target, *id));
        let mut now = HashMap::new();
        for rows in connection.run_all(asked.collect()).await? {
            now.extend(rows?.into_iter().map(|it| (it.id, it)));
        }
        Ok(now)
    }

    /// Why the copy with this id in `copies` cannot be deleted, if it cannot.
    fn copy_left(id: EntryId, copy: EntryId, copies: &Copies) -> Option<LeftEntry> {
        let left = |why, group| {
            Some(LeftEntry {
                copy_id: Some(copy),
                group,
                ..LeftEntry::new(id, why)
            })
        };
        if !copies.there.contains(&copy) {
            return left(Left::CopyGone, None);
        }
        let reader = copies.readers.iter().find(|(_, last)| *last >= copy)?;
        left(Left::Delivered, Some(reader.0.clone()))
    }

    /// What is known of the copies of what was done.
    async fn look_at_copies(&self, connection: &Connection, done: &Done) -> Result<Copies> {
        let asked: Vec<EntryId> = done.values().filter_map(|it| it.new_id).collect();
        let Some(stream) = self.copies().filter(|_| !asked.is_empty()) else {
            return Ok(Copies::default());
        };
        let groups = match connection.run(xinfo_groups(stream)).await {
            Err(error) if error.kind == ErrorKind::NoKey => return Ok(Copies::default()),
            groups => groups?,
        };
        let readers = groups.into_iter().map(|it| (it.name, it.last_delivered_id));
        Ok(Copies {
            there: there(connection, stream, &asked).await?,
            readers: readers.collect(),
        })
    }
}

/// The copies that are there, and who has read how far in their stream.
#[derive(Default)]
struct Copies {
    there: HashSet<EntryId>,
    readers: Vec<(Name, EntryId)>,
}

/// Those of the ids that the stream has.
async fn there(
    connection: &Connection,
    stream: &Name,
    ids: &[EntryId],
) -> Result<HashSet<EntryId>> {
    let asked = ids.iter().map(|id| xrange(stream, *id, *id, 1));
    let mut there = HashSet::new();
    for found in connection.run_all(asked.collect()).await? {
        there.extend(found?.into_iter().map(|it| it.id));
    }
    Ok(there)
}

/// Counts what is not to be restored in `row`, and returns the others.
fn sorted_out<R>(fates: Vec<Fate<R>>, row: &mut Undone) -> Vec<R> {
    let mut planned = Vec::new();
    for fate in fates {
        match fate {
            Fate::Restore(it) => planned.push(it),
            Fate::Unchanged => row.unchanged += 1,
            Fate::Untouched => {}
            Fate::Left(left) => row.leaves(left),
        }
    }
    planned
}

/// Undoes the change. What changes meanwhile is left as it is.
///
/// # Errors
/// Refused when the group has changed since the plan was made; errors of the server.
pub async fn apply_undo(connection: &Connection, mut plan: UndoPlan, _: Consent) -> Result<Undone> {
    if let Some(target) = plan.target.clone() {
        if plan.is_of_group() {
            plan.place(connection, &target).await?;
        }
        for name in &plan.absent {
            let made = xgroup_create_consumer(&target.stream, &target.group, name);
            connection.run(made).await.map_err(failed)?;
        }
    }
    plan.row.is_done = true;
    plan.each(connection, true).await
}
