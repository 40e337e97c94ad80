//! Adds entries only once, however often they are sent.

use std::time::Duration;

use super::outputs::Output;
use super::{Script, ScriptCall, next_id, next_text, script, status};
use crate::model::{EntryId, Name};
use crate::wire::error::Error;

/// The result for an entry that must be added only once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Once {
    /// Added.
    New(EntryId),
    /// The entry was added before, with this id.
    Known(EntryId),
    /// The entry's key was used before for other fields, stored with this id. Nothing was written.
    Conflict(EntryId),
    /// A rule refused the entry. Nothing was written.
    Refused(String),
}

/// Adds `output` unless `memory` records that an entry was added under its key within `time_to_live`. `hash` is
/// hexadecimal and identifies the supplied fields. Safe to send again. Both keys must be in one hash slot.
pub fn add_once(
    output: &Output,
    memory: &Name,
    hash: &str,
    time_to_live: Duration,
) -> ScriptCall<Once> {
    static SCRIPT: Script = script!(publish_once);
    let keys = vec![output.stream.clone(), memory.clone()];
    let maxlen = output.maxlen.map(|maxlen| maxlen.to_string());
    let mut call = ScriptCall::new(&SCRIPT, keys, "", |command, value| {
        let (word, mut parts) = status(command, value)?;
        match word {
            b"new" => next_id(command, &mut parts).map(Once::New),
            b"known" => next_id(command, &mut parts).map(Once::Known),
            b"conflict" => next_id(command, &mut parts).map(Once::Conflict),
            b"refused" => next_text(command, &mut parts).map(Once::Refused),
            _ => Err(Error::shape(command, "new, known, conflict or refused")),
        }
    })
    .text(hash)
    .text(time_to_live.as_millis().max(1))
    .text(maxlen.unwrap_or_default());
    for (name, value) in &output.fields {
        call = call.arg(name.as_slice()).arg(value.as_slice());
    }
    call
}
