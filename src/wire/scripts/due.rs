//! Makes pending entries due at once.

use std::time::Duration;

use super::worker::ExpectedPending;
use super::{Script, ScriptCall, script, word};
use crate::model::{Name, Time};
use crate::wire::decode;
use crate::wire::error::Error;

/// How many entries can be marked for their owners at a time; reading that many takes the server a few milliseconds.
const MARKED_MAX: usize = 10_000;

/// What became of an entry that was to be due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MadeDue {
    /// Anybody may claim it now.
    Due,
    /// Its owner is told.
    Asked,
    /// Another consumer holds it, or it was delivered again.
    Moved,
    /// It is no longer pending.
    Gone,
    /// Its body was trimmed.
    Ghost,
    /// So many are marked already that no more are.
    Full,
}

/// Marks the entries in `due` for their owners, which look there, for `kept_for`; those with `true` may be claimed by
/// anybody from now on.
pub fn make_due(
    (stream, due): (&Name, &Name),
    group: &Name,
    (at, kept_for): (Time, Duration),
    entries: &[(ExpectedPending, bool)],
) -> ScriptCall<Vec<MadeDue>> {
    static SCRIPT: Script = script!(due);
    let keys = vec![stream.clone(), due.clone()];
    let mut call = ScriptCall::new(&SCRIPT, keys, "", |command, value| {
        decode::list(command, value)?
            .map(|item| match word(command, item)? {
                b"due" => Ok(MadeDue::Due),
                b"asked" => Ok(MadeDue::Asked),
                b"moved" => Ok(MadeDue::Moved),
                b"gone" => Ok(MadeDue::Gone),
                b"ghost" => Ok(MadeDue::Ghost),
                b"full" => Ok(MadeDue::Full),
                _ => Err(Error::shape(command, "what became of an entry")),
            })
            .collect()
    });
    call = call
        .arg(group.as_bytes())
        .text(at.ms)
        .text(kept_for.as_millis())
        .text(MARKED_MAX);
    for (seen, is_for_all) in entries {
        let owner = seen.owner.as_ref();
        let count = seen.deliveries.map(|it| it.to_string());
        call = call
            .text(seen.id)
            .arg(owner.map_or(&b""[..], Name::as_bytes))
            .arg(count.unwrap_or_default())
            .arg(if *is_for_all { "1" } else { "0" });
    }
    call
}
