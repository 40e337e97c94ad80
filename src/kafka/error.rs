//! What went wrong between this process and Kafka.

use std::fmt;

use crate::model::{Kind, Problem, escaped};

/// An error of the client or of a broker.
#[derive(Clone, Debug)]
pub struct Error {
    /// Decides the exit code.
    pub kind: Kind,
    /// Whether the same request may succeed later without any change.
    pub may_pass: bool,
    /// Whether a record is bigger than the broker takes.
    pub is_too_big: bool,
    text: String,
}

impl Error {
    pub(super) fn new(kind: Kind, may_pass: bool, text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            kind,
            may_pass,
            is_too_big: false,
            text: escaped(text.as_bytes()),
        }
    }

    #[cfg(feature = "kafka")]
    pub(super) fn too_big(text: impl Into<String>) -> Self {
        Self {
            is_too_big: true,
            ..Self::new(Kind::Usage, false, text)
        }
    }

    /// The problem that it is for the user, without a next step: the caller knows that.
    pub fn problem(&self) -> Problem {
        Problem::new(self.kind, self.to_string())
    }

    /// The next step that follows from the kind of error alone.
    pub fn hint(&self) -> &'static str {
        match self.kind {
            Kind::Denied => {
                "check --kafka-user and its password, the certificates, and what this user may do in Kafka"
            }
            Kind::NotFound => {
                "create the topic with as many partitions as it is to have for good; a bridge never creates one"
            }
            Kind::Unavailable => "check that the brokers run and that --brokers names them",
            _ => "see what the broker says, and run the command again",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        error.problem().hint(error.hint())
    }
}
