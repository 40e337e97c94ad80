//! The consumer of a live worker is deleted, with all that was pending for it.

use std::fs;
use std::path::Path;

use crate::support::{Invocation, PATIENCE, Reply, TestServer, directory, until};

/// A worker whose claim idle is short, so that it looks after its leases every second.
fn worker(server: &TestServer, home: &Path, flags: &[&str]) -> Invocation {
    let run = [
        "worker",
        "run",
        "billing",
        "--stream",
        "orders",
        "--consumer",
        "c",
        "--claim-idle",
        "3s",
    ];
    server.command(&[&run[..], flags].concat()).in_dir(home)
}

/// The handler ends well once there is a file `go`.
const WAITS: [&str; 5] = [
    "--exec",
    "--",
    "sh",
    "-c",
    "echo $UCP_ID >>started; while ! test -e go; do sleep 0.05; done",
];

fn publish(server: &TestServer, count: usize) {
    for ms in 1..=count {
        server.redis(&["XADD", "orders", &format!("{ms}-1"), "n", &ms.to_string()]);
    }
}

fn pending(server: &TestServer) -> i64 {
    match server.try_redis(&["XPENDING", "orders", "billing"]) {
        Reply::Error(_) => 0,
        summary => summary.items()[0].int(),
    }
}

fn delete_consumer(server: &TestServer) -> i64 {
    server
        .redis(&["XGROUP", "DELCONSUMER", "orders", "billing", "c"])
        .int()
}

#[test]
fn field_r17_what_a_deleted_consumer_held_is_taken_back() {
    let server = TestServer::start();
    let home = directory();
    publish(&server, 4);
    let flags = [&["--concurrency", "2"], &WAITS[..]].concat();
    let mut worker = worker(&server, home.path(), &flags).spawn();
    until(PATIENCE, "two run, two are ready", || {
        let started = fs::read_to_string(home.path().join("started")).unwrap_or_default();
        started.lines().count() == 2 && pending(&server) == 4
    });
    assert_eq!(delete_consumer(&server), 4);
    let said = worker.await_stderr("this consumer was deleted (XGROUP DELCONSUMER)");
    assert!(
        said.contains("its entries were no longer pending"),
        "{said}"
    );
    assert!(said.contains("entries=4 ids=\"1-1 2-1 3-1 4-1\""), "{said}");
    assert_eq!(pending(&server), 4);
    fs::write(home.path().join("go"), "").unwrap();
    until(PATIENCE, "all handled", || pending(&server) == 0);
    worker
        .terminate()
        .assert_code(0)
        .stderr_has("4 handled, 4 taken back")
        .stderr_lacks("lost");
    let started = fs::read_to_string(home.path().join("started")).unwrap();
    assert_eq!(started.lines().count(), 4, "each was handled once");
}

#[test]
fn field_r17_the_output_of_a_running_handler_is_not_lost() {
    let server = TestServer::start();
    let home = directory();
    publish(&server, 1);
    let answer = r#"read -r line; while ! test -e go; do sleep 0.01; done
echo '{"id":"1-1","ok":true,"publish":[{"stream":"out","fields":{"a":"b"}}]}'; read -r line"#;
    let flags = ["--pipe", "--", "sh", "-c", answer];
    let worker = worker(&server, home.path(), &flags).spawn();
    until(PATIENCE, "it runs", || pending(&server) == 1);
    assert_eq!(delete_consumer(&server), 1);
    // Before the worker has looked at its leases.
    fs::write(home.path().join("go"), "").unwrap();
    until(PATIENCE, "the output", || {
        server.redis(&["XLEN", "out"]).int() == 1
    });
    until(PATIENCE, "acknowledged", || pending(&server) == 0);
    worker
        .terminate()
        .assert_code(0)
        .stderr_has("1 handled, 1 taken back");
    assert_eq!(server.redis(&["XLEN", "out"]).int(), 1);
}

#[test]
fn field_r17_an_entry_that_waits_for_its_next_attempt_has_it() {
    let server = TestServer::start();
    let home = directory();
    publish(&server, 1);
    let handler = "test $UCP_DELIVERIES = 2";
    let flags = ["--backoff-base", "4s", "--exec", "--", "sh", "-c", handler];
    let mut worker = worker(&server, home.path(), &flags).spawn();
    worker.await_stderr("attempt failed");
    assert_eq!(delete_consumer(&server), 1);
    worker.await_stderr("this consumer was deleted");
    until(PATIENCE, "handled", || pending(&server) == 0);
    worker
        .terminate()
        .assert_code(0)
        .stderr_has("1 handled, 1 failed attempt, 1 retried, 1 taken back");
}

#[test]
fn field_r17_what_somebody_acknowledges_is_not_brought_back() {
    let server = TestServer::start();
    let home = directory();
    publish(&server, 1);
    let mut worker = worker(&server, home.path(), &WAITS).spawn();
    until(PATIENCE, "it runs", || home.path().join("started").exists());
    server
        .ucp(&["ack", "billing", "--stream", "orders", "1-1", "--yes"])
        .assert_code(0);
    let said = worker.await_stderr("are no longer pending");
    assert!(said.contains("lease lost"), "{said}");
    assert!(
        said.contains("ids=1-1") || said.contains("ids=\"1-1\""),
        "{said}"
    );
    assert!(said.contains("another client acknowledged them"), "{said}");
    assert_eq!(pending(&server), 0);
    fs::write(home.path().join("go"), "").unwrap();
    worker
        .terminate()
        .assert_code(0)
        .stderr_has("1 lease lost")
        .stderr_lacks("taken back");
    assert_eq!(pending(&server), 0);
}

#[test]
fn field_r17_an_idle_worker_whose_consumer_is_deleted_goes_on_without_a_word() {
    let server = TestServer::start();
    let home = directory();
    fs::write(home.path().join("go"), "").unwrap();
    let worker = worker(&server, home.path(), &WAITS).spawn();
    let consumers = || match server.try_redis(&["XINFO", "CONSUMERS", "orders", "billing"]) {
        Reply::Error(_) => 0,
        rows => rows.items().len(),
    };
    until(PATIENCE, "it has joined", || consumers() == 1);
    assert_eq!(delete_consumer(&server), 0);
    until(PATIENCE, "it is there again", || consumers() == 1);
    publish(&server, 1);
    until(PATIENCE, "handled", || {
        home.path().join("started").exists() && pending(&server) == 0
    });
    worker
        .terminate()
        .assert_code(0)
        .stderr_has("1 handled")
        .stderr_lacks("deleted")
        .stderr_lacks("lost");
}
