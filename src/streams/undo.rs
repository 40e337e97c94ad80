//! Restores a group as a snapshot has it: its position, and what was pending for whom. What a live consumer holds by now
//! stays with it.

use std::collections::{HashMap, HashSet};

use anyhow::Result;

use super::groups::live;
use super::names::listed;
use super::plan;
use super::repair::{failed, seen as as_seen};
use super::target::Target;
use crate::model::{
    Cell, Consent, EntryId, Lag, Name, PendingEntry, PlanFacts, Problem, SeenGroup, Time, entries,
    report, states,
};
use crate::snapshots::{Saved, SavedEntry};
use crate::topology::GroupSpec;
use crate::wire::{
    Connection, ErrorKind, ExpectedPending, GroupChange, GroupSeen, GroupStart, PendingFilter,
    Restore, Restored, create_group, restore_pending, set_group_id, xinfo_consumers, xinfo_groups,
    xpending_entries, xrange,
};

/// How many entries are restored in one call of the server.
const BATCH: usize = 200;
/// How many entries that are not restored are listed.
const LISTED_MAX: usize = 10_000;

states! {
    /// Why an entry is not pending as it was.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Left {
        /// A live consumer holds it by now.
        Held = "held" in Warn,
        /// Its body was trimmed.
        Trimmed = "trimmed" in Bad,
        /// No consumer held it then, and an entry cannot be handed to nobody.
        Released = "released" in Warn,
        /// It changed while it was restored.
        Changed = "changed" in Warn,
    }
}

report! {
    /// An entry that is not pending as it was.
    #[derive(Clone, Debug)]
    pub struct LeftEntry {
        /// The entry.
        pub id: EntryId => whole("ID"),
        /// Why.
        pub why: Left => whole("WHY"),
        /// The consumer that holds it by now; `None` when none does.
        pub consumer: Option<Name> => text("CONSUMER"),
    }
}

report! {
    /// A group that is restored as a snapshot has it.
    #[derive(Clone, Debug)]
    pub struct Undone {
        /// The snapshot.
        pub snapshot: EntryId => whole("SNAPSHOT"),
        /// When it was taken.
        pub taken: Time => whole("TAKEN"),
        /// The group.
        pub group: Name => text("GROUP"),
        /// Its stream.
        pub stream: Name => text("STREAM"),
        /// Whether it was done.
        pub is_done: bool => whole("DONE"),
        /// The last delivered id before; `None` when there was no such group.
        pub from_id: Option<EntryId> => whole("FROM"),
        /// The last delivered id after.
        pub to_id: EntryId => whole("TO"),
        /// Entries that are pending as they were then, and were not before.
        pub restored: u64 => number("RESTORED"),
        /// Of these, entries that were not pending any more: they may be handled twice.
        pub again: u64 => number("AGAIN"),
        /// Entries that still were pending as then.
        pub unchanged: u64 => number("UNCHANGED"),
        /// Entries that are not restored.
        pub left_out: u64 => number("LEFT OUT"),
        /// The first 10,000 of these.
        pub left: Vec<LeftEntry> => number("LISTED", wide) by |row| Cell::from(row.left.len()),
    }
}

/// What restoring a group would do, and the state it was planned from.
#[derive(Debug)]
pub struct UndoPlan {
    /// What it would do.
    pub row: Undone,
    saved: Saved,
    target: Target,
    seen: Option<SeenGroup>,
    live: Vec<Name>,
}

impl UndoPlan {
    /// Whether the group is as the snapshot has it, as far as it can be.
    pub fn is_nothing(&self) -> bool {
        self.row.restored == 0 && self.row.from_id == Some(self.row.to_id)
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
        let is_moved = self.row.from_id.is_some_and(|from| from != self.row.to_id);
        (is_moved && !self.live.is_empty()).then(|| {
            let text = format!("{} has live consumers: {}", self.target, listed(&self.live));
            Problem::refused(text).hint("stop them first, or add --force")
        })
    }

    /// The plan as data.
    pub fn facts(&self) -> PlanFacts {
        let row = &self.row;
        PlanFacts {
            count: (!self.is_nothing()).into(),
            left_out: self.is_nothing().into(),
            entries: Some(Lag::Known(row.restored)),
            ..plan::about(&self.target, self.seen, self.told())
        }
    }

