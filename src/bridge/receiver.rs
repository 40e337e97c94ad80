//! Reads the partitions of a topic and takes their records into a stream.
//!
//! How far each partition was taken is kept beside the stream, in the same step as its entries, so that whoever goes on does
//! so exactly there. Records that were there when the reading began are merged in the order of their ids, or, where they have
//! none, of their times; those that come later are taken as they come.

use std::collections::{BTreeMap, VecDeque};

use anyhow::Result;
use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use futures_util::stream::FuturesUnordered;

use super::arrived::{self, Arrived};
use super::incoming::Lane;
use super::receiving::{Received, Receiving};
use crate::kafka::{Bounds, Client, Error, Stored};
use crate::model::{Kind, Problem, Time, counted};
use crate::wire::{Advance, Connection, Took, take_records};

/// What one step takes at most; a single record may have more bytes.
const RECORDS_MAX: usize = 500;
const BYTES_MAX: usize = 1024 * 1024;

/// Reads a topic; made anew after any error.
#[derive(Debug)]
pub struct Receiver {
    receiving: Receiving,
    lanes: Vec<Lane>,
    lost: u64,
}

impl Receiver {
    /// Begins where each partition was taken to; `ends` are where a bridge that ends by itself stops, and become what they
    /// are now when they are not known.
    ///
    /// # Errors
    /// Not found when there is no such topic; refused when it is another one than before; errors of both sides.
    pub async fn open(
        client: &Client,
        connection: &Connection,
        receiving: &Receiving,
        (is_bounded, ends): (bool, &mut Option<Vec<i64>>),
    ) -> Result<Self> {
        let Receiving { topic, stream, .. } = receiving;
        let kept = receiving.kept(connection).await?;
        let mut bounds = client.bounds(topic).await.map_err(Problem::from)?;
        if let Some((greatest, _)) = kept
            .last_key_value()
            .filter(|(it, _)| **it as usize >= bounds.len())
        {
            let place = format!("it has no partition {greatest}");
            return Err(receiving.made_again(&place));
        }
        if let Some((partition, from, end)) = { bounds.iter() }
            .filter_map(|it| Some((it.partition, *kept.get(&it.partition)?, it.end)))
            .find(|(_, from, end)| from > end)
        {
            let place =
                format!("partition {partition} was taken up to offset {from}, and ends at {end}");
            return Err(receiving.made_again(&place));
        }
        let ends = ends.get_or_insert_with(|| bounds.iter().map(|it| it.end).collect());
        if is_bounded {
            bounds.truncate(ends.len());
            for (bounds, end) in bounds.iter_mut().zip(&*ends) {
                bounds.end = (*end).max(bounds.begin);
            }
        }
        let (mut lanes, mut lost, mut skipped) = (Vec::new(), 0, Vec::new());
        for Bounds {
            partition,
            begin,
            end,
        } in bounds
        {
            let kept = kept.get(&partition).copied();
            let from = kept.unwrap_or(begin);
            if from < begin {
                let records = begin.abs_diff(from);
                tracing::error!(
                    topic, %stream, partition,
                    "records are lost: offsets {from} to {} were removed before they could be taken, at most {}; keep records longer in Kafka, or take them sooner",
                    begin - 1, counted(records, "record", "records"),
                );
                lost += records;
                skipped.push(Advance {
                    partition,
                    from: kept,
                    to: begin,
                });
            } else if kept.is_none() && begin > 0 {
                tracing::info!(topic, %stream, partition, "begins at offset {begin}, where the topic begins now");
            }
            let from = from.max(begin);
            lanes.push(Lane {
                partition,
                reader: client
                    .reader(topic, &[(partition, from)])
                    .await
                    .map_err(Problem::from)?,
                queue: VecDeque::new(),
                kept: kept.map(|it| it.max(begin)),
                end,
                is_at_end: from >= end,
                is_bounded,
            });
        }
        let mut receiver = Self {
            receiving: receiving.clone(),
            lanes,
            lost,
        };
        // Said once: whoever goes on begins behind them.
        if !skipped.is_empty() {
            // Without records none can have too many fields.
            let _ = receiver.apply(connection, &skipped, &[]).await?;
        }
        Ok(receiver)
    }

    /// How many records, at most, were removed before they could be taken.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// How many partitions are read.
    pub fn partitions(&self) -> usize {
        self.lanes.len()
    }

    /// Whether all that was there when the reading began was taken.
    pub fn is_through(&self) -> bool {
        self.lanes
            .iter()
            .all(|it| it.is_at_end && it.queue.is_empty())
    }

