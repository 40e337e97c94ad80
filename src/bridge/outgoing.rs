//! The entries of a partition that wait to be sent and those under way, and the next batch of them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::sending::Sending;
use super::written::{Presence, Written};
use crate::kafka::Record;
use crate::model::EntryId;
use crate::worker::Delivery;
use crate::worker::handler::Verdict;

/// An entry that was taken over.
pub(super) struct Item {
    pub(super) delivery: Delivery,
    /// Which activity of this worker it came in.
    pub(super) turn: u64,
    pub(super) answer: oneshot::Sender<Verdict>,
}

/// The entries of one partition.
#[derive(Default)]
pub(super) struct Lane {
    pub(super) waiting: VecDeque<Item>,
    /// The first of those that wait, when its record did not fit in the batch before.
    pub(super) made: Option<(EntryId, Record)>,
    pub(super) under_way: Option<UnderWay>,
    pub(super) written: Written,
}

/// A batch that was handed to the producer.
pub(super) struct UnderWay {
    pub(super) items: Vec<Item>,
    pub(super) since: Instant,
    pub(super) told_at: Duration,
}

impl Lane {
    /// The next entries that are not there yet, as records of one batch. Those that are there are answered.
    pub(super) fn next_batch(
        &mut self,
        sending: &Sending,
        bytes_max: usize,
    ) -> (Vec<Item>, Vec<Record>) {
        let (mut items, mut records, mut bytes) = (Vec::new(), Vec::new(), 0);
        while let Some(item) = self.waiting.pop_front() {
            let (id, deliveries) = (item.delivery.id(), item.delivery.deliveries);
            if item.answer.is_closed() {
                continue;
            }
            match self.written.presence(id, deliveries) {
                Presence::Written => {
                    let _ = item.answer.send(Verdict::Done);
                    continue;
                }
                Presence::Unknown => {
                    tracing::warn!(stream = %sending.shape.stream, group = %sending.group, topic = sending.topic, %id, "this entry may have been written before: its record may repeat");
                }
                Presence::Missing => {}
            }
            let made = self.made.take().filter(|(of, _)| *of == id);
            let record = made.map_or_else(
                || sending.shape.record(id, item.delivery.fields()),
                |(_, record)| record,
            );
            if !records.is_empty() && bytes + record.bytes() > bytes_max {
                self.made = Some((id, record));
                self.waiting.push_front(item);
                break;
            }
            bytes += record.bytes();
            records.push(record);
            items.push(item);
        }
        (items, records)
    }
}
