//! Makes entries pending as they were.

use super::{ExpectedPending, Script, ScriptCall, script, word};
use crate::model::{Name, Time};
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
}

/// The result for an entry that was to be pending as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    /// It is.
    Done,
    /// It is not as it was seen; nothing was done.
    Changed,
    /// Its body is gone; nothing was done.
    Ghost,
}

/// Makes entries of the group pending as they were, if they are as they were seen.
pub fn restore_pending(
    stream: &Name,
    group: &Name,
    entries: &[Restore],
) -> ScriptCall<Vec<Restored>> {
    static SCRIPT: Script = script!(restore);
    let call = ScriptCall::new(&SCRIPT, vec![stream.clone()], "", |command, value| {
        decode::list(command, value)?
            .map(|item| match word(command, item)? {
                b"ok" => Ok(Restored::Done),
                b"changed" => Ok(Restored::Changed),
                b"ghost" => Ok(Restored::Ghost),
                _ => Err(Error::shape(command, "the outcome of a restore")),
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
    })
}
