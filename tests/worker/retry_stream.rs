//! A group's retry stream: what `requeue` and `dlq redrive` copy there is handled by the group's workers, with everything
//! that holds for the stream, and seen by nobody else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::support::{Invocation, PATIENCE, Signal, Spawned, TestServer, directory, until};
use crate::{fields, pending};

const STREAM: &str = "orders";
const GROUP: &str = "billing";
const RETRIES: &str = "{orders}:retry:billing";
const DEAD: &str = "{orders}:dlq";

/// A server with entries `1-1` to `count-1`, of which `dead` has all of the group's, and another group that is to see
/// each once.
fn seeded(count: usize) -> TestServer {
    let server = TestServer::start();
    seed(&server, count);
    server
}

fn seed(server: &TestServer, count: usize) {
    let adds: Vec<[String; 5]> = (1..=count)
        .map(|n| ["XADD", STREAM, &format!("{n}-1"), "n", &n.to_string()].map(str::to_owned))
        .collect();
    server.client().pipeline(&adds);
    for group in [GROUP, "audit"] {
        server.redis(&["XGROUP", "CREATE", STREAM, group, "0"]);
        let read = ["XREADGROUP", "GROUP", group, "dead", "STREAMS", STREAM, ">"];
        server.redis(&read);
    }
}

/// `worker run billing` with these flags; `handler` ends them.
fn worker(server: &TestServer, flags: &[&str], handler: &[&str]) -> Invocation {
    with_claim_idle(server, "60s", flags, handler)
}

/// The same, which takes over what has been idle for so long.
fn with_claim_idle(
    server: &TestServer,
    idle: &str,
    flags: &[&str],
    handler: &[&str],
) -> Invocation {
    let run = ["worker", "run", GROUP, "--stream", STREAM];
    server
        .command(&[&run[..], &["--claim-idle", idle], flags, handler].concat())
        .timeout(Duration::from_mins(2))
}

/// A handler that appends the stream and the `n` of each entry to a file.
struct Ledger {
    _home: tempfile::TempDir,
    path: PathBuf,
}

impl Ledger {
    fn new() -> Self {
        let home = directory();
        let path = home.path().join("handled");
        fs::write(&path, "").unwrap();
        Self { _home: home, path }
    }

    fn handler(&self, then: &str) -> String {
        let path = self.path.display();
        // A handler that is being killed says nothing.
        format!(
            "n=$(sed -E 's/.*\"n\":\"([0-9]+)\".*/\\1/'); [ -n \"$n\" ] || exit 1; echo \"$UCP_STREAM $n\" >> {path}; {then}"
        )
    }

    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.path).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

/// Waits until a live worker says that it reads the retry stream.
fn reads(server: &TestServer) {
    until(PATIENCE, "a worker that reads the retry stream", || {
        let policy = server.redis(&["HVALS", "{orders}:policy:billing"]);
        policy.texts().iter().any(|it| it.ends_with(" retry"))
    });
}

fn requeue(server: &TestServer, flags: &[&str]) {
    let requeue = ["requeue", GROUP, "--stream", STREAM, "--idle", "0s"];
    let last = ["--via-retry-stream", "--force", "--yes"];
    server
        .ucp(&[&requeue[..], flags, &last].concat())
        .assert_code(0);
}

fn is_done(server: &TestServer) -> bool {
    let is_empty = server.redis(&["XLEN", RETRIES]).int() == 0;
    is_empty && pending(server, RETRIES, GROUP) == 0
}

/// Waits until the retry stream was read to its end, and everything in it acknowledged and deleted.
fn done(server: &TestServer) {
    until(PATIENCE, "the group of the retry stream", || {
        server.redis(&["EXISTS", RETRIES]).int() == 1
            && !server
                .redis(&["XINFO", "GROUPS", RETRIES])
                .items()
                .is_empty()
    });
    until(PATIENCE, "everything handled and deleted", || {
        is_done(server)
    });
}

fn stop(worker: Spawned) {
    worker.terminate().assert_code(0);
}

