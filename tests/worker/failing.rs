//! A message whose handler fails: attempts at the documented times, the dead letter with reason and history, and back.

use std::fs;
use std::time::Duration;

use crate::support::{BUSY, PATIENCE, TestServer, directory, until};
use crate::{fields, pending};

const BASE_MS: u64 = 400;

/// Moments of the attempts, in milliseconds.
fn attempts(ledger: &std::path::Path) -> Vec<u64> {
    let text = fs::read_to_string(ledger).unwrap_or_default();
    text.lines()
        .map(|line| line.trim().parse().unwrap())
        .collect()
}

#[test]
fn attempts_come_at_their_times_then_the_dead_letter_and_back() {
    let server = TestServer::start();
    let id = server
        .redis(&["XADD", "orders", "*", "n", "1"])
        .text()
        .to_owned();
    let home = directory();
    let ledger = home.path().join("attempts");
    let base = format!("{BASE_MS}ms");
    let run = [
        "worker",
        "run",
        "billing",
        "--stream",
        "orders",
        "--max-deliveries",
        "4",
        "--backoff-base",
        &base,
    ];
    let handler = [
        "--exec",
        "--",
        "sh",
        "-c",
        "date +%s%3N >>\"$ledger\"; echo 'no such brand' >&2; exit 1",
    ];
    let worker = server
        .command(&[&run[..], &handler[..]].concat())
        .env("ledger", &ledger)
        .spawn();
    until(PATIENCE, "the dead letter", || {
        server.redis(&["XLEN", "{orders}:dlq"]).int() == 1
    });
    worker.terminate();

    let times = attempts(&ledger);
    assert_eq!(times.len(), 4, "{times:?}");
    for (attempt, pair) in times.windows(2).enumerate() {
        let (waited_ms, delay_ms) = (pair[1] - pair[0], BASE_MS << attempt);
        // Never early: the clock of `date` and the shell's start cost a few milliseconds either way.
        assert!(
            waited_ms + 20 >= delay_ms,
            "attempt {}: {waited_ms} ms after {delay_ms} ms",
            attempt + 2
        );
        // Late by a fifth at the most, and by what a busy machine takes.
        let most_ms = delay_ms * 6 / 5 + u64::try_from(BUSY.as_millis()).unwrap();
        assert!(waited_ms <= most_ms, "{times:?}");
    }

    let dead = server.redis(&["XRANGE", "{orders}:dlq", "-", "+"]);
    let letter = fields(&dead.items()[0]);
    for (name, value) in [
        ("n", "1"),
        ("_dlq_stream", "orders"),
        ("_dlq_group", "billing"),
        ("_dlq_id", &id),
        ("_dlq_deliveries", "4"),
        ("_dlq_reason", "no such brand"),
        ("_dlq_body", "present"),
    ] {
        assert_eq!(letter[name], value, "{name}");
    }
    assert_eq!(pending(&server, "orders", "billing"), 0);

    server
        .ucp(&["dlq", "redrive", "orders", "--all", "--yes"])
        .assert_code(0);
    assert_eq!(server.redis(&["XLEN", "{orders}:dlq"]).int(), 0);
    let once = [
        "worker", "run", "billing", "--stream", "orders", "--once", "--exec", "true",
    ];
    server.ucp(&once).assert_code(0).stderr_has("1 handled");
    assert_eq!(pending(&server, "orders", "billing"), 0);
    let back = server.redis(&["XREVRANGE", "orders", "+", "-", "COUNT", "1"]);
    assert_eq!(fields(&back.items()[0])["_ucp_origin"], id);
}

#[test]
fn exit_65_is_a_dead_letter_at_once() {
    let server = TestServer::start();
    server.redis(&["XADD", "orders", "*", "n", "1"]);
    let run = [
        "worker", "run", "billing", "--stream", "orders", "--once", "--exec", "--", "sh", "-c",
        "exit 65",
    ];
    server
        .ucp(&run)
        .assert_code(0)
        .stderr_has("1 dead-lettered");
    let dead = server.redis(&["XRANGE", "{orders}:dlq", "-", "+"]);
    assert_eq!(fields(&dead.items()[0])["_dlq_deliveries"], "1");
}

#[test]
fn once_leaves_a_failed_message_pending_and_says_so() {
    let server = TestServer::start();
    server.redis(&["XADD", "orders", "*", "n", "1"]);
    let run = [
        "worker", "run", "billing", "--stream", "orders", "--once", "--exec", "false",
    ];
    server.ucp(&run).assert_code(7).stderr_has("1 left pending");
    assert_eq!(pending(&server, "orders", "billing"), 1);
}

#[test]
fn once_says_what_rests_from_an_earlier_attempt() {
    let server = TestServer::start();
    server.redis(&["XADD", "orders", "*", "n", "1"]);
    let run = [
        "worker", "run", "billing", "--stream", "orders", "--once", "--exec",
    ];
    server.ucp(&[&run[..], &["false"]].concat()).assert_code(7);
    server
        .ucp(&[&run[..], &["true"]].concat())
        .assert_code(7)
        .stderr_has("0 handled, 1 left pending");
}

#[test]
fn once_does_not_wait_out_an_outage() {
    let server = TestServer::start();
    for n in 0..50 {
        server.redis(&["XADD", "orders", "*", "n", &n.to_string()]);
    }
    let run = [
        "worker", "run", "billing", "--stream", "orders", "--once", "--exec", "false",
    ];
    server
        .ucp(&run)
        .assert_code(7)
        .stderr_has("circuit breaker");
    assert_eq!(server.redis(&["XLEN", "{orders}:dlq"]).int(), 0);
}

#[test]
fn an_outage_does_not_dead_letter_the_stream() {
    let server = TestServer::start();
    for n in 0..60 {
        server.redis(&["XADD", "orders", "*", "n", &n.to_string()]);
    }
    let home = directory();
    let up = home.path().join("up");
    let mut worker = server
        .command(&[
            "worker",
            "run",
            "billing",
            "--stream",
            "orders",
            "--max-deliveries",
            "2",
            "--backoff-base",
            "100ms",
            "--backoff-cap",
            "300ms",
            "--exec",
            "--",
            "sh",
            "-c",
            "test -e \"$up\"",
        ])
        .env("up", &up)
        .timeout(Duration::from_mins(1))
        .spawn();
    worker.await_stderr("circuit breaker opened");
    // Some time of the outage, in which nothing may become a dead letter.
    let dead_then = server.redis(&["XLEN", "{orders}:dlq"]).int();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(server.redis(&["XLEN", "{orders}:dlq"]).int(), dead_then);
    let info = || server.ucp(&["info", "orders", "-o", "json"]);
    let breaker = |json: &serde_json::Value| json[0]["groups"][0]["circuit_breaker"].clone();
    let seen = info();
    seen.assert_code(0)
        .stderr_has("group `billing` on `orders`: the circuit breaker of worker")
        .stderr_has("exit status: 1");
    assert_eq!(breaker(&seen.stdout_json())["reason"], "exit status: 1");
    fs::write(&up, "").unwrap();
    worker.await_stderr("handlers succeed again");
    until(PATIENCE, "the word is taken back", || {
        breaker(&info().stdout_json()).is_null()
    });
    until(PATIENCE, "all handled", || {
        pending(&server, "orders", "billing") == 0
    });
    assert_eq!(server.redis(&["XLEN", "{orders}:dlq"]).int(), dead_then);
    assert!(
        dead_then <= 10,
        "{dead_then} dead letters before the worker noticed"
    );
    worker.terminate();
}
