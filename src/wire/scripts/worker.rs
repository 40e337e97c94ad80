//! The operations of a worker on its leases: acknowledge, claim, renew, release. A lease is a consumer and a delivery
//! count: it is reliable as long as consumer names are not shared and nobody lowers delivery counts by hand.

use std::time::Duration;

use super::{Fence, Script, ScriptCall, fenced, next_count, next_name, script, status, word};
use crate::model::{EntryId, Fields, Name};
use crate::wire::decode;
use crate::wire::error::{Error, Result};
use crate::wire::resp::Reply;

/// The consumer that holds the leases, and the fence that protects their writes.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// The stream.
    pub stream: &'a Name,
    /// The group.
    pub group: &'a Name,
    /// The consumer.
    pub consumer: &'a Name,
    /// The lease of a single active worker, for groups that have one.
    pub fence: Option<&'a Fence>,
    /// The stream that `stream` belongs to, if it is the group's retry stream: what is acknowledged there is deleted.
    pub home: Option<&'a Name>,
}

impl Holder<'_> {
    fn call<T>(&self, script: &'static Script, decode: super::Decode<T>) -> ScriptCall<T> {
        let (keys, token) = fenced(vec![self.stream.clone()], self.fence);
        ScriptCall::new(script, keys, &token, decode)
            .arg(self.group.as_bytes())
            .arg(self.consumer.as_bytes())
    }

    /// Whether an entry is deleted when it is acknowledged, as an argument.
    pub(super) fn deletes(&self) -> u8 {
        self.home.is_some().into()
    }
}

/// An entry's lease: its id and the delivery count under which it is held.
pub type Lease = (EntryId, u64);

/// Acknowledges the entries whose leases are still held, and deletes those of a retry stream. Returns for each lease whether its entry was acknowledged.
pub fn acknowledge(holder: Holder<'_>, leases: &[Lease]) -> ScriptCall<Vec<bool>> {
    static SCRIPT: Script = script!(ack);
    let mut call = holder.call(&SCRIPT, |command, value| {
        decode::list(command, value)?
            .map(|item| Ok(decode::count(command, item)? > 0))
            .collect()
    });
    let ids = leases.iter().map(|(id, _)| *id);
    let least = ids.clone().min().unwrap_or(EntryId::MIN);
    let greatest = ids.max().unwrap_or(EntryId::MIN);
    call = call.text(holder.deletes()).text(least).text(greatest);
    for (id, count) in leases {
        call = call.text(id).text(count);
    }
    call
}

/// A pending entry as it was seen, as the precondition of a change.
#[derive(Clone, Debug)]
pub struct ExpectedPending {
    /// The entry.
    pub id: EntryId,
    /// The consumer that held it; `None` accepts any.
    pub owner: Option<Name>,
    /// Its delivery count; `None` accepts any.
    pub deliveries: Option<u64>,
}

/// Whether a claim counts as a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountMode {
    /// The delivery count goes up by one.
    Raise,
    /// The delivery count stays as it is.
    Keep,
    /// The delivery count becomes 1, as after a first delivery. A consumer that held the entry under that count before
    /// believes that its lease is still valid.
    Reset,
}

impl CountMode {
    const fn word(self) -> &'static str {
        match self {
            Self::Raise => "raise",
            Self::Keep => "keep",
            Self::Reset => "reset",
        }
    }
}

/// The result for one entry of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The holder's consumer holds the entry now, with this delivery count.
    Held {
        /// The count after the claim.
        deliveries: u64,
        /// The body.
        fields: Fields,
    },
    /// The entry is no longer pending.
    Gone,
    /// Another consumer holds the entry, or it was delivered again.
    Moved {
        /// The consumer that holds it.
        owner: Name,
        /// Its delivery count.
        deliveries: u64,
    },
    /// The entry was delivered too recently.
    Fresh {
        /// The consumer that holds it.
        owner: Name,
        /// Its delivery count.
        deliveries: u64,
    },
    /// The entry's body was trimmed; the entry stays pending.
    Ghost {
        /// The consumer that holds it.
        owner: Name,
        /// Its delivery count.
        deliveries: u64,
    },
}

/// Claims entries for the holder's consumer if they have not changed since they were seen and have been idle for at
/// least `idle_min` at the time of the claim. The idle time is needed because a renewal changes neither owner nor
/// count.
pub fn claim(
    holder: Holder<'_>,
    mode: CountMode,
    idle_min: impl Fn(&ExpectedPending) -> Duration,
    seen: &[ExpectedPending],
) -> ScriptCall<Vec<Claim>> {
    static SCRIPT: Script = script!(claim);
    let mut call = holder
        .call(&SCRIPT, |command, value| {
            decode::list(command, value)?
                .map(|item| claim_outcome(command, item))
                .collect()
        })
        .text(mode.word());
    for entry in seen {
        call = call
            .text(entry.id)
            .arg(entry.owner.as_ref().map_or(&b""[..], Name::as_bytes))
            .text(
                entry
                    .deliveries
                    .map(|count| count.to_string())
                    .unwrap_or_default(),
            )
            .text(idle_min(entry).as_millis());
    }
    call
}

