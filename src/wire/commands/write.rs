//! Commands that add and remove entries and keys.

use std::time::Duration;

use crate::model::{EntryId, Name};
use crate::wire::decode;
use crate::wire::request::{Request, done, text};
use crate::wire::resp::Shape;

/// `XADD`: appends an entry with a generated id, and trims the stream to about `maxlen` entries if that is given
/// (`MAXLEN ~`, whole nodes only).
pub fn xadd<N: AsRef<[u8]>, V: AsRef<[u8]>>(
    stream: &Name,
    maxlen: Option<u64>,
    fields: &[(N, V)],
) -> Request<EntryId> {
    let mut request = Request::new("XADD", Some(stream.as_bytes()), decode::id);
    if let Some(maxlen) = maxlen {
        request = request.arg("MAXLEN").arg("~").arg(maxlen);
    }
    request = request.arg("*");
    for (name, value) in fields {
        request = request.arg(name.as_ref()).arg(value.as_ref());
    }
    request
}

/// `XADD … MINID ~`: appends an entry with a generated id, and trims most entries with ids before `since` (whole nodes
/// only).
pub fn xadd_since<N: AsRef<[u8]>, V: AsRef<[u8]>>(
    stream: &Name,
    since: EntryId,
    fields: &[(N, V)],
) -> Request<EntryId> {
    let request = Request::new("XADD", Some(stream.as_bytes()), decode::id);
    let request = request.arg("MINID").arg("~").text(since).arg("*");
    let pairs = fields.iter();
    pairs.fold(request, |request, (name, value)| {
        request.arg(name.as_ref()).arg(value.as_ref())
    })
}

/// `XTRIM … MINID ~ … ACKED`: removes whole nodes of entries before an id, at most so many entries, and only those that
/// every group has acknowledged. Returns how many.
pub fn xtrim_acked(stream: &Name, before: EntryId, entries_max: u64) -> Request<u64> {
    Request::new("XTRIM", Some(stream.as_bytes()), decode::count)
        .arg("MINID")
        .arg("~")
        .text(before)
        .arg("LIMIT")
        .arg(entries_max)
        .arg("ACKED")
}

/// `XDEL`: how many of the entries existed.
pub fn xdel(stream: &Name, ids: &[EntryId]) -> Request<u64> {
    let mut request = Request::new("XDEL", Some(stream.as_bytes()), decode::count);
    for id in ids {
        request = request.text(id);
    }
    request
}

/// `DEL`: how many of the keys existed. All keys must be in one hash slot.
pub fn del(keys: &[Name]) -> Request<u64> {
    let mut request = Request::new("DEL", None, decode::count);
    for key in keys {
        request = request.arg(key.as_bytes());
    }
    request
}

/// `XSETID`: sets the last id of a stream, and, where they are known, how many entries were ever added to it and the
/// greatest id that was ever deleted. Error kind `NoKey` when there is no such key.
pub fn xsetid(
    stream: &Name,
    last: EntryId,
    added: Option<u64>,
    max_deleted: Option<EntryId>,
) -> Request<()> {
    let mut request = Request::new("XSETID", Some(stream.as_bytes()), done).text(last);
    if let Some(added) = added {
        request = request.arg("ENTRIESADDED").arg(added);
    }
    match max_deleted {
        Some(id) => request.arg("MAXDELETEDID").text(id),
        None => request,
    }
}

/// `RENAMENX`: whether the key has the new name; not when there is a key of that name. Both must be in one hash slot.
pub fn renamenx(key: &Name, to: &Name) -> Request<bool> {
    Request::new("RENAMENX", Some(key.as_bytes()), |command, value| {
        Ok(decode::count(command, value)? > 0)
    })
    .arg(to.as_bytes())
}

/// `SET … PX`: stores a value that expires after this time.
pub fn set_for(key: &Name, value: &[u8], expiry: Duration) -> Request<()> {
    let expiry_ms = u64::try_from(expiry.as_millis()).unwrap_or(u64::MAX).max(1);
    Request::new("SET", Some(key.as_bytes()), done)
        .arg(value)
        .arg("PX")
        .arg(expiry_ms)
}

/// `SET`: stores a value.
pub fn set_value(key: &Name, value: &[u8]) -> Request<()> {
    Request::new("SET", Some(key.as_bytes()), done).arg(value)
}

/// `SET … NX`: stores a value unless the key is there. Returns whether it was stored.
pub fn set_unless_there(key: &Name, value: &[u8]) -> Request<bool> {
    Request::new("SET", Some(key.as_bytes()), |_, value| {
        Ok(!matches!(value.shape(), Shape::Nil))
    })
    .arg(value)
    .arg("NX")
}

/// `GET`: `None` when there is no such key.
pub fn get(key: &Name) -> Request<Option<Vec<u8>>> {
    Request::new("GET", Some(key.as_bytes()), |command, value| {
        match value.shape() {
            Shape::Nil => Ok(None),
            _ => text(command, value).map(Some),
        }
    })
}

/// `TYPE`: `none` when there is no such key.
pub fn key_type(key: &Name) -> Request<Vec<u8>> {
    Request::new("TYPE", Some(key.as_bytes()), text)
}

/// One page of `SCAN … MATCH pattern TYPE type`: the next cursor (0 at the end) and keys.
pub fn scan(cursor: u64, pattern: &[u8], key_type: Option<&str>) -> Request<(u64, Vec<Name>)> {
    let request = Request::new("SCAN", None, |command, value| {
        let mut parts = decode::list(command, value)?;
        let (Some(cursor), Some(keys)) = (parts.next(), parts.next()) else {
            return Err(crate::wire::Error::shape(command, "a cursor and keys"));
        };
        let keys = decode::list(command, keys)?
            .map(|key| decode::bytes(command, key).map(Name::from))
            .collect::<Result<_, _>>()?;
        Ok((decode::count(command, cursor)?, keys))
    })
    .text(cursor)
    .arg("MATCH")
    .arg(pattern)
    .arg("COUNT")
    .arg(1000);
    match key_type {
        Some(key_type) => request.arg("TYPE").arg(key_type),
        None => request,
    }
}
