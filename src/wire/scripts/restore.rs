//! Makes entries pending as they were, and dead letters again what they were.

use super::moves::{Move, move_outcome};
use super::{ExpectedPending, Script, ScriptCall, script, word};
use crate::model::{EntryId, Fields, Name, Time};
use crate::wire::decode;
use crate::wire::error::Error;

/// An entry that is to be pending as it was.
#[derive(Clone, Debug)]
pub struct Restore {
    /// The entry as it was seen; `None` for one that was not pending.
    pub seen: Option<ExpectedPending>,
    /// The entry as it was: its consumer and its delivery count.
    pub was: ExpectedPending,
    /// When it was delivered last, by the server's clock.
    pub delivered: Time,
    /// Its copy, which is to be deleted.
    pub copy: Option<EntryId>,
}

/// The result for an entry that was to be pending as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restored {
    /// It is.
    Done,
    /// It is not as it was seen; nothing was done.
    Changed,
    /// Its body is gone; nothing was done.
    Ghost,
    /// Its copy is gone; nothing was done.
    CopyGone,
    /// Its copy was delivered to this group; nothing was done.
    CopyDelivered(Name),
}

/// Makes entries of the group pending as they were, if they are as they were seen, and deletes their copies in the
/// stream `copies` if they were delivered to nobody.
pub fn restore_pending(
    (stream, copies): (&Name, &Name),
    group: &Name,
    entries: &[Restore],
) -> ScriptCall<Vec<Restored>> {
    static SCRIPT: Script = script!(restore);
    let keys = vec![stream.clone(), copies.clone()];
    let call = ScriptCall::new(&SCRIPT, keys, "", |command, value| {
        decode::list(command, value)?
            .map(|item| match word(command, item)? {
                b"ok" => Ok(Restored::Done),
                b"changed" => Ok(Restored::Changed),
                b"ghost" => Ok(Restored::Ghost),
                b"nocopy" => Ok(Restored::CopyGone),
                other => match other.strip_prefix(b"delivered:") {
                    Some(group) => Ok(Restored::CopyDelivered(Name::new(group))),
                    None => Err(Error::shape(command, "the outcome of a restore")),
                },
            })
            .collect()
    })
    .arg(group.as_bytes());
    entries.iter().fold(call, |call, entry| {
        let seen = entry.seen.as_ref();
        let owner = seen.and_then(|it| it.owner.as_ref());
        let count = seen.and_then(|it| it.deliveries);
        call.text(entry.was.id)
            .arg(owner.map_or(&b""[..], Name::as_bytes))
            .text(count.map(|it| it.to_string()).unwrap_or_default())
            .arg(entry.was.owner.as_ref().map_or(&b""[..], Name::as_bytes))
            .text(entry.delivered.ms)
            .text(entry.was.deliveries.unwrap_or(1))
            .text(entry.copy.map(|id| id.to_string()).unwrap_or_default())
    })
}

/// Adds a dead letter again that was deleted, and deletes its `copy` in a stream if that was delivered to nobody:
/// `Gone` when the copy is not there any more, `Moved` to the group that it was delivered to.
pub fn put_back(
    dead_letter: &Name,
    copy: Option<(&Name, EntryId)>,
    fields: &Fields,
) -> ScriptCall<Move> {
    static SCRIPT: Script = script!(put_back);
    let stream = copy.map_or(dead_letter, |it| it.0);
    let keys = vec![dead_letter.clone(), stream.clone()];
    let call = ScriptCall::new(&SCRIPT, keys, "", |command, value| {
        move_outcome(command, value)
    })
    .text(copy.map(|it| it.1.to_string()).unwrap_or_default());
    let add = |call: ScriptCall<Move>, (name, value): &(Vec<u8>, Vec<u8>)| {
        call.arg(name.as_slice()).arg(value.as_slice())
    };
    fields.iter().fold(call, add)
}