#[test]
fn what_is_requeued_there_is_handled_and_deleted_and_nobody_else_sees_it() {
    let server = seeded(5);
    let ledger = Ledger::new();
    let shell = ledger.handler("");
    let worker = worker(&server, &[], &["--exec", "--", "sh", "-c", &shell]).spawn();
    reads(&server);
    let lag = |group: &str| {
        let groups = server.redis(&["XINFO", "GROUPS", STREAM]);
        let found = groups
            .items()
            .iter()
            .find(|it| it.field("name").text() == group);
        found.unwrap().field("lag").int()
    };
    server
        .ucp(&[
            "requeue", GROUP, "--stream", STREAM, "--idle", "0s", "--force", "--yes",
        ])
        .assert_code(6)
        .stderr_has("--via-retry-stream");
    requeue(&server, &[]);
    done(&server);
    let expected = (1..=5).map(|n| format!("{RETRIES} {n}"));
    assert_eq!(ledger.lines(), expected.collect::<Vec<_>>());
    assert_eq!(pending(&server, STREAM, GROUP), 0);
    assert_eq!(lag("audit"), 0);
    assert_eq!(server.redis(&["XLEN", STREAM]).int(), 5);
    stop(worker);
    let consumers = server.redis(&["XINFO", "CONSUMERS", RETRIES, GROUP]);
    assert!(consumers.items().is_empty(), "{consumers:?}");
}

#[test]
fn built_in_handlers_acknowledge_and_delete_in_their_own_scripts() {
    let server = TestServer::start();
    let stream = "events.normalized";
    let retries = "{events.normalized}:retry:event-processors";
    let payload = "{\"total\":5}";
    server.redis(&[
        "XGROUP",
        "CREATE",
        stream,
        "event-processors",
        "0",
        "MKSTREAM",
    ]);
    server.redis(&["XGROUP", "CREATE", stream, "audit", "0"]);
    let event = [
        "XADD",
        stream,
        "1-1",
        "event_id",
        "0190163d-8694-739b-aea5-966c26f8ad91",
        "brand_id",
        "b",
        "event_type",
        "purchase",
        "profile_id",
        "",
        "identifiers",
        "{}",
        "normalized_payload",
        payload,
        "timestamp",
        "2026-01-01T00:00:00.000Z",
    ];
    server.redis(&event);
    let dead = [
        "XREADGROUP",
        "GROUP",
        "event-processors",
        "dead",
        "STREAMS",
        stream,
        ">",
    ];
    server.redis(&dead);
    let worker = server
        .command(&["worker", "run", "event-processors", "--claim-idle", "60s"])
        .spawn();
    until(PATIENCE, "a worker that reads the retry stream", || {
        let policy = server.redis(&["HVALS", "{events.normalized}:policy:event-processors"]);
        policy.texts().iter().any(|it| it.ends_with(" retry"))
    });
    let requeue = [
        "requeue",
        "event-processors",
        "1-1",
        "--via-retry-stream",
        "--yes",
    ];
    server
        .ucp(&[&requeue[..], &["--force"]].concat())
        .assert_code(0);
    let counted = || server.redis(&["HGET", "{events.normalized}:features:b", "events"]);
    until(PATIENCE, "counted", || !counted().is_nil());
    until(PATIENCE, "deleted", || {
        server.redis(&["XLEN", retries]).int() == 0
    });
    assert_eq!(pending(&server, retries, "event-processors"), 0);
    assert_eq!(counted().text(), "1");
    stop(worker);
}

#[test]
fn what_a_killed_worker_had_of_it_is_taken_over() {
    let server = seeded(20);
    let spawn = |more: &[&str]| with_claim_idle(&server, "3s", &[], more).spawn();
    // What the dead consumer has in the stream must not be taken over by these workers first.
    let mut victim = spawn(&[
        "--concurrency",
        "20",
        "--batch",
        "20",
        "--exec",
        "--",
        "sleep",
        "600",
    ]);
    reads(&server);
    until(PATIENCE, "all in hand", || {
        let held = server.redis(&["XPENDING", STREAM, GROUP, "-", "+", "20", "dead"]);
        held.items().is_empty()
    });
    let all = server.redis(&["XPENDING", STREAM, GROUP, "-", "+", "20"]);
    assert_eq!(all.items().len(), 20);
    requeue(&server, &[]);
    until(PATIENCE, "all of the retry stream in hand", || {
        server.redis(&["EXISTS", RETRIES]).int() == 1
            && !server
                .redis(&["XINFO", "GROUPS", RETRIES])
                .items()
                .is_empty()
            && pending(&server, RETRIES, GROUP) == 20
    });
    victim.signal(Signal::KILL);
    let ledger = Ledger::new();
    let killed = Instant::now();
    let shell = ledger.handler("");
    let other = spawn(&["--concurrency", "4", "--exec", "--", "sh", "-c", &shell]);
    done(&server);
    println!(
        "taken over and handled {:?} after the kill",
        killed.elapsed()
    );
    let handled: BTreeSet<String> = ledger.lines().into_iter().collect();
    let expected: BTreeSet<String> = (1..=20).map(|n| format!("{RETRIES} {n}")).collect();
    assert_eq!(handled, expected);
    assert_eq!(ledger.lines().len(), 20, "each once");
    stop(other);
}

