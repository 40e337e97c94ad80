//! `XPENDING`, summary and extended.

use super::{count, id, integer, list, optional_list};
use crate::model::{Name, PendingEntry, PendingSummary};
use crate::wire::error::{Error, Result};
use crate::wire::node::{Node, Shape};

/// The summary: `[count, first, last, [[consumer, count], …]]`, nils when nothing is pending.
///
/// # Errors
/// A shape that is not known.
pub fn pending_summary<'a, N: Node<'a>>(command: &str, node: N) -> Result<PendingSummary> {
    let mut parts = list(command, node)?;
    let (Some(total), Some(first), Some(last), Some(consumers)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Error::shape(
            command,
            "count, first id, last id and consumers",
        ));
    };
    let optional_id = |node: N| match node.shape() {
        Shape::Nil => Ok(None),
        _ => id(command, node).map(Some),
    };
    let mut by_consumer = Vec::new();
    for row in optional_list(command, consumers)?.into_iter().flatten() {
        let mut parts = list(command, row)?;
        let (Some(name), Some(held)) = (parts.next(), parts.next()) else {
            return Err(Error::shape(command, "a consumer and its count"));
        };
        by_consumer.push((
            Name::from(super::bytes(command, name)?),
            count(command, held)?,
        ));
    }
    Ok(PendingSummary {
        count: count(command, total)?,
        first: optional_id(first)?,
        last: optional_id(last)?,
        consumers: by_consumer,
    })
}

/// Rows `[id, consumer, idle, deliveries]`. An entry that was given back has an empty consumer and idle -1.
///
/// # Errors
/// A shape that is not known.
pub fn pending_entries<'a, N: Node<'a>>(command: &str, node: N) -> Result<Vec<PendingEntry>> {
    list(command, node)?
        .map(|row| {
            let mut parts = list(command, row)?;
            let (Some(entry_id), Some(consumer), Some(idle), Some(deliveries)) =
                (parts.next(), parts.next(), parts.next(), parts.next())
            else {
                return Err(Error::shape(command, "id, consumer, idle and deliveries"));
            };
            Ok(PendingEntry {
                id: id(command, entry_id)?,
                consumer: Name::from(super::bytes(command, consumer)?),
                idle_ms: integer(command, idle)?.try_into().ok(),
                deliveries: count(command, deliveries)?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use redis::Value;

    use super::*;
    use crate::model::EntryId;

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn nothing_pending_is_nils() {
        let reply = Value::Array(vec![Value::Int(0), Value::Nil, Value::Nil, Value::Nil]);
        let summary = pending_summary("XPENDING s g", &reply).expect("decodes");
        assert_eq!(
            (summary.count, summary.first, summary.consumers.len()),
            (0, None, 0)
        );
    }

    #[test]
    fn counts_come_as_text_and_ids_as_ids() {
        let row = Value::Array(vec![text("c"), text("2")]);
        let reply = Value::Array(vec![
            Value::Int(2),
            text("1-0"),
            text("2-0"),
            Value::Array(vec![row]),
        ]);
        let summary = pending_summary("XPENDING s g", &reply).expect("decodes");
        assert_eq!(summary.consumers, [(Name::from("c"), 2)]);
        assert_eq!(summary.last, Some(EntryId::new(2, 0)));
    }

    #[test]
    fn an_entry_given_back_has_nobody_and_no_idle_time() {
        let row = Value::Array(vec![
            text("1-0"),
            text(""),
            Value::Int(-1),
            Value::Int(i64::MAX),
        ]);
        let rows = pending_entries("XPENDING s g", &Value::Array(vec![row])).expect("decodes");
        assert_eq!((rows[0].consumer.is_empty(), rows[0].idle_ms), (true, None));
        assert_eq!(rows[0].deliveries, i64::MAX.unsigned_abs());
    }
}
