//! A group with one active worker: the other stands by, takes over, and the loser changes nothing.

use std::time::{Duration, Instant};

use crate::pending;
use crate::support::{
    BUSY, Invocation, PATIENCE, Proxy, Signal, Spawned, TestServer, directory, until,
};

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
    worker_with(server, name, &[]).spawn()
}

fn worker_with(server: &TestServer, name: &str, flags: &[&str]) -> Invocation {
    let run = ["worker", "run", "merge-processors", "--claim-idle", "3s"];
    server
        .command(&[&run[..], &["--consumer", name], flags].concat())
        .timeout(Duration::from_mins(1))
}

fn held(server: &TestServer) -> i64 {
    pending(server, "profiles.merge_requests", "merge-processors")
}

fn consumers(server: &TestServer) -> usize {
    let list = ["XINFO", "CONSUMERS", "profiles.merge_requests"];
    let list = [&list[..], &["merge-processors"]].concat();
    server.redis(&list).items().len()
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

#[test]
fn the_lease_is_kept_while_handlers_finish() {
    let server = TestServer::start();
    let home = directory();
    let handler = "echo x >>started; while ! test -e go; do sleep 0.05; done";
    let flags = ["--grace", "50s", "--exec", "--", "sh", "-c", handler];
    let mut active = worker_with(&server, "active", &flags)
        .in_dir(home.path())
        .spawn();
    active.await_stderr("is the active one");
    let mut stand_by = worker(&server, "stand-by");
    stand_by.await_stderr("standing by");
    request(&server);
    let started = home.path().join("started");
    until(PATIENCE, "a handler", || started.exists());
    active.signal(Signal::TERM);
    // Asked to end, it still has something to finish under the lease: renewed at least twice.
    let left_ms = || server.redis(&["PTTL", LEASE]).int();
    for _ in 0..2 {
        let mut least_ms = left_ms();
        until(PATIENCE, "a renewal", || {
            let now_ms = left_ms();
            let is_renewed = now_ms > least_ms;
            least_ms = now_ms;
            is_renewed
        });
    }
    assert!(server.redis(&["GET", LEASE]).text().starts_with("active "));
    std::fs::write(home.path().join("go"), "").unwrap();
    active
        .wait()
        .assert_code(0)
        .stderr_has("1 handled")
        .stderr_lacks("left pending");
    assert_eq!(held(&server), 0);
    stand_by.await_stderr("is the active one");
    stand_by.terminate().assert_code(0);
}

#[test]
fn a_lease_that_ran_out_with_a_delivery_lost_is_taken_again() {
    let server = TestServer::start();
    let proxy = Proxy::before(server.socket());
    let mut worker = server
        .command(&["--timeout", "1s", "worker", "run", "merge-processors"])
        .env("UCP_STREAMS_URL", proxy.url())
        .timeout(Duration::from_mins(1))
        .spawn();
    worker.await_stderr("is the active one");
    proxy.drop_replies_to("BLOCK");
    until(PATIENCE, "a read whose reply will be lost", || {
        proxy.counts().found == 1
    });
    request(&server);
    until(PATIENCE, "a delivery to nobody", || held(&server) == 1);
    // As it does by itself when the server is out of reach for longer.
    server.redis(&["DEL", LEASE]);
    until(PATIENCE, "handled", || held(&server) == 0);
    assert_eq!(server.redis(&["XLEN", "profiles.merges"]).int(), 1);
    worker.terminate().assert_code(0);
}

#[test]
fn once_leaves_the_work_to_the_active_worker() {
    let server = TestServer::start();
    let handler = ["--exec", "--", "sleep", "60"];
    let mut active = worker_with(&server, "active", &handler).spawn();
    active.await_stderr("is the active one");
    let once = || worker_with(&server, "cron", &["--once"]).run();
    once().assert_code(0).stderr_has("standing by");
    request(&server);
    until(PATIENCE, "in the active one's hand", || held(&server) == 1);
    once()
        .assert_code(7)
        .stderr_has("1 left pending")
        .stderr_lacks("WARN");
    assert_eq!(consumers(&server), 1, "the consumer of --once is gone");
    drop(active);
}

#[test]
fn a_stand_by_ends_without_a_trace() {
    let server = TestServer::start();
    let mut active = worker(&server, "active");
    active.await_stderr("is the active one");
    let mut stand_by = worker(&server, "stand-by");
    stand_by.await_stderr("standing by");
    assert_eq!(consumers(&server), 2);
    stand_by.terminate().assert_code(0).stderr_lacks("WARN");
    assert_eq!(consumers(&server), 1);
    active.terminate().assert_code(0);
}
