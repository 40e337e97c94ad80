//! Commands about consumer groups and their consumers.

use crate::model::{EntryId, Name};
use crate::wire::decode;
use crate::wire::error::Result;
use crate::wire::request::Request;
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
