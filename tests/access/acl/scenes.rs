//! A scene for each command that has a rule: what it is run with, and what shows that it did its work.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};
use std::sync::OnceLock;
use std::time::Duration;

use ucp_streams::cli::Impact;

use crate::service;
#[cfg(all(target_os = "linux", feature = "kafka"))]
use crate::support::{Broker, Planted};
use crate::support::{Invocation, Run, TestServer};

pub(crate) const STREAM: &str = "events.normalized";
pub(crate) const GROUP: &str = "event-processors";
const MERGES: &str = "profiles.merge_requests";
const LETTERS: &str = "{events.normalized}:dlq";
/// Puts the group before the first entry, with fewer entries counted as read than have left the stream.
const LOSE: &str = "XGROUP SETID events.normalized event-processors 0-1 ENTRIESREAD 0";
/// Creates the group of the predictions, which the stage does not have.
const PREDICT: &str = "XGROUP CREATE predictions.requests prediction-processors 0";
const PREDICTIONS: &str = "predictions.requests";

/// A snapshot of a group that stood at 4-0, which was pending for c9, as was 0-5, which is gone.
const SNAPSHOT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/access/acl/1796039501796-0.snapshot"
);

/// The topic of the bridges.
const BRIDGED: &str = "t";
/// Another bridge takes the topic.
const TAKES: &str = "EVAL redis.call('SET',KEYS[1],'c9'..string.char(32)..'x','PX','600000') 1 {events.normalized}:lease:bridge-from:records";
/// A topic with a record of no bridge.
const RECORDS: &str = "records";
/// A bridge has something pending that is gone.
const LOSE_BRIDGED: &str = "EVAL redis.call('XGROUP','CREATE',KEYS[1],'kafka-bridge','0');redis.call('XREADGROUP','GROUP','kafka-bridge','c9','COUNT','1','STREAMS',KEYS[1],'>');redis.call('XCLAIM',KEYS[1],'kafka-bridge','c9','0','1-0','IDLE','100000');redis.call('XDEL',KEYS[1],'1-0') 1 events.normalized";
/// A bridge of the group that sends.
const BRIDGES: &str = "EVAL redis.call('SET',KEYS[1],cjson.encode({topic='t',partitions=1}));redis.call('SET',KEYS[2],'c9'..string.char(32)..'x') 2 {events.normalized}:bridge-to:event-processors {events.normalized}:lease:event-processors";

/// Pauses the group.
const PAUSE: &str =
    r#"SET {events.normalized}:paused:event-processors {"since_ms":1,"by":"ann@host"}"#;
const PAUSED: &str = "{events.normalized}:paused:event-processors";

/// An archive of [`STREAM`] with entry 1-0, which is pending for c1 in a group.
const KEPT_STREAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/access/acl/kept");

/// The group has read and acknowledged all.
const READ: &str = "EVAL redis.call('XREADGROUP','GROUP','event-processors','c1','STREAMS',KEYS[1],'>');redis.call('XACK',KEYS[1],'event-processors','1-0','2-0','3-0','4-0') 1 events.normalized";

/// What workers keep of the first entry: a record in the journal, and since when it is in flight.
const KEPT: &str = "EVAL redis.call('XADD',KEYS[1],'5-0','consumer','c1','outcome','failed','ids','1-0','ms','7');redis.call('HSET',KEYS[2],'1-0',table.concat({'1000','2','2','c1why'},string.char(32))) 2 {events.normalized}:journal:event-processors {events.normalized}:inflight:event-processors";

/// How long a replay may take.
const REPLAY_MAX: Duration = Duration::from_secs(4);

/// A command that is allowed by the rule of `command`, for the stream or group that `about` names.
#[derive(Clone, Copy)]
pub(crate) struct Scene {
    pub(super) command: &'static str,
    pub(super) about: &'static [&'static str],
    pub(crate) words: &'static [&'static str],
    /// What else is done on the stage before it.
    pub(crate) before: Option<&'static str>,
    /// The exit code of its work.
    pub(crate) code: i32,
    /// Whether it needs a terminal to draw on.
    is_on_screen: bool,
    is_done: fn(&TestServer, &Run) -> bool,
}

