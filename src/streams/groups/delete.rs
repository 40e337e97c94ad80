//! Deletes a group together with its position and its pending entries.

use anyhow::Result;

use super::super::inspect::{GroupReport, position};
use super::super::plan;
use super::super::target::Target;
use super::super::which_group::Suggest;
use super::{change, live};
use crate::model::{
    CommandLine, Consent, ConsumerInfo, EntryId, Lag, Name, PlanFacts, PlanHolder, Problem,
    SeenGroup, entries, report,
};
use crate::topology::{GroupSpec, Topology, retry_key};
use crate::wire::{Connection, GroupSeen, delete_group};

report! {
    /// The deletion of a group.
    #[derive(Clone, Debug)]
    pub struct Deletion {
        /// The group.
        pub group: Name => text("GROUP"),
        /// Its stream.
        pub stream: Name => text("STREAM"),
        /// Whether it was done.
        pub is_done: bool => whole("DONE"),
        /// Pending entries, which the group forgets.
        pub pending: u64 => number("PENDING"),
        /// Undelivered entries, which the group will never deliver.
        pub undelivered: Lag => number("UNDELIVERED"),
        /// The first of them; `None` when there is none.
        pub undelivered_id: Option<EntryId> => whole("FIRST UNDELIVERED"),
        /// Entries in the group's retry stream, which stay there unhandled; `None` when the user may not look.
        pub retries: Option<u64> => number("RETRIES", unknown),
        /// The last id delivered.
        pub last_delivered_id: EntryId => whole("LAST DELIVERED"),
        /// Consumers that were active within the group's claim idle.
        pub live_consumers: Vec<Name> => number("LIVE CONSUMERS") by |end| end.live_consumers.len().into(),
    }
}

impl Deletion {
    fn has_retries(&self) -> bool {
        self.retries.is_some_and(|count| count > 0)
    }

    /// Whether no entries would be given up.
    pub fn is_idle(&self) -> bool {
        self.pending == 0 && self.undelivered_id.is_none() && !self.has_retries()
    }
}

/// What a deletion would do, and the state it was planned from.
#[derive(Debug)]
pub struct DeletePlan {
    /// What it would do.
    pub row: Deletion,
    target: Target,
    seen: Option<SeenGroup>,
    holders: Vec<PlanHolder>,
    oldest: Option<EntryId>,
}

impl DeletePlan {
    /// Why the deletion is refused, unless `is_forced`.
    pub fn refusal(&self, is_forced: bool) -> Option<Problem> {
        (!self.row.is_idle() && !is_forced).then(|| refusal(&self.target, &self.row))
    }

    /// The plan as data.
    pub fn facts(&self) -> PlanFacts {
        let (target, row) = (&self.target, &self.row);
        let summary = format!("delete {target}: {}", lost(row));
        PlanFacts {
            count: 1,
            entries: Some(given_up(row)),
            holders: self.holders.clone(),
            ..plan::about(target, self.seen, summary)
        }
        .since(self.oldest)
    }
}

/// The number of entries that the group would never process.
const fn given_up(row: &Deletion) -> Lag {
    match (row.undelivered, row.undelivered_id) {
        (_, None) => Lag::Known(row.pending),
        (Lag::Known(undelivered), _) => Lag::Known(row.pending + undelivered),
        (Lag::AtMost(undelivered), _) => Lag::AtMost(row.pending + undelivered),
        (Lag::AtLeast(undelivered), _) => Lag::AtLeast(row.pending + undelivered),
        (Lag::Unknown, _) => Lag::AtLeast(row.pending + 1),
    }
}

/// Finds out what deleting the group would give up. Changes nothing.
///
/// # Errors
/// Not found when there is no such group; errors of the server.
pub async fn plan_delete(
    connection: &Connection,
    topology: &Topology,
    spec: &GroupSpec,
) -> Result<DeletePlan> {
    let target = Target::from(spec);
    let groups = target
        .require(connection, topology, Suggest::Nothing)
        .await?;
    let found = Box::pin(position(connection, topology, spec)).await?;
    let consumers = target.consumers(connection).await?;
    let oldest = found
        .as_ref()
        .map(|it| [it.oldest_pending_id, it.undelivered_id]);
    let row = Deletion {
        group: target.group.clone(),
        stream: target.stream.clone(),
        is_done: false,
        pending: found.as_ref().and_then(|it| it.pending).unwrap_or_default(),
        undelivered: found.as_ref().and_then(|it| it.lag).unwrap_or(Lag::Unknown),
        undelivered_id: found.as_ref().and_then(|it| it.undelivered_id),
        retries: found.as_ref().and_then(GroupReport::retries_waiting),
        last_delivered_id: found
            .and_then(|it| it.last_delivered_id)
            .unwrap_or_default(),
        live_consumers: live(&consumers, spec.claim_idle),
    };
    Ok(DeletePlan {
        row,
        seen: plan::seen(&groups, &target),
        target,
        holders: holders(&consumers),
        oldest: oldest.into_iter().flatten().flatten().min(),
    })
}

/// The consumers that hold the pending entries.
fn holders(consumers: &[ConsumerInfo]) -> Vec<PlanHolder> {
    let holding = consumers.iter().filter(|it| it.pending > 0);
    let holder = |it: &ConsumerInfo| PlanHolder {
        consumer: Some(it.name.clone()),
        entries: it.pending,
        deliveries_max: None,
        idle_min_ms: None,
    };
    plan::most_first(holding.map(holder).collect())
}

/// Deletes the group; with `is_forced`, also when entries are pending or undelivered.
///
/// # Errors
/// Refused when this has changed since the plan was made; errors of the server.
pub async fn apply_delete(
    connection: &Connection,
    plan: DeletePlan,
    is_forced: bool,
    _: Consent,
) -> Result<Deletion> {
    let DeletePlan {
        mut row, target, ..
    } = plan;
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

fn refusal(target: &Target, row: &Deletion) -> Problem {
    let [pending, lag, delete] = ["pending", "lag", "groups delete"].map(|command| {
        CommandLine::new(command)
            .arg(&target.group)
            .option("--stream", &target.stream)
    });
    Problem::refused(format!(
        "{target} has entries that it has not processed: {}",
        lost(row)
    ))
    .hint(format!(
        "see them with `{pending}` and `{lag}`, or delete the group with them: `{}`",
        delete.flag("--force")
    ))
}

/// The entries that the group would never process.
fn lost(row: &Deletion) -> String {
    let undelivered = match (row.undelivered, row.undelivered_id) {
        (_, None) => "none undelivered".to_owned(),
        (Lag::Known(count), Some(id)) => format!("{} undelivered, from {id} on", entries(count)),
        (Lag::AtMost(count), Some(id)) => {
            format!("up to {} undelivered, from {id} on", entries(count))
        }
        (_, Some(id)) => format!("entries undelivered, from {id} on"),
    };
    let retries = match row.retries {
        Some(count) if count > 0 => {
            let key = retry_key(&row.stream, &row.group);
            format!(
                ", {} in its retry stream `{key}`, where they stay",
                entries(count)
            )
        }
        _ => String::new(),
    };
    format!("{} pending, {undelivered}{retries}", entries(row.pending))
}
