//! Finds, records and accepts the loss of entries that were trimmed or deleted before they were delivered to a group.

use super::{Script, ScriptCall, fenced, next_id, next_text, script, status};
use crate::model::{EntryId, Lag, Name, Time};
use crate::wire::error::{Error, Result};
use crate::wire::resp::{Children, Reply};
use crate::wire::scripts::Fence;

/// The group to look at, and where its losses are recorded.
#[derive(Clone, Copy, Debug)]
pub struct LossesOf<'a> {
    /// The stream.
    pub stream: &'a Name,
    /// The group.
    pub group: &'a Name,
    /// The stream's dead-letter stream.
    pub dead_letter: &'a Name,
    /// The key with the total.
    pub kept: &'a Name,
    /// The consumer on whose behalf the look is made.
    pub consumer: &'a Name,
    /// The run id of a server whose read counters may be too low; empty when they are reliable, `?` when that is
    /// unknown.
    pub counted_by: &'a str,
    /// The reason for the tombstone.
    pub reason: &'a str,
}

/// Entries that were trimmed or deleted before they were delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How many entries: [`Lag::Known`], or [`Lag::AtMost`] when some may have been deleted on purpose.
    pub entries: Lag,
    /// The last id that was delivered before the lost entries.
    pub from: EntryId,
    /// The first entry that is still in the stream after the lost ones, or the last id of a stream that is empty.
    pub to: EntryId,
}

/// The result of a look for losses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// No losses that are certain and were not recorded before.
    Nothing,
    /// A gap, recorded with a tombstone of this id.
    Recorded(Gap, EntryId),
    /// A gap that could not be recorded, and why.
    Unrecorded(Gap, String),
}

/// The number of entries up to a position in the middle of a stream, if it was counted.
pub type Counted = Option<(EntryId, u64)>;

/// Looks for entries that were trimmed or deleted before they were delivered to the group, and records them.
pub fn record_losses(
    of: LossesOf<'_>,
    fence: Option<&Fence>,
    counted: Counted,
    at: Time,
) -> ScriptCall<Looked> {
    static SCRIPT: Script = script!(losses);
    let keys = [of.stream, of.dead_letter, of.kept];
    let (keys, token) = fenced(keys.map(Name::clone).to_vec(), fence);
    let (position, number) = counted.map_or((String::new(), String::new()), |(id, number)| {
        (id.to_string(), number.to_string())
    });
    ScriptCall::new(&SCRIPT, keys, &token, |command, value| {
        looked(command, value)
    })
    .arg(of.group.as_bytes())
    .arg(of.consumer.as_bytes())
    .text(at)
    .arg(of.counted_by)
    .arg(of.reason)
    .arg(position)
    .arg(number)
}

/// Decodes the result of a look, from either connection's reply.
pub(in crate::wire) fn looked(command: &str, node: Reply<'_>) -> Result<Looked> {
    let (word, mut parts) = status(command, node)?;
    match word {
        b"none" => Ok(Looked::Nothing),
        b"lost" => {
            let gap = gap(command, &mut parts)?;
            Ok(Looked::Recorded(gap, next_id(command, &mut parts)?))
        }
        b"unrecorded" => {
            let why = next_text(command, &mut parts)?;
            Ok(Looked::Unrecorded(gap(command, &mut parts)?, why))
        }
        _ => Err(Error::shape(command, "none, lost or unrecorded")),
    }
}

fn gap(command: &str, parts: &mut Children<'_>) -> Result<Gap> {
    let entries = number(command, parts)?;
    let entries = match next_text(command, parts)?.as_str() {
        "known" => Lag::Known(entries),
        _ => Lag::AtMost(entries),
    };
    Ok(Gap {
        entries,
        from: next_id(command, parts)?,
        to: next_id(command, parts)?,
    })
}

fn number(command: &str, parts: &mut Children<'_>) -> Result<u64> {
    let text = next_text(command, parts)?;
    text.parse()
        .map_err(|_| Error::shape(command, "a number of entries"))
}

/// Accepts the losses of the group if their total is still `total`; otherwise returns the present total.
pub fn accept_losses(kept: &Name, total: u64) -> ScriptCall<std::result::Result<(), u64>> {
    static SCRIPT: Script = script!(accept_losses);
    ScriptCall::new(&SCRIPT, vec![kept.clone()], "", |command, value| {
        let (word, mut parts) = status(command, value)?;
        match word {
            b"ok" => Ok(Ok(())),
            b"changed" => Ok(Err(number(command, &mut parts)?)),
            _ => Err(Error::shape(command, "ok or changed")),
        }
    })
    .text(total)
}
