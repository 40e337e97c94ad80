//! Moves one entry from one stream to another, completely or not at all: dead letter, requeue, redrive.

use std::time::Duration;

use super::worker::{ExpectedPending, Holder};
use super::{
    Script, ScriptCall, fenced, next_count, next_id, next_name, next_text, script, status,
};
use crate::model::{EntryId, Name, Time};
use crate::wire::error::{Error, Result};
use crate::wire::resp::Reply;

/// The result of a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// The entry has a new id in the destination, and is no longer in the source (or no longer pending there).
    Done {
        /// Its id in the destination.
        new_id: EntryId,
        /// Whether the body had been trimmed, so that a tombstone was written instead.
        is_tombstone: bool,
    },
    /// The entry does not exist (any more), or is not pending.
    Gone,
    /// Another consumer holds the entry, or it was delivered again.
    Moved {
        /// The consumer that holds it.
        owner: Name,
        /// Its delivery count.
        deliveries: u64,
    },
    /// The entry has no body to move; nothing was changed.
    Bodiless,
    /// The destination does not exist; nothing was changed.
    NoDestination,
    /// A rule refused the move; nothing was changed.
    Refused(String),
}

pub(super) fn move_outcome(command: &str, node: Reply<'_>) -> Result<Move> {
    let (word, mut parts) = status(command, node)?;
    match word {
        b"ok" => {
            let new_id = next_id(command, &mut parts)?;
            let is_tombstone = match parts.next() {
                Some(state) => crate::wire::decode::bytes(command, state)? == b"trimmed",
                None => false,
            };
            Ok(Move::Done {
                new_id,
                is_tombstone,
            })
        }
        b"gone" => Ok(Move::Gone),
        b"moved" => Ok(Move::Moved {
            owner: next_name(command, &mut parts)?,
            deliveries: next_count(command, &mut parts)?,
        }),
        b"ghost" | b"tombstone" => Ok(Move::Bodiless),
        b"nodest" => Ok(Move::NoDestination),
        b"refused" => Ok(Move::Refused(next_text(command, &mut parts)?)),
        _ => Err(Error::shape(command, "the outcome of a move")),
    }
}

fn seen_args(call: ScriptCall<Move>, seen: &ExpectedPending) -> ScriptCall<Move> {
    call.arg(seen.owner.as_ref().map_or(&b""[..], Name::as_bytes))
        .text(seen.id)
        .text(
            seen.deliveries
                .map(|count| count.to_string())
                .unwrap_or_default(),
        )
}

/// Moves a pending entry to `dead_letter` with its provenance and acknowledges it; for an entry without a body, a
/// tombstone is written. An entry of a retry stream is deleted there, and its provenance is that of the entry that it is a
/// copy of. `holder.consumer` is not used: `seen` says who must hold the entry.
pub fn dead_letter(
    holder: Holder<'_>,
    dead_letter: &Name,
    seen: &ExpectedPending,
    reason: &[u8],
    at: Time,
) -> ScriptCall<Move> {
    static SCRIPT: Script = script!(dead_letter);
    let (keys, token) = fenced(
        vec![holder.stream.clone(), dead_letter.clone()],
        holder.fence,
    );
    let call = ScriptCall::new(&SCRIPT, keys, &token, |command, value| {
        move_outcome(command, value)
    });
    seen_args(call.arg(holder.group.as_bytes()), seen)
        .arg(reason)
        .text(at)
        .arg(holder.home.map_or(&b""[..], Name::as_bytes))
}

/// Where a copy of an entry is added, and who may see it there.
#[derive(Clone, Copy, Debug)]
pub enum Destination<'a> {
    /// A stream; refused when it has several groups.
    OneGroup(&'a Name),
    /// A stream, all of whose groups may see it.
    AllGroups(&'a Name),
    /// The retry stream of the group that is meant; it is created when it does not exist.
    RetryStream(&'a Name),
}

impl<'a> Destination<'a> {
    /// The stream.
    pub const fn stream(self) -> &'a Name {
        match self {
            Self::OneGroup(stream) | Self::AllGroups(stream) | Self::RetryStream(stream) => stream,
        }
    }

    /// Whether it does not matter which groups the stream has, as an argument.
    fn is_for_any(self) -> u8 {
        (!matches!(self, Self::OneGroup(_))).into()
    }
}

/// Copies a pending entry to the end of `to` with its origin and attempts, and acknowledges the old one (and deletes it,
/// if `holder.home` says that it is in a retry stream), if it has still been idle for `idle_min`. The idle time is
/// compared because a renewal changes neither owner nor count. `holder.consumer` is not used: `seen` says who must hold
/// the entry; nor is there a fence.
pub fn requeue(
    holder: Holder<'_>,
    to: Destination<'_>,
    seen: &ExpectedPending,
    idle_min: Duration,
) -> ScriptCall<Move> {
    static SCRIPT: Script = script!(requeue);
    let keys = vec![holder.stream.clone(), to.stream().clone()];
    let call = ScriptCall::new(&SCRIPT, keys, "", |command, value| {
        move_outcome(command, value)
    });
    seen_args(call.arg(holder.group.as_bytes()), seen)
        .text(to.is_for_any())
        .text(idle_min.as_millis())
        .text(holder.deletes())
}

/// Moves a dead letter to the end of `to`, once.
pub fn redrive(dead_letter: &Name, to: Destination<'_>, id: EntryId) -> ScriptCall<Move> {
    static SCRIPT: Script = script!(redrive);
    let keys = vec![dead_letter.clone(), to.stream().clone()];
    ScriptCall::new(&SCRIPT, keys, "", |command, value| {
        move_outcome(command, value)
    })
    .text(id)
    .text(to.is_for_any())
    .text(u8::from(matches!(to, Destination::RetryStream(_))))
}
