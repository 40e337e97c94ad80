//! A command with the decoder of its reply: what the functions of [`super::commands`] return and a
//! [`super::Connection`] runs.

use redis::Cmd;

use super::decode;
use super::error::Result;
use super::resp::Reply;
use crate::model::Name;

/// Turns the reply to the command called `&str` into a value.
pub(super) type Decode<T> = fn(&str, Reply<'_>) -> Result<T>;

/// One command whose reply is a `T`.
pub struct Request<T> {
    pub(super) cmd: Cmd,
    /// The name of the command or script, which error messages name first.
    pub(super) name: &'static str,
    /// The key of the command, which error messages name second.
    pub(super) key: Option<Name>,
    pub(super) decode: Decode<T>,
}

impl<T> Request<T> {
    /// `name` is the command's name; `key` is its key, if it has one.
    pub(super) fn new(name: &'static str, key: Option<&[u8]>, decode: Decode<T>) -> Self {
        let mut cmd = Cmd::new();
        for word in name.split(' ') {
            cmd.arg(word);
        }
        if let Some(key) = key {
            cmd.arg(key);
        }
        Self {
            cmd,
            name,
            key: key.map(Name::from),
            decode,
        }
    }

    /// Appends one argument.
    pub(super) fn arg(mut self, arg: impl redis::ToRedisArgs) -> Self {
        self.cmd.arg(arg);
        self
    }

    /// Appends an id, or any other value that can be displayed.
    pub(super) fn text(self, arg: impl std::fmt::Display) -> Self {
        self.arg(format!("{arg}"))
    }
}

/// Accepts `+OK`, or anything else that is not an error.
#[expect(clippy::unnecessary_wraps, reason = "it is a decoder like the others")]
pub(super) fn done(_: &str, _: Reply<'_>) -> Result<()> {
    Ok(())
}

/// Text or bytes.
pub(super) fn text(command: &str, reply: Reply<'_>) -> Result<Vec<u8>> {
    decode::bytes(command, reply).map(<[u8]>::to_vec)
}
