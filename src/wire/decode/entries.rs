//! Entries: `XRANGE`, `XREAD`, `XREADGROUP`, `XCLAIM` replies.

use super::{bytes, id, list, optional_list};
use crate::model::{Entry, EntryId, Name};
use crate::wire::error::{Error, Result};
use crate::wire::node::{Node, Shape};

/// The name and value pairs of one entry, borrowed from the reply.
pub type FieldSlices<'a> = [(&'a [u8], &'a [u8])];

/// Calls `each` with every entry of a list `[[id, [name, value, …]], …]`, in order. `None` for the fields stands for
/// an entry that is pending but no longer in the stream. An entry may have more elements (idle time and delivery
/// count, Redis 8.4). A bare nil in the list (Redis 6.2's deleted entries) is skipped.
///
/// # Errors
/// An unknown shape, or an error of `each`.
pub fn entries<'a, N: Node<'a>>(
    command: &str,
    node: N,
    mut each: impl FnMut(EntryId, Option<&FieldSlices<'a>>) -> Result<()>,
) -> Result<()> {
    let mut fields: Vec<(&'a [u8], &'a [u8])> = Vec::with_capacity(8);
    for item in list(command, node)? {
        if item.shape() == Shape::Nil {
            continue;
        }
        let mut parts = list(command, item)?;
        let (Some(entry_id), Some(body)) = (parts.next(), parts.next()) else {
            return Err(Error::shape(command, "an id and its fields"));
        };
        let entry_id = id(command, entry_id)?;
        match optional_list(command, body)? {
            None => each(entry_id, None)?,
            Some(mut items) => {
                fields.clear();
                while let Some(name) = items.next() {
                    let value = items
                        .next()
                        .ok_or_else(|| Error::shape(command, "field names with values"))?;
                    fields.push((bytes(command, name)?, bytes(command, value)?));
                }
                each(entry_id, Some(&fields))?;
            }
        }
    }
    Ok(())
}

/// The entries of a list as owned values; those without a body as ids.
///
/// # Errors
/// An unknown shape.
pub fn owned_entries<'a, N: Node<'a>>(
    command: &str,
    node: N,
) -> Result<(Vec<Entry>, Vec<EntryId>)> {
    let (mut found, mut ghosts) = (Vec::new(), Vec::new());
    entries(command, node, |id, fields| {
        match fields {
            Some(fields) => found.push(Entry {
                id,
                fields: owned(fields),
            }),
            None => ghosts.push(id),
        }
        Ok(())
    })?;
    Ok((found, ghosts))
}

fn owned(fields: &FieldSlices<'_>) -> crate::model::Fields {
    fields
        .iter()
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect()
}

/// Calls `each` with the stream's name and its list of entries for every stream of an `XREAD` or `XREADGROUP` reply,
/// which is a list of pairs in RESP2 and a map in RESP3. For nil (nothing arrived) it is never called.
///
/// # Errors
/// An unknown shape, or an error of `each`.
pub fn stream_entries<'a, N: Node<'a>>(
    command: &str,
    node: N,
    mut each: impl FnMut(Name, N) -> Result<()>,
) -> Result<()> {
    if let Shape::Map(_) = node.shape() {
        return super::pairs(command, node, |name, list| each(Name::from(name), list));
    }
    let Some(streams) = optional_list(command, node)? else {
        return Ok(());
    };
    for stream in streams {
        let mut parts = list(command, stream)?;
        let (Some(name), Some(entries)) = (parts.next(), parts.next()) else {
            return Err(Error::shape(command, "a stream and its entries"));
        };
        each(Name::from(bytes(command, name)?), entries)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use redis::Value;

    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn entry(id: &str, fields: &[&str]) -> Value {
        Value::Array(vec![
            text(id),
            Value::Array(fields.iter().map(|f| text(f)).collect()),
        ])
    }

    #[test]
    fn order_duplicates_and_binary_survive() {
        let odd = Value::Array(vec![
            text("1-0"),
            Value::Array(vec![
                text("b"),
                text("1"),
                Value::BulkString(vec![0xff]),
                text("2"),
                text("b"),
                text("3"),
            ]),
        ]);
        let (found, ghosts) = owned_entries("XRANGE s", &Value::Array(vec![odd])).expect("decodes");
        assert!(ghosts.is_empty());
        let expected = vec![
            (b"b".to_vec(), b"1".to_vec()),
            (vec![0xff], b"2".to_vec()),
            (b"b".to_vec(), b"3".to_vec()),
        ];
        assert_eq!(found[0].fields, expected);
    }

    #[test]
    fn an_entry_without_a_body_is_a_ghost_and_a_bare_nil_is_nothing() {
        let reply = Value::Array(vec![
            Value::Array(vec![text("1-0"), Value::Nil]),
            Value::Nil,
            entry("2-0", &["a", "b"]),
        ]);
        let (found, ghosts) = owned_entries("XREADGROUP s", &reply).expect("decodes");
        assert_eq!((found.len(), ghosts), (1, vec![EntryId::new(1, 0)]));
    }

    #[test]
    fn four_element_entries_and_both_protocols_of_a_read() {
        let item = Value::Array(vec![
            text("1-0"),
            Value::Array(vec![text("a"), text("b")]),
            Value::Int(5),
            Value::Int(2),
        ]);
        let list = Value::Array(vec![item]);
        let resp2 = Value::Array(vec![Value::Array(vec![text("s"), list.clone()])]);
        let resp3 = Value::Map(vec![(text("s"), list)]);
        for reply in [resp2, resp3] {
            let mut seen = Vec::new();
            stream_entries("XREADGROUP", &reply, |name, list| {
                seen.push((name, owned_entries("XREADGROUP", list)?.0.len()));
                Ok(())
            })
            .expect("decodes");
            assert_eq!(seen, [(Name::from("s"), 1)]);
        }
        stream_entries("XREAD", &Value::Nil, |_, _: &Value| {
            panic!("nothing arrived")
        })
        .expect("decodes");
    }

    #[test]
    fn an_unknown_shape_names_the_command() {
        let error = owned_entries("XRANGE events.raw", &Value::Array(vec![Value::Int(1)]))
            .expect_err("strict");
        assert!(
            error
                .to_string()
                .starts_with("XRANGE events.raw: unexpected reply"),
            "{error}"
        );
    }
}