fn claim_outcome(command: &str, node: Reply<'_>) -> Result<Claim> {
    let (word, mut parts) = status(command, node)?;
    let mut held_by = || {
        Ok((
            next_name(command, &mut parts)?,
            next_count(command, &mut parts)?,
        ))
    };
    match word {
        b"gone" => Ok(Claim::Gone),
        b"moved" => held_by().map(|(owner, deliveries)| Claim::Moved { owner, deliveries }),
        b"fresh" => held_by().map(|(owner, deliveries)| Claim::Fresh { owner, deliveries }),
        b"ghost" => held_by().map(|(owner, deliveries)| Claim::Ghost { owner, deliveries }),
        b"ok" => {
            let deliveries = next_count(command, &mut parts)?;
            let list = parts
                .next()
                .ok_or_else(|| Error::shape(command, "fields"))?;
            let mut fields = Vec::new();
            decode::pairs(command, list, |name, value| {
                fields.push((name.to_vec(), decode::bytes(command, value)?.to_vec()));
                Ok(())
            })?;
            Ok(Claim::Held { deliveries, fields })
        }
        _ => Err(Error::shape(command, "ok, gone, moved, fresh or ghost")),
    }
}

/// The result for a lease that was renewed or released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// Done as asked.
    Done,
    /// Another consumer holds the entry, or it was delivered again.
    Lost,
    /// The entry is not pending any more.
    Gone,
    /// The entry's body was trimmed; the entry stays pending.
    Ghost,
}

fn lease_states(command: &str, node: Reply<'_>) -> Result<Vec<LeaseState>> {
    decode::list(command, node)?
        .map(|item| match word(command, item)? {
            b"ok" => Ok(LeaseState::Done),
            b"lost" => Ok(LeaseState::Lost),
            b"gone" => Ok(LeaseState::Gone),
            b"ghost" => Ok(LeaseState::Ghost),
            _ => Err(Error::shape(command, "ok, lost, gone or ghost")),
        })
        .collect()
}

/// Resets the idle time of the entries that are still held, without counting a delivery. When it returns fewer states
/// than leases, the remaining ones were not looked at because the bodies before them were long.
pub fn renew(holder: Holder<'_>, leases: &[Lease]) -> ScriptCall<Vec<LeaseState>> {
    static SCRIPT: Script = script!(renew);
    let mut call = holder.call(&SCRIPT, lease_states);
    for (id, count) in leases {
        call = call.text(id).text(count);
    }
    call
}

/// The result for an entry that was not pending any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenBack {
    /// The entry is pending for the holder's consumer again.
    Done,
    /// The entry is pending for some consumer.
    Held,
    /// Its body was trimmed.
    Ghost,
    /// The group was moved back: the entry will be delivered again.
    Unread,
}

/// Makes entries pending again that are not, after somebody deleted the holder's consumer (`XGROUP DELCONSUMER`); the
/// consumer is created again. `None` when the consumer existed and `is_known` is not set: then it is unknown why the
/// entries are not pending, and nothing was changed. Only for entries that cannot have been acknowledged.
pub fn take_back(
    holder: Holder<'_>,
    is_known: bool,
    leases: &[Lease],
) -> ScriptCall<Option<Vec<TakenBack>>> {
    static SCRIPT: Script = script!(take_back);
    let mut call = holder
        .call(&SCRIPT, |command, value| {
            let (word, rest) = status(command, value)?;
            match word {
                b"there" => Ok(None),
                b"deleted" => rest
                    .map(|item| taken_back(command, item))
                    .collect::<Result<_>>()
                    .map(Some),
                _ => Err(Error::shape(command, "there or deleted")),
            }
        })
        .text(u8::from(is_known));
    for (id, count) in leases {
        call = call.text(id).text(count);
    }
    call
}

fn taken_back(command: &str, node: Reply<'_>) -> Result<TakenBack> {
    match word(command, node)? {
        b"ok" => Ok(TakenBack::Done),
        b"held" => Ok(TakenBack::Held),
        b"ghost" => Ok(TakenBack::Ghost),
        b"unread" => Ok(TakenBack::Unread),
        _ => Err(Error::shape(command, "ok, held, ghost or unread")),
    }
}

/// Releases entries so that any consumer may claim them at once. The delivery count becomes the given one, if there
/// is one.
pub fn release(holder: Holder<'_>, leases: &[(Lease, Option<u64>)]) -> ScriptCall<Vec<LeaseState>> {
    static SCRIPT: Script = script!(release);
    let mut call = holder.call(&SCRIPT, lease_states);
    for ((id, count), new_count) in leases {
        call = call
            .text(id)
            .text(count)
            .text(new_count.map(|count| count.to_string()).unwrap_or_default());
    }
    call
}

/// Deletes the holder's consumer if it exists and nothing is pending for it; otherwise returns the first pending id.
pub fn delete_consumer(holder: Holder<'_>) -> ScriptCall<std::result::Result<(), EntryId>> {
    static SCRIPT: Script = script!(delete_consumer);
    holder.call(&SCRIPT, |command, value| {
        let (word, mut parts) = status(command, value)?;
        match word {
            b"ok" => Ok(Ok(())),
            b"refused" => Ok(Err(super::next_id(command, &mut parts)?)),
            _ => Err(Error::shape(command, "ok or refused")),
        }
    })
}
