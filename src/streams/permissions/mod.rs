//! The permissions that each command needs on a server, as least-privilege ACL rules. Pure data: a test runs every
//! command as a user who has nothing but its rule.

mod table;

use std::fmt::Write as _;

use super::outputs::outputs;
use super::publish::memory_of;
use crate::model::{Name, is_seen, report};
use crate::topology::{self, Builtin, GroupSpec, Handler, Topology, Workers};
use table::{BASE, COUNT, Keys, LEASE, Needs, ONCE, Scope, TABLE};

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

/// The rule that `command` needs for these `streams` and `groups`, or by default for those of the topology that it
/// works on. With `once`, it includes what remembering the values of that field needs. `None` for a command that
/// needs no server.
pub fn permission(
    command: &str,
    topology: &Topology,
    streams: &[Name],
    groups: &[GroupSpec],
    once: Option<&Name>,
) -> Option<Permission> {
    let row = TABLE.iter().find(|row| row.path == command)?;
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

/// The streams and groups that a rule covers.
struct About {
    streams: Vec<Name>,
    groups: Vec<GroupSpec>,
}

impl About {
    fn of(row: &Needs, topology: &Topology, streams: &[Name], groups: &[GroupSpec]) -> Self {
        let mut about = Self {
            streams: streams.to_vec(),
            groups: groups.to_vec(),
        };
        if streams.is_empty() && groups.is_empty() {
            match row.scope {
                Scope::Nothing => {}
                Scope::Streams => {
                    about.streams = topology.streams.iter().map(|it| it.name.clone()).collect();
                }
                Scope::Groups => about.groups.clone_from(&topology.groups),
                Scope::These(names) => {
                    about.streams = names.iter().map(|it| Name::from(*it)).collect();
                }
            }
        }
        for group in &about.groups {
            if !about.streams.contains(&group.stream) {
                about.streams.push(group.stream.clone());
            }
        }
        about
    }

    /// Whether no group is named, so that the rule covers all groups of the streams.
    fn is_of_streams(&self) -> bool {
        self.groups.is_empty()
    }

    fn keys(&self, kinds: &[Keys], topology: &Topology) -> Vec<Name> {
        let mut keys: Vec<Name> = Vec::new();
        let mut add = |prefix: &str, key: &Name, rest: &str| {
            let key = keyed(prefix, key, rest);
            if !keys.contains(&key) {
                keys.push(key);
            }
        };
        for kind in kinds {
            for stream in &self.streams {
                let dead_letter = topology.stream_or_default(stream).dead_letter;
                match kind {
                    Keys::ReadStreams => add("%R~", stream, ""),
                    Keys::Streams => add("~", stream, ""),
                    Keys::ReadDeadLetters => add("%R~", &dead_letter, ""),
                    Keys::DeadLetters => add("~", &dead_letter, ""),
                    Keys::Restoring => add("~", &stream.derived(":restoring"), "*"),
                    Keys::Copied => add("~", &topology::copied_key(stream), ""),
                    Keys::Replays => of_replays(stream).iter().for_each(|it| add("~", it, "*")),
                    Keys::Bridges => of_bridges(stream).iter().for_each(|it| add("~", it, "")),
                    Keys::BridgesFrom => of_topics(stream).iter().for_each(|it| add("~", it, "*")),
                    Keys::ReadBridges => {
                        for key in [topology::bridge_key, topology::lease_key] {
                            add("%R~", &key(stream, &Name::default()), "*");
                        }
                    }
                    Keys::ReadBreakers | Keys::ReadLosses | Keys::ReadPauses
                        if topology.groups_of(stream).next().is_none() => {}
                    Keys::ReadBreakers => add("%R~", &stream.derived(":breaker:"), "*"),
                    Keys::ReadLosses => add("%R~", &stream.derived(":lost:"), "*"),
                    Keys::ReadPauses => add("%R~", &stream.derived(":paused:"), "*"),
                    Keys::ReadOutputs => {
                        for group in topology.groups_of(stream) {
                            for output in outputs(group) {
                                add("%R~", &output, "");
                            }
                        }
                    }
                    // Groups that are named have a key each, below.
                    Keys::Retries if self.is_of_streams() => {
                        if topology.groups_of(stream).next().is_some() {
                            add("~", &topology::retry_key(stream, &Name::default()), "*");
                        }
                    }
                    Keys::ReadPolicies
                    | Keys::ReadInFlight
                    | Keys::ReadJournals
                    | Keys::ReadRetries
                        if self.is_of_streams() =>
                    {
                        if topology.groups_of(stream).next().is_some() {
                            add("%R~", &key_of(*kind)(stream, &Name::default()), "*");
                        }
                    }
                    Keys::Working
                    | Keys::ReadPolicies
                    | Keys::ReadInFlight
                    | Keys::ReadJournals
                    | Keys::ReadRetries
                    | Keys::Retries
                    | Keys::Losses
                    | Keys::Pauses
                    | Keys::Due
                    | Keys::ReadAudit
                    | Keys::Audit
                    | Keys::Demo => {}
                }
            }
            match kind {
                Keys::Retries => {
                    for group in &self.groups {
                        let key = topology::retry_key(&group.stream, &group.name);
                        add("~", &key, "");
                    }
                }
                Keys::ReadInFlight
                | Keys::ReadPolicies
                | Keys::ReadJournals
                | Keys::ReadRetries => {
                    for group in &self.groups {
                        add("%R~", &key_of(*kind)(&group.stream, &group.name), "");
                    }
                }
                Keys::Working => {
                    for group in &self.groups {
                        working(group, &mut add);
                    }
                }
                Keys::Losses | Keys::Pauses | Keys::Due => {
                    for group in &self.groups {
                        add("~", &key_of(*kind)(&group.stream, &group.name), "");
                    }
                }
                Keys::Demo => add("~", &Name::from("{ucp-demo-"), "*"),
                Keys::ReadAudit | Keys::Audit => {
                    let prefix = if *kind == Keys::Audit { "~" } else { "%R~" };
                    topology.audit.iter().for_each(|it| add(prefix, it, ""));
                }
                _ => {}
            }
        }
        keys
    }

    /// The commands that workers of these groups send, besides those of every worker, if `kinds` include any workers.
    fn working(&self, kinds: &[Keys]) -> Vec<&'static [&'static str]> {
        let mut commands = Vec::new();
        for group in self
            .groups
            .iter()
            .filter(|_| kinds.contains(&Keys::Working))
        {
            if group.workers == Workers::One {
                commands.push(LEASE);
            }
            if group.handler == Some(Handler::Builtin(Builtin::Features)) {
                commands.push(COUNT);
            }
        }
        commands
    }
}

