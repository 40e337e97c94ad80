//! The table of permissions: one row per command, with the streams and groups it covers, the commands it sends and
//! the keys it uses.

use crate::platform;

/// The commands that every connection sends.
pub(super) const BASE: &[&str] = &["hello", "auth", "ping", "client|setname"];

/// The commands that a script needs, besides those it calls.
const SCRIPT: &[&str] = &["eval", "evalsha"];

/// The command for an error that names the type of a key that is not a stream.
const KIND: &[&str] = &["type"];

/// The commands that read pending entries.
const PENDING: &[&str] = &["xinfo|groups", "xpending", "xrange", "type"];

/// The commands that list the consumers of a group.
const CONSUMERS: &[&str] = &["xinfo|groups", "xinfo|consumers", "type"];

/// The commands that observe a stream and its groups.
const LOOK: &[&str] = &[
    "xinfo|stream",
    "xinfo|groups",
    "xinfo|consumers",
    "xpending",
    "xrange",
];

/// The commands that measure how far groups are behind, in entries and in time.
const MEASURE: &[&str] = &["time", "info", "command|info"];

/// The commands that read the keys beside each stream and group.
const BESIDE: &[&str] = &["xlen", "xrevrange", "get", "hgetall"];

/// The commands of an observation of streams and groups, and the keys that it reads.
const OBSERVE: &[&[&str]] = &[LOOK, MEASURE, BESIDE];
const OBSERVED: &[Keys] = &[
    Keys::ReadStreams,
    Keys::ReadDeadLetters,
    Keys::ReadBreakers,
    Keys::ReadPauses,
    Keys::ReadLosses,
    Keys::ReadPolicies,
    Keys::ReadRetries,
];

/// The keys that `info` reads: on a terminal, it names the last change, too.
const OBSERVED_WITH_CHANGES: &[Keys] = &[
    Keys::ReadStreams,
    Keys::ReadDeadLetters,
    Keys::ReadBreakers,
    Keys::ReadPauses,
    Keys::ReadLosses,
    Keys::ReadPolicies,
    Keys::ReadRetries,
    Keys::ReadAudit,
];

/// What a pause of a group reads and writes.
const PAUSING: &[Keys] = &[
    Keys::ReadStreams,
    Keys::ReadDeadLetters,
    Keys::ReadBreakers,
    Keys::ReadLosses,
    Keys::ReadPolicies,
    Keys::ReadRetries,
    Keys::Pauses,
    Keys::Audit,
];

/// The commands of a closer look, which all rules need, and the keys that it reads.
const CLOSER: &[&str] = &["memory|usage", "type", "config|get", "slowlog|get"];
const LOOKED_AT_CLOSELY: &[Keys] = &[
    Keys::ReadStreams,
    Keys::ReadDeadLetters,
    Keys::ReadBreakers,
    Keys::ReadPauses,
    Keys::ReadLosses,
    Keys::ReadPolicies,
    Keys::ReadInFlight,
    Keys::ReadRetries,
    Keys::ReadAudit,
];

/// What is looked at closely, and created where it is missing.
const APPLIED: &[Keys] = &[
    Keys::Streams,
    Keys::ReadDeadLetters,
    Keys::ReadBreakers,
    Keys::ReadPauses,
    Keys::ReadLosses,
    Keys::ReadPolicies,
    Keys::ReadInFlight,
    Keys::ReadRetries,
    Keys::Audit,
];

/// The commands that read the claim idle of live workers.
const PATIENCE: &[&str] = &["xinfo|consumers", "hgetall"];

/// The commands that save what is about to be changed, and record that.
const SAVE: &[&str] = &["time", "xadd"];

/// The commands that move entries to another stream.
const MOVE: &[&str] = &["xadd", "xack"];

