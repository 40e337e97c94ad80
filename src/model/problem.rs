//! How an operation ends when it does not succeed: what happened, and the next step.

use std::fmt;

/// Why an operation did not do what was asked. It decides the exit code (see [`crate::exit`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The command ran, and its result is negative.
    Negative,
    /// The arguments, the input or the topology are wrong.
    Usage,
    /// No such stream, group, consumer or entry.
    NotFound,
    /// The server cannot be reached or did not answer in time; trying again may help.
    Unavailable,
    /// Permission or authentication.
    Denied,
    /// A safety rule refused the operation, or a lease was lost.
    Refused,
    /// Some of it was done.
    Partial,
    /// Entries are lost.
    DataLoss,
    /// The command was sent, and the reply was lost.
    Unknown,
    /// A local file or the output failed.
    Local,
    /// A bug in this tool.
    Bug,
}

/// An error an operator can act on.
#[derive(Debug, thiserror::Error)]
pub struct Problem {
    /// Decides the exit code.
    pub kind: Kind,
    /// What happened, naming the stream, group and id. Already escaped.
    pub message: String,
    /// The next step to take, when there is one.
    pub hint: Option<String>,
    /// A word of the command line that is wrong, and the one that is probably meant.
    pub mistyped: Option<(String, String)>,
}

impl Problem {
    /// A problem without a hint.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            mistyped: None,
        }
    }

    /// A problem of [`Kind::Usage`].
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// A problem of [`Kind::NotFound`].
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    /// A problem of [`Kind::Refused`].
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    /// The same problem with the next step to take.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same problem where `given` was typed, and `meant` is probably meant, so that the whole command can be shown
    /// as it should be.
    #[must_use]
    pub fn mistyped(mut self, given: impl Into<String>, meant: Option<&str>) -> Self {
        self.mistyped = meant.map(|meant| (given.into(), meant.to_owned()));
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