impl Debug for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.words.join(" "))
    }
}

const fn scene(
    command: &'static str,
    about: &'static [&'static str],
    words: &'static [&'static str],
) -> Scene {
    Scene {
        command,
        about,
        words,
        before: None,
        code: 0,
        is_on_screen: false,
        is_done: |_, _| true,
    }
}

impl Scene {
    const fn after(mut self, command: &'static str) -> Self {
        self.before = Some(command);
        self
    }

    const fn ends(mut self, code: i32) -> Self {
        self.code = code;
        self
    }

    const fn on_screen(mut self) -> Self {
        self.is_on_screen = true;
        self
    }

    const fn does(mut self, is_done: fn(&TestServer, &Run) -> bool) -> Self {
        self.is_done = is_done;
        self
    }

    /// Whether the command takes its server from a flag alone.
    pub(crate) fn needs_flag(&self) -> bool {
        self.command == "demo"
    }

    /// Whether it takes seconds.
    pub(super) fn is_long(&self) -> bool {
        self.command == "demo"
    }

    /// Runs one, given the service that predicts.
    pub(crate) fn run(&self, invocation: Invocation) -> Run {
        static SERVICE: OnceLock<u16> = OnceLock::new();
        let invocation = if self.is_on_screen {
            invocation.on_terminals(120).env("TERM", "xterm")
        } else {
            invocation
        };
        let port = SERVICE.get_or_init(service::service);
        let url = format!("http://127.0.0.1:{port}/predict");
        let needs_kafka = ["bridge to-kafka", "bridge from-kafka", "bridge verify"];
        let invocation = if needs_kafka.contains(&self.command) {
            invocation.env("UCP_STREAMS_KAFKA", brokers())
        } else {
            invocation
        };
        let invocation = invocation.env("UCP_STREAMS_ML_URL", url);
        if self.command == "replay" {
            // It tries for ever what it may not do.
            return invocation.spawn().end_within(REPLAY_MAX);
        }
        invocation.run()
    }

    /// Whether it ended as it is to, and left behind what it is to.
    pub(crate) fn is_played(&self, server: &TestServer, run: &Run) -> bool {
        run.code() == Some(self.code) && (self.is_done)(server, run)
    }
}

/// In a build without Kafka its commands cannot be played.
#[cfg(not(all(target_os = "linux", feature = "kafka")))]
fn brokers() -> String {
    "127.0.0.1:1".to_owned()
}

/// The brokers of bridges, started for the first one, with their topic.
#[cfg(all(target_os = "linux", feature = "kafka"))]
fn brokers() -> String {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    let broker = BROKER.get_or_init(|| {
        let broker = Broker::start();
        broker.topic(BRIDGED, 2);
        broker.topic(RECORDS, 1);
        let record = Planted {
            value: Some(b"{}"),
            ..Planted::default()
        };
        broker.write(RECORDS, &[record]);
        broker
    });
    broker.brokers()
}

/// How many entries a stream has.
fn length(server: &TestServer, stream: &str) -> i64 {
    server.redis(&["XLEN", stream]).int()
}

/// Whether a worker left word that everything fails.
fn says_that_all_fails(server: &TestServer, key: &str) -> bool {
    server
        .redis(&["GET", key])
        .text()
        .contains("exit status: 1")
}

/// Whether the worker kept what others are to find beside its stream.
fn publishes(run: &Run) -> bool {
    !run.stderr()
        .contains("cannot publish this worker's claim idle")
}

/// Whether it says that everything fails for the group.
fn tells_that_all_fails(_: &TestServer, run: &Run) -> bool {
    run.stderr().contains("has been open since 1970-01-01")
}

