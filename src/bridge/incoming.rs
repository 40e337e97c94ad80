//! A partition that is read: what was read and not taken yet, in the order that decides what is next.

use std::collections::VecDeque;
use std::time::Duration;

use super::arrived::origin_of;
use crate::kafka::{Error, Reader, Stored};
use crate::model::EntryId;

/// How long a poll waits for records.
const WAIT: Duration = Duration::from_millis(500);

/// A partition, and what was read of it.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) partition: u32,
    pub(super) reader: Reader,
    /// What was read and not taken, with what decides the order.
    pub(super) queue: VecDeque<(EntryId, Stored)>,
    /// The offset that is kept; `None` for none.
    pub(super) kept: Option<i64>,
    /// Where the partition ended when the reading began.
    pub(super) end: i64,
    /// Whether it was read up to there.
    pub(super) is_at_end: bool,
    /// Whether what is behind that end is left.
    pub(super) is_bounded: bool,
}

impl Lane {
    /// Reads more; whether there was something.
    pub(super) async fn poll(&mut self) -> Result<bool, Error> {
        let mut records = self.reader.poll(WAIT).await?;
        if self.is_bounded {
            records.retain(|it| it.offset < self.end);
        }
        let is_some = !records.is_empty();
        self.queue
            .extend(records.into_iter().map(|it| (order_of(&it), it)));
        let position = self.reader.position(self.partition).await;
        self.is_at_end |= position.is_some_and(|it| it >= self.end);
        Ok(is_some)
    }
}

/// The place of a record among those of other partitions.
fn order_of(record: &Stored) -> EntryId {
    match origin_of(record) {
        Some((_, id)) => id,
        None => EntryId::new(u64::try_from(record.timestamp_ms).unwrap_or_default(), 0),
    }
}
