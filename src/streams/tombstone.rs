//! What becomes of an entry that is pending while its body is gone: a tombstone in the dead-letter stream, before anything
//! drops it without a word.

use super::repair::{Outcome, Repaired, seen};
use super::target::Target;
use crate::model::{Name, PendingEntry, Time, entries};
use crate::wire::{self, Connection, Holder, Move, dead_letter};

/// What a tombstone says, whoever leaves it.
pub const TRIMMED: &str = "the body was trimmed before it was handled";

/// What there is to say where so many entries are tombstones now.
pub(super) fn warning(count: u64) -> Option<String> {
    (count > 0).then(|| {
        format!(
            "{} had been trimmed before being handled; tombstones are in the dead-letter stream (see `ucp-streams dlq list`)",
            entries(count)
        )
    })
}

/// Leaves a tombstone for `entry` in `graves`, if it still is as it was seen.
pub(super) async fn bury(
    connection: &Connection,
    target: &Target,
    graves: &Name,
    entry: &PendingEntry,
) -> wire::Result<Repaired> {
    let holder = Holder {
        stream: &target.stream,
        group: &target.group,
        consumer: &entry.consumer,
        fence: None,
    };
    let call = dead_letter(
        holder,
        graves,
        &seen(entry),
        TRIMMED.as_bytes(),
        Time::now(),
    );
    let row = |outcome| Repaired::seen(entry, outcome);
    Ok(match connection.call(call).await? {
        Move::Done { new_id, .. } => Repaired {
            new_id: Some(new_id),
            detail: Some(format!("in `{graves}`")),
            ..row(Outcome::Tombstone)
        },
        Move::Gone => row(Outcome::Gone),
        Move::Moved { .. } => row(Outcome::Moved),
        Move::Bodiless | Move::NoDestination => row(Outcome::Trimmed),
        Move::Refused(why) => Repaired {
            detail: Some(why),
            ..row(Outcome::Refused)
        },
    })
}