    /// What it does, in words.
    fn told(&self) -> String {
        let row = &self.row;
        if self.is_nothing() {
            return format!("restore nothing: {} is as it was", self.target);
        }
        let mut lines = vec![format!(
            "restore {} as it was at {}",
            self.target, row.taken
        )];
        match row.from_id {
            None => lines.push(format!("create it again at {}", row.to_id)),
            Some(from) if from > row.to_id => lines.push(format!(
                "move it from {from} to {}; what was delivered since is delivered again",
                row.to_id
            )),
            Some(from) if from < row.to_id => {
                lines.push(format!("move it from {from} to {}", row.to_id));
            }
            Some(_) => {}
        }
        if row.restored > 0 {
            let again = match row.again {
                0 => String::new(),
                again => format!(
                    "; {again} of these are not pending now, and work on them may be repeated"
                ),
            };
            lines.push(format!(
                "make {} pending as they were{again}",
                entries(row.restored)
            ));
        }
        if row.left_out > 0 {
            lines.push(format!("not restored: {}", entries(row.left_out)));
        }
        lines.join("\n")
    }
}

/// Finds out what restoring the group would do. Changes nothing.
///
/// # Errors
/// Not found when there is no such stream; errors of the server.
pub async fn plan_undo(
    connection: &Connection,
    (snapshot, saved): (EntryId, Saved),
    spec: &GroupSpec,
) -> Result<UndoPlan> {
    let about = &saved.about;
    let target = Target {
        stream: about.stream.clone(),
        group: about.group.clone(),
    };
    let groups = match connection.run(xinfo_groups(&target.stream)).await {
        Err(error) if error.kind == ErrorKind::NoKey => {
            let text = format!("there is no stream `{}` any more", target.stream);
            return Err(Problem::not_found(text)
                .hint("a snapshot has the position of a group, and not the entries of its stream")
                .into());
        }
        groups => groups?,
    };
    let seen = plan::seen(&groups, &target);
    let live = match seen {
        Some(_) => {
            let found = connection
                .run(xinfo_consumers(&target.stream, &target.group))
                .await?;
            live(&found, spec.claim_idle)
        }
        None => Vec::new(),
    };
    let row = Undone {
        snapshot,
        taken: about.taken,
        group: target.group.clone(),
        stream: target.stream.clone(),
        is_done: false,
        from_id: seen.map(|it| it.last_delivered_id),
        to_id: about.last_delivered_id,
        restored: 0,
        again: 0,
        unchanged: 0,
        left_out: 0,
        left: Vec::new(),
    };
    let mut plan = UndoPlan {
        row,
        saved,
        target,
        seen,
        live,
    };
    let mut row = plan.row.clone();
    let look = async |batch: Vec<SavedEntry>| {
        for fate in plan.fates(connection, &batch).await? {
            match fate {
                Fate::Restore(it) => row.restores(it.seen.is_none()),
                Fate::Unchanged => row.unchanged += 1,
                Fate::Left(left) => row.leaves(left),
            }
        }
        Ok(())
    };
    plan.saved.in_batches(BATCH, look).await?;
    plan.row = row;
    Ok(plan)
}

impl Undone {
    fn restores(&mut self, is_again: bool) {
        self.restored += 1;
        self.again += u64::from(is_again);
    }

    fn leaves(&mut self, left: LeftEntry) {
        self.left_out += 1;
        if self.left.len() < LISTED_MAX {
            self.left.push(left);
        }
    }
}

/// What is to be done with an entry.
enum Fate {
    Restore(Restore),
    Unchanged,
    Left(LeftEntry),
}

impl UndoPlan {
    /// What is to be done with each of these entries as they are now.
    async fn fates(&self, connection: &Connection, batch: &[SavedEntry]) -> Result<Vec<Fate>> {
        let now = self.pending_now(connection, batch).await?;
        let bodies = self.bodies(connection, batch, &now).await?;
        let fate = |saved: &SavedEntry| {
            let SavedEntry(id, consumer, idle_ms, deliveries) = saved;
            let now = now.get(id);
            let left = |why| {
                let holder = now.map(|it| it.consumer.clone());
                Fate::Left(LeftEntry {
                    id: *id,
                    why,
                    consumer: holder.filter(|it| !it.is_empty()),
                })
            };
            match now {
                Some(now) if now.consumer == *consumer && now.deliveries == *deliveries => {
                    Fate::Unchanged
                }
                _ if consumer.is_empty() => left(Left::Released),
                Some(now) if now.consumer != *consumer && self.live.contains(&now.consumer) => {
                    left(Left::Held)
                }
                None if !bodies.contains(id) => left(Left::Trimmed),
                _ => Fate::Restore(Restore {
                    seen: now.map(as_seen),
                    was: ExpectedPending {
                        id: *id,
                        owner: Some(consumer.clone()),
                        deliveries: Some(*deliveries),
                    },
                    delivered: Time::from_ms(
                        self.row
                            .taken
                            .ms
                            .saturating_sub(idle_ms.unwrap_or_default()),
                    ),
                }),
            }
        };
        Ok(batch.iter().map(fate).collect())
    }

