//! What a command can change.

use schemars::JsonSchema;
use serde::Serialize;

/// What running a command changes. Every command that can be run has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Impact {
    /// Nothing on the server.
    Read,
    /// Files on this machine, and nothing on the server.
    Local,
    /// Adds to the server, or works on it in the way that the pipeline is meant to be used.
    Write,
    /// Removes or moves something that somebody may still need, so it asks first.
    Destructive,
}

impl Impact {
    /// The word for it in help and JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Local => "local",
            Self::Write => "write",
            Self::Destructive => "destructive",
        }
    }

    /// The meaning of the word.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Read => "changes nothing on the server",
            Self::Local => "changes files on this machine, and nothing on the server",
            Self::Write => "changes the server",
            Self::Destructive => "changes the server and asks first; --yes agrees",
        }
    }
}
