//! Which permission a user lacks, read from the messages of the server and of this tool's own scripts.

use super::error::{Error, ErrorKind};
use crate::model::Name;

/// What the user lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// A command, in the form that `ACL SETUSER` takes: `xinfo|groups`.
    Command(String),
    /// A key.
    Key {
        /// The key.
        key: Name,
        /// Whether the command only reads the key.
        is_read: bool,
    },
    /// Something in a script that the server does not name.
    Unnamed,
}

/// The text in the scripts' messages before the command that the user may not run, and its key.
const IN_SCRIPT: &str = "NOPERM this user may not run ";

/// Commands that only read their key.
const READS: [&str; 12] = [
    "EXISTS",
    "HGETALL",
    "HMGET",
    "MEMORY",
    "TYPE",
    "XINFO",
    "XLEN",
    "XPENDING",
    "XRANGE",
    "XREAD",
    "XREVRANGE",
    "GET",
];

impl Error {
    /// What the user lacks; `None` when something else failed.
    pub fn denial(&self) -> Option<Denial> {
        if self.kind != ErrorKind::NoPerm {
            return None;
        }
        if let Some(command) = self.denied_command() {
            return Some(Denial::Command(command.to_owned()));
        }
        // Commands are written in capitals, and the scripts of this tool are not.
        if self.command.is_empty() || self.command.bytes().any(|it| it.is_ascii_lowercase()) {
            return Some(Denial::Unnamed);
        }
        let first = self.command.split(' ').next().unwrap_or_default();
        Some(match &self.key {
            Some(key) if self.is_key_denied() => Denial::Key {
                key: key.clone(),
                is_read: READS.contains(&first),
            },
            _ => Denial::Command(self.command.replace(' ', "|").to_lowercase()),
        })
    }

    /// The command in `… no permissions to run the 'xinfo|groups' command`, and in `… may not run xack on s; …`,
    /// which scripts report before they change anything.
    fn denied_command(&self) -> Option<&str> {
        let in_script = || {
            let command = self.text.strip_prefix(IN_SCRIPT)?;
            command.split([' ', ';']).next()
        };
        // A user's name stands before it.
        let quoted = || {
            Some(
                self.text
                    .rsplit_once(" to run the '")?
                    .1
                    .split_once('\'')?
                    .0,
            )
        };
        in_script().or_else(quoted)
    }

    /// Whether the user may not access this key, whatever the command.
    pub fn is_key_denied(&self) -> bool {
        self.kind == ErrorKind::NoPerm
            && self.text.contains("key")
            && self.denied_command().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_is_what_the_words_name() {
        let command = |name: &str| Denial::Command(name.to_owned());
        let key = |is_read| Denial::Key {
            // In capitals, as a command is.
            key: Name::from("ORDERS"),
            is_read,
        };
        let keys =
            "NOPERM this user has no permissions to access one of the keys used as arguments";
        for (failed, text, denial) in [
            (
                "XINFO STREAM",
                "NOPERM User bob has no permissions to run the 'xinfo|stream' command",
                command("xinfo|stream"),
            ),
            ("XADD", "NOPERM sorry", command("xadd")),
            ("XADD", "NOPERM No permissions to access a key", key(false)),
            ("XRANGE", keys, key(true)),
            ("XINFO GROUPS", keys, key(true)),
            ("ack", keys, Denial::Unnamed),
            (
                "redrive",
                "NOPERM this user may not run xdel on {orders}:dlq; nothing was changed",
                command("xdel"),
            ),
            (
                "ack",
                "NOPERM this user has no permissions to run the 'evalsha' command",
                command("evalsha"),
            ),
            (
                "set_id",
                "ERR ACL failure in script: User bob has no permissions to run the 'xgroup|setid' command script: 52a4",
                command("xgroup|setid"),
            ),
            (
                "set_id",
                "ERR The user executing the script can't run this command or subcommand script: 52a4",
                Denial::Unnamed,
            ),
        ] {
            let error = Error::from_server_line(failed, text).about(Some(&Name::from("ORDERS")));
            assert_eq!(error.denial(), Some(denial), "{failed}: {text}");
        }
        assert_eq!(Error::from_server_line("XADD", "ERR x").denial(), None);
    }
}