/// Whether it says that the group is paused.
fn tells_of_a_pause(_: &TestServer, run: &Run) -> bool {
    run.stderr().contains("is paused since 1970-01-01")
}

/// Whether the group was given all of its stream and has acknowledged it.
fn is_through(server: &TestServer, stream: &str, group: &str) -> bool {
    let groups = server.redis(&["XINFO", "GROUPS", stream]);
    let found = groups
        .items()
        .iter()
        .find(|it| it.field("name").text() == group)
        .map(|it| {
            (
                it.field("pending").int(),
                it.field("last-delivered-id").text(),
            )
        });
    found == Some((0, "4-0"))
}

/// The retry stream of the group of events.
const RETRIES: &str = "{events.normalized}:retry:event-processors";

const OF_STREAM: &[&str] = &["--stream", STREAM];
const OF_COPIES: &[&str] = &["--stream", STREAM, "--stream", "copies"];
const OF_GROUP: &[&str] = &["--group", GROUP];
const OF_MERGES: &[&str] = &["--group", "merge-processors"];
const OF_PREDICTIONS: &[&str] = &["--group", "prediction-processors"];

const EVENT: [&str; 6] = [
    "--brand-id",
    "b",
    "--event-type",
    "purchase",
    "--payload",
    "{\"a\":1}",
];

/// All of them: a command that only reads, and needs no word more than its name, has one without being named in
/// [`SCENES`].
pub(crate) fn scenes() -> Vec<Scene> {
    let named: BTreeSet<&str> = SCENES
        .iter()
        .map(|it| it.command)
        .chain(SERVERLESS.iter().copied())
        .collect();
    let bare = runnable().into_iter().filter(|(path, command)| {
        let reads = command.get::<Impact>() == Some(&Impact::Read);
        let is_whole = !command.get_arguments().any(clap::Arg::is_required_set);
        reads && is_whole && !named.contains(path.as_str())
    });
    let bare = bare.map(|(path, _)| {
        let path: &'static str = path.leak();
        scene(path, &[], path.split(' ').collect::<Vec<_>>().leak())
    });
    SCENES.iter().copied().chain(bare).collect()
}

/// The commands that can be run, by their paths.
pub(super) fn runnable() -> BTreeMap<String, clap::Command> {
    fn walk(command: &clap::Command, path: &str, found: &mut BTreeMap<String, clap::Command>) {
        for inner in command
            .get_subcommands()
            .filter(|it| it.get_name() != "help" && !it.is_hide_set())
        {
            let path = format!("{path} {}", inner.get_name()).trim().to_owned();
            if inner.get_subcommands().next().is_none() || !inner.is_subcommand_required_set() {
                found.insert(path.clone(), inner.clone());
            }
            walk(inner, &path, found);
        }
    }
    let mut found = BTreeMap::new();
    walk(&ucp_streams::commands::tree(), "", &mut found);
    found
}

