//! A group with one active worker: the other stands by, takes over, and the loser changes nothing.

use std::time::{Duration, Instant};

use crate::pending;
use crate::support::{BUSY, PATIENCE, Signal, Spawned, TestServer, until};

fn request(server: &TestServer) {
    server.redis(&[
        "XADD",
        "profiles.merge_requests",
        "*",
        "brand_id",
        "b",
        "profile_ids",
        "[\"p\"]",
        "reason",
        "identifier_match",
        "requires_manual_review",
        "false",
        "timestamp",
        "2026-01-01T00:00:00.000Z",
    ]);
}

const LEASE: &str = "{profiles.merge_requests}:lease:merge-processors";

fn worker(server: &TestServer, name: &str) -> Spawned {
    let run = ["worker", "run", "merge-processors", "--claim-idle", "3s"];
    server
        .command(&[&run[..], &["--consumer", name]].concat())
        .timeout(Duration::from_mins(1))
        .spawn()
}

#[test]
fn full_memory_ends_no_lease() {
    let server = TestServer::start();
    let mut active = worker(&server, "active");
    active.await_stderr("is the active one");
    let left_ms = || server.redis(&["PTTL", LEASE]).int();
    server.redis(&["CONFIG", "SET", "maxmemory", "1"]);
    let mut least_ms = left_ms();
    until(PATIENCE, "a renewal", || {
        let now_ms = left_ms();
        let is_renewed = now_ms > least_ms;
        least_ms = now_ms;
        is_renewed
    });
    active
        .terminate()
        .assert_code(0)
        .stderr_lacks("another worker");
    assert!(server.redis(&["GET", LEASE]).is_nil());
}

#[test]
fn the_stand_by_takes_over_and_the_loser_cannot_acknowledge() {
    let server = TestServer::start();
    let mut first = worker(&server, "first");
    first.await_stderr("is the active one");
    let second = worker(&server, "second");
    request(&server);
    let merged = || server.redis(&["XLEN", "profiles.merges"]).int();
    until(PATIENCE, "handled by the active one", || merged() == 1);
    assert!(server.redis(&["GET", LEASE]).text().starts_with("first "));

    // The active one stops in the middle of life, without giving its lease up.
    let stopped = Instant::now();
    first.signal(Signal::STOP);
    request(&server);
    until(PATIENCE, "the stand-by", || merged() == 2);
    let took = stopped.elapsed();
    println!("the stand-by was at work {took:?} after the active worker stopped");
    assert!(took < Duration::from_secs(19) + BUSY, "{took:?}");
    assert!(server.redis(&["GET", LEASE]).text().starts_with("second "));

    // It comes back, and must not believe that it is still the one.
    first.signal(Signal::CONT);
    first.await_stderr("another worker is the active one");
    request(&server);
    until(PATIENCE, "handled once", || {
        merged() == 3 && pending(&server, "profiles.merge_requests", "merge-processors") == 0
    });
    assert!(server.redis(&["GET", LEASE]).text().starts_with("second "));
    first.terminate();
    second.terminate();
    assert!(
        server.redis(&["GET", LEASE]).is_nil(),
        "the lease was given up at the end"
    );
}
