//! The lease of a group that has one active worker at a time.

use std::time::Duration;

use super::{Fence, Script, ScriptCall, next_text, script, status};
use crate::wire::decode;
use crate::wire::error::Error;

/// The holder of the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseHolder {
    /// This worker holds the lease, from now on for its time to live.
    Us,
    /// Nobody: it was released.
    Nobody,
    /// Another worker holds the lease for this long, unless it renews it.
    Other {
        /// The other worker's token.
        token: String,
        /// The time left until it expires; `None` when it does not expire.
        left: Option<Duration>,
    },
}

/// Takes the lease if it is free, or renews it if this worker holds it.
pub fn take_lease(fence: &Fence, time_to_live: Duration) -> ScriptCall<LeaseHolder> {
    lease_call(fence, "take", time_to_live)
}

/// Releases the lease if this worker holds it.
pub fn drop_lease(fence: &Fence) -> ScriptCall<LeaseHolder> {
    lease_call(fence, "drop", Duration::ZERO)
}

fn lease_call(fence: &Fence, verb: &str, time_to_live: Duration) -> ScriptCall<LeaseHolder> {
    static SCRIPT: Script = script!(lease);
    ScriptCall::new(&SCRIPT, vec![fence.key.clone()], "", |command, value| {
        let (word, mut parts) = status(command, value)?;
        match word {
            b"held" => Ok(LeaseHolder::Us),
            b"dropped" => Ok(LeaseHolder::Nobody),
            b"other" => {
                let token = next_text(command, &mut parts)?;
                let left = parts
                    .next()
                    .ok_or_else(|| Error::shape(command, "milliseconds"))?;
                let left_ms = decode::integer(command, left)?.try_into().ok();
                Ok(LeaseHolder::Other {
                    token,
                    left: left_ms.map(Duration::from_millis),
                })
            }
            _ => Err(Error::shape(command, "held, dropped or other")),
        }
    })
    .text(verb)
    .text(&fence.token)
    .text(time_to_live.as_millis())
}