/// A scene a command, and more where one does not do all that the command can.
#[rustfmt::skip]
const SCENES: &[Scene] = &[
    scene("init", &[], &["init"]),
    scene("init", &["--group", "prediction-processors"], &["init", "prediction-processors"]),
    scene("topology diff", &[], &["topology", "diff", "-o", "json"]).after(PREDICT).ends(1).does(|_, run| !run.stdout().contains("unseen")),
    scene("topology apply", &[], &["topology", "apply", "--yes"]).does(|server, run| {
        !run.stdout().contains("not looked at") && server.redis(&["XINFO", "GROUPS", PREDICTIONS]).items().len() == 1
    }),
    scene("publish", &["--stream", "orders"], &["publish", "orders", "a=1"]),
    scene("publish", &["--stream", "orders", "--idempotency-field", "a"], &["publish", "orders", "a=1", "--idempotency-field", "a"]),
    scene("publish", OF_STREAM, &["publish", STREAM, "brand_id=b", "event_type=purchase", "profile_id=", "identifiers={}", "normalized_payload={}", "--maxlen", "1"]),
    scene("publish raw", &[], &["publish", "raw", EVENT[0], EVENT[1], EVENT[2], EVENT[3], EVENT[4], EVENT[5]]),
    scene("publish normalized", &[], &["publish", "normalized", "--brand-id", "b", "--event-type", "purchase", "--identifiers", "{}", "--normalized-payload", "{}"]),
    scene("publish merge-request", &[], &["publish", "merge-request", "--brand-id", "b", "--profile-ids", "[\"a\"]", "--reason", "manual_review", "--requires-manual-review", "true"]),
    scene("publish prediction-request", &[], &["publish", "prediction-request", "--brand-id", "b", "--profile-id", "0190d1f6-8a58-7bbb-8000-000000000001", "--request-type", "churn"]),
    scene("ingest", &[], &["ingest", EVENT[0], EVENT[1], EVENT[2], EVENT[3], EVENT[4], EVENT[5]]),
    scene("tail", OF_STREAM, &["tail", STREAM]),
    scene("read", OF_STREAM, &["read", STREAM, "--reverse"]),
    scene("read", OF_STREAM, &["read", STREAM]),
    scene("get", OF_STREAM, &["get", STREAM, "1-0"]),
    scene("get", OF_STREAM, &["get", STREAM, "2-0"]).ends(3),
    scene("get", OF_STREAM, &["get", STREAM, "-1"]),
    scene("memory", &[], &["memory"]).after("XACK events.normalized event-processors 1-0"),
    scene("stats", OF_STREAM, &["stats", STREAM, "-2"]),
    scene("explain", OF_STREAM, &["explain", STREAM, "1-0", "-o", "json"]).after(KEPT).does(|_, run| {
        let said = run.stdout();
        ["\"pending\"", "\"idle_ms\":3", "\"in_flight_since\":\"1970", "\"took_ms\":7"].iter().all(|it| said.contains(it))
    }),
    scene("explain", OF_STREAM, &["explain", STREAM, "-1"]),
    scene("trace", &[], &["trace", "b", "--field", "brand_id", "--since", "start", "-o", "json"]).after(KEPT).does(|_, run| {
        let said = run.stdout();
        ["\"pending\"", "\"idle_ms\":3", "\"in_flight_since\":\"1970", "\"took_ms\":7"].iter().all(|it| said.contains(it))
    }),
    scene("info", &[], &["info"]).after(PREDICT).does(tells_that_all_fails),
    scene("info", OF_STREAM, &["info", STREAM]).after(PAUSE).does(tells_of_a_pause),
    scene("groups", &[], &["groups"]).after(PAUSE).does(tells_of_a_pause),
    scene("check", &[], &["check"]).after(PAUSE).ends(2).does(|_, run| run.stdout().contains("it is paused")),
    scene("info", OF_STREAM, &["info", STREAM]).does(tells_that_all_fails),
    scene("groups", &[], &["groups"]).after(PREDICT).does(tells_that_all_fails),
    scene("check", &[], &["check", "-o", "json"]).after(PREDICT).ends(2),
    scene("check", OF_GROUP, &["check", GROUP, "--max-idle", "1h"]).ends(2),
    scene("doctor", &[], &["doctor", "-o", "json"]).after(PREDICT).ends(1),
    scene("metrics", &[], &["metrics"]).after(PREDICT),
    scene("serve", &[], &["serve", "--listen", "127.0.0.1:0", "--for", "1s"]).after(PREDICT).does(|_, run| !run.stderr().contains("cannot be asked")),
    scene("record", &[], &["record", "recording", "--for", "1s"]).after(PREDICT).does(|_, run| !run.stderr().contains("could not look")),
    scene("top", &[], &["top", "--ticks", "2", "--every", "200ms"]).after(PREDICT).on_screen(),
    scene("lag", &[], &["lag"]).after(PREDICT),
    scene("lag", OF_GROUP, &["lag", GROUP, "--exact"]),
    scene("wait", &[], &["wait", "--timeout", "1s"]).after(PREDICT).ends(4),
    scene("wait", OF_GROUP, &["wait", GROUP, "--dlq", "1000", "--live", "0"]),
    scene("pending", OF_GROUP, &["pending", GROUP, "--entries", "--histogram", "--by", "event_type"]),
    scene("claim", OF_GROUP, &["claim", GROUP, "--to", "c2", "--idle", "0s", "--yes"]).ends(9),
    scene("retry", OF_GROUP, &["retry", GROUP, "1-0", "--yes"]).does(|server, _| {
        server.redis(&["HLEN", "{events.normalized}:due:event-processors"]).int() == 1
    }),
    scene("pause", OF_GROUP, &["pause", GROUP, "--for", "1h", "--yes"]).does(|server, _| server.redis(&["GET", PAUSED]).text().contains('@')),
    scene("resume", OF_GROUP, &["resume", GROUP]).after(PAUSE).does(|server, _| server.redis(&["GET", PAUSED]).is_nil()),
    scene("requeue", OF_GROUP, &["requeue", GROUP, "--idle", "0s", "--yes"]).ends(9),
    scene("requeue", OF_GROUP, &["requeue", GROUP, "--idle", "0s", "--via-retry-stream", "--force", "--yes"]).ends(9).does(|server, _| {
        length(server, RETRIES) == 1
    }),
    scene("ack", OF_GROUP, &["ack", GROUP, "1-0", "--yes"]),
    scene("snapshot", OF_GROUP, &["snapshot", GROUP]),
    scene("archive", OF_STREAM, &["archive", STREAM, "--to", "kept", "--from", "-1"]),
    scene("archive", &["--stream", STREAM, "--then-trim"], &["archive", STREAM, "--to", "kept", "--then-trim", "--yes"]).after(READ).does(|server, _| length(server, STREAM) == 0),
    scene("restore", OF_STREAM, &["restore", KEPT_STREAM, "--to", STREAM, "--yes"]).after("DEL events.normalized").does(|server, _| {
        server.redis(&["XPENDING", STREAM, GROUP]).items()[0].int() == 1
    }),
    scene("copy", OF_COPIES, &["copy", STREAM, "--to", "copies", "--from", "-1", "--yes"]).after("XGROUP CREATE copies auditors $ MKSTREAM").does(|server, _| {
        length(server, "copies") == 1 && length(server, "ucp:audit") == 2
    }),
    scene("audit", &[], &["audit"]),
    scene("undo", OF_GROUP, &["undo", SNAPSHOT, "--force", "--yes"]).ends(7).does(|server, _| {
        server.redis(&["XPENDING", STREAM, GROUP, "4-0", "4-0", "1"]).items().len() == 1
    }),
    scene("undo", OF_GROUP, &["undo", SNAPSHOT, "--force", "--yes"]).after("XGROUP DESTROY events.normalized event-processors").ends(7).does(|server, _| {
        server.redis(&["XPENDING", STREAM, GROUP, "4-0", "4-0", "1"]).items().len() == 1
    }),
    scene("consume", OF_GROUP, &["consume", GROUP, "--count", "2", "--ack"]),
    scene("consume", OF_GROUP, &["consume", GROUP, "--ack"]).after(LOSE).ends(9).does(keeps_a_loss),
    scene("trim", OF_STREAM, &["trim", STREAM, "--keep", "1", "--dry-run"]).ends(6),
    scene("trim", OF_STREAM, &["trim", STREAM, "--keep", "0", "--force-past", GROUP, "--yes"]).does(|server, _| length(server, STREAM) == 0),
    scene("groups create", OF_STREAM, &["groups", "create", "auditors", "--stream", STREAM]),
    scene("groups set-id", OF_GROUP, &["groups", "set-id", GROUP, "0", "--force", "--yes"]),
    scene("groups accept-loss", OF_GROUP, &["groups", "accept-loss", GROUP, "--yes"]).after(LOSE).does(keeps_a_loss),
    scene("groups delete", OF_GROUP, &["groups", "delete", GROUP, "--force", "--yes"]),
    scene("consumers", OF_GROUP, &["consumers", GROUP]),
    scene("consumers delete", OF_GROUP, &["consumers", "delete", GROUP, "c1", "--hand-over-to", "c2", "--yes"]).ends(9),
    scene("consumers prune", OF_GROUP, &["consumers", "prune", GROUP, "--idle", "0s", "--hand-over-to", "c2", "--yes"]).ends(9),
    scene("dlq list", &[], &["dlq", "list"]),
    scene("dlq list", OF_STREAM, &["dlq", "list", STREAM, "--count", "1", "-o", "table"]).after("XADD {events.normalized}:dlq 9-2 a b").does(|_, run| run.stderr().contains("oldest 1 of 2")),
    scene("dlq show", OF_STREAM, &["dlq", "show", STREAM, "9-1"]),
    scene("dlq add", OF_GROUP, &["dlq", "add", GROUP, "1-0", "--reason", "odd", "--yes"]),
    scene("dlq redrive", OF_STREAM, &["dlq", "redrive", STREAM, "--all", "--yes"]),
    scene("dlq redrive", OF_STREAM, &["dlq", "redrive", STREAM, "--all", "--via-retry-stream", "--yes"]).ends(6).does(|_, run| {
        run.stderr().contains("no live worker")
    }),
    scene("dlq redrive", OF_STREAM, &["dlq", "redrive", STREAM, "--all", "--via-retry-stream", "--force", "--yes"]).does(|server, _| {
        length(server, RETRIES) == 1
    }),
    scene("dlq purge", OF_STREAM, &["dlq", "purge", STREAM, "--all", "--yes"]),
    scene("try", OF_GROUP, &["try", GROUP, "--last", "2", "--builtin", "null"]),
    scene("replay", OF_STREAM, &["replay", STREAM, "--from", "start", "--builtin", "null"]).does(|_, run| run.stderr().contains("is complete")),
    scene("replay", OF_STREAM, &["replay", STREAM, "--from", "start", "--max-deliveries", "1", "--exec", "--", "false"]).ends(7),
    scene("replay", OF_STREAM, &["replay", STREAM, "--from", "start", "--group", GROUP, "--force", "--yes"]),
    scene("try", OF_GROUP, &["try", GROUP, "--pending", "--builtin", "null"]),
    scene("try", OF_GROUP, &["try", GROUP, "--dlq", "--builtin", "null"]),
    scene("worker run", OF_GROUP, &["worker", "run", GROUP, "--once"]).ends(9).does(|server, run| {
        let counted = server.redis(&["HGET", "{events.normalized}:features:b", "events:purchase"]);
        publishes(run) && is_through(server, STREAM, GROUP) && counted.int() == 3 && length(server, LETTERS) == 2
    }),
    scene("worker run", OF_GROUP, &["worker", "run", GROUP, "--once", "--max-deliveries", "1", "--exec", "--", "false"]).ends(9).does(|server, _| {
        is_through(server, STREAM, GROUP) && length(server, LETTERS) == 5
    }),
    scene("worker run", OF_GROUP, &["worker", "run", GROUP, "--once"]).after(PAUSE).ends(6),
    scene("worker run", OF_GROUP, &["worker", "run", GROUP, "--once"]).after(LOSE).ends(9).does(keeps_a_loss),
    scene("worker run", OF_GROUP, &["worker", "run", GROUP, "--once", "--exec", "--", "true"]).after("XADD {events.normalized}:retry:event-processors 9-1 n 9").ends(9).does(|server, _| {
        length(server, RETRIES) == 0
    }),
    // Everything fails, and they say so.
    scene("worker run", OF_GROUP, &["worker", "run", GROUP, "--max-messages", "24", "--max-deliveries", "100", "--backoff-base", "1ms", "--backoff-cap", "1ms", "--exec", "--", "false"]).does(|server, _| {
        says_that_all_fails(server, "{events.normalized}:breaker:event-processors")
    }),
    scene("worker run", OF_MERGES, &["worker", "run", "merge-processors", "--max-messages", "24", "--max-deliveries", "100", "--backoff-base", "1ms", "--backoff-cap", "1ms", "--exec", "--", "false"]).does(|server, _| {
        says_that_all_fails(server, "{profiles.merge_requests}:breaker:merge-processors")
    }),
    scene("worker run", OF_PREDICTIONS, &["worker", "run", "prediction-processors", "--max-messages", "24", "--max-deliveries", "100", "--backoff-base", "1ms", "--backoff-cap", "1ms", "--exec", "--", "false"]).does(|server, _| {
        says_that_all_fails(server, "{predictions.requests}:breaker:prediction-processors")
    }),
    scene("worker run", OF_MERGES, &["worker", "run", "merge-processors", "--once"]).does(|server, run| {
        publishes(run) && is_through(server, MERGES, "merge-processors") && length(server, "profiles.merges") == 4
    }),
    scene("worker run", OF_PREDICTIONS, &["worker", "run", "prediction-processors", "--once"]).does(|server, run| {
        publishes(run) && is_through(server, PREDICTIONS, "prediction-processors") && length(server, "predictions.results") == 4
    }),
    scene("bridge to-kafka", OF_STREAM, &["bridge", "to-kafka", STREAM, "--topic", BRIDGED, "--once"]).does(|server, run| {
        publishes(run) && is_through(server, STREAM, "kafka-bridge")
    }),
    scene("bridge to-kafka", OF_STREAM, &["bridge", "to-kafka", STREAM, "--topic", BRIDGED, "--once"]).after(LOSE_BRIDGED).ends(9).does(|_, run| {
        !run.stderr().contains("cannot be recorded")
    }),
    scene("bridge from-kafka", OF_STREAM, &["bridge", "from-kafka", RECORDS, "--to", STREAM, "--once"]).does(|server, _| {
        length(server, STREAM) > 0 && server.redis(&["HGET", "{events.normalized}:bridge-from:records", "0"]).int() == 1
    }),
    scene("bridge from-kafka", OF_STREAM, &["bridge", "from-kafka", RECORDS, "--to", STREAM, "--once"]).after(TAKES).ends(6).does(|_, run| run.stderr().contains("`c9` takes topic")),
    scene("bridge verify", OF_STREAM, &["bridge", "verify", STREAM, "--topic", RECORDS, "--from", "-1"]).ends(7),
    scene("bridge status", OF_STREAM, &["bridge", "status", STREAM, "-o", "json"]).after(BRIDGES).does(|_, run| {
        run.stdout().contains("\"active\":\"c9\"")
    }),
    scene("demo", &[], &["demo"]).does(|_, run| run.stderr().contains("removed the demonstration's own keys")),
];

/// What was lost is recorded, in both places.
fn keeps_a_loss(server: &TestServer, _: &Run) -> bool {
    let kept = server.try_redis(&["GET", "{events.normalized}:lost:event-processors"]);
    let is_kept =
        matches!(&kept, crate::support::Reply::Bulk(value) if value.starts_with(b"{\"total\":1,"));
    is_kept && length(server, LETTERS) > 1
}

/// Commands that need no server.
pub(crate) const SERVERLESS: &[&str] = &[
    "acl",
    "archive ls",
    "archive verify",
    "archive export",
    "completions",
    "man",
    "context add",
    "context edit",
    "context list",
    "context previous",
    "context remove",
    "context show",
    "context use",
    "dev start",
    "dev status",
    "dev stop",
    "history",
    "topology check",
    "topology example",
    "topology show",
];
