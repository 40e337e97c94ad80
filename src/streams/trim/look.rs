//! What a stream and its groups are like before it is trimmed.

use anyhow::Result;

use super::super::hold::{Standing, standing_of};
use super::super::names::explain;
use crate::model::{GroupInfo, Name, StreamInfo};
use crate::topology::{Topology, is_temporary};
use crate::wire::{
    Connection, Error, ErrorKind, allowed, config_get, has_commands, memory_usage, stream_nodes,
    xinfo_groups, xinfo_stream,
};

/// The greatest number of groups of a stream that are looked at in one round trip.
const GROUPS_TOGETHER: usize = 100;
/// A command that came with `XTRIM … ACKED`.
const ACKED_MARK: &str = "XDELEX";
/// The setting with the greatest number of entries of a node.
const NODE_MAX: &str = "stream-node-max-entries";

/// A stream as it was found.
pub(super) struct Seen {
    pub(super) info: StreamInfo,
    pub(super) groups: Vec<Standing>,
    pub(super) nodes: Option<u64>,
    /// How many entries a node has at the most; `None` when the user may not ask.
    pub(super) node_max: Option<u64>,
    pub(super) bytes: Option<u64>,
    pub(super) can_ack: bool,
}

pub(super) async fn look(
    connection: &Connection,
    topology: &Topology,
    stream: &Name,
) -> Result<Seen> {
    let (info, groups, nodes, bytes, marks, config) = tokio::join!(
        connection.run(xinfo_stream(stream)),
        connection.run(xinfo_groups(stream)),
        connection.run(stream_nodes(stream)),
        connection.run(memory_usage(stream)),
        connection.run(has_commands(&[ACKED_MARK])),
        connection.run(config_get(&[NODE_MAX])),
    );
    let config = allowed(config)?.unwrap_or_default();
    let node_max = config.first().and_then(|(_, value)| value.parse().ok());
    let info = match info {
        Ok(info) => info,
        Err(error) => return Err(explain(connection, topology, stream, error).await),
    };
    let groups = match groups {
        Ok(groups) => groups,
        Err(error) => return Err(unknown(stream, error)),
    };
    Ok(Seen {
        info,
        groups: standings(connection, stream, groups).await?,
        nodes: nodes?,
        node_max,
        bytes: allowed(bytes)?.flatten(),
        can_ack: allowed(marks)?.is_some_and(|it| it == [true]),
    })
}

/// The groups of the stream, with their oldest pending entries. Those of a replay are none of the pipeline's.
async fn standings(
    connection: &Connection,
    stream: &Name,
    groups: Vec<GroupInfo>,
) -> Result<Vec<Standing>> {
    let groups = groups.into_iter().filter(|it| !is_temporary(&it.name));
    let groups: Vec<GroupInfo> = groups.collect();
    let mut standings = Vec::with_capacity(groups.len());
    for page in groups.chunks(GROUPS_TOGETHER) {
        let asked = page.iter();
        let asked = asked.map(|group| standing_of(connection, stream, group));
        let found = futures_util::future::join_all(asked).await;
        for (group, oldest) in page.iter().zip(found) {
            let oldest_pending = match oldest {
                Err(error) if error.kind == ErrorKind::NoGroup => continue,
                oldest => oldest.map_err(|error| unknown(stream, error))?,
            };
            standings.push(Standing {
                group: group.clone(),
                oldest_pending,
                is_known: true,
            });
        }
    }
    Ok(standings)
}

/// Without what the groups need, nothing is trimmed.
fn unknown(stream: &Name, error: Error) -> anyhow::Error {
    anyhow::Error::from(error).context(format!(
        "what the groups of stream `{stream}` have acknowledged cannot be read, so nothing is trimmed"
    ))
}