#[test]
fn what_fails_there_becomes_a_dead_letter_of_the_stream_and_can_be_redriven_there() {
    let server = seeded(1);
    let ledger = Ledger::new();
    let shell = ledger.handler("exit 65");
    let failing = worker(&server, &[], &["--exec", "--", "sh", "-c", &shell]).spawn();
    reads(&server);
    requeue(&server, &[]);
    done(&server);
    stop(failing);
    let letters = server.redis(&["XRANGE", DEAD, "-", "+"]);
    let letter: BTreeMap<String, String> = fields(&letters.items()[0]);
    assert_eq!(letter["_dlq_stream"], STREAM);
    assert_eq!(letter["_dlq_group"], GROUP);
    assert_eq!(letter["_dlq_id"], "1-1", "{letter:?}");
    assert_eq!(letter["_dlq_body"], "present");
    server
        .ucp(&["dlq", "redrive", STREAM, "--all", "--yes"])
        .assert_code(6)
        .stderr_has("--via-retry-stream");
    server
        .ucp(&[
            "dlq",
            "redrive",
            STREAM,
            "--all",
            "--via-retry-stream",
            "--yes",
        ])
        .assert_code(6)
        .stderr_has("no live worker");
    assert_eq!(server.redis(&["XLEN", DEAD]).int(), 1);
    let good = worker(
        &server,
        &[],
        &["--exec", "--", "sh", "-c", &ledger.handler("")],
    )
    .spawn();
    reads(&server);
    server
        .ucp(&[
            "dlq",
            "redrive",
            STREAM,
            "--all",
            "--via-retry-stream",
            "--yes",
        ])
        .assert_code(0)
        .stdout_has(RETRIES);
    assert_eq!(server.redis(&["XLEN", DEAD]).int(), 0);
    until(PATIENCE, "handled again", || {
        ledger.lines().len() == 2 && is_done(&server)
    });
    assert_eq!(server.redis(&["XLEN", STREAM]).int(), 1);
    stop(good);
}

#[test]
fn a_worker_that_works_once_takes_what_is_there() {
    let server = seeded(3);
    requeue(&server, &[]);
    let ledger = Ledger::new();
    let shell = ledger.handler("[ \"$n\" != 2 ]");
    worker(&server, &["--once"], &["--exec", "--", "sh", "-c", &shell])
        .run()
        .assert_code(7)
        .stderr_has("2 handled");
    assert_eq!(pending(&server, RETRIES, GROUP), 1);
    assert_eq!(server.redis(&["XLEN", RETRIES]).int(), 1);
    assert_eq!(ledger.lines().len(), 3);
    // Nobody deletes the consumer that has the rest.
    let consumers = server.redis(&["XINFO", "CONSUMERS", RETRIES, GROUP]);
    assert_eq!(consumers.items().len(), 1);
}

#[test]
fn a_body_that_is_gone_there_becomes_a_tombstone() {
    let server = seeded(2);
    requeue(&server, &[]);
    server.redis(&["XGROUP", "CREATE", RETRIES, GROUP, "0"]);
    server.redis(&[
        "XREADGROUP",
        "GROUP",
        GROUP,
        "dead",
        "STREAMS",
        RETRIES,
        ">",
    ]);
    let waiting = server.redis(&["XRANGE", RETRIES, "-", "+"]);
    for entry in waiting.items() {
        let id = entry.items()[0].text();
        let claim = [
            "XCLAIM", RETRIES, GROUP, "dead", "0", id, "IDLE", "600000", "JUSTID",
        ];
        server.redis(&claim);
        server.redis(&["XDEL", RETRIES, id]);
    }
    // Nothing is in the stream, and all of it is pending.
    assert_eq!(server.redis(&["XLEN", RETRIES]).int(), 0);
    worker(&server, &["--once"], &["--builtin", "null"])
        .run()
        .assert_code(9);
    assert_eq!(pending(&server, RETRIES, GROUP), 0);
    assert_eq!(server.redis(&["XLEN", DEAD]).int(), 2);
}

