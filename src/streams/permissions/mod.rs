//! The permissions that each command needs on a server, as least-privilege ACL rules. Pure data: a test runs every
//! command as a user who has nothing but its rule.

mod about;
mod pattern;
mod table;

use super::publish::memory_of;
use crate::model::{Name, report};
use crate::topology::{GroupSpec, Topology};
use about::About;
pub use pattern::key_rule;
use pattern::{keyed, quoted};
use table::{BASE, ONCE, TABLE, THEN_TRIM};

report! {
    /// The rule of one command, in the form that `ACL SETUSER` takes.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Permission {
        /// The whole rule in one line, with quotes around words that need them.
        pub rule: String => whole("RULE"),
        /// The command.
        pub command: String => text("COMMAND", wide),
        /// Commands of the server, such as `xinfo|stream`.
        pub allowed: Vec<&'static str>,
        /// Keys as patterns, each after `~` or `%R~`.
        pub keys: Vec<Name>,
    }
}

impl Permission {
    /// The rule as a selector, which adds to what a user may already do.
    pub fn selector(&self) -> String {
        let plain = self
            .keys
            .iter()
            .map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned());
        let commands = self.allowed.iter().map(|command| format!("+{command}"));
        format!("({})", plain.chain(commands).collect::<Vec<_>>().join(" "))
    }

    /// The words of the rule, with quotes around those that need them.
    pub fn words(&self) -> Vec<String> {
        let head = RESET.map(str::to_owned).into_iter();
        let keys = self.keys.iter().map(quoted);
        let commands = self.allowed.iter().map(|command| format!("+{command}"));
        head.chain(keys).chain(commands).collect()
    }
}

/// The beginning of each rule: anything that the rule does not name is forbidden.
const RESET: [&str; 3] = ["resetkeys", "resetchannels", "-@all"];

/// Every command that needs a server, in the table's order.
pub fn commands() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|row| row.path)
}

/// Whether `command` publishes, and so accepts an idempotency field.
pub fn publishes(command: &str) -> bool {
    command == "publish" || command.starts_with("publish ")
}

/// The command whose rule is another one with `--then-trim`.
pub const TRIMS: &str = "archive";

/// What a rule is to allow besides.
#[derive(Clone, Copy, Debug, Default)]
pub struct Besides<'a> {
    /// Remembering the values of this field.
    pub once: Option<&'a Name>,
    /// Trimming what is archived.
    pub then_trim: bool,
}

/// The rule that `command` needs for these `streams` and `groups`, or by default for those of the topology that it
/// works on, with what it is to allow `besides`. `None` for a command that needs no server.
pub fn permission(
    command: &str,
    topology: &Topology,
    streams: &[Name],
    groups: &[GroupSpec],
    Besides { once, then_trim }: Besides<'_>,
) -> Option<Permission> {
    let row = if then_trim {
        &THEN_TRIM
    } else {
        TABLE.iter().find(|row| row.path == command)?
    };
    let about = About::of(row, topology, streams, groups);
    let mut keys = about.keys(row.keys, topology);
    let mut allowed: Vec<_> = BASE.to_vec();
    let remembering = once.map_or(&[][..], |_| ONCE);
    let working = about.working(row.keys);
    for command in row
        .commands
        .iter()
        .chain(remembering)
        .chain(&working)
        .copied()
        .flatten()
    {
        if !allowed.contains(command) {
            allowed.push(command);
        }
    }
    if let Some(field) = once {
        let memory = |stream| keyed("~", &memory_of(stream, field), "*");
        keys.extend(about.streams.iter().map(memory));
    }
    let mut permission = Permission {
        command: command.to_owned(),
        allowed,
        keys,
        rule: String::new(),
    };
    permission.rule = permission.words().join(" ");
    Some(permission)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(command: &str, streams: &[&str]) -> Vec<String> {
        let streams: Vec<Name> = streams.iter().map(|it| Name::from(*it)).collect();
        permission(
            command,
            &Topology::default(),
            &streams,
            &[],
            Besides::default(),
        )
        .expect(command)
        .keys
        .iter()
        .map(ToString::to_string)
        .collect()
    }

    #[test]
    fn a_viewer_may_change_nothing() {
        for command in [
            "info", "lag", "read", "tail", "pending", "dlq list", "groups",
        ] {
            let permission =
                permission(command, &Topology::default(), &[], &[], Besides::default())
                    .expect(command);
            assert!(
                permission
                    .keys
                    .iter()
                    .all(|key| key.as_bytes().starts_with(b"%R~"))
            );
            // A read of a group changes it, whatever the key's rule says.
            assert!(!permission.allowed.contains(&"xreadgroup"), "{command}");
        }
    }

    #[test]
    fn remembering_a_field_has_keys_of_its_own() {
        let rule = permission(
            "publish",
            &Topology::default(),
            &["s".into()],
            &[],
            Besides {
                once: Some(&"a*".into()),
                then_trim: false,
            },
        );
        let rule = rule.expect("there");
        assert_eq!(rule.keys, ["~s", "~{s}:once:a\\*:*"]);
        assert!(rule.allowed.contains(&"get") && rule.allowed.contains(&"evalsha"));
    }

    #[test]
    fn keys_are_patterns_of_themselves() {
        assert_eq!(keys("read", &["a*b"]), ["%R~a\\*b"]);
        assert_eq!(keys("dlq purge", &["s"]), ["~{s}:dlq", "~ucp:audit"]);
        assert_eq!(keys("ingest", &[]), ["~events.raw", "~events.normalized"]);
        for (name, expected) in [
            (&b"a b\0\n"[..], "%R~a?b??"),
            (b"it's\x01\xff\\", r#""%R~it's\x01\xff\\\\""#),
        ] {
            let rule = permission(
                "read",
                &Topology::default(),
                &[name.into()],
                &[],
                Besides::default(),
            );
            let rule = rule.expect("read").rule;
            let expected = format!("resetkeys resetchannels -@all {expected} +hello");
            assert!(rule.starts_with(&expected), "{rule}");
        }
    }

    #[test]
    fn a_worker_may_write_where_its_handler_does() {
        let topology = Topology::default();
        let group = topology
            .group(&"merge-processors".into(), None)
            .expect("there");
        let rule =
            permission("worker run", &topology, &[], &[group], Besides::default()).expect("there");
        for key in [
            "~profiles.merges",
            "~profiles.review_queue",
            "~{profiles.merge_requests}:lease:merge-processors",
        ] {
            assert!(rule.keys.contains(&key.into()), "{key}");
        }
        assert!(
            !rule
                .keys
                .iter()
                .any(|key| key.to_string().contains("events"))
        );
        // It keeps a lease, and counts nothing.
        assert!(rule.allowed.contains(&"pexpire") && !rule.allowed.contains(&"hincrby"));
    }

    #[test]
    fn a_worker_may_write_a_journal_where_one_is_kept() {
        let topology = Topology::default();
        let mut group = topology
            .group(&"event-processors".into(), None)
            .expect("there");
        let key = Name::from("~{events.normalized}:journal:event-processors");
        for kept_for in [None, Some(GroupSpec::JOURNAL_MIN)] {
            group.journal = kept_for;
            let groups = std::slice::from_ref(&group);
            let rule = permission("worker run", &topology, &[], groups, Besides::default())
                .expect("there");
            assert_eq!(rule.keys.contains(&key), kept_for.is_some());
        }
    }

    #[test]
    fn what_needs_no_server_has_no_rule() {
        assert_eq!(
            permission("man", &Topology::default(), &[], &[], Besides::default()),
            None
        );
    }
}
