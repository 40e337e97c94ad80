//! Creates consumer groups, and their streams with them, where they are missing.

use anyhow::Result;

use super::names::explain;
use super::server::still_loading;
use crate::model::{EntryId, GroupInfo, Name, PlanFacts, report, states};
use crate::topology::{GroupSpec, Start, Topology};
use crate::wire::{
    Connection, ErrorKind, GroupStart, Result as WireResult, create_group, xinfo_groups,
};

states! {
    /// The state of a group, or what was done about it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum State {
        /// The group is missing and would be created.
        Missing = "missing" in Warn,
        /// The group was created.
        Created = "created" in Ok,
        /// The group existed already.
        Exists = "exists" in Plain,
        /// The group existed already, was never read from, and is not at the position that a new group would get.
        Differs = "differs" in Warn,
    }
}

report! {
    /// One group, and what was done about it.
    #[derive(Clone, Debug)]
    pub struct InitRow ranked by rank_by_state {
        /// The group.
        pub group: Name => text("GROUP"),
        /// Its stream.
        pub stream: Name => text("STREAM"),
        /// What was done about it.
        pub state: State => whole("STATE"),
        /// Where a new group starts: `0` or `$`.
        pub start: Start => whole("START"),
        /// The id of the last entry that was delivered to the group; `None` while the group is missing.
        pub last_delivered_id: Option<EntryId> => whole("LAST DELIVERED"),
    }
}

impl InitRow {
    /// Sorts problems first.
    fn rank_by_state(&self) -> u64 {
        let is_well = matches!(self.state, State::Created | State::Exists);
        is_well.into()
    }
}

/// What `init` would do.
#[derive(Clone, Debug)]
pub struct InitPlan {
    /// One row per group, in the order they were given.
    pub rows: Vec<InitRow>,
}

impl InitPlan {
    /// The plan as data.
    pub fn facts(&self) -> PlanFacts {
        let is_missing = |row: &&InitRow| row.state == State::Missing;
        let count = self.rows.iter().filter(is_missing).count() as u64;
        PlanFacts {
            summary: would(&self.rows),
            count,
            left_out: self.rows.len() as u64 - count,
            other_groups: Some(Vec::new()),
            ..PlanFacts::default()
        }
    }
}

/// What a plan would do.
fn would(rows: &[InitRow]) -> String {
    let missing: Vec<String> = rows
        .iter()
        .filter(|row| row.state == State::Missing)
        .map(|row| format!("`{}` of `{}`", row.group, row.stream))
        .collect();
    if missing.is_empty() {
        "create nothing: every group exists".to_owned()
    } else {
        format!("create {}", missing.join(", "))
    }
}

/// Finds out which of `groups` exist. Changes nothing.
///
/// # Errors
/// Not found when a key with a stream's name is not a stream; unavailable when groups are missing on a replica that
/// has no data yet; errors of the server.
pub async fn plan_init(
    connection: &Connection,
    topology: &Topology,
    groups: &[GroupSpec],
) -> Result<InitPlan> {
    let asked = groups.iter().map(|spec| xinfo_groups(&spec.stream));
    let found = connection.run_all(asked.collect()).await?;
    let mut rows = Vec::with_capacity(groups.len());
    for (spec, found) in groups.iter().zip(found) {
        match groups_or_none(found) {
            Ok(found) => rows.push(row(spec, &found)),
            Err(error) => return Err(explain(connection, topology, &spec.stream, error).await),
        }
    }
    if rows.iter().any(|row| row.state == State::Missing)
        && let Some(problem) = still_loading(connection).await
    {
        return Err(problem.into());
    }
    Ok(InitPlan { rows })
}

fn groups_or_none(found: WireResult<Vec<GroupInfo>>) -> WireResult<Vec<GroupInfo>> {
    match found {
        Err(error) if error.kind == ErrorKind::NoKey => Ok(Vec::new()),
        found => found,
    }
}

fn row(spec: &GroupSpec, found: &[GroupInfo]) -> InitRow {
    let info = found.iter().find(|group| group.name == spec.name);
    InitRow {
        group: spec.name.clone(),
        stream: spec.stream.clone(),
        start: spec.start,
        last_delivered_id: info.map(|info| info.last_delivered_id),
        state: match info {
            None => State::Missing,
            Some(info) if stands_elsewhere(spec.start, info) => State::Differs,
            Some(_) => State::Exists,
        },
    }
}

/// Whether an unused group is not at the position that `start` gives. In a stream without entries, the oldest and the
/// newest position are the same.
pub(super) fn stands_elsewhere(start: Start, info: &GroupInfo) -> bool {
    let is_at_oldest = info.last_delivered_id == EntryId::MIN;
    let is_elsewhere = match start {
        Start::Oldest => !is_at_oldest,
        Start::Newest => is_at_oldest && info.server_lag != Some(0),
    };
    info.is_unused() && is_elsewhere
}

/// Creates the groups that the plan found missing. A group that another client created in the meantime counts as
/// existing.
///
/// # Errors
/// Errors of the server; groups before the one that failed were created.
pub async fn apply_init(connection: &Connection, plan: InitPlan) -> Result<Vec<InitRow>> {
    let mut rows = plan.rows;
    let missing: Vec<usize> = (0..rows.len())
        .filter(|&at| rows[at].state == State::Missing)
        .collect();
    let create = |at: &usize| {
        let row = &rows[*at];
        let start = match row.start {
            Start::Oldest => GroupStart::After(EntryId::MIN),
            Start::Newest => GroupStart::New,
        };
        create_group(&row.stream, &row.group, start, None)
    };
    let calls = missing.iter().map(create).collect();
    for (at, outcome) in missing.into_iter().zip(connection.call_all(calls).await?) {
        rows[at].state = match outcome {
            Ok(()) => State::Created,
            Err(error) if error.kind == ErrorKind::BusyGroup => State::Exists,
            Err(error) => return Err(error.into()),
        };
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unused_group_can_stand_elsewhere() {
        let group = |consumers, ms| GroupInfo {
            name: "g".into(),
            consumers,
            pending: 0,
            last_delivered_id: EntryId::new(ms, 0),
            entries_read: None,
            server_lag: None,
        };
        let has_read = GroupInfo {
            entries_read: Some(3),
            ..group(0, 5)
        };
        let of_empty = GroupInfo {
            server_lag: Some(0),
            ..group(0, 0)
        };
        for (start, info, expected) in [
            (Start::Oldest, group(0, 0), false),
            (Start::Oldest, group(0, 5), true),
            (Start::Oldest, group(1, 5), false),
            (Start::Newest, group(0, 5), false),
            (Start::Newest, group(0, 0), true),
            (Start::Newest, group(1, 0), false),
            (Start::Oldest, has_read, false),
            (Start::Newest, of_empty, false),
        ] {
            assert_eq!(stands_elsewhere(start, &info), expected, "{start} {info:?}");
        }
    }
}
