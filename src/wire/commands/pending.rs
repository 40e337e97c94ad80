//! Commands about entries that were delivered and not acknowledged.

use std::time::Duration;

use crate::model::{EntryId, Name, PendingEntry, PendingSummary, Time};
use crate::wire::decode;
use crate::wire::request::Request;

/// Selects pending entries.
#[derive(Clone, Debug)]
pub struct PendingFilter<'a> {
    /// The least id.
    pub start: EntryId,
    /// The greatest id.
    pub end: EntryId,
    /// Only those of this consumer.
    pub consumer: Option<&'a Name>,
    /// Only entries that have been idle for at least this long. The server looks at every pending entry to find them.
    pub idle_min: Option<Duration>,
    /// The greatest number of rows.
    pub count_max: usize,
}

impl Default for PendingFilter<'_> {
    fn default() -> Self {
        Self {
            start: EntryId::MIN,
            end: EntryId::MAX,
            consumer: None,
            idle_min: None,
            count_max: 500,
        }
    }
}

/// `XPENDING key group`: the summary. Error kind `NoGroup` when there is no such group.
pub fn xpending(stream: &Name, group: &Name) -> Request<PendingSummary> {
    Request::new("XPENDING", Some(stream.as_bytes()), decode::pending_summary).arg(group.as_bytes())
}

/// `XPENDING key group [IDLE ms] start end count [consumer]`: rows in order of id. Changes nothing.
pub fn xpending_entries(
    stream: &Name,
    group: &Name,
    filter: &PendingFilter<'_>,
) -> Request<Vec<PendingEntry>> {
    let mut request = Request::new("XPENDING", Some(stream.as_bytes()), decode::pending_entries)
        .arg(group.as_bytes());
    if let Some(idle_min) = filter.idle_min {
        request = request.arg("IDLE").text(idle_min.as_millis());
    }
    request = request
        .text(filter.start)
        .text(filter.end)
        .arg(filter.count_max);
    match filter.consumer {
        Some(consumer) => request.arg(consumer.as_bytes()),
        None => request,
    }
}

/// `XACK`: how many entries were pending and are now acknowledged. 0 also when there is no such group or stream.
pub fn xack(stream: &Name, group: &Name, ids: &[EntryId]) -> Request<u64> {
    let mut request =
        Request::new("XACK", Some(stream.as_bytes()), decode::count).arg(group.as_bytes());
    for id in ids {
        request = request.text(id);
    }
    request
}

/// `XCLAIM … FORCE JUSTID`: makes an entry pending that was delivered `deliveries` times, the last time to `consumer` at the
/// time `delivered` by the server's clock. Whether the stream has it.
pub fn xclaim_as(
    (stream, group): (&Name, &Name),
    consumer: &Name,
    id: EntryId,
    delivered: Time,
    deliveries: u64,
) -> Request<bool> {
    Request::new("XCLAIM", Some(stream.as_bytes()), |command, value| {
        Ok(decode::list(command, value)?.next().is_some())
    })
    .arg(group.as_bytes())
    .arg(consumer.as_bytes())
    .arg(0)
    .text(id)
    .arg("TIME")
    .arg(delivered.ms)
    .arg("RETRYCOUNT")
    .arg(deliveries)
    .arg("FORCE")
    .arg("JUSTID")
}