/// The keys that a command uses, by their relation to its streams and groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    /// The streams, for reading only.
    ReadStreams,
    /// The streams.
    Streams,
    /// The keys in which workers of the streams' groups publish their open circuit breakers, for reading only.
    ReadBreakers,
    /// The keys in which is recorded that the streams' groups are paused, for reading only.
    ReadPauses,
    /// The keys in which is recorded that the groups are paused.
    Pauses,
    /// The keys in which entries of the groups are marked that are to be tried at once.
    Due,
    /// The keys in which workers of the groups publish their claim idle, for reading only.
    ReadPolicies,
    /// The keys with the losses of the streams' groups before delivery, for reading only.
    ReadLosses,
    /// The keys with the losses of the groups before delivery.
    Losses,
    /// The keys in which workers of the groups record entries that are in flight for long, for reading only.
    ReadInFlight,
    /// The journals in which workers of the groups record what they settled, for reading only.
    ReadJournals,
    /// The retry streams of the streams' groups, for reading only.
    ReadRetries,
    /// The retry streams of the groups.
    Retries,
    /// The dead-letter streams, for reading only.
    ReadDeadLetters,
    /// The dead-letter streams.
    DeadLetters,
    /// The keys in which streams are made that are restored.
    Restoring,
    /// The streams that the handlers of the streams' groups write to, for reading only.
    ReadOutputs,
    /// The keys that workers of the groups use, and those that their handlers write to.
    Working,
    /// The keys in which is kept what the streams are copies of.
    Copied,
    /// The keys of replays of the streams.
    Replays,
    /// The keys of bridges of the streams to Kafka, in their usual group.
    Bridges,
    /// The keys of bridges from Kafka to the streams, of any topic.
    BridgesFrom,
    /// The keys that tell of bridges of the streams to Kafka, for reading only.
    ReadBridges,
    /// The demo's own keys.
    Demo,
    /// The audit stream, for reading only.
    ReadAudit,
    /// The audit stream.
    Audit,
}

/// The streams and groups that a command works on when none is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// None.
    Nothing,
    /// Every stream of the topology.
    Streams,
    /// Every group of the topology, and its stream.
    Groups,
    /// These.
    These(&'static [&'static str]),
}

