//! Changes of groups and of their consumers that are made only if the state they were planned from has not changed.

use super::{Script, ScriptCall, next_count, next_id, script, status, word};
use crate::model::{EntryId, Name};
use crate::wire::commands::GroupStart;
use crate::wire::decode;
use crate::wire::error::{Error, Result};
use crate::wire::resp::Reply;

/// The state of a group when a change was planned.
#[derive(Clone, Copy, Debug)]
pub struct GroupSeen<'a> {
    /// Its stream.
    pub stream: &'a Name,
    /// Its name.
    pub group: &'a Name,
    /// The last id delivered to it.
    pub last_delivered_id: EntryId,
    /// Entries delivered and not acknowledged.
    pub pending: u64,
}

impl GroupSeen<'_> {
    fn call(&self, script: &'static Script) -> ScriptCall<GroupChange> {
        ScriptCall::new(script, vec![self.stream.clone()], "", |command, value| {
            outcome(command, value)
        })
        .arg(self.group.as_bytes())
        .text(self.last_delivered_id)
        .text(self.pending)
    }
}

/// The result of a change to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupChange {
    /// The change was made.
    Done,
    /// The group does not exist (any more).
    Gone,
    /// The state of the group has changed; nothing was done.
    Changed {
        /// Its position now.
        last_delivered_id: EntryId,
        /// The number of its pending entries now.
        pending: u64,
    },
    /// This many entries are pending; nothing was done.
    Pending(u64),
    /// This entry has not been delivered yet; nothing was done.
    Undelivered(EntryId),
}

fn outcome(command: &str, node: Reply<'_>) -> Result<GroupChange> {
    let (word, mut parts) = status(command, node)?;
    match word {
        b"ok" => Ok(GroupChange::Done),
        b"gone" => Ok(GroupChange::Gone),
        b"changed" => Ok(GroupChange::Changed {
            last_delivered_id: next_id(command, &mut parts)?,
            pending: next_count(command, &mut parts)?,
        }),
        b"pending" => next_count(command, &mut parts).map(GroupChange::Pending),
        b"undelivered" => next_id(command, &mut parts).map(GroupChange::Undelivered),
        _ => Err(Error::shape(command, "the outcome of a change")),
    }
}

/// Creates a group, and its stream if necessary. The group counts its reads from the first one on if the number of
/// its position is known exactly: at either end of the stream, or where it was `counted`. Error kind `BusyGroup` when
/// the group exists.
pub fn create_group(
    stream: &Name,
    group: &Name,
    start: GroupStart,
    counted: Option<u64>,
) -> ScriptCall<()> {
    static SCRIPT: Script = script!(create_group);
    let call = ScriptCall::new(&SCRIPT, vec![stream.clone()], "", |_, _| Ok(()));
    let call = call.arg(group.as_bytes());
    let call = match start {
        GroupStart::After(id) => call.text(id),
        GroupStart::New => call.arg("$"),
    };
    call.arg(digits(counted))
}

/// A number as text; empty when there is none.
fn digits(number: Option<u64>) -> String {
    number.map(|it| it.to_string()).unwrap_or_default()
}

/// Moves a group so that `last_delivered_id` is the last id delivered to it, if it has not changed since it was
/// `seen`. `counted` is how many entries the stream has had up to there, if that was counted.
pub fn set_group_id(
    seen: GroupSeen<'_>,
    last_delivered_id: EntryId,
    counted: Option<u64>,
) -> ScriptCall<GroupChange> {
    static SCRIPT: Script = script!(set_id);
    let call = seen.call(&SCRIPT).text(last_delivered_id);
    call.arg(digits(counted))
}

/// Deletes a group if it has not changed since it was `seen` and nothing is pending or undelivered; `is_forced`
/// overrides the second condition.
pub fn delete_group(seen: GroupSeen<'_>, is_forced: bool) -> ScriptCall<GroupChange> {
    static SCRIPT: Script = script!(delete_group);
    seen.call(&SCRIPT).text(u8::from(is_forced))
}

/// The result for a consumer that was to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pruned {
    /// The consumer does not exist any more.
    Done,
    /// The consumer has pending entries, and was kept.
    Held,
}

/// Deletes those of `consumers` that have no pending entries.
pub fn prune_consumers(stream: &Name, group: &Name, consumers: &[Name]) -> ScriptCall<Vec<Pruned>> {
    static SCRIPT: Script = script!(prune_consumers);
    let call = ScriptCall::new(&SCRIPT, vec![stream.clone()], "", |command, value| {
        decode::list(command, value)?
            .map(|item| match word(command, item)? {
                b"ok" => Ok(Pruned::Done),
                b"held" => Ok(Pruned::Held),
                _ => Err(Error::shape(command, "ok or held")),
            })
            .collect()
    })
    .arg(group.as_bytes());
    consumers
        .iter()
        .fold(call, |call, name| call.arg(name.as_bytes()))
}
