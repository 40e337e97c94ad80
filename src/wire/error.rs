//! Errors between this tool and a server, classified by the server's own error codes.

use std::fmt;

use crate::model::{Name, escaped};

/// The result of everything in this layer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of error, as far as callers distinguish it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// No connection could be made.
    Connect,
    /// No reply within the deadline; whether the command ran is unknown.
    Timeout,
    /// The connection was lost; whether an outstanding command ran is unknown.
    Closed,
    /// The reply has an unknown shape.
    Protocol,
    /// TLS: a problem with a certificate, a name, or one of their files.
    Tls,
    /// One side uses TLS, the other does not.
    TlsMismatch,
    /// `NOAUTH`, `WRONGPASS`: authentication.
    Auth,
    /// `NOPERM`: the user may not do this.
    NoPerm,
    /// `NOGROUP`: no such group (or stream).
    NoGroup,
    /// `BUSYGROUP`: the group exists.
    BusyGroup,
    /// `WRONGTYPE`: the key is not a stream.
    WrongType,
    /// No such key.
    NoKey,
    /// `NOSCRIPT`: the script's text must be sent again.
    NoScript,
    /// `READONLY`: the server is a replica.
    ReadOnly,
    /// `UNBLOCKED`: the server ended a blocking read; check role, key and group again.
    Unblocked,
    /// `LOADING`, `BUSY`, `TRYAGAIN`, `MASTERDOWN`, `CLUSTERDOWN`: try again a little later.
    NotReady,
    /// `OOM`: the server's memory limit is reached.
    OutOfMemory,
    /// `MISCONF`, `NOREPLICAS`: the server refuses writes.
    WritesRefused,
    /// `MOVED`, `ASK`: a cluster node that does not have the key's hash slot (any more), or not all of it.
    Cluster,
    /// `CROSSSLOT`: a command or script whose keys are in several hash slots of a cluster.
    CrossSlot,
    /// The stream's last id is the greatest possible one, so nothing can ever be added to it again.
    Exhausted,
    /// The server has no database of this number.
    NoDatabase,
    /// The server cannot accept another client.
    TooManyClients,
    /// The server does not know the command or its syntax.
    UnknownCommand,
    /// `UCPFENCED`, from this tool's own scripts: another worker holds the lease.
    Fenced,
    /// Any other error the server returned.
    Server,
}

impl ErrorKind {
    /// Whether the connection can no longer be used.
    pub fn is_connection_lost(self) -> bool {
        matches!(
            self,
            Self::Connect
                | Self::Timeout
                | Self::Closed
                | Self::Protocol
                | Self::Tls
                | Self::TlsMismatch
        )
    }

    /// Whether the same request may succeed later without a change on this side.
    pub fn is_passing(self) -> bool {
        matches!(
            self,
            Self::Connect
                | Self::Timeout
                | Self::Closed
                | Self::ReadOnly
                | Self::Unblocked
                | Self::NotReady
                | Self::OutOfMemory
                | Self::WritesRefused
                | Self::TooManyClients
        )
    }

