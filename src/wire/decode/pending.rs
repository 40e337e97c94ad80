//! Decodes `XPENDING`, summary and extended form.

use super::{count, id, integer, list, optional_list};
use crate::model::{Name, PendingEntry, PendingSummary};
use crate::wire::error::{Error, Result};
use crate::wire::resp::{Reply, Shape};

/// The summary: `[count, first, last, [[consumer, count], …]]`, with nils when nothing is pending.
///
/// # Errors
/// An unknown shape.
pub(in crate::wire) fn pending_summary(command: &str, node: Reply<'_>) -> Result<PendingSummary> {
    let mut parts = list(command, node)?;
    let (Some(total), Some(first), Some(last), Some(consumers)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Error::shape(
            command,
            "count, first id, last id and consumers",
        ));
    };
    let optional_id = |node: Reply<'_>| match node.shape() {
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

/// Longer than anything can have been pending, because streams are younger than that. For an entry whose delivery was
/// taken back, the server counts from 1970.
const GIVEN_BACK_MS: u64 = 30 * 365 * 24 * 3_600_000;

/// Rows of `[id, consumer, idle, deliveries]`. A released entry has no idle time: the server sends an empty consumer
/// and -1, or the time since 1970.
///
/// # Errors
/// An unknown shape.
pub(in crate::wire) fn pending_entries(
    command: &str,
    node: Reply<'_>,
) -> Result<Vec<PendingEntry>> {
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
                idle_ms: u64::try_from(integer(command, idle)?)
                    .ok()
                    .filter(|idle_ms| *idle_ms < GIVEN_BACK_MS),
                deliveries: count(command, deliveries)?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EntryId;
    use crate::wire::resp::written::{int, list, nil, read, text};

    fn summary_in(reply: &[u8]) -> PendingSummary {
        read(reply, |reply| pending_summary("XPENDING s g", reply)).expect("decodes")
    }

    #[test]
    fn nothing_pending_is_nils() {
        let summary = summary_in(&list([int(0), nil(), nil(), nil()]));
        assert_eq!(
            (summary.count, summary.first, summary.consumers.len()),
            (0, None, 0)
        );
    }

    #[test]
    fn counts_come_as_text_and_ids_as_ids() {
        let row = list([text("c"), text("2")]);
        let summary = summary_in(&list([int(2), text("1-0"), text("2-0"), list([row])]));
        assert_eq!(summary.consumers, [(Name::from("c"), 2)]);
        assert_eq!(summary.last, Some(EntryId::new(2, 0)));
    }

    #[test]
    fn an_entry_given_back_has_nobody_and_no_idle_time() {
        let row = |consumer, idle_ms, deliveries| {
            list([text("1-0"), text(consumer), int(idle_ms), int(deliveries)])
        };
        let reply = list([
            row("", -1, i64::MAX),
            row("c", 1_795_000_000_000, 0),
            row("c", 90_000_000_000, 1),
        ]);
        let rows = read(&reply, |reply| pending_entries("XPENDING s g", reply)).expect("decodes");
        assert_eq!((rows[0].consumer.is_empty(), rows[0].idle_ms), (true, None));
        assert_eq!(rows[0].deliveries, i64::MAX.unsigned_abs());
        assert_eq!((rows[1].idle_ms, rows[1].deliveries), (None, 0));
        assert_eq!(rows[2].idle_ms, Some(90_000_000_000));
    }
}
