//! Handles an entry that is pending although its body is gone: a tombstone is written to the dead-letter stream
//! before anything drops the entry silently.

use super::repaired::{Outcome, Repaired, Subject};
use super::target::Target;
use crate::model::{Name, Time, entries};
use crate::wire::{self, Connection, Holder, Move, dead_letter};

/// The reason in every tombstone of a single entry.
pub const TRIMMED: &str = "the body was trimmed before it was handled";

/// The warning that tombstones were written for this many entries.
pub(super) fn warning(count: u64) -> Option<String> {
    (count > 0).then(|| {
        format!(
            "{} had been trimmed before being handled; tombstones are in the dead-letter stream (see `ucp-streams dlq list`)",
            entries(count)
        )
    })
}

/// Writes a tombstone for `entry` to `graves`, if the entry has not changed since it was looked at.
pub(super) async fn bury(
    connection: &Connection,
    target: &Target,
    graves: &Name,
    entry: &Subject,
) -> wire::Result<Repaired> {
    let (home, owner) = (target.home(), entry.owner());
    let holder = Holder {
        stream: &target.stream,
        group: &target.group,
        consumer: &owner,
        fence: None,
        home: home.as_ref(),
    };
    let call = dead_letter(
        holder,
        graves,
        &entry.expected(),
        TRIMMED.as_bytes(),
        Time::now(),
    );
    let row = |outcome| entry.row(outcome);
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
