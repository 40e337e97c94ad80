//! The claim idle of a group's workers: each publishes its own for the others to see.

use std::time::Duration;

use super::{Script, ScriptCall, next_count, next_name, script, status};
use crate::model::{ClaimIdle, Name};
use crate::wire::decode;
use crate::wire::error::Error;

/// How many workers of a group can publish their claim idle at a time; reading that many takes the server two
/// milliseconds.
const KEPT_MAX: usize = 4096;

/// What a worker learns when it publishes its claim idle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    /// Whether its own value is published now.
    pub kept: Kept,
    /// The longest value that is longer than its own and was refreshed in time.
    pub longest: Option<ClaimIdle>,
    /// Values of others that were not refreshed in time, each as it is stored; those that are longer than its own
    /// come first.
    pub stale: Vec<(Name, Vec<u8>)>,
}

/// Whether a worker's claim idle is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The claim idle is published.
    Done,
    /// There is no room for this value, because so many other workers have published theirs.
    Full,
    /// The server has no memory for the value; an earlier value is kept.
    NoMemory,
}

/// Publishes `claim_idle` for `consumer`, by the server's clock, and whether it reads the group's retry stream, or deletes
/// its value when there is no claim idle. Deletes those of `forgotten` that still have the given value.
pub fn keep_claim_idle(
    key: &Name,
    consumer: &Name,
    claim_idle: Option<Duration>,
    reads_retries: bool,
    forgotten: &[(Name, Vec<u8>)],
) -> ScriptCall<Policies> {
    static SCRIPT: Script = script!(policy);
    let mut call = ScriptCall::new(&SCRIPT, vec![key.clone()], "", |command, value| {
        let (word, mut parts) = status(command, value)?;
        let kept = match word {
            b"ok" => Kept::Done,
            b"full" => Kept::Full,
            b"memory" => Kept::NoMemory,
            _ => return Err(Error::shape(command, "ok, full or memory")),
        };
        let consumer = next_name(command, &mut parts)?;
        let claim_idle = Duration::from_millis(next_count(command, &mut parts)?);
        let mut stale = Vec::new();
        while let Some(name) = parts.next() {
            let name = Name::from(decode::bytes(command, name)?);
            stale.push((name, next_name(command, &mut parts)?.as_bytes().to_vec()));
        }
        Ok(Policies {
            kept,
            longest: (!claim_idle.is_zero()).then_some(ClaimIdle {
                consumer,
                claim_idle,
                reads_retries: false,
            }),
            stale,
        })
    })
    .arg(consumer.as_bytes())
    .text(
        claim_idle
            .map(|it| it.as_millis().to_string())
            .unwrap_or_default(),
    )
    .text(u8::from(reads_retries))
    .text(KEPT_MAX);
    for (name, value) in forgotten {
        call = call.arg(name.as_bytes()).arg(value.as_slice());
    }
    call
}
