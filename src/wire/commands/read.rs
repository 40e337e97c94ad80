//! Commands that read streams and change nothing.

use crate::model::{ConsumerInfo, Entry, EntryId, GroupInfo, Name, StreamInfo};
use crate::wire::decode;
use crate::wire::error::Result;
use crate::wire::request::Request;
use crate::wire::resp::{Reply, Shape};

/// `XLEN`: the number of entries in the stream; 0 when there is no such key.
pub fn xlen(stream: &Name) -> Request<u64> {
    Request::new("XLEN", Some(stream.as_bytes()), decode::count)
}

/// `XRANGE`: at most `count_max` entries from `start` to `end`, both included.
pub fn xrange(
    stream: &Name,
    start: EntryId,
    end: EntryId,
    count_max: usize,
) -> Request<Vec<Entry>> {
    Request::new("XRANGE", Some(stream.as_bytes()), entries)
        .text(start)
        .text(end)
        .arg("COUNT")
        .arg(count_max)
}

/// `XREVRANGE`: at most `count_max` entries from `end` down to `start`, both included.
pub fn xrevrange(
    stream: &Name,
    end: EntryId,
    start: EntryId,
    count_max: usize,
) -> Request<Vec<Entry>> {
    Request::new("XREVRANGE", Some(stream.as_bytes()), entries)
        .text(end)
        .text(start)
        .arg("COUNT")
        .arg(count_max)
}

/// The size of a range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Entries.
    pub entries: usize,
    /// The total size of the names and values.
    pub bytes: usize,
    /// The id of the last entry.
    pub last: Option<EntryId>,
}

/// As [`xrange`], but keeps only the number and the size of the entries.
pub fn xrange_extent(
    stream: &Name,
    start: EntryId,
    end: EntryId,
    count_max: usize,
) -> Request<Extent> {
    Request::new("XRANGE", Some(stream.as_bytes()), |command, value| {
        let mut extent = Extent::default();
        decode::entries(command, value, |id, fields| {
            let fields = fields.unwrap_or_default().iter();
            extent.entries += 1;
            extent.bytes += fields
                .map(|(name, value)| name.len() + value.len())
                .sum::<usize>();
            extent.last = Some(id);
            Ok(())
        })?;
        Ok(extent)
    })
    .text(start)
    .text(end)
    .arg("COUNT")
    .arg(count_max)
}

/// The ids of a range, and how large its entries are.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    /// The ids, in the order of the reply.
    pub ids: Vec<EntryId>,
    /// Bytes of the entries' names and values.
    pub bytes: usize,
}

/// As [`xrange`], but keeps only the ids.
pub fn xrange_ids(stream: &Name, start: EntryId, end: EntryId, count_max: usize) -> Request<Ids> {
    Request::new("XRANGE", Some(stream.as_bytes()), ids)
        .text(start)
        .text(end)
        .arg("COUNT")
        .arg(count_max)
}

/// As [`xrevrange`], but keeps only the ids.
pub fn xrevrange_ids(
    stream: &Name,
    end: EntryId,
    start: EntryId,
    count_max: usize,
) -> Request<Ids> {
    Request::new("XREVRANGE", Some(stream.as_bytes()), ids)
        .text(end)
        .text(start)
        .arg("COUNT")
        .arg(count_max)
}

fn ids(command: &str, reply: Reply<'_>) -> Result<Ids> {
    let mut found = Ids::default();
    decode::entries(command, reply, |id, fields| {
        let fields = fields.unwrap_or_default().iter();
        found.bytes += fields
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>();
        found.ids.push(id);
        Ok(())
    })?;
    Ok(found)
}

fn entries(command: &str, value: Reply<'_>) -> Result<Vec<Entry>> {
    Ok(decode::owned_entries(command, value)?.0)
}

/// `HGETALL`: fields with their values, in no order; none when there is no such key.
pub fn hgetall(key: &Name) -> Request<Vec<(Name, Vec<u8>)>> {
    Request::new("HGETALL", Some(key.as_bytes()), |command, value| {
        let mut fields = Vec::new();
        decode::pairs(command, value, |name, value| {
            fields.push((Name::from(name), decode::bytes(command, value)?.to_vec()));
            Ok(())
        })?;
        Ok(fields)
    })
}

/// `HMGET`: the values of these fields, `None` for each that does not exist. Requires at least one field.
pub fn hmget(key: &Name, fields: &[EntryId]) -> Request<Vec<Option<Vec<u8>>>> {
    let mut request = Request::new("HMGET", Some(key.as_bytes()), |command, value| {
        decode::list(command, value)?
            .map(|item| match item.shape() {
                Shape::Nil => Ok(None),
                _ => decode::bytes(command, item).map(|it| Some(it.to_vec())),
            })
            .collect()
    });
    for field in fields {
        request = request.text(field);
    }
    request
}

/// `XINFO STREAM`. Error kind `NoKey` when there is no such key.
pub fn xinfo_stream(stream: &Name) -> Request<StreamInfo> {
    Request::new("XINFO STREAM", Some(stream.as_bytes()), decode::stream)
}

/// `XINFO STREAM`: how many nodes the stream's entries are in; `None` when the server does not say.
pub fn stream_nodes(stream: &Name) -> Request<Option<u64>> {
    Request::new(
        "XINFO STREAM",
        Some(stream.as_bytes()),
        decode::stream_nodes,
    )
}

/// `XINFO GROUPS`. Error kind `NoKey` when there is no such key.
pub fn xinfo_groups(stream: &Name) -> Request<Vec<GroupInfo>> {
    Request::new("XINFO GROUPS", Some(stream.as_bytes()), decode::groups)
}

/// `XINFO CONSUMERS`. Error kind `NoGroup` when there is no such group.
pub fn xinfo_consumers(stream: &Name, group: &Name) -> Request<Vec<ConsumerInfo>> {
    Request::new(
        "XINFO CONSUMERS",
        Some(stream.as_bytes()),
        decode::consumers,
    )
    .arg(group.as_bytes())
}
