//! What a user may not do, read from the server's words and from those of this tool's own scripts.

use super::error::{Error, ErrorKind};

/// What the user lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// A command, as `ACL SETUSER` takes it: `xinfo|groups`.
    Command(String),
    /// A key.
    Key {
        /// The key.
        key: String,
        /// Whether the command only reads it.
        is_read: bool,
    },
    /// Something in a script that the server does not name.
    Unnamed,
}

/// Commands that read their key, and do no more.
const READS: [&str; 11] = [
    "EXISTS",
    "HGETALL",
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
    /// What the user lacks; `None` where that is not what failed.
    pub fn denial(&self) -> Option<Denial> {
        if self.kind != ErrorKind::NoPerm {
            return None;
        }
        if let Some(command) = self.denied_command() {
            return Some(Denial::Command(command.to_owned()));
        }
        let words: Vec<&str> = self.command.split(' ').collect();
        let is_command =
            |word: &&&str| !word.is_empty() && word.bytes().all(|it| it.is_ascii_uppercase());
        let named = words.iter().take_while(is_command).count();
        let key = words[named..].join(" ");
        Some(match words.first() {
            Some(_) if named == 0 => Denial::Unnamed,
            Some(command) if self.is_key_denied() && !key.is_empty() => Denial::Key {
                key,
                is_read: READS.contains(command),
            },
            _ => Denial::Command(words[..named].join("|").to_lowercase()),
        })
    }

    /// The command in `… no permissions to run the 'xinfo|groups' command`, and in `… may not run xack on s; …`, which
    /// scripts say before they change anything.
    fn denied_command(&self) -> Option<&str> {
        let quoted = || Some(self.text.split_once(" to run the '")?.1.split_once('\'')?.0);
        let in_script = || {
            let (_, command) = self.text.split_once(" may not run ")?;
            Some(command.split_once(" on ")?.0)
        };
        quoted().or_else(in_script)
    }

    /// Whether the user may not touch this key, whatever the command.
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
            key: "orders".to_owned(),
            is_read,
        };
        let keys =
            "NOPERM this user has no permissions to access one of the keys used as arguments";
        for (failed, text, denial) in [
            (
                "XINFO STREAM orders",
                "NOPERM User bob has no permissions to run the 'xinfo|stream' command",
                command("xinfo|stream"),
            ),
            ("XADD orders", "NOPERM sorry", command("xadd")),
            (
                "XADD orders",
                "NOPERM No permissions to access a key",
                key(false),
            ),
            ("XRANGE orders", keys, key(true)),
            ("XINFO GROUPS orders", keys, key(true)),
            ("ack orders", keys, Denial::Unnamed),
            (
                "redrive {orders}:dlq",
                "NOPERM this user may not run xdel on {orders}:dlq; nothing was changed",
                command("xdel"),
            ),
            (
                "ack orders",
                "NOPERM this user has no permissions to run the 'evalsha' command",
                command("evalsha"),
            ),
            (
                "set_id orders",
                "ERR ACL failure in script: User bob has no permissions to run the 'xgroup|setid' command script: 52a4",
                command("xgroup|setid"),
            ),
            (
                "set_id orders",
                "ERR The user executing the script can't run this command or subcommand script: 52a4",
                Denial::Unnamed,
            ),
        ] {
            let error = Error::from_server_line(failed, text);
            assert_eq!(error.denial(), Some(denial), "{failed}: {text}");
        }
        assert_eq!(Error::from_server_line("XADD s", "ERR x").denial(), None);
    }
}