    /// Whether the server refuses the command itself, for whatever reason: not allowed, not known, not supported. For
    /// a command that only asks for additional facts, this is an answer: the facts are unknown.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::NoPerm | Self::UnknownCommand | Self::Server)
    }

    /// Whether the command may have been carried out although an error was returned.
    pub fn is_outcome_unknown(self) -> bool {
        matches!(self, Self::Timeout | Self::Closed)
    }

    fn from_code(code: &str, detail: &str) -> Self {
        match code {
            "NOAUTH" | "WRONGPASS" => Self::Auth,
            "NOPERM" => Self::NoPerm,
            "NOGROUP" => Self::NoGroup,
            "BUSYGROUP" => Self::BusyGroup,
            "WRONGTYPE" => Self::WrongType,
            "NOSCRIPT" => Self::NoScript,
            "READONLY" => Self::ReadOnly,
            "UNBLOCKED" => Self::Unblocked,
            "LOADING" | "BUSY" | "TRYAGAIN" | "MASTERDOWN" | "CLUSTERDOWN" => Self::NotReady,
            "OOM" => Self::OutOfMemory,
            "MISCONF" | "NOREPLICAS" => Self::WritesRefused,
            "MOVED" | "ASK" => Self::Cluster,
            "CROSSSLOT" => Self::CrossSlot,
            "UCPFENCED" => Self::Fenced,
            "ERR" => Self::from_plain_error(detail),
            // Proxies and hosted servers have no code for it.
            "unsupported" => Self::UnknownCommand,
            _ => Self::Server,
        }
    }

    /// `ERR` has no code that says more, so the texts that this tool distinguishes are matched here and nowhere else.
    fn from_plain_error(detail: &str) -> Self {
        let detail = detail.trim_start();
        if detail.starts_with("no such key")
            || detail.starts_with("The XGROUP subcommand requires the key to exist")
        {
            Self::NoKey
        } else if detail.contains("exhausted the last possible ID") {
            Self::Exhausted
        } else if detail.starts_with("max number of clients") {
            Self::TooManyClients
        } else if [
            "unknown command",
            "unknown subcommand",
            "unknown redis command called from script",
            "invalid command passed to redis.acl_check_cmd",
            "unsupported command",
        ]
        .iter()
        .any(|words| begins(detail, words))
        {
            Self::UnknownCommand
        } else if detail.starts_with("No permission")
            || detail.starts_with("ACL failure in script")
            || detail.starts_with("The user executing the script can't run")
        {
            Self::NoPerm
        } else if detail.starts_with("AUTH ") || detail.starts_with("Client sent AUTH") {
            Self::Auth
        } else {
            Self::Server
        }
    }
}

/// Whether `text` begins with `words`, ignoring case.
fn begins(text: &str, words: &str) -> bool {
    text.get(..words.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(words))
}

/// A failed command: the kind of error, the command, and the message of the server or the system (escaped).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The command, or the script of this tool; empty when there was none.
    pub command: String,
    /// The key of the command, if it had one.
    pub key: Option<Name>,
    /// The cause in words, safe to print and without credentials.
    pub text: String,
    /// The next step, if this layer knows a better one than the error's kind implies.
    pub next_step: Option<&'static str>,
}

impl Error {
    /// An error of `kind` in `command`; `text` is escaped here.
    pub fn new(kind: ErrorKind, command: impl Into<String>, text: impl AsRef<str>) -> Self {
        Self {
            kind,
            command: command.into(),
            key: None,
            text: escaped(text.as_ref().as_bytes()),
            next_step: None,
        }
    }

    /// The same error, about `key`.
    #[must_use]
    pub fn about(mut self, key: Option<&Name>) -> Self {
        self.key = key.cloned();
        self
    }

    /// The same error, of another command that had it too.
    #[must_use]
    pub(super) fn of_command(self, command: &str) -> Self {
        Self {
            command: command.to_owned(),
            ..self
        }
    }

    /// The same error with the next step to take.
    #[must_use]
    pub(super) fn next_step(mut self, step: &'static str) -> Self {
        self.next_step = Some(step);
        self
    }

    /// Classifies a server's error line, without its leading `-`.
    pub(super) fn from_server_line(command: &str, line: &str) -> Self {
        let (code, detail) = line.split_once(' ').unwrap_or((line, ""));
        let error = Self::new(ErrorKind::from_code(code, detail), command, line);
        if error.kind == ErrorKind::Cluster {
            return error.of_slot(code, detail);
        }
        if error.kind == ErrorKind::Exhausted {
            return error.next_step(
                "its last entry id is the greatest possible one, and no command lowers it: add to another stream, \
                    or move its entries to another stream and delete it",
            );
        }
        error
    }

    /// The same error, with the slot and its node in words: `MOVED 866 127.0.0.1:7001`.
    fn of_slot(self, code: &str, detail: &str) -> Self {
        let is_moving = code == "ASK";
        let text = match detail.trim().split_once(' ') {
            Some((slot, node)) if is_moving => {
                format!(
                    "hash slot {slot} is moving to the cluster's node {node} ({})",
                    self.text
                )
            }
            Some((slot, node)) => {
                format!(
                    "hash slot {slot} is on the cluster's node {node}, and not (or no longer) on this one ({})",
                    self.text
                )
            }
            None => return self,
        };
        Self { text: escaped(text.as_bytes()), ..self }.next_step(
            "this tool does not follow slots from node to node: name the node that holds this slot with --url, or \
                try again when it has moved back",
        )
    }

