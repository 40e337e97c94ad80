//! A paused group: its workers stop reading, claiming and retrying, finish what they have, and go on when it is over.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::pending;
use crate::support::{Invocation, PATIENCE, Spawned, TestServer, directory, until};

const STREAM: &str = "orders";
const GROUP: &str = "billing";
const KEY: &str = "{orders}:paused:billing";
const PAUSED: &str = r#"{"since_ms":1000,"by":"ann@host","reason":"deploy"}"#;
/// Within this time a worker stops taking entries.
const STOPS_WITHIN: Duration = Duration::from_secs(5);

/// A server with a stream of so many entries, and a file to which handlers append a line for each start and end.
struct Site {
    server: TestServer,
    _home: tempfile::TempDir,
    ledger: PathBuf,
}

impl Site {
    fn new(entries: usize) -> Self {
        let server = TestServer::start();
        server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
        let home = directory();
        let ledger = home.path().join("ledger");
        fs::write(&ledger, "").unwrap();
        let site = Self {
            server,
            _home: home,
            ledger,
        };
        site.add(entries);
        site
    }

    fn add(&self, entries: usize) {
        for _ in 0..entries {
            self.server.redis(&["XADD", STREAM, "*", "n", "1"]);
        }
    }

    fn pause(&self) {
        self.server.redis(&["SET", KEY, PAUSED]);
    }

    fn resume(&self) {
        self.server.redis(&["DEL", KEY]);
    }

    fn invocation(&self, flags: &[&str], then: &str) -> Invocation {
        let run = ["worker", "run", GROUP, "--stream", STREAM];
        let program = format!("cat >/dev/null; echo start >>\"$ledger\"; {then}");
        let handler = ["--exec", "--", "sh", "-c", &program];
        let args = [&run[..], flags, &handler].concat();
        let command = self.server.command(&args).env("ledger", &self.ledger);
        command.timeout(Duration::from_mins(1))
    }

    fn worker(&self, flags: &[&str], then: &str) -> Spawned {
        self.invocation(flags, then).spawn()
    }

    fn starts(&self) -> usize {
        let text = fs::read_to_string(&self.ledger).unwrap();
        text.lines().filter(|it| *it == "start").count()
    }

    fn starts_are(&self, count: usize) {
        until(PATIENCE, "so many starts", || self.starts() == count);
    }

    fn pending(&self) -> i64 {
        pending(&self.server, STREAM, GROUP)
    }

    fn undelivered(&self) -> i64 {
        let groups = self.server.redis(&["XINFO", "GROUPS", STREAM]);
        groups.items()[0].field("lag").int()
    }
}

#[test]
fn what_is_in_hand_is_finished_and_nothing_else_is_taken() {
    let site = Site::new(1);
    let mut worker = site.worker(&[], "sleep 8");
    site.starts_are(1);
    site.pause();
    worker.await_stderr("the group is paused");
    // The read that was under way when it saw the pause has ended.
    thread::sleep(Duration::from_millis(2200));
    site.add(3);
    assert_eq!(site.pending(), 1, "it is still handled");
    until(PATIENCE, "its end", || site.pending() == 0);
    assert_eq!((site.starts(), site.undelivered()), (1, 3));
    site.resume();
    worker.await_stderr("the group is no longer paused");
    site.starts_are(2);
    worker
        .terminate()
        .stderr_has("since 1970-01-01T00:00:01.000Z by ann@host: deploy");
}

#[test]
fn what_was_read_ahead_goes_back_and_is_handled_afterwards() {
    let site = Site::new(20);
    let flags = ["--batch", "20", "--concurrency", "2"];
    let worker = site.worker(&flags, "sleep 1");
    site.starts_are(2);
    site.pause();
    let paused = Instant::now();
    until(PATIENCE, "nothing in hand", || {
        let server = &site.server;
        let row = server.redis(&["XPENDING", STREAM, GROUP, "-", "+", "100"]);
        // What was put back counts no delivery, and may be claimed by anybody.
        let rows = row.items();
        !rows.is_empty() && rows.iter().all(|it| it.items()[3].int() == 0)
    });
    let took = paused.elapsed();
    println!("nothing in hand {took:?} after the pause");
    let started = site.starts();
    assert!(started < 20, "not all that it had read");
    thread::sleep(STOPS_WITHIN.saturating_sub(took));
    let settled = site.starts();
    thread::sleep(Duration::from_secs(3));
    assert_eq!(site.starts(), settled, "none is started any more");
    site.resume();
    site.starts_are(20);
    until(PATIENCE, "all handled", || site.pending() == 0);
    worker.terminate().assert_code(0).stderr_has("20 handled");
}

