//! The streams and groups that a rule covers, and the keys that follow from them.

use super::pattern::keyed;
use super::table::{COUNT, Keys, LEASE, Needs, Scope};
use crate::model::Name;
use crate::streams::outputs::outputs;
use crate::topology::{self, Builtin, GroupSpec, Handler, Topology, Workers};

/// The streams and groups that a rule covers.
pub(super) struct About {
    pub(super) streams: Vec<Name>,
    groups: Vec<GroupSpec>,
}

impl About {
    pub(super) fn of(
        row: &Needs,
        topology: &Topology,
        streams: &[Name],
        groups: &[GroupSpec],
    ) -> Self {
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

    pub(super) fn keys(&self, kinds: &[Keys], topology: &Topology) -> Vec<Name> {
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
                    Keys::Restoring => add("~", &topology::restoring_key(stream), "*"),
                    Keys::Copied => add("~", &topology::copied_key(stream), ""),
                    Keys::Replays => of_replays(stream)
                        .iter()
                        .for_each(|(how, it)| add(how, it, "*")),
                    Keys::Bridges => of_bridges(stream)
                        .iter()
                        .for_each(|(how, it)| add(how, it, "")),
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
                Keys::Losses | Keys::Pauses | Keys::Due | Keys::Retries => {
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
    pub(super) fn working(&self, kinds: &[Keys]) -> Vec<&'static [&'static str]> {
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
fn of_replays(stream: &Name) -> [(&'static str, Name); 8] {
    let group = topology::replay_group(&Name::default());
    [
        ("~", topology::replay_key(stream, &Name::default())),
        ("~", topology::lease_key(stream, &group)),
        ("~", topology::policy_key(stream, &group)),
        ("~", topology::inflight_key(stream, &group)),
        ("~", topology::breaker_key(stream, &group)),
        ("~", topology::losses_key(stream, &group)),
        ("~", topology::paused_key(stream, &group)),
        ("%R~", topology::due_key(stream, &group)),
    ]
}

/// The keys that a bridge and its worker keep beside the stream.
fn of_bridges(stream: &Name) -> [(&'static str, Name); 7] {
    let group = Name::from(topology::BRIDGE_GROUP);
    [
        ("~", topology::bridge_key(stream, &group)),
        ("~", topology::lease_key(stream, &group)),
        ("~", topology::policy_key(stream, &group)),
        ("~", topology::inflight_key(stream, &group)),
        ("~", topology::losses_key(stream, &group)),
        ("~", topology::paused_key(stream, &group)),
        ("%R~", topology::due_key(stream, &group)),
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
        Keys::ReadRetries | Keys::Retries => topology::retry_key,
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
