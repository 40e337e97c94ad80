//! What is long in flight: noted by workers beside the stream, so that others can say since when and why.

use std::time::Duration;

use super::{Script, ScriptCall, script};
use crate::model::{EntryId, Name};
use crate::wire::decode;

/// Notes of a group at a time.
const NOTES_MAX: usize = 10_000;

/// What is to be noted of an entry.
#[derive(Clone, Debug)]
pub struct Note {
    /// The entry.
    pub id: EntryId,
    /// How often it was delivered.
    pub attempt: u64,
    /// How long ago it was first started, as far as this worker knows; an earlier start that is noted stays.
    pub started_ago: Duration,
    /// Why the last attempt failed; empty when none did here, and then what is noted stays.
    pub reason: String,
}

/// Notes what is long in flight in the hands of `consumer`, and forgets its notes of what is `over`. How many could not be
/// kept: there is no room for more, or no memory.
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

/// Forgets, from `cursor` on, some notes of entries that are not pending any more; the next cursor, `0` at the end.
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