#[test]
fn a_worker_that_starts_in_a_pause_waits_for_its_deadline_by_the_servers_clock() {
    let site = Site::new(1);
    let time = site.server.redis(&["TIME"]);
    let now_ms: u64 = time.items()[0].text().parse::<u64>().unwrap() * 1000;
    let until_ms = now_ms + 6000;
    let value = format!(r#"{{"since_ms":{now_ms},"until_ms":{until_ms}}}"#);
    site.server.redis(&["SET", KEY, &value]);
    let mut worker = site.worker(&[], "true");
    worker.await_stderr("the group is paused");
    assert_eq!((site.starts(), site.pending()), (0, 0));
    worker.await_stderr("the group is no longer paused");
    let time = site.server.redis(&["TIME"]);
    let ends_ms = time.items()[0].text().parse::<u64>().unwrap() * 1000 + 999;
    assert!(ends_ms >= until_ms, "not before the deadline");
    site.starts_are(1);
    // The value stays, and holds nobody.
    assert!(!site.server.redis(&["GET", KEY]).is_nil());
    worker.terminate().assert_code(0);
}

#[test]
fn no_retry_is_made_and_nothing_is_claimed() {
    let site = Site::new(2);
    let read = ["XREADGROUP", "GROUP", GROUP, "dead", "COUNT", "1"];
    site.server
        .redis(&[&read[..], &["STREAMS", STREAM, ">"]].concat());
    let flags = ["--claim-idle", "3s", "--backoff-base", "2s"];
    let mut worker = site.worker(&flags, "exit 1");
    site.starts_are(1);
    site.pause();
    worker.await_stderr("the group is paused");
    let before = site.starts();
    thread::sleep(Duration::from_secs(5));
    assert_eq!(site.starts(), before, "neither a retry nor a claim");
    site.resume();
    until(PATIENCE, "both attempts", || site.starts() >= before + 2);
    worker.terminate();
}

#[test]
fn the_retry_stream_waits_too() {
    const RETRIES: &str = "{orders}:retry:billing";
    let site = Site::new(0);
    let mut worker = site.worker(&[], "true");
    until(PATIENCE, "a worker", || {
        site.server
            .redis(&["HLEN", "{orders}:policy:billing"])
            .int()
            == 1
    });
    site.pause();
    worker.await_stderr("the group is paused");
    site.server.redis(&["XADD", RETRIES, "*", "n", "1"]);
    thread::sleep(Duration::from_secs(7));
    assert_eq!(site.starts(), 0);
    site.resume();
    until(PATIENCE, "handled", || {
        site.starts() == 1 && site.server.redis(&["XLEN", RETRIES]).int() == 0
    });
    worker.terminate().assert_code(0);
}

#[test]
fn once_ends_with_6_and_says_why_after_the_other_groups() {
    let site = Site::new(1);
    site.pause();
    let run = site.invocation(&["--once", "-o", "json"], "true").run();
    let rows = run
        .assert_code(6)
        .stderr_has("group `billing` on `orders` is paused since 1970-01-01T00:00:01.000Z by ann@host: deploy")
        .stderr_has("ucp-streams resume billing --stream orders")
        .stdout_json();
    assert_eq!(rows[0]["paused"]["reason"], "deploy");
    assert_eq!((site.starts(), site.undelivered()), (0, 1));
    let server = &site.server;
    server.redis(&["XGROUP", "CREATE", STREAM, "audit", "0"]);
    let both = [
        "worker", "run", GROUP, "audit", "--stream", STREAM, "--once",
    ];
    let run = server.ucp(&[&both[..], &["--builtin", "null"]].concat());
    run.assert_code(6).stderr_has("audit on orders: 1 handled");
    site.resume();
    let run = site.invocation(&["--once"], "true").run();
    run.assert_code(0).stderr_has("1 handled");
}

#[test]
fn a_worker_that_may_not_look_goes_on_and_says_so() {
    let site = Site::new(1);
    site.pause();
    let user = ["ACL", "SETUSER", "w", "on", ">secret", "+@all", "~orders"];
    let beside = [
        "dlq",
        "policy:*",
        "lost:*",
        "inflight:*",
        "breaker:*",
        "retry:*",
    ];
    let beside: Vec<String> = beside
        .iter()
        .map(|it| format!("~{{orders}}:{it}"))
        .collect();
    let mut set = user.to_vec();
    set.extend(beside.iter().map(String::as_str));
    site.server.redis(&set);
    let run = site.invocation(&["--once", "--user", "w"], "true");
    run.env("UCP_STREAMS_PASSWORD", "secret")
        .run()
        .assert_code(0)
        .stderr_has("cannot look whether the group is paused");
    assert_eq!((site.starts(), site.pending()), (1, 0));
}
