//! The table itself: a row a command, with the streams it is about, the commands it sends and the keys it touches.

use crate::topology;

/// What every connection does.
pub(super) const BASE: &[&str] = &["hello", "auth", "ping", "client|setname", "command|info"];

/// What a script's head and its own part take besides the commands in it.
const SCRIPT: &[&str] = &["eval", "evalsha", "type", "exists"];

/// What looking at a group takes.
const LOOK: &[&str] = &[
    "xinfo|stream",
    "xinfo|groups",
    "xinfo|consumers",
    "xpending",
    "xrange",
];

/// How far groups are, in entries and in time.
const MEASURE: &[&str] = &["time", "info", "xrevrange"];

/// Moving entries to another stream.
const MOVE: &[&str] = &["xadd", "xack"];

/// Keys a command touches, by what they are to its streams and groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    /// The streams, only read.
    ReadStreams,
    /// The streams.
    Streams,
    /// Their dead-letter streams, only read.
    ReadDeadLetters,
    /// Their dead-letter streams.
    DeadLetters,
    /// What workers of the groups keep, and where their handlers write.
    Working,
    /// The demo's own keys.
    Demo,
}

/// Which streams and groups a command is about when none is named.
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

const ADD: &[&str] = &[
    "xadd",
    "xinfo|stream",
    "xinfo|groups",
    "xinfo|consumers",
    "xpending",
];

const PUBLISH: &[&[&str]] = &[ADD];

/// Remembering what was published under a field's value, besides.
pub(super) const ONCE: &[&[&str]] = &[SCRIPT, &["get", "set"]];

const INGEST: &[&[&str]] = &[ADD, SCRIPT];

/// Reading as a member of a group.
const MEMBER: &[&str] = &[
    "xreadgroup",
    "xclaim",
    "xgroup|create",
    "xgroup|createconsumer",
    "xgroup|delconsumer",
];

/// Leases, and what the built-in handlers count.
const KEEP: &[&str] = &[
    "get",
    "set",
    "del",
    "pexpire",
    "pttl",
    "hget",
    "hset",
    "hincrby",
    "hincrbyfloat",
];

const WORK: &[&[&str]] = &[LOOK, SCRIPT, MOVE, MEMBER, KEEP];

const DEMO: &[&[&str]] = &[LOOK, SCRIPT, MOVE, MEMBER, KEEP, &["scan", "hgetall"]];

/// A row a command. What is not here needs no server.
#[rustfmt::skip]
pub(super) const TABLE: &[Needs] = &{
    use Keys::{DeadLetters, Demo, ReadDeadLetters, ReadStreams, Streams, Working};
    use Scope::{Groups, Nothing, These};
    [
        needs("ping", Nothing, &[&["info"]], &[]),
        needs("context check", Nothing, &[&["info"]], &[]),
        needs("init", Groups, &[&["xinfo|groups", "xgroup|create"]], &[Streams]),
        needs("publish", Scope::Streams, PUBLISH, &[Streams]),
        needs("publish raw", These(&[topology::EVENTS_RAW]), PUBLISH, &[Streams]),
        needs("publish normalized", These(&[topology::EVENTS_NORMALIZED]), PUBLISH, &[Streams]),
        needs("publish merge-request", These(&[topology::MERGE_REQUESTS]), PUBLISH, &[Streams]),
        needs("publish prediction-request", These(&[topology::PREDICTION_REQUESTS]), PUBLISH, &[Streams]),
        needs("ingest", These(&[topology::EVENTS_RAW, topology::EVENTS_NORMALIZED]), INGEST, &[Streams]),
        needs("tail", Scope::Streams, &[&["type", "xrange", "xrevrange", "xread", "xinfo|stream", "info"]], &[ReadStreams]),
        needs("read", Scope::Streams, &[&["type", "xrange", "xrevrange"]], &[ReadStreams]),
        needs("get", Scope::Streams, &[&["type", "xrange", "xrevrange", "xinfo|stream"]], &[ReadStreams]),
        needs("info", Scope::Streams, &[LOOK, MEASURE, &["xlen", "memory|usage"]], &[ReadStreams, ReadDeadLetters]),
        needs("groups", Scope::Streams, &[LOOK, MEASURE, &["xlen", "memory|usage"]], &[ReadStreams, ReadDeadLetters]),
        needs("lag", Scope::Streams, &[LOOK, MEASURE], &[ReadStreams]),
        needs("pending", Groups, &[LOOK], &[ReadStreams]),
        needs("claim", Groups, &[LOOK, SCRIPT, MOVE, &["xclaim"]], &[Streams, DeadLetters]),
        needs("requeue", Groups, &[LOOK, SCRIPT, MOVE], &[Streams, DeadLetters]),
        needs("ack", Groups, &[LOOK, SCRIPT, &["xack"]], &[Streams]),
        needs("consume", Groups, &[LOOK, SCRIPT, &["xack", "xreadgroup", "xgroup|createconsumer", "xgroup|delconsumer", "xclaim"]], &[Streams]),
        needs("groups create", Groups, &[LOOK, &["xgroup|create"]], &[Streams]),
        needs("groups set-id", Groups, &[LOOK, SCRIPT, &["xgroup|setid"]], &[Streams]),
        needs("groups delete", Groups, &[LOOK, MEASURE, SCRIPT, &["xgroup|destroy"]], &[Streams]),
        needs("consumers", Groups, &[LOOK], &[ReadStreams]),
        needs("consumers delete", Groups, &[LOOK, SCRIPT, MOVE, &["xclaim", "xgroup|delconsumer"]], &[Streams, DeadLetters]),
        needs("consumers prune", Groups, &[LOOK, SCRIPT, MOVE, &["xclaim", "xgroup|delconsumer"]], &[Streams, DeadLetters]),
        needs("dlq list", Scope::Streams, &[&["type", "xrange", "xrevrange", "time"]], &[ReadDeadLetters]),
        needs("dlq show", Scope::Streams, &[&["type", "xrange", "time"]], &[ReadDeadLetters]),
        needs("dlq redrive", Scope::Streams, &[SCRIPT, &["xrange", "xinfo|groups", "xadd", "xdel"]], &[Streams, DeadLetters]),
        needs("dlq purge", Scope::Streams, &[&["type", "xrange", "xdel"]], &[DeadLetters]),
        needs("worker run", Groups, WORK, &[Streams, DeadLetters, Working]),
        needs("demo", Nothing, DEMO, &[Demo]),
    ]
};