    /// Reads for a moment. Whether records can be taken.
    ///
    /// # Errors
    /// Errors of Kafka.
    pub async fn fill(&mut self) -> Result<bool, Error> {
        let behind = self
            .lanes
            .iter_mut()
            .filter(|it| it.queue.is_empty() && !it.is_at_end);
        try_join_all(behind.map(Lane::poll)).await?;
        if self
            .lanes
            .iter()
            .all(|it| it.is_at_end && it.queue.is_empty())
            && self.lanes.iter().any(|it| !it.is_bounded)
        {
            let mut polls: FuturesUnordered<_> = self.lanes.iter_mut().map(Lane::poll).collect();
            while let Some(has_some) = polls.next().await {
                if has_some? {
                    break;
                }
            }
        }
        let is_waited_for = |it: &Lane| it.queue.is_empty() && !it.is_at_end;
        Ok(!self.lanes.iter().any(is_waited_for)
            && self.lanes.iter().any(|it| !it.queue.is_empty()))
    }

    /// Takes a batch of what was read, and adds it to `received`.
    ///
    /// # Errors
    /// Fenced when another bridge has the lease, unavailable when another one took these records: it is made anew then. A
    /// record that no script can add.
    pub async fn take(&mut self, connection: &Connection, received: &mut Received) -> Result<()> {
        let now_ms = Time::now().ms;
        let (mut arrived, mut places, mut bytes) = (Vec::new(), Vec::new(), 0);
        let mut advances: BTreeMap<u32, Advance> = BTreeMap::new();
        while arrived.len() < RECORDS_MAX && bytes < BYTES_MAX {
            let Some((lane, record)) = self.pop() else {
                break;
            };
            bytes += bytes_of(&record);
            let to = record.offset.saturating_add(1);
            advances
                .entry(lane.0)
                .or_insert(Advance {
                    partition: lane.0,
                    from: lane.1,
                    to,
                })
                .to = to;
            places.push((record.partition, record.offset));
            arrived.push(arrived::arrived(&record, now_ms));
            // What is behind may belong before the rest.
            if self
                .lanes
                .iter()
                .any(|it| it.queue.is_empty() && !it.is_at_end)
            {
                break;
            }
        }
        let advances: Vec<Advance> = advances.into_values().collect();
        match self.apply(connection, &advances, &arrived).await? {
            Ok(own_ids) => received.own_ids += own_ids,
            Err(place) => {
                let (partition, offset) = places.get(place).copied().unwrap_or_default();
                return Err(self.too_many(partition, offset).into());
            }
        }
        let count = |of: fn(&Arrived) -> bool| arrived.iter().filter(|it| of(it)).count() as u64;
        received.records += arrived.len() as u64;
        received.foreign += count(|it| it.is_foreign);
        received.tombstones += count(|it| it.is_tombstone);
        Ok(())
    }

    /// The record that is next, with its partition and the offset that is kept of that.
    fn pop(&mut self) -> Option<((u32, Option<i64>), Stored)> {
        let lanes = self.lanes.iter_mut().filter(|it| !it.queue.is_empty());
        let lane = lanes.min_by_key(|it| it.queue.front().map(|(order, _)| *order))?;
        let (_, record) = lane.queue.pop_front()?;
        Some(((lane.partition, lane.kept), record))
    }

    /// Runs the script; how many have their own ids, or the place of a record with too many fields.
    async fn apply(
        &mut self,
        connection: &Connection,
        advances: &[Advance],
        arrived: &[Arrived],
    ) -> Result<Result<u64, usize>> {
        let receiving = &self.receiving;
        let records: Vec<_> = arrived.iter().map(|it| it.entry.clone()).collect();
        let call = take_records(
            (&receiving.stream, &receiving.offsets()),
            (&receiving.fence, receiving.time_to_live),
            advances,
            &records,
        );
        match connection.call(call).await? {
            Took::Done { own_ids } => {
                for lane in &mut self.lanes {
                    let advance = advances.iter().find(|it| it.partition == lane.partition);
                    lane.kept = advance.map_or(lane.kept, |it| Some(it.to));
                }
                Ok(Ok(own_ids))
            }
            Took::TooMany(place) => Ok(Err(place)),
            Took::Moved { partition, kept } => {
                let text = format!(
                    "partition {partition} of topic `{}` was taken up to offset {kept} by another bridge",
                    receiving.topic
                );
                Err(Problem::new(Kind::Unavailable, text).into())
            }
        }
    }

    fn too_many(&self, partition: u32, offset: i64) -> Problem {
        let Receiving { topic, stream, .. } = &self.receiving;
        let text = format!(
            "the record at offset {offset} of partition {partition} of topic `{topic}` has more fields than can be added to stream `{stream}` in one step; nothing behind it was taken"
        );
        Problem::refused(text)
            .hint("look at that record; a record of so many fields must be taken by other means")
    }
}

/// About how many bytes its entry has.
fn bytes_of(record: &Stored) -> usize {
    let headers = record.headers.iter();
    let headers: usize = headers
        .map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len))
        .sum();
    record.key.as_ref().map_or(0, Vec::len)
        + record.value.as_ref().map_or(0, Vec::len)
        + headers
        + 16
}
