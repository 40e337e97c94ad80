//! Takes records of a topic into a stream: the entries and the offsets in one step.

use std::time::Duration;

use super::{Fence, Script, ScriptCall, next_count, next_text, script, status};
use crate::model::{EntryId, Fields, Name};
use crate::wire::error::Error;

/// How far a partition was taken, and how far it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advance {
    /// The partition.
    pub partition: u32,
    /// The offset that is kept; `None` for none.
    pub from: Option<i64>,
    /// The offset to keep: that of the next record.
    pub to: i64,
}

/// A record that becomes an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The id that its entry had, if it is known.
    pub id: Option<EntryId>,
    /// Its time, in milliseconds since 1970: the id when it has none of its own.
    pub time_ms: u64,
    /// The fields; there is at least one.
    pub fields: Fields,
}

/// The result of taking records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Took {
    /// All are entries.
    Done {
        /// How many have the id that they had.
        own_ids: u64,
    },
    /// Another offset is kept for this partition. Nothing was written.
    Moved {
        /// The partition.
        partition: String,
        /// The offset that is kept; empty for none.
        kept: String,
    },
    /// The record at this place has more fields than a script can add. Nothing was written.
    TooMany(usize),
}

/// Adds `records` to `stream` and keeps in the hash `offsets` how far their partitions were taken, or does neither; renews
/// the lease. The id of an entry is its own if the stream ends before it; otherwise it is the next one after the stream's
/// end, and the field `_ucp_redis_id` at the end says the own.
pub fn take_records(
    (stream, offsets): (&Name, &Name),
    (fence, time_to_live): (&Fence, Duration),
    advances: &[Advance],
    records: &[Arrival],
) -> ScriptCall<Took> {
    static SCRIPT: Script = script!(take_records);
    let keys = vec![stream.clone(), offsets.clone(), fence.key.clone()];
    let mut call = ScriptCall::new(&SCRIPT, keys, &fence.token, |command, value| {
        let (word, mut parts) = status(command, value)?;
        match word {
            b"ok" => Ok(Took::Done {
                own_ids: next_count(command, &mut parts)?,
            }),
            b"moved" => Ok(Took::Moved {
                partition: next_text(command, &mut parts)?,
                kept: next_text(command, &mut parts)?,
            }),
            b"toomany" => {
                let place = next_count(command, &mut parts)?;
                Ok(Took::TooMany(usize::try_from(place).unwrap_or(usize::MAX)))
            }
            _ => Err(Error::shape(command, "ok, moved or toomany")),
        }
    })
    .text(time_to_live.as_millis())
    .text(advances.len());
    for advance in advances {
        call = call
            .text(advance.partition)
            .text(advance.from.map(|it| it.to_string()).unwrap_or_default())
            .text(advance.to);
    }
    for record in records {
        call = call
            .text(record.id.map(|it| it.to_string()).unwrap_or_default())
            .text(record.time_ms)
            .text(2 * record.fields.len());
        for (name, value) in &record.fields {
            call = call.arg(name.as_slice()).arg(value.as_slice());
        }
    }
    call
}
