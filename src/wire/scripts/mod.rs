//! The Lua scripts and their typed calls: moves that must be made completely or not at all, and writes that are
//! correct only while a lease is held. Each script checks types, sizes, permissions and the lease before its first
//! write, and declares every key that it uses; all keys of a call share a hash slot.

mod bridge;
mod due;
mod exchange;
mod groups;
mod inflight;
mod lease;
mod losses;
mod moves;
mod once;
mod outputs;
mod policy;
mod restore;
mod trim;
mod worker;

use std::sync::LazyLock;

pub use bridge::*;
pub use due::*;
pub use exchange::*;
pub use groups::*;
pub use inflight::*;
pub use lease::*;
pub use losses::*;
pub use moves::*;
pub use once::*;
pub use outputs::*;
pub use policy::*;
pub use restore::*;
pub use trim::*;
pub use worker::*;

use super::error::{Error, Result};
use super::request::{Decode, Request};
use super::resp::{Children, Reply, Shape};
use crate::model::{EntryId, Name};

/// A script's text (the shared beginning and its own part) and the hash by which the server knows it.
pub(super) struct Script {
    name: &'static str,
    text: LazyLock<&'static str>,
    hash: LazyLock<String>,
}

macro_rules! script {
    ($name:ident) => {
        $crate::wire::scripts::Script {
            name: stringify!($name),
            text: std::sync::LazyLock::new(|| script!(@text $name)),
            hash: std::sync::LazyLock::new(|| redis::Script::new(script!(@text $name)).get_hash().to_owned()),
        }
    };
    (@text $name:ident) => {
        $crate::planted::script(
            stringify!($name),
            concat!(include_str!("common.lua"), include_str!(concat!(stringify!($name), ".lua"))),
        )
    };
}
use script;

/// One call of a script whose reply is a `T`.
pub struct ScriptCall<T> {
    script: &'static Script,
    keys: Vec<Name>,
    args: Vec<Vec<u8>>,
    decode: Decode<T>,
}

impl<T> std::fmt::Debug for ScriptCall<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptCall")
            .field("script", &self.script.name)
            .finish_non_exhaustive()
    }
}

impl<T> ScriptCall<T> {
    /// `token` is the fencing token of a group with one active worker; `keys` then ends with the lease's key.
    fn new(script: &'static Script, keys: Vec<Name>, token: &str, decode: Decode<T>) -> Self {
        Self {
            script,
            keys,
            args: vec![token.as_bytes().to_vec()],
            decode,
        }
    }

    fn arg(mut self, arg: impl Into<Vec<u8>>) -> Self {
        self.args.push(arg.into());
        self
    }

    fn text(self, arg: impl std::fmt::Display) -> Self {
        self.arg(format!("{arg}"))
    }

    /// The call by the script's hash.
    pub(super) fn by_hash(&self) -> Request<T> {
        self.request("EVALSHA", &self.script.hash)
    }

    /// The call with the script's text; the server keeps it for later calls by hash.
    pub(super) fn by_text(&self) -> Request<T> {
        self.request("EVAL", &self.script.text)
    }

    /// The words of the call, by the script's hash or with its text.
    pub(super) fn words(&self, by_text: bool) -> Vec<Vec<u8>> {
        let (command, script) = if by_text {
            ("EVAL", *self.script.text)
        } else {
            ("EVALSHA", self.script.hash.as_str())
        };
        let head = [command, script, &self.keys.len().to_string()].map(|it| it.as_bytes().to_vec());
        let keys = self.keys.iter().map(|key| key.as_bytes().to_vec());
        head.into_iter()
            .chain(keys)
            .chain(self.args.iter().cloned())
            .collect()
    }

    fn request(&self, command: &'static str, script: &str) -> Request<T> {
        let mut request = Request::new(command, None, self.decode)
            .arg(script)
            .arg(self.keys.len());
        for key in &self.keys {
            request = request.arg(key.as_bytes());
        }
        for arg in &self.args {
            request = request.arg(arg.as_slice());
        }
        request.name = self.script.name;
        request.key = self.keys.first().cloned();
        request
    }
}

/// The lease of a group with one active worker, as a fence: its key and this worker's token.
#[derive(Clone, Debug)]
pub struct Fence {
    /// The lease key.
    pub key: Name,
    /// The value of the key while this worker holds the lease.
    pub token: String,
}

/// The token argument, and, for a fenced call, `keys` with the lease key appended.
fn fenced(mut keys: Vec<Name>, fence: Option<&Fence>) -> (Vec<Name>, String) {
    match fence {
        None => (keys, String::new()),
        Some(fence) => {
            keys.push(fence.key.clone());
            (keys, fence.token.clone())
        }
    }
}

/// The word with which a reply begins, and what follows it.
fn status<'a>(command: &str, node: Reply<'a>) -> Result<(&'a [u8], Children<'a>)> {
    let mut parts = super::decode::list(command, node)?;
    let word = parts
        .next()
        .ok_or_else(|| Error::shape(command, "a status"))?;
    Ok((super::decode::bytes(command, word)?, parts))
}

fn next_text(command: &str, parts: &mut Children<'_>) -> Result<String> {
    let part = parts
        .next()
        .ok_or_else(|| Error::shape(command, "a text"))?;
    Ok(String::from_utf8_lossy(super::decode::bytes(command, part)?).into_owned())
}

fn next_name(command: &str, parts: &mut Children<'_>) -> Result<Name> {
    let part = parts
        .next()
        .ok_or_else(|| Error::shape(command, "a name"))?;
    super::decode::bytes(command, part).map(Name::from)
}

fn next_id(command: &str, parts: &mut Children<'_>) -> Result<EntryId> {
    let part = parts
        .next()
        .ok_or_else(|| Error::shape(command, "an entry id"))?;
    super::decode::id(command, part)
}

fn next_count(command: &str, parts: &mut Children<'_>) -> Result<u64> {
    let part = parts
        .next()
        .ok_or_else(|| Error::shape(command, "a count"))?;
    super::decode::count(command, part)
}

/// A word as a whole reply.
fn word<'a>(command: &str, node: Reply<'a>) -> Result<&'a [u8]> {
    match node.shape() {
        Shape::Bytes(bytes) => Ok(bytes),
        _ => Err(Error::shape(command, "a status")),
    }
}
