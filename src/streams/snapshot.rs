//! Saves the position of a group and its pending entries.

use anyhow::Result;

use super::chosen::Chosen;
use super::select::{Bodies, Criteria, Pager};
use super::target::Target;
use crate::model::{EntryId, GroupInfo, Name, Problem, Time, report};
use crate::snapshots::{About, Effect, Receipts, SavedEntry, SavedLetter, Store};
use crate::wire::{Connection, ErrorKind, allowed, time, xinfo_groups};

report! {
    /// A snapshot: of a group, or of those entries or dead letters that a command was about to change.
    #[derive(Clone, Debug)]
    pub struct SnapshotRow {
        /// The snapshot's id: when it was taken, in milliseconds, and a number.
        pub id: EntryId => whole("SNAPSHOT"),
        /// When it was taken.
        pub taken: Time => whole("TAKEN"),
        /// The group; `None` for dead letters.
        pub group: Option<Name> => text("GROUP"),
        /// Its stream, or the dead-letter stream.
        pub stream: Name => text("STREAM"),
        /// The last id that was delivered to it; `None` where only some of its entries were saved.
        pub last_delivered_id: Option<EntryId> => whole("LAST DELIVERED"),
        /// How many pending entries were saved.
        pub pending: u64 => number("PENDING"),
        /// How many dead letters were saved.
        pub dead_letters: u64 => number("DEAD LETTERS", wide),
        /// The command that took it.
        pub operation: String => text("TAKEN BY"),
        /// The server's address and database.
        pub server: String => text("SERVER", wide),
        /// Its file.
        pub file: String => text("FILE", wide),
    }
}

impl SnapshotRow {
    /// The snapshot with this id, of what it says it is about.
    pub fn of(id: EntryId, about: About, store: &Store) -> Self {
        let (pending, dead_letters) = match about.group {
            Some(_) => (about.saved, 0),
            None => (0, about.saved),
        };
        Self {
            id,
            taken: about.taken,
            group: about.group,
            stream: about.stream,
            last_delivered_id: about.last_delivered_id,
            pending,
            dead_letters,
            operation: about.operation,
            server: about.server,
            file: store.path_of(id).to_string_lossy().into_owned(),
        }
    }
}

/// Saves the position of a group and its pending entries. `None` when the server does not have the group.
///
/// # Errors
/// Errors of the server; local when it cannot be written, or when the group changes all the time.
pub async fn take(
    connection: &Connection,
    target: &Target,
    store: &Store,
    (server, operation): (&str, &str),
) -> Result<Option<SnapshotRow>> {
    for attempt in 1.. {
        let Some(before) = state(connection, target).await? else {
            return Ok(None);
        };
        let about = About::new(
            server_time(connection).await?,
            (server.to_owned(), operation.to_owned()),
            (target.stream.clone(), Some(target.group.clone())),
            (Effect::Group, before.pending),
        )
        .at(before.last_delivered_id, before.entries_read);
        let mut writer = store.begin(&about)?;
        let (filter, mut count) = (Criteria::default(), 0);
        let mut pager = Pager::new(connection, target, &filter);
        while let Some(page) = pager.page().await? {
            count += page.len() as u64;
            for entry in &page {
                writer.add(&SavedEntry::from(entry))?;
            }
        }
        let after = state(connection, target).await?;
        let is_same = after.is_some_and(|after| {
            after.last_delivered_id == before.last_delivered_id && after.pending == before.pending
        });
        if is_same && count == before.pending {
            let receipts = writer.end()?;
            let id = receipts.id;
            receipts.end()?;
            return Ok(Some(SnapshotRow::of(id, about, store)));
        }
        writer.give_up();
        if attempt == ATTEMPTS_MAX {
            break;
        }
    }
    Err(Problem::refused(format!(
        "{target} changes while it is saved; a snapshot would be of no one time"
    ))
    .hint("stop its workers first")
    .into())
}

/// What a command is about to change.
#[derive(Debug)]
pub struct Doomed<'a> {
    /// The stream, or the dead-letter stream.
    pub stream: Name,
    /// The group; `None` for dead letters.
    pub group: Option<Name>,
    /// What will be done.
    pub effect: Effect,
    /// The entries or dead letters of the plan.
    pub chosen: &'a mut Chosen,
}

/// Saves the planned ones of pending entries or dead letters. What is done to them is added to what is returned.
///
/// # Errors
/// Errors of the server; local when it cannot be written.
pub async fn save(
    connection: &Connection,
    doomed: Doomed<'_>,
    store: &Store,
    (server, operation): (&str, &str),
) -> Result<Receipts> {
    let about = About::new(
        server_time(connection).await?,
        (server.to_owned(), operation.to_owned()),
        (doomed.stream.clone(), doomed.group.clone()),
        (doomed.effect, doomed.chosen.count()),
    );
    let mut writer = store.begin(&about)?;
    let mut subjects = doomed.chosen.subjects()?;
    if doomed.group.is_some() {
        for subject in subjects {
            let subject = subject?;
            writer.add(&SavedEntry(
                subject.id,
                subject.owner(),
                subject.idle_ms,
                subject.deliveries.unwrap_or_default(),
            ))?;
        }
        return Ok(writer.end()?);
    }
    let mut bodies = Bodies::of(connection, &doomed.stream);
    loop {
        let batch = subjects.batch(bodies.at_a_time())?;
        if batch.is_empty() {
            return Ok(writer.end()?);
        }
        let ids: Vec<EntryId> = batch.iter().map(|it| it.id).collect();
        bodies
            .fetch(&ids, |place, body| {
                // One that is gone by now is not changed either.
                writer.add(&SavedLetter(ids[place], body.unwrap_or_default()))?;
                Ok(())
            })
            .await?;
    }
}

/// The time of the server's clock; of this machine's where the user may not ask for it.
pub(super) async fn server_time(connection: &Connection) -> Result<Time> {
    let now = allowed(connection.run(time()).await)?;
    Ok(now.map_or_else(Time::now, Time::from_ms))
}

/// How often a group is read that changes meanwhile.
const ATTEMPTS_MAX: u32 = 5;

async fn state(connection: &Connection, target: &Target) -> Result<Option<GroupInfo>> {
    match connection.run(xinfo_groups(&target.stream)).await {
        Err(error) if error.kind == ErrorKind::NoKey => Ok(None),
        groups => Ok(groups?.into_iter().find(|it| it.name == target.group)),
    }
}
