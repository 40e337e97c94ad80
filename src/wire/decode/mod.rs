//! Strict decoders from a reply's tree to model values. An unknown shape is an error that names the command; nothing
//! is guessed and nothing is dropped.

mod entries;
mod info;
mod pending;

pub use entries::FieldSlices;
pub(super) use entries::{entries, owned_entries, stream_entries};
pub(super) use info::{consumers, groups, stream, stream_nodes};
pub(super) use pending::{pending_entries, pending_summary};

use super::error::{Error, Result};
use super::resp::{Children, Reply, Shape};
use crate::model::EntryId;

/// Bytes, or an error naming `command`.
pub(super) fn bytes<'a>(command: &str, node: Reply<'a>) -> Result<&'a [u8]> {
    match node.shape() {
        Shape::Bytes(bytes) => Ok(bytes),
        _ => Err(Error::shape(command, "text")),
    }
}

/// An entry id.
pub(super) fn id(command: &str, node: Reply<'_>) -> Result<EntryId> {
    EntryId::parse(bytes(command, node)?).map_err(|_| Error::shape(command, "an entry id"))
}

/// A number that is not negative; servers may also send it as text.
pub(super) fn count(command: &str, node: Reply<'_>) -> Result<u64> {
    u64::try_from(integer(command, node)?).map_err(|_| Error::shape(command, "a count"))
}

/// A number; servers may also send it as text.
pub(super) fn integer(command: &str, node: Reply<'_>) -> Result<i64> {
    match node.shape() {
        Shape::Int(value) => Ok(value),
        Shape::Bytes(text) => std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| Error::shape(command, "a number")),
        _ => Err(Error::shape(command, "a number")),
    }
}

/// A list's children.
pub(super) fn list<'a>(command: &str, node: Reply<'a>) -> Result<Children<'a>> {
    match node.shape() {
        Shape::List(_) | Shape::Map(_) => Ok(node.children()),
        _ => Err(Error::shape(command, "a list")),
    }
}

/// A list's children; `None` for nil (a read that timed out).
pub(super) fn optional_list<'a>(command: &str, node: Reply<'a>) -> Result<Option<Children<'a>>> {
    match node.shape() {
        Shape::Nil => Ok(None),
        _ => list(command, node).map(Some),
    }
}

/// Calls `field` with each name and value of a map, or of a list in which names and values alternate.
pub(super) fn pairs<'a>(
    command: &str,
    node: Reply<'a>,
    mut field: impl FnMut(&'a [u8], Reply<'a>) -> Result<()>,
) -> Result<()> {
    let mut items = list(command, node)?;
    while let Some(name) = items.next() {
        let value = items
            .next()
            .ok_or_else(|| Error::shape(command, "names with values"))?;
        field(bytes(command, name)?, value)?;
    }
    Ok(())
}