#[test]
fn both_streams_share_the_slots_in_turns() {
    let server = seeded(12);
    let ledger = Ledger::new();
    let running = ledger.path.with_extension("running");
    let running = running.display();
    // A second handler at the same time would fail to create the directory.
    let shell = ledger.handler(&format!(
        "mkdir {running} || echo crowded >> {}; sleep 0.05; rmdir {running}",
        ledger.path.display()
    ));
    requeue(&server, &[]);
    let more: Vec<[String; 5]> = (101..=112)
        .map(|n| ["XADD", STREAM, &format!("{n}-1"), "n", &n.to_string()].map(str::to_owned))
        .collect();
    server.client().pipeline(&more);
    let worker = worker(&server, &[], &["--exec", "--", "sh", "-c", &shell]).spawn();
    until(PATIENCE, "all handled", || {
        ledger.lines().len() >= 24 && is_done(&server)
    });
    let lines = ledger.lines();
    assert!(!lines.iter().any(|it| it == "crowded"), "{lines:?}");
    let of_retries = |lines: &[String]| lines.iter().filter(|it| it.starts_with(RETRIES)).count();
    assert_eq!((lines.len(), of_retries(&lines)), (24, 12));
    // Neither waits for the other's end.
    let half = of_retries(&lines[6..18]);
    assert!((3..=9).contains(&half), "{half} of 12: {lines:?}");
    stop(worker);
}

#[test]
fn of_one_active_worker_the_stand_by_takes_over_the_retry_stream_too() {
    let server = TestServer::start();
    let topology = directory();
    let file = topology.path().join("ucp-streams.toml");
    let text = "[streams.\"orders\"]\n[groups.billing]\nstream = \"orders\"\nworkers = \"one\"\n";
    fs::write(&file, text).unwrap();
    seed(&server, 6);
    let spawn = |name: &str, shell: &str| {
        let run = ["--topology", file.to_str().unwrap(), "worker", "run", GROUP];
        let flags = [
            "--claim-idle",
            "60s",
            "--consumer",
            name,
            "--exec",
            "--",
            "sh",
            "-c",
            shell,
        ];
        let command = server.command(&[&run[..], &flags].concat());
        command.timeout(Duration::from_mins(2)).spawn()
    };
    let mut first = spawn("first", "sleep 600");
    first.await_stderr("is the active one");
    reads(&server);
    requeue(&server, &[]);
    until(PATIENCE, "one of the retry stream in hand", || {
        server.redis(&["EXISTS", RETRIES]).int() == 1
            && !server
                .redis(&["XINFO", "GROUPS", RETRIES])
                .items()
                .is_empty()
            && pending(&server, RETRIES, GROUP) > 0
    });
    let ledger = Ledger::new();
    let second = spawn("second", &ledger.handler(""));
    first.signal(Signal::KILL);
    let killed = Instant::now();
    done(&server);
    assert!(
        killed.elapsed() < Duration::from_secs(40),
        "{:?}",
        killed.elapsed()
    );
    assert_eq!(ledger.lines().len(), 6);
    stop(second);
}

#[test]
fn nothing_is_lost_while_workers_and_connections_die() {
    let server = seeded(200);
    let ledger = Ledger::new();
    let shell = ledger.handler("");
    let spawn = || {
        let flags = ["--concurrency", "4", "--batch", "10"];
        with_claim_idle(&server, "3s", &flags, &["--exec", "--", "sh", "-c", &shell]).spawn()
    };
    requeue(&server, &[]);
    for _ in 0..3 {
        let before = ledger.lines().len();
        let mut victim = spawn();
        until(PATIENCE, "some are handled", || {
            ledger.lines().len() > before + 10
        });
        server.redis(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        until(PATIENCE, "it goes on", || {
            ledger.lines().len() > before + 25
        });
        victim.signal(Signal::KILL);
    }
    let last = spawn();
    done(&server);
    let seen: BTreeSet<String> = ledger.lines().into_iter().collect();
    let expected: BTreeSet<String> = (1..=200).map(|n| format!("{RETRIES} {n}")).collect();
    assert!(
        seen == expected,
        "{:?}",
        seen.symmetric_difference(&expected)
    );
    let twice = ledger.lines().len() - 200;
    println!("{twice} of 200 were handled more than once");
    assert!(twice <= 3 * 4 + 3 * 4, "{twice}");
    stop(last);
}

#[test]
fn one_that_may_not_read_it_says_so_and_goes_on() {
    let server = seeded(1);
    server.redis(&["SET", RETRIES, "no stream"]);
    let mut worker = worker(&server, &[], &["--builtin", "null"]).spawn();
    worker.await_stderr("cannot read the group's retry stream");
    server.redis(&["XADD", STREAM, "7-1", "n", "7"]);
    until(PATIENCE, "seen", || pending(&server, STREAM, GROUP) == 1);
    let policy = server.redis(&["HVALS", "{orders}:policy:billing"]);
    assert!(
        !policy.texts().iter().any(|it| it.ends_with(" retry")),
        "{policy:?}"
    );
    stop(worker);
}