/// One command.
pub(super) struct Needs {
    pub(super) path: &'static str,
    pub(super) scope: Scope,
    pub(super) commands: &'static [&'static [&'static str]],
    pub(super) keys: &'static [Keys],
}

const fn needs(
    path: &'static str,
    scope: Scope,
    commands: &'static [&'static [&'static str]],
    keys: &'static [Keys],
) -> Needs {
    Needs {
        path,
        scope,
        commands,
        keys,
    }
}

/// The commands that add entries, and that find out which entries of groups would be trimmed.
const ADD: &[&str] = &["xadd", "xinfo|stream", "xinfo|groups", "xpending"];

const PING: &[&[&str]] = &[&["info", "command|info", "command|docs"]];

const PUBLISH: &[&[&str]] = &[ADD];

/// The commands that remember what was published under the value of an idempotency field.
pub(super) const ONCE: &[&[&str]] = &[SCRIPT, KIND, &["get", "set"]];

const INGEST: &[&[&str]] = &[ADD, SCRIPT, KIND, &["exists"]];

/// The commands that read as a member of a group.
const MEMBER: &[&str] = &[
    "xreadgroup",
    "xclaim",
    "xgroup|create",
    "xgroup|createconsumer",
    "xgroup|delconsumer",
];

/// The commands that find and record entries that were trimmed or deleted before they were delivered.
const LOSSES: &[&str] = &[
    "exists",
    "type",
    "xinfo|stream",
    "get",
    "set",
    "xadd",
    "xgroup|setid",
    "info",
    "command|info",
];

/// The commands of the lease of a group with one active worker.
pub(super) const LEASE: &[&str] = &["get", "set", "del", "pexpire", "pttl"];

/// The commands of the counters of the built-in handler `features`.
pub(super) const COUNT: &[&str] = &["hget", "hset", "hincrby", "hincrbyfloat"];

/// The commands for the keys that a worker keeps for others to read.
const KEEP: &[&str] = &[
    "time", "get", "hgetall", "hget", "hset", "hdel", "hlen", "hscan",
];

/// What every worker needs; a lease and the output of a handler are added for each group.
const WORK: &[&[&str]] = &[LOOK, SCRIPT, KIND, MOVE, MEMBER, KEEP, LOSSES, RETRIES];

/// The commands for a retry stream, whose entries are deleted when they are acknowledged.
const RETRIES: &[&str] = &["xlen", "xdel"];

const DEMO: &[&[&str]] = &[
    LOOK,
    MEASURE,
    SCRIPT,
    KIND,
    MOVE,
    MEMBER,
    LEASE,
    KEEP,
    COUNT,
    &["exists", "scan", "xgroup|setid"],
    &["xrevrange", "xlen", "memory|usage"],
];

/// What `archive` needs with `--then-trim`.
pub(super) const THEN_TRIM: Needs = needs(
    "archive",
    Scope::Streams,
    &[ARCHIVE, SCRIPT, TRIM],
    &[Keys::Streams, Keys::Audit],
);

const ARCHIVE: &[&str] = &[
    "type",
    "time",
    "xrange",
    "xrevrange",
    "xinfo|stream",
    "xinfo|groups",
    "xpending",
];

/// The commands that trim, find out how far, and say what that frees.
const TRIM: &[&str] = &[
    "xinfo|stream",
    "xinfo|groups",
    "xpending",
    "xrange",
    "xrevrange",
    "memory|usage",
    "command|info",
    "config|get",
    "exists",
    "xtrim",
    "xadd",
];

/// One row per command. A command that is not here needs no server.
#[rustfmt::skip]
pub(super) const TABLE: &[Needs] = &{
    use Keys::{Audit, Bridges, BridgesFrom, Copied, DeadLetters, Demo, Due, Losses, Pauses, ReadAudit, ReadBridges, ReadDeadLetters, ReadInFlight, ReadJournals, ReadLosses, ReadOutputs, ReadPolicies, ReadRetries, ReadStreams, Replays, Restoring, Retries, Streams, Working};
    use Scope::{Groups, Nothing, These};
    [
        needs("ping", Nothing, PING, &[]),
        needs("context check", Nothing, PING, &[]),
        needs("init", Groups, &[&["xinfo|groups", "xinfo|stream", "exists", "xgroup|create", "info"], SCRIPT], &[Streams]),
        needs("topology diff", Scope::Streams, &[LOOK, MEASURE, BESIDE, CLOSER], LOOKED_AT_CLOSELY),
        needs("topology apply", Scope::Streams, &[LOOK, MEASURE, BESIDE, CLOSER, &["exists", "xgroup|create", "xadd"], SCRIPT], APPLIED),
        needs("publish", Scope::Streams, PUBLISH, &[Streams]),
        needs("publish raw", These(&[platform::EVENTS_RAW]), PUBLISH, &[Streams]),
        needs("publish normalized", These(&[platform::EVENTS_NORMALIZED]), PUBLISH, &[Streams]),
        needs("publish merge-request", These(&[platform::MERGE_REQUESTS]), PUBLISH, &[Streams]),
        needs("publish prediction-request", These(&[platform::PREDICTION_REQUESTS]), PUBLISH, &[Streams]),
        needs("ingest", These(&[platform::EVENTS_RAW, platform::EVENTS_NORMALIZED]), INGEST, &[Streams]),
        needs("tail", Scope::Streams, &[&["type", "xrange", "xrevrange", "xread", "xinfo|stream", "info"]], &[ReadStreams]),
        needs("read", Scope::Streams, &[&["type", "xrange", "xrevrange"]], &[ReadStreams]),
        needs("stats", Scope::Streams, &[&["type", "time", "xlen", "xrevrange"]], &[ReadStreams]),
        needs("memory", Scope::Streams, &[&["type", "time", "info", "command|info", "dbsize", "scan", "memory|usage", "xinfo|stream", "xinfo|groups", "xpending", "xrange"]], &[ReadStreams, ReadDeadLetters]),
        needs("get", Scope::Streams, &[&["type", "xrange", "xrevrange", "xinfo|stream", "info"]], &[ReadStreams]),
        needs("explain", Scope::Streams, &[KIND, &["time", "xrange", "xrevrange", "xinfo|stream", "xinfo|groups", "xpending", "hmget"]], &[ReadStreams, ReadDeadLetters, ReadInFlight, ReadJournals]),
        needs("trace", Scope::Streams, &[&["time", "xrange", "xrevrange", "xinfo|groups", "xpending", "hmget"]], &[ReadStreams, ReadDeadLetters, ReadOutputs, ReadInFlight, ReadJournals, ReadRetries]),
        needs("info", Scope::Streams, &[LOOK, MEASURE, BESIDE, &["memory|usage"]], OBSERVED_WITH_CHANGES),
        needs("groups", Scope::Streams, OBSERVE, OBSERVED),
        needs("check", Scope::Streams, OBSERVE, OBSERVED),
        needs("lag", Scope::Streams, OBSERVE, OBSERVED),
        needs("doctor", Scope::Streams, &[LOOK, MEASURE, BESIDE, CLOSER], LOOKED_AT_CLOSELY),
        needs("metrics", Scope::Streams, &[LOOK, MEASURE, BESIDE, CLOSER], LOOKED_AT_CLOSELY),
        needs("serve", Scope::Streams, &[LOOK, MEASURE, BESIDE, CLOSER, &["xread"]], LOOKED_AT_CLOSELY),
        needs("record", Scope::Streams, &[LOOK, MEASURE, BESIDE, CLOSER], LOOKED_AT_CLOSELY),
        needs("top", Scope::Streams, &[LOOK, MEASURE, BESIDE, CLOSER, &["hmget"]], LOOKED_AT_CLOSELY),
        needs("wait", Groups, OBSERVE, OBSERVED),
        needs("pending", Groups, &[PENDING, CONSUMERS, &["time", "hmget"]], &[ReadStreams, ReadInFlight]),
        needs("claim", Groups, &[SAVE, PENDING, CONSUMERS, PATIENCE, SCRIPT, MOVE, &["xclaim"]], &[Streams, DeadLetters, ReadPolicies, Audit]),
        needs("requeue", Groups, &[SAVE, PENDING, PATIENCE, SCRIPT, MOVE], &[Streams, DeadLetters, ReadPolicies, Retries, Audit]),
        needs("ack", Groups, &[SAVE, &["xinfo|groups", "xpending", "xack"], KIND, SCRIPT], &[Streams, Audit]),
        needs("snapshot", Groups, &[&["xinfo|groups", "xpending", "time"]], &[ReadStreams]),
        needs("undo", Groups, &[SAVE, CONSUMERS, SCRIPT, KIND, &["xinfo|stream", "xpending", "xrange", "exists", "xgroup|create", "xgroup|createconsumer", "xgroup|setid", "xclaim", "xadd", "xdel"]], &[Streams, DeadLetters, Retries, Audit]),
        needs("archive", Scope::Streams, &[ARCHIVE], &[ReadStreams]),
        needs("restore", Scope::Streams, &[KIND, &["multi", "exec", "xadd", "get", "set", "del", "xinfo|stream", "xsetid", "renamenx", "xclaim", "xgroup|create", "xgroup|destroy"]], &[Streams, Restoring, Audit]),
        needs("copy", Scope::Streams, &[KIND, &["xrange", "xrevrange", "xinfo|stream", "xinfo|groups", "multi", "exec", "xadd", "get", "set"]], &[Streams, Copied, Audit]),
        needs("audit", Nothing, &[&["xrevrange"]], &[ReadAudit]),
        needs("retry", Groups, &[PENDING, CONSUMERS, PATIENCE, SCRIPT, &["xadd", "xclaim", "hset", "hlen", "pexpire", "exists"]], &[Streams, ReadPolicies, Due, Audit]),
        needs("pause", Groups, &[LOOK, MEASURE, BESIDE, SCRIPT, KIND, &["set", "xadd"]], PAUSING),
        needs("resume", Groups, &[&["xinfo|groups", "get", "time", "del"], SCRIPT, KIND], &[Pauses]),
        needs("trim", Scope::Streams, &[SCRIPT, KIND, TRIM], &[Streams, Audit]),
        needs("consume", Groups, &[PENDING, SCRIPT, &["xack", "xreadgroup", "xgroup|createconsumer", "xgroup|delconsumer", "xclaim"], LOSSES], &[Streams, DeadLetters, Losses]),
        needs("groups create", Groups, &[&["xinfo|stream", "xinfo|groups", "exists", "xgroup|create"], SCRIPT], &[Streams]),
        needs("groups set-id", Groups, &[SAVE, LOOK, KIND, SCRIPT, &["exists", "time", "xgroup|setid"]], &[Streams, Audit]),
        needs("groups accept-loss", Groups, &[&["xadd"], LOOK, KIND, MEASURE, SCRIPT, &["exists", "get", "set", "hgetall", "xadd", "xlen", "xgroup|setid"]], &[Streams, DeadLetters, Losses, ReadPolicies, ReadRetries, Audit]),
        needs("groups delete", Groups, &[SAVE, LOOK, KIND, MEASURE, SCRIPT, &["exists", "get", "hgetall", "xlen", "xgroup|destroy"]], &[Streams, ReadLosses, ReadPolicies, ReadRetries, Audit]),
        needs("consumers", Groups, &[CONSUMERS], &[ReadStreams]),
        needs("consumers delete", Groups, &[SAVE, PENDING, CONSUMERS, PATIENCE, SCRIPT, MOVE, &["xclaim", "xgroup|delconsumer"]], &[Streams, DeadLetters, ReadPolicies, Audit]),
        needs("consumers prune", Groups, &[SAVE, PENDING, CONSUMERS, PATIENCE, SCRIPT, MOVE, &["xclaim", "xgroup|delconsumer"]], &[Streams, DeadLetters, ReadPolicies, Audit]),
        needs("dlq list", Scope::Streams, &[&["type", "xrange", "time", "xlen"]], &[ReadDeadLetters]),
        needs("dlq show", Scope::Streams, &[&["type", "xrange", "time"]], &[ReadDeadLetters]),
        needs("dlq add", Groups, &[SAVE, PENDING, SCRIPT, MOVE], &[Streams, DeadLetters, Audit]),
        needs("dlq redrive", Scope::Streams, &[SAVE, SCRIPT, KIND, &["exists", "xrange", "xinfo|groups", "xadd", "xdel"], PATIENCE], &[Streams, DeadLetters, ReadPolicies, Retries, Audit]),
        needs("dlq purge", Scope::Streams, &[SAVE, &["type", "xrange", "xdel"]], &[DeadLetters, Audit]),
        needs("try", Groups, &[PENDING, &["xrevrange"]], &[ReadStreams, ReadDeadLetters]),
        needs("replay", Scope::Streams, &[LOOK, SCRIPT, KIND, MOVE, MEMBER, KEEP, LOSSES, LEASE, SAVE, &["xgroup|destroy"]], &[Streams, DeadLetters, Replays, Audit]),
        needs("worker run", Groups, WORK, &[Streams, DeadLetters, Working]),
        needs("bridge to-kafka", Scope::Streams, &[LOOK, SCRIPT, KIND, MOVE, MEMBER, KEEP, LOSSES, LEASE], &[Streams, DeadLetters, Bridges]),
        needs("bridge from-kafka", Scope::Streams, &[SCRIPT, KIND, LEASE, &["xinfo|stream", "xinfo|groups", "exists", "xadd", "hget", "hset", "hgetall"]], &[Streams, BridgesFrom]),
        needs("bridge verify", Scope::Streams, &[&["type", "xinfo|stream", "xrange", "xrevrange"]], &[ReadStreams]),
        needs("bridge status", Scope::Streams, &[LOOK, MEASURE, KIND, &["xlen", "get", "hgetall"]], &[ReadStreams, ReadLosses, ReadPolicies, ReadRetries, ReadBridges]),
        needs("demo", Nothing, DEMO, &[Demo]),
    ]
};
