//! Where bridges to Kafka stand.

use anyhow::Result;

use super::begun::Begun;
use super::look::look;
use super::offsets::offsets_after;
use crate::kafka::Client;
use crate::model::{EntryId, Kind, Lag, Name, Problem, report};
use crate::streams::inspect::{Detail, GroupReport, Wanted, observe};
use crate::topology::{Topology, lease_key};
use crate::wire::{Connection, Error, get};

report! {
    /// A partition of a bridge to Kafka.
    #[derive(Clone, Debug)]
    pub struct BridgeRow {
        /// The stream.
        pub stream: Name => text("STREAM"),
        /// The group of the bridge.
        pub group: Name => text("GROUP"),
        /// The topic.
        pub topic: String => text("TOPIC"),
        /// The partition.
        pub partition: u32 => number("PARTITION"),
        /// The greatest id of the stream that is in the partition; `None` when there is none, or when Kafka was not asked.
        pub written: Option<EntryId> => whole("WRITTEN"),
        /// The offset of the first record in the partition whose entry comes after the one that was asked for: a consumer
        /// begins there that has had everything up to that entry; `None` when none was asked for.
        pub offset: Option<u64> => number("OFFSET", wide),
        /// The last id of the stream.
        pub stream_end: Option<EntryId> => whole("STREAM END"),
        /// Entries of the stream that the bridge has not read yet, of all partitions.
        pub lag: Option<Lag> => number("LAG"),
        /// Entries of the stream that the bridge has read and not acknowledged, of all partitions.
        pub pending: Option<u64> => number("PENDING"),
        /// The partitions that the bridge began with.
        pub partitions: u32 => number("PARTITIONS", wide),
        /// The partitions that the topic has now; `None` when Kafka was not asked.
        pub partitions_now: Option<u32> => number("NOW", wide),
        /// The worker that has the lease and sends; `None` when no bridge runs.
        pub active: Option<String> => text("ACTIVE"),
    }
}

/// The bridges of these streams, a row for each partition, with the offset behind entry `after`.
///
/// # Errors
/// Errors of the server and of Kafka.
pub async fn status(
    connection: &Connection,
    topology: &Topology,
    streams: &[Name],
    (client, after): (Option<&Client>, Option<EntryId>),
) -> Result<Vec<BridgeRow>> {
    let wanted = Wanted::Streams(streams);
    let seen = Box::pin(observe(connection, topology, wanted, Detail::Positions)).await?;
    let mut rows = Vec::new();
    for stream in seen.whole()? {
        for group in &stream.groups {
            let begun = Begun::find(connection, &group.stream, &group.group).await?;
            if let Some(begun) = begun {
                let end = stream.last_id;
                let kafka = (client, after);
                rows.extend(of_bridge(connection, (group, end), &begun, kafka).await?);
            }
        }
    }
    Ok(rows)
}

async fn of_bridge(
    connection: &Connection,
    (group, stream_end): (&GroupReport, Option<EntryId>),
    begun: &Begun,
    (client, after): (Option<&Client>, Option<EntryId>),
) -> Result<Vec<BridgeRow>> {
    let stream = &group.stream;
    let known = match client {
        Some(client) => {
            let looked = look(client, &begun.topic, stream, EntryId::MAX).await;
            Some(looked.map_err(Problem::from)?)
        }
        None => None,
    };
    let offsets = match client.zip(after) {
        Some((client, after)) => {
            require_through(group, stream_end, after)?;
            let found = offsets_after(client, &begun.topic, stream, after).await;
            Some(found.map_err(Problem::from)?)
        }
        None => None,
    };
    let active = holder(connection, stream, &group.group).await?;
    let now = known.as_ref().map(Vec::len);
    let partitions_now = now.map(|it| u32::try_from(it).unwrap_or(u32::MAX));
    let rows = (0..begun.partitions).map(|partition| BridgeRow {
        stream: stream.clone(),
        group: group.group.clone(),
        topic: begun.topic.clone(),
        partition,
        written: known
            .as_ref()
            .and_then(|known| known.get(partition as usize)?.last()),
        offset: offsets
            .as_ref()
            .and_then(|offsets| u64::try_from(*offsets.get(partition as usize)?).ok()),
        stream_end,
        lag: group.lag,
        pending: group.pending,
        partitions: begun.partitions,
        partitions_now,
        active: active.clone(),
    });
    Ok(rows.collect())
}

/// Makes sure that everything up to this entry is in the topic: what is still to be sent would be behind any offset.
fn require_through(
    group: &GroupReport,
    stream_end: Option<EntryId>,
    after: EntryId,
) -> Result<(), Problem> {
    let last = stream_end.map_or(EntryId::MIN, |end| end.min(after));
    let has_read = group.last_delivered_id.is_some_and(|it| it >= last);
    let has_sent = group.oldest_pending_id.is_none_or(|it| it > last);
    if has_read && has_sent {
        return Ok(());
    }
    let GroupReport { stream, group, .. } = group;
    let text = format!(
        "the bridge of stream `{stream}`, group `{group}`, has not sent everything up to {after} yet"
    );
    let hint = format!(
        "run it again when it has: ucp-streams wait {group} --stream {stream} --lag 0 --pending 0"
    );
    Err(Problem::new(Kind::Unavailable, text).hint(hint))
}

/// The consumer that has the lease.
async fn holder(
    connection: &Connection,
    stream: &Name,
    group: &Name,
) -> Result<Option<String>, Error> {
    let token = connection.run(get(&lease_key(stream, group))).await?;
    Ok(token.map(|token| {
        let token = String::from_utf8_lossy(&token);
        let consumer = token.rsplit_once(' ').map_or(&*token, |(name, _)| name);
        consumer.to_owned()
    }))
}
