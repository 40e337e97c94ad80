//! Trims a stream as far as every group that counts has read and acknowledged it.

use super::{Script, ScriptCall, next_count, next_id, next_name, script};
use crate::model::{EntryId, Name};
use crate::wire::decode;

/// What to trim in one call.
#[derive(Clone, Copy, Debug)]
pub struct Cut<'a> {
    /// The stream.
    pub stream: &'a Name,
    /// The first id that is kept, unless a group needs an earlier one.
    pub before: EntryId,
    /// The greatest number of entries that are removed.
    pub entries_max: u64,
}

/// What one call removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Entries.
    pub entries: u64,
    /// The id before which was trimmed.
    pub before: EntryId,
    /// The group that needs that id; empty when none does.
    pub held_by: Name,
}

/// Removes whole nodes of entries. Groups whose names begin with `prefix`, and the `left_out` ones, do not count.
pub fn trim_read(cut: Cut<'_>, prefix: &str, left_out: &[Name]) -> ScriptCall<Removed> {
    static SCRIPT: Script = script!(trim);
    let call = ScriptCall::new(&SCRIPT, vec![cut.stream.clone()], "", |command, value| {
        let mut parts = decode::list(command, value)?;
        Ok(Removed {
            entries: next_count(command, &mut parts)?,
            before: next_id(command, &mut parts)?,
            held_by: next_name(command, &mut parts)?,
        })
    });
    let call = call.text(cut.before).text(cut.entries_max).arg(prefix);
    let names = left_out.iter();
    names.fold(call, |call, name| call.arg(name.as_bytes()))
}
