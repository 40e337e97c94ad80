//! Puts a group back to where it was.

use anyhow::Result;

use super::super::repair::failed;
use super::super::target::Target;
use super::UndoPlan;
use crate::model::{EntryId, Problem};
use crate::wire::{Connection, GroupChange, GroupSeen, GroupStart, create_group, set_group_id};

impl UndoPlan {
    /// Moves the group, or creates it again.
    pub(super) async fn place(&mut self, connection: &Connection, target: &Target) -> Result<()> {
        let about = &self.saved.about;
        let to_id = about.last_delivered_id.unwrap_or(EntryId::MIN);
        let Some(seen) = self.seen else {
            let start = GroupStart::After(to_id);
            let made = create_group(&target.stream, &target.group, start, about.entries_read);
            connection.call(made).await.map_err(failed)?;
            self.is_there = true;
            return Ok(());
        };
        if seen.last_delivered_id == to_id {
            return Ok(());
        }
        let seen = GroupSeen {
            stream: &target.stream,
            group: &target.group,
            last_delivered_id: seen.last_delivered_id,
            pending: seen.pending,
        };
        let moved = set_group_id(seen, to_id, about.entries_read);
        match connection.call(moved).await.map_err(failed)? {
            GroupChange::Done => Ok(()),
            _ => Err(Problem::refused(format!(
                "{target} has changed in the meantime; nothing was done"
            ))
            .hint("repeat the command to see what it would do now")
            .into()),
        }
    }
}
