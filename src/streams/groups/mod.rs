//! Creates, moves and deletes groups. A destructive change is planned from what was observed, and refused when that
//! has changed.

mod create;
mod delete;
mod set_id;

use std::time::Duration;

use anyhow::Result;

pub use create::{CreatePlan, Created, apply_create, plan_create};
pub use delete::{DeletePlan, Deletion, apply_delete, plan_delete};
pub use set_id::{Direction, HeldBy, SetIdPlan, Shift, apply_set_id, plan_set_id};

use super::read::place;
use super::repair::failed;
use super::target::Target;
use crate::model::{ConsumerInfo, Edge, EntryId, Name, Problem, Time};
use crate::wire::{Connection, ErrorKind, GroupChange, Lane, ScriptCall, xinfo_stream};

/// The greatest number of entries that are counted; beyond it, a count is a lower bound.
const COUNTED_MAX: usize = 100_000;

/// Where a group is to be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// After the entry with this id, which counts as delivered.
    After(EntryId),
    /// The entry at this place, if there is one, is the next to be delivered.
    From(Edge),
    /// After the last entry.
    End,
}

impl At {
    /// The last delivered id of a group at this position.
    ///
    /// # Errors
    /// Refused for a position ahead of the stream and of the clock, because entries added until then would never be
    /// delivered. Errors of the server.
    async fn resolve(
        self,
        connection: &Connection,
        lane: &mut Lane,
        stream: &Name,
    ) -> Result<EntryId> {
        let newest = newest(connection, stream).await?;
        let id = match self {
            Self::After(id) => id,
            Self::End | Self::From(Edge::FromEnd(0)) => newest,
            Self::From(edge) => match place(lane, stream, edge).await? {
                Some(first) => first.previous().unwrap_or(EntryId::MIN),
                None => newest,
            },
        };
        if id.ms > Time::now().ms.max(newest.ms) {
            return Err(Problem::refused(format!(
                "{id} is ahead of stream `{stream}`, whose newest entry is {newest}: entries added with lower ids \
                    would never be delivered"
            ))
            .hint("name an existing entry, a time in the past, or `end`")
            .into());
        }
        // A later id would be the same place only until an entry is added with a clock behind this one.
        Ok(id.min(newest))
    }
}

/// The greatest id that the stream has ever had; the least possible id when there is no stream.
async fn newest(connection: &Connection, stream: &Name) -> Result<EntryId> {
    match connection.run(xinfo_stream(stream)).await {
        Ok(info) => Ok(info.last_generated_id),
        Err(error) if error.kind == ErrorKind::NoKey => Ok(EntryId::MIN),
        Err(error) => Err(error.into()),
    }
}

/// The group's consumers that were active within `within`. They count as live, whatever client they are.
async fn live_consumers(
    connection: &Connection,
    target: &Target,
    within: Duration,
) -> Result<Vec<Name>> {
    Ok(live(&target.consumers(connection).await?, within))
}

/// The consumers in the list that were active within `within`.
pub(super) fn live(consumers: &[ConsumerInfo], within: Duration) -> Vec<Name> {
    let is_live = |idle_ms| u128::from(idle_ms) < within.as_millis();
    let live = consumers.iter().filter(|it| is_live(it.idle_ms));
    live.map(|it| it.name.clone()).collect()
}

/// Makes a change, unless the state that it was planned from has changed.
async fn change(
    connection: &Connection,
    target: &Target,
    call: ScriptCall<GroupChange>,
) -> Result<()> {
    match connection.call(call).await.map_err(failed)? {
        GroupChange::Done => Ok(()),
        GroupChange::Gone => Err(target.not_there().into()),
        GroupChange::Changed {
            last_delivered_id,
            pending,
        } => Err(stale(
            target,
            &format!("it is now at {last_delivered_id} with {pending} pending"),
        )),
        GroupChange::Pending(pending) => Err(stale(target, &format!("{pending} are now pending"))),
        GroupChange::Undelivered(id) => {
            Err(stale(target, &format!("{id} was added in the meantime")))
        }
    }
}

fn stale(target: &Target, why: &str) -> anyhow::Error {
    Problem::refused(format!(
        "{target} has changed in the meantime ({why}); nothing was done"
    ))
    .hint("repeat the command to see what it would do now")
    .into()
}
