//! Where a consumer of a topic begins that has had everything of a stream up to some entry.

use std::collections::BTreeMap;
use std::time::Duration;

use super::shape::id_of;
use crate::kafka::{Bounds, Client, Error};
use crate::model::{EntryId, Name};

/// How long one poll waits.
const WAIT: Duration = Duration::from_millis(500);

/// The offset of the first record of an entry after `after`, of each partition in their order; where there is none, that of
/// the partition's end.
///
/// # Errors
/// Errors of the client.
pub(super) async fn offsets_after(
    client: &Client,
    topic: &str,
    stream: &Name,
    after: EntryId,
) -> Result<Vec<i64>, Error> {
    let bounds = client.bounds(topic).await?;
    // A record has the time of its entry, or a later one where the topic keeps its own times.
    let since = client.since(topic, after.ms).await?;
    let mut found: BTreeMap<u32, i64> = bounds.iter().map(|it| (it.partition, it.end)).collect();
    let mut open: Vec<Bounds> = Vec::new();
    for (place, offset) in bounds.iter().zip(since) {
        let begin = offset.unwrap_or(place.end).max(place.begin);
        if begin < place.end {
            open.push(Bounds { begin, ..*place });
        }
    }
    if open.is_empty() {
        return Ok(found.into_values().collect());
    }
    let from: Vec<_> = open.iter().map(|it| (it.partition, it.begin)).collect();
    let mut reader = client.reader(topic, &from).await?;
    while !open.is_empty() {
        for record in reader.poll(WAIT).await? {
            let is_after = id_of(&record, stream).is_some_and(|id| id > after);
            let place = open.iter().position(|it| it.partition == record.partition);
            if let Some(place) = place.filter(|_| is_after) {
                let partition = open.swap_remove(place);
                found.insert(record.partition, record.offset.min(partition.end));
            }
        }
        let mut behind = Vec::with_capacity(open.len());
        for partition in open {
            let position = reader.position(partition.partition).await;
            if position.is_none_or(|it| it < partition.end) {
                behind.push(partition);
            }
        }
        open = behind;
    }
    reader.close().await;
    Ok(found.into_values().collect())
}
