//! Commands about consumer groups and their consumers.

use crate::model::{EntryId, Name};
use crate::wire::decode;
use crate::wire::error::Result;
use crate::wire::request::{Request, done};
use crate::wire::resp::{Reply, Shape};

/// Where a new group begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupStart {
    /// After the entry with this id; `0-0` is before the first entry.
    After(EntryId),
    /// Only entries that are added from now on (`$`).
    New,
}

/// `XGROUP CREATECONSUMER`: whether the consumer is new. Error kind `NoGroup` when there is no such group.
pub fn xgroup_create_consumer(stream: &Name, group: &Name, consumer: &Name) -> Request<bool> {
    Request::new(
        "XGROUP CREATECONSUMER",
        Some(stream.as_bytes()),
        |command, value| Ok(decode::count(command, value)? > 0),
    )
    .arg(group.as_bytes())
    .arg(consumer.as_bytes())
}

/// `XGROUP CREATE … MKSTREAM`: with exactly these counters; `None` is a number of reads that the server does not know.
/// Error kind `BusyGroup` when the group exists.
pub fn xgroup_create(
    stream: &Name,
    group: &Name,
    last_delivered: EntryId,
    entries_read: Option<u64>,
) -> Request<()> {
    let request = Request::new("XGROUP CREATE", Some(stream.as_bytes()), done)
        .arg(group.as_bytes())
        .text(last_delivered)
        .arg("MKSTREAM");
    match entries_read {
        Some(count) => request.arg("ENTRIESREAD").arg(count),
        None => request,
    }
}

/// `XGROUP DESTROY`: whether there was such a group. Error kind `NoKey` when there is no such key.
pub fn xgroup_destroy(stream: &Name, group: &Name) -> Request<bool> {
    Request::new(
        "XGROUP DESTROY",
        Some(stream.as_bytes()),
        |command, value| Ok(decode::count(command, value)? > 0),
    )
    .arg(group.as_bytes())
}

/// Resets the consumer's idle time without touching an entry: it reads its own history from the id before the
/// greatest possible one, where there cannot be any entry.
pub fn touch_consumer(stream: &Name, group: &Name, consumer: &Name) -> Request<()> {
    let beyond = EntryId::MAX.previous().unwrap_or(EntryId::MAX);
    let mut request = Request::new(
        "XREADGROUP",
        None,
        |command, value: Reply<'_>| -> Result<()> {
            match value.shape() {
                Shape::Nil | Shape::List(_) | Shape::Map(_) => Ok(()),
                _ => Err(crate::wire::Error::shape(command, "an empty history")),
            }
        },
    );
    request.key = Some(stream.clone());
    request
        .arg("GROUP")
        .arg(group.as_bytes())
        .arg(consumer.as_bytes())
        .arg("COUNT")
        .arg(1)
        .arg("STREAMS")
        .arg(stream.as_bytes())
        .text(beyond)
}
