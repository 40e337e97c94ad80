//! A key whose value is replaced only while it still is what was seen.

use super::{Script, ScriptCall, script, status};
use crate::model::Name;
use crate::wire::error::Error;

/// Sets the value of `key` to `wanted`, or deletes it, if it still is `seen`; `None` is no value. The value has no expiry.
/// Returns whether that was done.
pub fn exchange(key: &Name, seen: Option<&[u8]>, wanted: Option<&[u8]>) -> ScriptCall<bool> {
    static SCRIPT: Script = script!(exchange);
    ScriptCall::new(
        &SCRIPT,
        vec![key.clone()],
        "",
        |command, value| match status(command, value)?.0 {
            b"ok" => Ok(true),
            b"changed" => Ok(false),
            _ => Err(Error::shape(command, "ok or changed")),
        },
    )
    .arg(seen.unwrap_or_default())
    .arg(wanted.unwrap_or_default())
}