    /// Those of the entries that are pending now.
    async fn pending_now(
        &self,
        connection: &Connection,
        batch: &[SavedEntry],
    ) -> Result<HashMap<EntryId, PendingEntry>> {
        if self.seen.is_none() {
            return Ok(HashMap::new());
        }
        let row = |SavedEntry(id, ..): &SavedEntry| {
            let only = PendingFilter {
                start: *id,
                end: *id,
                count_max: 1,
                ..PendingFilter::default()
            };
            xpending_entries(&self.target.stream, &self.target.group, &only)
        };
        let mut now = HashMap::new();
        for rows in connection.run_all(batch.iter().map(row).collect()).await? {
            now.extend(rows?.into_iter().map(|it| (it.id, it)));
        }
        Ok(now)
    }

    /// Those of the entries that are not pending and are in the stream.
    async fn bodies(
        &self,
        connection: &Connection,
        batch: &[SavedEntry],
        now: &HashMap<EntryId, PendingEntry>,
    ) -> Result<HashSet<EntryId>> {
        let gone = batch.iter().filter(|it| !now.contains_key(&it.0));
        let asked = gone.map(|it| xrange(&self.target.stream, it.0, it.0, 1));
        let mut bodies = HashSet::new();
        for found in connection.run_all(asked.collect()).await? {
            bodies.extend(found?.into_iter().map(|it| it.id));
        }
        Ok(bodies)
    }

    async fn place(&self, connection: &Connection) -> Result<()> {
        let about = &self.saved.about;
        let Some(seen) = self.seen else {
            let start = GroupStart::After(about.last_delivered_id);
            let made = create_group(&about.stream, &about.group, start, about.entries_read);
            return connection.call(made).await.map_err(failed);
        };
        if seen.last_delivered_id == about.last_delivered_id {
            return Ok(());
        }
        let seen = GroupSeen {
            stream: &about.stream,
            group: &about.group,
            last_delivered_id: seen.last_delivered_id,
            pending: seen.pending,
        };
        let moved = set_group_id(seen, about.last_delivered_id, about.entries_read);
        match connection.call(moved).await.map_err(failed)? {
            GroupChange::Done => Ok(()),
            _ => Err(Problem::refused(format!(
                "{} has changed in the meantime; nothing was done",
                self.target
            ))
            .hint("repeat the command to see what it would do now")
            .into()),
        }
    }
}

/// Restores the group. An entry that changes meanwhile is left as it is.
///
/// # Errors
/// Refused when the group has changed since the plan was made; errors of the server.
pub async fn apply_undo(connection: &Connection, plan: UndoPlan, _: Consent) -> Result<Undone> {
    plan.place(connection).await?;
    let mut row = Undone {
        is_done: true,
        restored: 0,
        again: 0,
        unchanged: 0,
        left_out: 0,
        left: Vec::new(),
        ..plan.row.clone()
    };
    // It is there now.
    let plan = UndoPlan {
        seen: plan.seen.or_else(|| Some(SeenGroup::default())),
        ..plan
    };
    let restore = async |batch: Vec<SavedEntry>| {
        let mut planned = Vec::new();
        for fate in plan.fates(connection, &batch).await? {
            match fate {
                Fate::Restore(it) => planned.push(it),
                Fate::Unchanged => row.unchanged += 1,
                Fate::Left(left) => row.leaves(left),
            }
        }
        if planned.is_empty() {
            return Ok(());
        }
        let call = restore_pending(&plan.target.stream, &plan.target.group, &planned);
        let outcomes = connection.call(call).await.map_err(failed)?;
        for (restore, outcome) in planned.iter().zip(outcomes) {
            let left = |why| LeftEntry {
                id: restore.was.id,
                why,
                consumer: None,
            };
            match outcome {
                Restored::Done => row.restores(restore.seen.is_none()),
                Restored::Changed => row.leaves(left(Left::Changed)),
                Restored::Ghost => row.leaves(left(Left::Trimmed)),
            }
        }
        Ok(())
    };
    plan.saved.in_batches(BATCH, restore).await?;
    Ok(row)
}