/// How the keys begin that replays and their workers keep beside the stream.
fn of_replays(stream: &Name) -> [Name; 8] {
    let group = topology::replay_group(&Name::default());
    [
        topology::replay_key(stream, &Name::default()),
        topology::lease_key(stream, &group),
        topology::policy_key(stream, &group),
        topology::inflight_key(stream, &group),
        topology::breaker_key(stream, &group),
        topology::losses_key(stream, &group),
        topology::retry_key(stream, &group),
        topology::paused_key(stream, &group),
    ]
}

/// The keys that a bridge and its worker keep beside the stream.
fn of_bridges(stream: &Name) -> [Name; 6] {
    let group = Name::from(topology::BRIDGE_GROUP);
    [
        topology::bridge_key(stream, &group),
        topology::lease_key(stream, &group),
        topology::policy_key(stream, &group),
        topology::inflight_key(stream, &group),
        topology::losses_key(stream, &group),
        topology::paused_key(stream, &group),
    ]
}

/// What the keys begin with that bridges from Kafka keep beside the stream.
fn of_topics(stream: &Name) -> [Name; 2] {
    [
        topology::bridge_from_key(stream, ""),
        topology::bridge_from_lease(stream, ""),
    ]
}

/// The key of this kind that a group has beside its stream.
fn key_of(kind: Keys) -> fn(&Name, &Name) -> Name {
    match kind {
        Keys::ReadInFlight => topology::inflight_key,
        Keys::ReadJournals => topology::journal_key,
        Keys::ReadRetries => topology::retry_key,
        Keys::Losses => topology::losses_key,
        Keys::Pauses => topology::paused_key,
        Keys::Due => topology::due_key,
        _ => topology::policy_key,
    }
}