    /// Converts an I/O error that occurred after the connection was made.
    pub(super) fn from_io(command: &str, error: &std::io::Error) -> Self {
        let kind = match tls_error_in(error) {
            Some(_) => ErrorKind::Tls,
            None => ErrorKind::Closed,
        };
        Self::new(kind, command, format!("connection lost: {error}"))
    }

    /// The error for a reply of an unknown shape.
    pub(super) fn shape(command: &str, expected: &str) -> Self {
        Self::new(
            ErrorKind::Protocol,
            command,
            format!("unexpected reply from the server: expected {expected}"),
        )
    }
}

/// The TLS error inside an I/O error.
pub(super) fn tls_error_in(error: &std::io::Error) -> Option<&tokio_rustls::rustls::Error> {
    error.get_ref()?.downcast_ref()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            _ if self.command.is_empty() => f.write_str(&self.text),
            Some(key) => write!(f, "{} {key}: {}", self.command, self.text),
            None => write!(f, "{}: {}", self.command, self.text),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_decides_the_kind() {
        for (line, kind) in [
            (
                "NOGROUP No such key 's' or consumer group 'g'",
                ErrorKind::NoGroup,
            ),
            (
                "BUSYGROUP Consumer Group name already exists",
                ErrorKind::BusyGroup,
            ),
            ("WRONGTYPE Operation against a key", ErrorKind::WrongType),
            ("NOPERM User x has no permissions", ErrorKind::NoPerm),
            ("ERR ACL failure in script: x", ErrorKind::NoPerm),
            ("ERR no such key", ErrorKind::NoKey),
            (
                "ERR max number of clients reached",
                ErrorKind::TooManyClients,
            ),
            (
                "LOADING Redis is loading the dataset in memory",
                ErrorKind::NotReady,
            ),
            (
                "UNBLOCKED the stream key no longer exists",
                ErrorKind::Unblocked,
            ),
            ("OOM command not allowed", ErrorKind::OutOfMemory),
            ("MOVED 1 127.0.0.1:7000", ErrorKind::Cluster),
            ("unsupported command", ErrorKind::UnknownCommand),
            (
                "ERR Unknown Redis command called from script script: 52a4, on @user_script:3.",
                ErrorKind::UnknownCommand,
            ),
            (
                "ERR Unknown command 'xautoclaim'",
                ErrorKind::UnknownCommand,
            ),
            ("ERR unsupported command 'INFO'", ErrorKind::UnknownCommand),
            (
                "ERR No permission to execute command info",
                ErrorKind::NoPerm,
            ),
            (
                "CROSSSLOT Keys in request don't hash to the same slot",
                ErrorKind::CrossSlot,
            ),
            ("WHATEVER", ErrorKind::Server),
        ] {
            assert_eq!(Error::from_server_line("X", line).kind, kind, "{line}");
        }
    }

    #[test]
    fn what_is_refused_is_no_state_that_passes() {
        for line in [
            "unsupported command",
            "ERR nope",
            "NOPERM no",
            "ERR unknown command 'INFO'",
            "FORBIDDEN",
        ] {
            assert!(
                Error::from_server_line("INFO", line).kind.is_refusal(),
                "{line}"
            );
        }
        for line in [
            "NOAUTH x",
            "WRONGPASS x",
            "LOADING x",
            "MASTERDOWN x",
            "BUSY x",
            "MOVED 1 h:1",
            "ERR no such key",
        ] {
            assert!(
                !Error::from_server_line("INFO", line).kind.is_refusal(),
                "{line}"
            );
        }
    }

    #[test]
    fn a_slot_that_moved_is_named_with_its_node() {
        let error = Error::from_server_line("XADD s", "MOVED 866 127.0.0.1:7001");
        assert!(error.text.contains("hash slot 866 is on"), "{error}");
        assert!(error.text.contains("127.0.0.1:7001"), "{error}");
        let error = Error::from_server_line("XADD s", "ASK 866 127.0.0.1:7001");
        assert!(error.text.contains("hash slot 866 is moving to"), "{error}");
    }

    #[test]
    fn a_server_text_cannot_steer_the_terminal() {
        let error = Error::from_server_line("XADD s", "ERR \x1b[2J");
        assert_eq!(error.to_string(), "XADD s: ERR \\x1b[2J");
    }
}
