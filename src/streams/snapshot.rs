//! Saves the position of a group and its pending entries.

use anyhow::Result;

use super::select::{Criteria, Pager};
use super::target::Target;
use crate::model::{EntryId, GroupInfo, Name, Problem, Time, report};
use crate::snapshots::{About, SavedEntry, Store};
use crate::wire::{Connection, ErrorKind, allowed, time, xinfo_groups};

report! {
    /// A snapshot of a group.
    #[derive(Clone, Debug)]
    pub struct SnapshotRow {
        /// The snapshot's id: when it was taken, in milliseconds, and a number.
        pub id: EntryId => whole("SNAPSHOT"),
        /// When it was taken.
        pub taken: Time => whole("TAKEN"),
        /// The group.
        pub group: Name => text("GROUP"),
        /// Its stream.
        pub stream: Name => text("STREAM"),
        /// The last id that was delivered to it.
        pub last_delivered_id: EntryId => whole("LAST DELIVERED"),
        /// How many entries were pending.
        pub pending: u64 => number("PENDING"),
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
        Self {
            id,
            taken: about.taken,
            group: about.group,
            stream: about.stream,
            last_delivered_id: about.last_delivered_id,
            pending: about.pending,
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
        let now = allowed(connection.run(time()).await)?;
        let about = About::new(
            now.map_or_else(Time::now, Time::from_ms),
            (server.to_owned(), operation.to_owned()),
            (target.stream.clone(), target.group.clone()),
            (
                before.last_delivered_id,
                before.entries_read,
                before.pending,
            ),
        );
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
            let id = writer.end()?;
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

/// How often a group is read that changes meanwhile.
const ATTEMPTS_MAX: u32 = 5;

async fn state(connection: &Connection, target: &Target) -> Result<Option<GroupInfo>> {
    match connection.run(xinfo_groups(&target.stream)).await {
        Err(error) if error.kind == ErrorKind::NoKey => Ok(None),
        groups => Ok(groups?.into_iter().find(|it| it.name == target.group)),
    }
}
