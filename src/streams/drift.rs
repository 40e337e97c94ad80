//! How a server differs from the topology: groups that are missing, at another position, or not in the topology.

use anyhow::Result;

use super::init::{State as InitState, plan_init};
use crate::model::{EntryId, Name, report, states};
use crate::topology::{GroupSpec, Topology, is_temporary};
use crate::wire::{Connection, xinfo_groups, xinfo_stream};

states! {
    /// How a group on the server compares with the topology.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum State {
        /// In both.
        Ok = "ok" in Ok,
        /// In the topology only.
        Missing = "missing" in Bad,
        /// The group is in both, but it was never read from and is not at the start that the topology gives.
        Differs = "differs" in Warn,
        /// The group is only on the server, on a stream of the topology.
        Extra = "extra" in Plain,
        /// The group is there only for a `replay`, which deletes it at its end.
        Temporary = "temporary" in Plain,
        /// The group is on the server, and ahead of the last id of its stream: entries with ids up to its position are
        /// never delivered to it.
        Ahead = "ahead" in Bad,
        /// The group is in the topology; no server was asked.
        Unchecked = "unchecked" in Plain,
    }
}

report! {
    /// One group, on the server or in the topology.
    #[derive(Clone, Debug)]
    pub struct DriftRow ranked by rank_by_state {
        /// The group.
        pub group: Name => text("GROUP"),
        /// Its stream.
        pub stream: Name => text("STREAM"),
        /// How the server and the topology compare.
        pub state: State => whole("STATE"),
        /// The id of the last entry that was delivered to the group; `None` while the group is missing or unchecked.
        pub last_delivered_id: Option<EntryId> => whole("LAST DELIVERED"),
    }
}

impl DriftRow {
    /// Sorts the worst states first.
    const fn rank_by_state(&self) -> u64 {
        match self.state {
            State::Missing | State::Ahead => 0,
            State::Differs => 1,
            State::Ok | State::Extra | State::Temporary | State::Unchecked => 2,
        }
    }
}

/// One row for each group of the topology, in its order, without asking a server.
pub fn unchecked(topology: &Topology) -> Vec<DriftRow> {
    let row = |spec: &GroupSpec| DriftRow {
        group: spec.name.clone(),
        stream: spec.stream.clone(),
        state: State::Unchecked,
        last_delivered_id: None,
    };
    topology.groups.iter().map(row).collect()
}

/// One row for each group of the topology, in its order, then the server's other groups on its streams.
///
/// # Errors
/// Not found when a key with a stream's name is not a stream; errors of the server.
pub async fn drift(connection: &Connection, topology: &Topology) -> Result<Vec<DriftRow>> {
    let plan = plan_init(connection, topology, &topology.groups).await?;
    let mut rows: Vec<DriftRow> = plan
        .rows
        .into_iter()
        .map(|row| DriftRow {
            group: row.group,
            stream: row.stream,
            last_delivered_id: row.last_delivered_id,
            state: match row.state {
                InitState::Missing => State::Missing,
                InitState::Differs => State::Differs,
                InitState::Created | InitState::Exists => State::Ok,
            },
        })
        .collect();
    let streams = topology.streams.iter();
    let asked = streams.clone().map(|stream| xinfo_groups(&stream.name));
    let answers = connection.run_all(asked.collect()).await?;
    for (stream, found) in streams.zip(answers) {
        // What is no stream, or may not be asked, has failed above where the topology has a group on it.
        for group in found.unwrap_or_default() {
            let has = |row: &DriftRow| row.group == group.name && row.stream == stream.name;
            if !rows.iter().any(has) {
                rows.push(DriftRow {
                    state: if is_temporary(&group.name) {
                        State::Temporary
                    } else {
                        State::Extra
                    },
                    group: group.name,
                    stream: stream.name.clone(),
                    last_delivered_id: Some(group.last_delivered_id),
                });
            }
        }
    }
    let asked = streams_of(topology).map(xinfo_stream).collect();
    let answers = connection.run_all(asked).await?;
    for (name, found) in streams_of(topology).zip(answers) {
        // As above: a stream that may not be looked at is not judged.
        let Ok(info) = found else { continue };
        let of_stream = rows.iter_mut().filter(|row| row.stream == *name);
        for row in of_stream.filter(|row| row.last_delivered_id > Some(info.last_generated_id)) {
            row.state = State::Ahead;
        }
    }
    Ok(rows)
}

fn streams_of(topology: &Topology) -> impl Iterator<Item = &Name> {
    topology.streams.iter().map(|stream| &stream.name)
}