/// The keys that workers of `group` use besides its stream, and those that its handler writes to.
fn working(group: &GroupSpec, add: &mut impl FnMut(&str, &Name, &str)) {
    add("~", &topology::breaker_key(&group.stream, &group.name), "");
    add("~", &topology::policy_key(&group.stream, &group.name), "");
    add("~", &topology::losses_key(&group.stream, &group.name), "");
    add("~", &topology::inflight_key(&group.stream, &group.name), "");
    add("%R~", &topology::paused_key(&group.stream, &group.name), "");
    add("%R~", &topology::due_key(&group.stream, &group.name), "");
    let retries = topology::retry_key(&group.stream, &group.name);
    add("~", &retries, "");
    // What is kept of it: entries in flight for long, losses, the journal.
    add("~", &retries.derived(":"), "*");
    if group.workers == Workers::One {
        add("~", &group.lease_key(), "");
    }
    if group.journal.is_some() {
        add("~", &topology::journal_key(&group.stream, &group.name), "");
    }
    if group.handler == Some(Handler::Builtin(Builtin::Features)) {
        add("~", &group.stream.derived(":features:"), "*");
    }
    for output in outputs(group) {
        add("~", &output, "");
    }
}

/// A pattern that matches the key, between the text before and after it in a rule. Servers accept no pattern with
/// white space or NUL, so the pattern has a wildcard for each such byte.
fn keyed(prefix: &str, key: &Name, rest: &str) -> Name {
    let mut pattern = prefix.as_bytes().to_vec();
    for byte in key.as_bytes() {
        match byte {
            b'*' | b'?' | b'[' | b']' | b'\\' | b'^' => pattern.extend([b'\\', *byte]),
            0 | 0x0b => pattern.push(b'?'),
            byte if byte.is_ascii_whitespace() => pattern.push(b'?'),
            byte => pattern.push(*byte),
        }
    }
    pattern.extend_from_slice(rest.as_bytes());
    Name::new(pattern)
}

/// The rule for one key, quoted for `redis-cli`.
pub fn key_rule(is_read: bool, key: &Name) -> String {
    quoted(&keyed(if is_read { "%R~" } else { "~" }, key, ""))
}

/// A word quoted for `redis-cli`.
fn quoted(word: &Name) -> String {
    let is_plain = |letter: char| is_seen(letter) && !"\"'\\".contains(letter);
    if let Ok(text) = std::str::from_utf8(word.as_bytes())
        && text.chars().all(is_plain)
    {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for chunk in word.as_bytes().utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' | '\\' => quoted.extend(['\\', letter]),
                letter if is_seen(letter) => quoted.push(letter),
                letter => push_bytes(&mut quoted, letter.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        push_bytes(&mut quoted, chunk.invalid());
    }
    quoted.push('"');
    quoted
}

fn push_bytes(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Into a string nothing can fail.
        let _ = write!(text, "\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(command: &str, streams: &[&str]) -> Vec<String> {
        let streams: Vec<Name> = streams.iter().map(|it| Name::from(*it)).collect();
        permission(command, &Topology::default(), &streams, &[], None)
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
                permission(command, &Topology::default(), &[], &[], None).expect(command);
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
            Some(&"a*".into()),
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
            let rule = permission("read", &Topology::default(), &[name.into()], &[], None);
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
        let rule = permission("worker run", &topology, &[], &[group], None).expect("there");
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
            let rule = permission("worker run", &topology, &[], groups, None).expect("there");
            assert_eq!(rule.keys.contains(&key), kept_for.is_some());
        }
    }

    #[test]
    fn what_needs_no_server_has_no_rule() {
        assert_eq!(
            permission("man", &Topology::default(), &[], &[], None),
            None
        );
    }
}
