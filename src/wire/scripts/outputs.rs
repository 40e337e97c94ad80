//! Writes that belong together: a handler's output together with the acknowledgement of its input, and one event into
//! several streams.

use super::worker::{Holder, Lease};
use super::{Script, ScriptCall, fenced, next_count, next_name, next_text, script, status};
use crate::model::{EntryId, Name};
use crate::wire::decode;
use crate::wire::error::{Error, Result};
use crate::wire::resp::Reply;

/// An entry to be added.
#[derive(Clone, Debug)]
pub struct Output {
    /// The stream.
    pub stream: Name,
    /// Trim the stream to about this many entries.
    pub maxlen: Option<u64>,
    /// Names and values in order.
    pub fields: crate::model::Fields,
}

/// The result of writing a handler's output and acknowledging its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Both are done.
    Done,
    /// Both are done, except that these figures could not be incremented.
    PartlyCounted(Vec<String>),
    /// The input is not pending, because it was acknowledged before, by any client. Nothing was written.
    Gone,
    /// Another consumer holds the input. Nothing was written.
    Moved {
        /// The consumer that holds it.
        owner: Name,
        /// Its delivery count.
        deliveries: u64,
    },
    /// A rule refused the write. Nothing was written.
    Refused(String),
}

fn effect_outcome(command: &str, node: Reply<'_>) -> Result<Effect> {
    let (word, mut parts) = status(command, node)?;
    match word {
        b"ok" => Ok(Effect::Done),
        b"gone" => Ok(Effect::Gone),
        b"moved" => Ok(Effect::Moved {
            owner: next_name(command, &mut parts)?,
            deliveries: next_count(command, &mut parts)?,
        }),
        b"refused" => Ok(Effect::Refused(next_text(command, &mut parts)?)),
        _ => Err(Error::shape(command, "the outcome of an effect")),
    }
}

fn count_outcome(command: &str, node: Reply<'_>) -> Result<Effect> {
    let (word, parts) = status(command, node)?;
    if word != b"ok" {
        return effect_outcome(command, node);
    }
    let mut left_out = Vec::new();
    for part in parts {
        let bytes = decode::bytes(command, part)?;
        left_out.push(String::from_utf8_lossy(bytes).into_owned());
    }
    Ok(if left_out.is_empty() {
        Effect::Done
    } else {
        Effect::PartlyCounted(left_out)
    })
}

fn output_args<T>(mut call: ScriptCall<T>, output: &Output) -> ScriptCall<T> {
    call = call
        .text(
            output
                .maxlen
                .map(|maxlen| maxlen.to_string())
                .unwrap_or_default(),
        )
        .text(2 * output.fields.len());
    for (name, value) in &output.fields {
        call = call.arg(name.as_slice()).arg(value.as_slice());
    }
    call
}

/// Adds `outputs` and acknowledges the input, or does neither. All streams must be in one hash slot.
pub fn publish_and_acknowledge(
    holder: Holder<'_>,
    lease: Lease,
    outputs: &[Output],
) -> ScriptCall<Effect> {
    static SCRIPT: Script = script!(effect);
    let mut keys = vec![holder.stream.clone()];
    keys.extend(outputs.iter().map(|output| output.stream.clone()));
    let (keys, token) = fenced(keys, holder.fence);
    let call = ScriptCall::new(&SCRIPT, keys, &token, |command, value| {
        effect_outcome(command, value)
    })
    .arg(holder.group.as_bytes())
    .arg(holder.consumer.as_bytes())
    .text(holder.deletes())
    .text(lease.0)
    .text(lease.1)
    .text(outputs.len());
    outputs.iter().fold(call, output_args)
}

/// What an event adds to its feature hashes.
#[derive(Clone, Debug)]
pub struct FeatureUpdate {
    /// The hashes: that of the brand and, if there is a profile, that of the profile.
    pub hashes: Vec<Name>,
    /// The event's type.
    pub event_type: String,
    /// A purchase's total, decimal.
    pub purchase_total: Option<String>,
    /// The event's time, RFC 3339 in UTC with milliseconds, so that texts compare as times.
    pub time: String,
}

/// Counts an event into its feature hashes and acknowledges it, or does neither.
pub fn count_and_acknowledge(
    holder: Holder<'_>,
    lease: Lease,
    update: &FeatureUpdate,
) -> ScriptCall<Effect> {
    static SCRIPT: Script = script!(features);
    let mut keys = vec![holder.stream.clone()];
    keys.extend(update.hashes.iter().cloned());
    let (keys, token) = fenced(keys, holder.fence);
    ScriptCall::new(&SCRIPT, keys, &token, |command, value| {
        count_outcome(command, value)
    })
    .arg(holder.group.as_bytes())
    .arg(holder.consumer.as_bytes())
    .text(holder.deletes())
    .text(lease.0)
    .text(lease.1)
    .text(update.hashes.len())
    .text(&update.event_type)
    .text(update.purchase_total.as_deref().unwrap_or(""))
    .text(&update.time)
}

/// Adds an entry to each of several streams, all or none. Returns their ids, or why they were refused.
pub fn add_together(outputs: &[Output]) -> ScriptCall<std::result::Result<Vec<EntryId>, String>> {
    static SCRIPT: Script = script!(ingest);
    let keys = outputs.iter().map(|output| output.stream.clone()).collect();
    let call = ScriptCall::new(&SCRIPT, keys, "", |command, value| {
        let (word, mut parts) = status(command, value)?;
        match word {
            b"ok" => Ok(Ok(parts
                .map(|id| decode::id(command, id))
                .collect::<Result<_>>()?)),
            b"refused" => Ok(Err(next_text(command, &mut parts)?)),
            _ => Err(Error::shape(command, "ids")),
        }
    });
    outputs.iter().fold(call, output_args)
}
