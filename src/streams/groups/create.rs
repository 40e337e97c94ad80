//! Creates one group at a chosen position.

use anyhow::Result;

use super::super::init::State;
use super::super::losses::number_of;
use super::super::names::explain;
use super::super::target::Target;
use super::At;
use crate::model::{EntryId, Name, PlanFacts, SeenGroup, report};
use crate::topology::Topology;
use crate::wire::{Connection, ErrorKind, GroupStart, Lane, create_group, xinfo_groups};

report! {
    /// A group, and whether it was created.
    #[derive(Clone, Debug)]
    pub struct Created {
        /// The group.
        pub group: Name => text("GROUP"),
        /// Its stream.
        pub stream: Name => text("STREAM"),
        /// Whether it was created.
        pub state: State => whole("STATE"),
        /// The last id that counts as delivered to a new group.
        pub start_id: EntryId => whole("START"),
        /// The last id delivered; `None` while it is missing.
        pub last_delivered_id: Option<EntryId> => whole("LAST DELIVERED"),
    }
}

/// What creating it would do.
#[derive(Clone, Debug)]
pub struct CreatePlan {
    /// The group as it is.
    pub row: Created,
    seen: Option<SeenGroup>,
    start: GroupStart,
    /// The number of entries up to that position, if it had to be counted.
    counted: Option<u64>,
}

impl CreatePlan {
    /// The plan as data.
    pub fn facts(&self) -> PlanFacts {
        let Created {
            group,
            stream,
            state,
            ..
        } = &self.row;
        let is_missing = *state == State::Missing;
        PlanFacts {
            stream: Some(stream.clone()),
            group: Some(group.clone()),
            seen: self.seen,
            summary: would(&self.row),
            count: is_missing.into(),
            left_out: (!is_missing).into(),
            other_groups: Some(Vec::new()),
            ..PlanFacts::default()
        }
    }
}

/// What a plan would do.
fn would(row: &Created) -> String {
    let Created {
        group,
        stream,
        start_id,
        ..
    } = row;
    if row.state == State::Missing {
        format!("create group `{group}` of stream `{stream}` at {start_id}")
    } else {
        format!("create nothing: group `{group}` of stream `{stream}` exists")
    }
}

/// Looks up whether the group exists, and at which position it would be created. Changes nothing.
///
/// # Errors
/// Not found when a key with the stream's name is not a stream; refused for a position ahead of the clock; errors of
/// the server.
pub async fn plan_create(
    connection: &Connection,
    lane: &mut Lane,
    topology: &Topology,
    target: Target,
    at: At,
) -> Result<CreatePlan> {
    let groups = match connection.run(xinfo_groups(&target.stream)).await {
        Ok(groups) => groups,
        Err(error) if error.kind == ErrorKind::NoKey => Vec::new(),
        Err(error) => return Err(explain(connection, topology, &target.stream, error).await),
    };
    let start_id = at.resolve(connection, lane, &target.stream).await?;
    let found = groups.into_iter().find(|it| it.name == target.group);
    let state = match &found {
        None => State::Missing,
        // Once somebody reads, its place says nothing.
        Some(info) if !info.is_unused() => State::Exists,
        Some(info) if info.last_delivered_id == start_id => State::Exists,
        Some(_) => State::Differs,
    };
    let counted = number_of(connection, lane, &target.stream, start_id).await?;
    Ok(CreatePlan {
        counted,
        seen: found.as_ref().map(SeenGroup::from),
        row: Created {
            group: target.group,
            stream: target.stream,
            state,
            start_id,
            last_delivered_id: found.map(|it| it.last_delivered_id),
        },
        start: match at {
            At::End => GroupStart::New,
            _ => GroupStart::After(start_id),
        },
    })
}

/// Creates the group, and its stream with it, if the plan found it missing. A group that another client created in
/// the meantime counts as existing.
///
/// # Errors
/// Errors of the server.
pub async fn apply_create(connection: &Connection, plan: CreatePlan) -> Result<Created> {
    let mut row = plan.row;
    if row.state == State::Missing {
        let create = create_group(&row.stream, &row.group, plan.start, plan.counted);
        row.state = match connection.call(create).await {
            Ok(()) => State::Created,
            Err(error) if error.kind == ErrorKind::BusyGroup => State::Exists,
            Err(error) => return Err(error.into()),
        };
        if row.state == State::Created {
            row.last_delivered_id = Some(row.start_id);
        }
    }
    Ok(row)
}
