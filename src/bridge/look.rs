//! Looks at the ends of a topic's partitions for what a bridge wrote there before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::shape::id_of;
use super::written::Written;
use crate::kafka::{Bounds, Client, Error};
use crate::model::{EntryId, Name};

/// How many records are read at the end of a partition: as few as tell, and more when they do not.
const RECORDS: [i64; 5] = [1, 64, 1024, 8192, 65_536];
/// How long one poll waits.
const WAIT: Duration = Duration::from_millis(500);

/// What each partition of `topic` is known to hold of `stream`, from entry `first` on, in their order.
///
/// # Errors
/// Errors of the client.
pub(super) async fn look(
    client: &Client,
    topic: &str,
    stream: &Name,
    first: EntryId,
) -> Result<Vec<Written>, Error> {
    let bounds = client.bounds(topic).await?;
    let mut known = vec![Written::nothing(); bounds.len()];
    let mut open = bounds;
    open.retain(|it| it.end > 0);
    for records in RECORDS {
        if open.is_empty() {
            break;
        }
        let is_last_look = Some(&records) == RECORDS.last();
        let mut ends = read_ends(client, topic, stream, &open, records).await?;
        open.retain(|partition| {
            let ids = ends.remove(&partition.partition).unwrap_or_default();
            let is_whole = partition.begin >= partition.end - records;
            let reaches = ids.first().is_some_and(|it| *it <= first);
            if !reaches && !is_whole && !is_last_look {
                return true;
            }
            let is_all = is_whole && partition.begin == 0;
            let found = if ids.is_empty() && !is_all {
                Written::dark()
            } else {
                Written::end(ids, is_all)
            };
            if let Some(place) = known.get_mut(partition.partition as usize) {
                *place = found;
            }
            false
        });
    }
    Ok(known)
}

/// The ids of the stream's entries among the last `records` records of each partition.
async fn read_ends(
    client: &Client,
    topic: &str,
    stream: &Name,
    partitions: &[Bounds],
    records: i64,
) -> Result<BTreeMap<u32, BTreeSet<EntryId>>, Error> {
    let mut found: BTreeMap<u32, BTreeSet<EntryId>> = BTreeMap::new();
    let mut left: Vec<Bounds> = partitions.to_vec();
    left.retain(|it| it.begin < it.end);
    if left.is_empty() {
        return Ok(found);
    }
    let from = left
        .iter()
        .map(|it| (it.partition, it.begin.max(it.end - records)));
    let from: Vec<(u32, i64)> = from.collect();
    let mut reader = client.reader(topic, &from).await?;
    loop {
        let mut reached = Vec::new();
        for partition in &left {
            let position = reader.position(partition.partition).await;
            if position.is_some_and(|it| it >= partition.end) {
                reached.push(partition.partition);
            }
        }
        left.retain(|it| !reached.contains(&it.partition));
        if left.is_empty() {
            break;
        }
        for record in reader.poll(WAIT).await? {
            if let Some(id) = id_of(&record, stream) {
                found.entry(record.partition).or_default().insert(id);
            }
        }
    }
    reader.close().await;
    Ok(found)
}
