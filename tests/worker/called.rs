//! `retry`: what waits in a worker is tried at once, what nobody live holds is taken at once, what is being handled is left
//! alone.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::pending;
use crate::support::{BUSY, PATIENCE, Run, Spawned, TestServer, directory, until};

const STREAM: &str = "orders";
const GROUP: &str = "billing";

/// A server with one entry, and a home with a ledger of attempts, in which `up` lets handlers succeed.
struct Site {
    server: TestServer,
    home: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let (server, home) = (TestServer::start(), directory());
        server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
        server.redis(&["XADD", STREAM, "1-1", "n", "1"]);
        fs::write(home.path().join("ledger"), "").unwrap();
        Self { server, home }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn worker(&self, program: &str) -> Spawned {
        let run = [
            "worker",
            "run",
            GROUP,
            "--stream",
            STREAM,
            "--claim-idle",
            "3s",
        ];
        let slow = ["--backoff-base", "10m", "--backoff-cap", "10m"];
        let program = format!("cat >/dev/null; echo start >>\"$home/ledger\"; {program}");
        let handler = ["--exec", "--", "sh", "-c", &program];
        let command = self.server.command(&[&run[..], &slow, &handler].concat());
        let command = command.env("home", self.home.path());
        command.timeout(Duration::from_mins(1)).spawn()
    }

    fn starts(&self) -> usize {
        fs::read_to_string(self.path("ledger"))
            .unwrap()
            .lines()
            .count()
    }

    fn retry(&self, flags: &[&str]) -> Run {
        let retry = ["retry", GROUP, "--stream", STREAM, "--yes", "-o", "json"];
        self.server.ucp(&[&retry[..], flags].concat())
    }

    fn pending(&self) -> i64 {
        pending(&self.server, STREAM, GROUP)
    }
}

fn outcome(run: &Run) -> String {
    run.stdout_json()[0]["outcome"].as_str().unwrap().to_owned()
}

#[test]
fn what_waits_in_a_worker_is_tried_within_five_seconds() {
    let site = Site::new();
    let worker = site.worker("test -e \"$home/up\"");
    until(PATIENCE, "the first attempt", || site.starts() == 1);
    // It failed, and its worker waits for ten minutes.
    thread::sleep(Duration::from_secs(1));
    fs::write(site.path("up"), "").unwrap();
    let run = site.retry(&["1-1"]);
    let asked = Instant::now();
    assert_eq!(outcome(run.assert_code(0)), "asked");
    until(PATIENCE, "the second one", || site.starts() == 2);
    let took = asked.elapsed();
    println!("tried {took:?} after retry");
    assert!(took < Duration::from_secs(5) + BUSY, "{took:?}");
    until(PATIENCE, "it is handled", || site.pending() == 0);
    worker
        .terminate()
        .assert_code(0)
        .stderr_has("as `retry` asked for");
}

#[test]
fn a_mark_asks_once_and_may_be_set_again() {
    let site = Site::new();
    let worker = site.worker("exit 1");
    until(PATIENCE, "the first attempt", || site.starts() == 1);
    thread::sleep(Duration::from_secs(1));
    for attempts in 2..=3 {
        site.retry(&[]).assert_code(0);
        until(PATIENCE, "one more", || site.starts() == attempts);
        thread::sleep(Duration::from_secs(4));
        assert_eq!(site.starts(), attempts, "and no more than that");
    }
    worker.terminate();
}

#[test]
fn what_a_dead_worker_left_is_taken_whatever_its_delay() {
    let site = Site::new();
    let read = ["XREADGROUP", "GROUP", GROUP, "dead", "STREAMS", STREAM, ">"];
    site.server.redis(&read);
    let claim = ["XCLAIM", STREAM, GROUP, "dead", "0", "1-1", "IDLE", "60000"];
    site.server
        .redis(&[&claim[..], &["RETRYCOUNT", "3", "JUSTID"]].concat());
    let worker = site.worker("true");
    // Others may have it once its delay of ten minutes is over.
    thread::sleep(Duration::from_secs(5));
    assert_eq!(site.starts(), 0);
    let run = site.retry(&["--min-deliveries", "3"]);
    assert_eq!(outcome(run.assert_code(0)), "due");
    until(PATIENCE, "it is taken", || site.starts() == 1);
    until(PATIENCE, "it is handled", || site.pending() == 0);
    worker.terminate().assert_code(0);
}

#[test]
fn what_is_being_handled_is_left_alone() {
    let site = Site::new();
    let worker = site.worker("sleep 8");
    until(PATIENCE, "its start", || site.starts() == 1);
    let run = site.retry(&["1-1"]);
    assert_eq!(outcome(run.assert_code(0)), "asked");
    until(PATIENCE, "its end", || site.pending() == 0);
    assert_eq!(site.starts(), 1);
    worker.terminate().assert_code(0).stderr_has("1 handled");
}
