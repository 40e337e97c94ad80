//! Decodes `XINFO STREAM`, `XINFO GROUPS` and `XINFO CONSUMERS`. Fields that this tool does not use are skipped,
//! because servers add new ones in every release.

use super::{count, id, integer, list, pairs};
use crate::model::{ConsumerInfo, Entry, EntryId, GroupInfo, Name, StreamInfo};
use crate::wire::error::{Error, Result};
use crate::wire::resp::{Reply, Shape};

/// One stream.
///
/// # Errors
/// An unknown shape, or a missing field that every server since 5.0 sends.
pub(in crate::wire) fn stream(command: &str, node: Reply<'_>) -> Result<StreamInfo> {
    let (mut length, mut last_generated_id) = (None, None);
    let (mut max_deleted_id, mut entries_added, mut first, mut last) = (None, None, None, None);
    pairs(command, node, |name, value| {
        match name {
            b"length" => length = Some(count(command, value)?),
            b"last-generated-id" => last_generated_id = Some(id(command, value)?),
            b"max-deleted-entry-id" => max_deleted_id = Some(id(command, value)?),
            b"entries-added" => entries_added = Some(count(command, value)?),
            b"first-entry" => first = optional_entry(command, value)?,
            b"last-entry" => last = optional_entry(command, value)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(StreamInfo {
        length: length.ok_or_else(|| Error::shape(command, "`length`"))?,
        last_generated_id: last_generated_id
            .ok_or_else(|| Error::shape(command, "`last-generated-id`"))?,
        max_deleted_id,
        entries_added,
        first,
        last,
    })
}

/// How many nodes the entries of a stream are in; `None` when the server does not say.
///
/// # Errors
/// An unknown shape.
pub(in crate::wire) fn stream_nodes(command: &str, node: Reply<'_>) -> Result<Option<u64>> {
    let mut nodes = None;
    pairs(command, node, |name, value| {
        if name == b"radix-tree-keys" {
            nodes = Some(count(command, value)?);
        }
        Ok(())
    })?;
    Ok(nodes)
}

/// `[id, fields]` or nil: the same shape as one element of a range.
fn optional_entry(command: &str, node: Reply<'_>) -> Result<Option<Entry>> {
    if node.shape() == Shape::Nil {
        return Ok(None);
    }
    let mut parts = list(command, node)?;
    let (Some(entry_id), Some(fields)) = (parts.next(), parts.next()) else {
        return Err(Error::shape(command, "an id and its fields"));
    };
    let mut items = list(command, fields)?;
    let mut owned = Vec::new();
    while let (Some(name), Some(value)) = (items.next(), items.next()) {
        owned.push((
            super::bytes(command, name)?.to_vec(),
            super::bytes(command, value)?.to_vec(),
        ));
    }
    Ok(Some(Entry {
        id: id(command, entry_id)?,
        fields: owned,
    }))
}

/// The groups of a stream.
///
/// # Errors
/// An unknown shape, or a missing field that every server since 5.0 sends.
pub(in crate::wire) fn groups(command: &str, node: Reply<'_>) -> Result<Vec<GroupInfo>> {
    list(command, node)?
        .map(|item| group(command, item))
        .collect()
}

fn group(command: &str, node: Reply<'_>) -> Result<GroupInfo> {
    let mut info = GroupInfo {
        name: Name::default(),
        consumers: 0,
        pending: 0,
        last_delivered_id: EntryId::MIN,
        entries_read: None,
        server_lag: None,
    };
    let mut seen = 0;
    pairs(command, node, |name, value| {
        seen += 1;
        match name {
            b"name" => info.name = Name::from(super::bytes(command, value)?),
            b"consumers" => info.consumers = count(command, value)?,
            b"pending" => info.pending = count(command, value)?,
            b"last-delivered-id" => info.last_delivered_id = id(command, value)?,
            b"entries-read" => {
                info.entries_read =
                    optional_number(command, value)?.and_then(|n| n.try_into().ok());
            }
            b"lag" => info.server_lag = optional_number(command, value)?,
            _ => seen -= 1,
        }
        Ok(())
    })?;
    if seen < 4 {
        return Err(Error::shape(
            command,
            "name, consumers, pending and last-delivered-id",
        ));
    }
    Ok(info)
}

fn optional_number(command: &str, node: Reply<'_>) -> Result<Option<i64>> {
    match node.shape() {
        Shape::Nil => Ok(None),
        _ => integer(command, node).map(Some),
    }
}

/// The consumers of a group.
///
/// # Errors
/// An unknown shape.
pub(in crate::wire) fn consumers(command: &str, node: Reply<'_>) -> Result<Vec<ConsumerInfo>> {
    list(command, node)?
        .map(|item| consumer(command, item))
        .collect()
}

fn consumer(command: &str, node: Reply<'_>) -> Result<ConsumerInfo> {
    let (mut name, mut pending, mut idle_ms, mut inactive_ms) = (None, None, None, None);
    pairs(command, node, |field, value| {
        match field {
            b"name" => name = Some(Name::from(super::bytes(command, value)?)),
            b"pending" => pending = Some(count(command, value)?),
            b"idle" => idle_ms = Some(integer(command, value)?.try_into().unwrap_or(0)),
            // -1: it never got anything.
            b"inactive" => inactive_ms = integer(command, value)?.try_into().ok(),
            _ => {}
        }
        Ok(())
    })?;
    match (name, pending, idle_ms) {
        (Some(name), Some(pending), Some(idle_ms)) => Ok(ConsumerInfo {
            name,
            pending,
            idle_ms,
            inactive_ms,
        }),
        _ => Err(Error::shape(command, "name, pending and idle")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::resp::written::{int, list, map, nil, read, text};

    #[test]
    fn a_lag_can_be_unknown_negative_or_absent() {
        let row = |lag: Option<Vec<u8>>| {
            let mut items = vec![
                text("name"),
                text("g"),
                text("consumers"),
                int(0),
                text("pending"),
                int(0),
                text("last-delivered-id"),
                text("0-0"),
            ];
            items.extend(lag.into_iter().flat_map(|lag| [text("lag"), lag]));
            items
        };
        for (lag, expected) in [
            (None, None),
            (Some(nil()), None),
            (Some(int(-89)), Some(-89)),
        ] {
            for row in [list(row(lag.clone())), map(row(lag))] {
                let rows = read(&list([row]), |reply| groups("XINFO GROUPS s", reply));
                assert_eq!(rows.expect("decodes")[0].server_lag, expected);
            }
        }
    }

    #[test]
    fn a_consumer_that_never_got_anything() {
        let row = list([
            text("name"),
            text("c"),
            text("pending"),
            int(0),
            text("idle"),
            int(7),
            text("inactive"),
            int(-1),
        ]);
        let rows = read(&list([row]), |reply| {
            consumers("XINFO CONSUMERS s g", reply)
        });
        let rows = rows.expect("decodes");
        assert_eq!((rows[0].idle_ms, rows[0].inactive_ms), (7, None));
    }

    #[test]
    fn an_empty_stream_has_no_first_entry() {
        let row = list([
            text("length"),
            int(0),
            text("groups"),
            int(1),
            text("last-generated-id"),
            text("5-0"),
            text("entries-added"),
            int(9),
            text("first-entry"),
            nil(),
            text("last-entry"),
            nil(),
        ]);
        let info = |row: &[u8]| read(row, |reply| stream("XINFO STREAM s", reply));
        let found = info(&row).expect("decodes");
        assert!(found.first.is_none() && found.entries_added == Some(9));
        assert!(info(&list([])).is_err());
    }
}
