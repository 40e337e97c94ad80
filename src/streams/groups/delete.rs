//! Deleting a group, which forgets its position and everything that is pending in it.

use anyhow::Result;

use super::super::inspect::position;
use super::super::target::Target;
use super::super::which_group::Suggest;
use super::{change, live_consumers};
use crate::model::{Consent, EntryId, Lag, Name, report};
use crate::topology::{GroupSpec, Topology};
use crate::wire::{Connection, GroupSeen, delete_group};

report! {
    /// A group's end.
    #[derive(Clone, Debug)]
    pub struct Deletion {
        /// The group.
        pub group: Name => text("GROUP"),
        /// Its stream.
        pub stream: Name => text("STREAM"),
        /// Whether it was done.
        pub is_done: bool => whole("DONE"),
        /// Entries delivered and not acknowledged: forgotten.
        pub pending: u64 => number("PENDING"),
        /// Entries not delivered yet: never to be.
        pub undelivered: Lag => number("UNDELIVERED"),
        /// The first of them; `None` when there is none.
        pub undelivered_id: Option<EntryId> => whole("FIRST UNDELIVERED"),
        /// The last id delivered.
        pub last_delivered_id: EntryId => whole("LAST DELIVERED"),
        /// Consumers that were seen within the group's claim idle.
        pub live_consumers: Vec<Name> => number("LIVE CONSUMERS") by |end| end.live_consumers.len().into(),
    }
}

impl Deletion {
    /// Whether nothing would be lost.
    pub const fn is_idle(&self) -> bool {
        self.pending == 0 && self.undelivered_id.is_none()
    }
}

/// What deleting would do, and what it was planned from.
#[derive(Debug)]
pub struct DeletePlan {
    /// What it would do.
    pub row: Deletion,
    target: Target,
}

/// Looks what deleting the group would lose. Changes nothing.
///
/// # Errors
/// Not found when there is no such group; what the server says.
pub async fn plan_delete(
    connection: &Connection,
    topology: &Topology,
    spec: &GroupSpec,
) -> Result<DeletePlan> {
    let target = Target::from(spec);
    target
        .require(connection, topology, Suggest::Nothing)
        .await?;
    let found = Box::pin(position(connection, topology, spec)).await?;
    let row = Deletion {
        group: target.group.clone(),
        stream: target.stream.clone(),
        is_done: false,
        pending: found.as_ref().and_then(|it| it.pending).unwrap_or_default(),
        undelivered: found.as_ref().and_then(|it| it.lag).unwrap_or(Lag::Unknown),
        undelivered_id: found.as_ref().and_then(|it| it.undelivered_id),
        last_delivered_id: found
            .and_then(|it| it.last_delivered_id)
            .unwrap_or_default(),
        live_consumers: live_consumers(connection, &target, spec.claim_idle).await?,
    };
    Ok(DeletePlan { row, target })
}

/// Deletes the group; `is_forced` also when entries are pending or undelivered.
///
/// # Errors
/// Refused when that has changed since the plan was made; what the server says.
pub async fn apply_delete(
    connection: &Connection,
    plan: DeletePlan,
    is_forced: bool,
    _: Consent,
) -> Result<Deletion> {
    let DeletePlan { mut row, target } = plan;
    let seen = GroupSeen {
        stream: &row.stream,
        group: &row.group,
        last_delivered_id: row.last_delivered_id,
        pending: row.pending,
    };
    change(connection, &target, delete_group(seen, is_forced)).await?;
    row.is_done = true;
    Ok(row)
}
