//! Entries that have been in flight for long: workers record them in a key beside the stream, so that others can see
//! since when and why.

use std::time::Duration;

use super::{Script, ScriptCall, script};
use crate::model::{EntryId, Name};
use crate::wire::decode;

/// The greatest number of records for one group.
const NOTES_MAX: usize = 10_000;

/// What is recorded about an entry.
#[derive(Clone, Debug)]
pub struct Note {
    /// The entry.
    pub id: EntryId,
    /// How often it was delivered.
    pub attempt: u64,
    /// How long ago it was first started, as far as this worker knows; an earlier start that is already recorded is
    /// kept.
    pub started_ago: Duration,
    /// Why the last attempt failed; empty when this worker saw no failure, and then a recorded reason is kept.
    pub reason: String,
}

/// Records entries of `consumer` that have been in flight for long, and deletes its records of entries that are `over`.
/// Returns how many could not be recorded, because there is no room for more records, or no memory on the server.
pub fn note_in_flight(
    key: &Name,
    consumer: &Name,
    notes: &[Note],
    over: &[EntryId],
) -> ScriptCall<u64> {
    static SCRIPT: Script = script!(inflight);
    let mut call = ScriptCall::new(&SCRIPT, vec![key.clone()], "", |command, value| {
        decode::count(command, value)
    })
    .arg(consumer.as_bytes())
    .text(NOTES_MAX)
    .text(notes.len());
    for note in notes {
        call = call
            .text(note.id)
            .text(note.attempt)
            .text(note.started_ago.as_millis())
            .arg(note.reason.as_bytes());
    }
    for id in over {
        call = call.text(id);
    }
    call
}

/// Deletes some records of entries that are no longer pending, starting at `cursor`; returns the next cursor, `0` at
/// the end.
pub fn sweep_in_flight(
    stream: &Name,
    group: &Name,
    key: &Name,
    cursor: &[u8],
) -> ScriptCall<Vec<u8>> {
    static SCRIPT: Script = script!(inflight_sweep);
    let keys = vec![stream.clone(), key.clone()];
    ScriptCall::new(&SCRIPT, keys, "", |command, value| {
        decode::bytes(command, value).map(<[u8]>::to_vec)
    })
    .arg(group.as_bytes())
    .arg(cursor)
}
