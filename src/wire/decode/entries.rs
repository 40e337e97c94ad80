//! Entries: `XRANGE`, `XREAD`, `XREADGROUP`, `XCLAIM` replies.

use super::{bytes, id, list, optional_list};
use crate::model::{Entry, EntryId, Name};
use crate::wire::error::{Error, Result};
use crate::wire::resp::{Reply, Shape};

/// The name and value pairs of one entry, borrowed from the reply.
pub type FieldSlices<'a> = [(&'a [u8], &'a [u8])];

/// Calls `each` with every entry of a list `[[id, [name, value, …]], …]`, in order. `None` for the fields stands for
/// an entry that is pending but no longer in the stream. An entry may have more elements (idle time and delivery
/// count, Redis 8.4). A bare nil in the list (Redis 6.2's deleted entries) is skipped.
///
/// # Errors
/// An unknown shape, or an error of `each`.
pub(in crate::wire) fn entries<'a>(
    command: &str,
    node: Reply<'a>,
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
pub(in crate::wire) fn owned_entries(
    command: &str,
    node: Reply<'_>,
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
pub(in crate::wire) fn stream_entries<'a>(
    command: &str,
    node: Reply<'a>,
    mut each: impl FnMut(Name, Reply<'a>) -> Result<()>,
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
    use super::*;
    use crate::wire::resp::written::{int, list, map, nil, read, text};

    fn entry(id: &str, fields: &[&[u8]]) -> Vec<u8> {
        list([text(id), list(fields.iter().map(text))])
    }

    fn owned_in(command: &str, reply: &[u8]) -> Result<(Vec<Entry>, Vec<EntryId>)> {
        read(reply, |reply| owned_entries(command, reply))
    }

    #[test]
    fn order_duplicates_and_binary_survive() {
        let odd = entry("1-0", &[b"b", b"1", &[0xff], b"2", b"b", b"3"]);
        let (found, ghosts) = owned_in("XRANGE s", &list([odd])).expect("decodes");
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
        let ghost = list([text("1-0"), nil()]);
        let reply = list([ghost, nil(), entry("2-0", &[b"a", b"b"])]);
        let (found, ghosts) = owned_in("XREADGROUP s", &reply).expect("decodes");
        assert_eq!((found.len(), ghosts), (1, vec![EntryId::new(1, 0)]));
    }

    #[test]
    fn four_element_entries_and_both_protocols_of_a_read() {
        let item = list([text("1-0"), list([text("a"), text("b")]), int(5), int(2)]);
        let items = list([item]);
        let resp2 = list([list([text("s"), items.clone()])]);
        let resp3 = map([text("s"), items]);
        for reply in [resp2, resp3] {
            let mut seen = Vec::new();
            let decoded = read(&reply, |reply| {
                stream_entries("XREADGROUP", reply, |name, list| {
                    seen.push((name, owned_entries("XREADGROUP", list)?.0.len()));
                    Ok(())
                })
            });
            decoded.expect("decodes");
            assert_eq!(seen, [(Name::from("s"), 1)]);
        }
        let nothing = read(&nil(), |reply| {
            stream_entries("XREAD", reply, |_, _| panic!("nothing arrived"))
        });
        nothing.expect("decodes");
    }

    #[test]
    fn an_unknown_shape_names_the_command() {
        let error = owned_in("XRANGE events.raw", &list([int(1)])).expect_err("strict");
        assert!(
            error
                .to_string()
                .starts_with("XRANGE events.raw: unexpected reply"),
            "{error}"
        );
    }
}
