//! `wait`: until groups are as a deployment needs them, with a deadline, over an outage.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::{TestServer, ucp};

const STREAM: &str = "events.normalized";
const GROUP: &str = "event-processors";
/// For a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

fn prepared() -> TestServer {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    server
}

fn add(server: &TestServer, count: usize) {
    for number in 0..count {
        server.redis(&["XADD", STREAM, "*", "n", &number.to_string()]);
    }
}

fn read(server: &TestServer, consumer: &str) {
    let args = [
        "XREADGROUP",
        "GROUP",
        GROUP,
        consumer,
        "STREAMS",
        STREAM,
        ">",
    ];
    server.redis(&args);
}

#[test]
fn what_holds_already_ends_at_once() {
    let server = prepared();
    let started = Instant::now();
    let json = server
        .ucp(&["wait", "-o", "json"])
        .assert_code(0)
        .stdout_json();
    assert!(started.elapsed() < Duration::from_secs(5));
    let rows = json.as_array().unwrap();
    assert_eq!(rows.len(), 6, "lag and pending of three groups: {json}");
    assert!(rows.iter().all(|it| it["is_met"] == true));
    server
        .ucp(&["wait", GROUP, "--dlq", "0", "-q"])
        .assert_code(0)
        .stdout_is("");
}

#[test]
fn only_what_is_asked_for_counts() {
    let server = prepared();
    add(&server, 3);
    read(&server, "a");
    server
        .ucp(&["wait", GROUP, "--lag", "0", "--timeout", "10s"])
        .assert_code(0);
    server
        .ucp(&["wait", GROUP, "--pending", "3", "--timeout", "10s"])
        .assert_code(0);
    server
        .ucp(&["wait", GROUP, "--live", "1", "--timeout", "10s"])
        .assert_code(0);
    let run = server.ucp(&["wait", GROUP, "--timeout", "1s"]);
    run.assert_code(4).stderr_has(
        "the conditions were not met within 1s: pending of group `event-processors` of stream `events.normalized` is 3, wanted at most 0",
    );
    run.stderr_has("ucp-streams check event-processors");
    server
        .ucp(&["wait", GROUP, "--live", "2", "--timeout", "1s"])
        .assert_code(4)
        .stderr_has("live consumers of group `event-processors` of stream `events.normalized` is 1, wanted at least 2");
}

#[test]
fn a_backlog_that_is_worked_off_is_waited_for() {
    let server = prepared();
    add(&server, 5);
    let waiting = server.command(&["wait", GROUP, "--timeout", "30s"]).spawn();
    thread::sleep(Duration::from_millis(1200));
    read(&server, "a");
    for entry in server.redis(&["XRANGE", STREAM, "-", "+"]).items() {
        server.redis(&["XACK", STREAM, GROUP, entry.items()[0].text()]);
    }
    waiting.wait_for(PATIENCE).assert_code(0);
}

#[test]
fn a_group_that_does_not_exist_yet_is_waited_for_and_one_that_is_nowhere_is_an_error() {
    let server = TestServer::start();
    let run = server.ucp(&["wait", GROUP, "--timeout", "1s"]);
    run.assert_code(4)
        .stderr_has("is unknown, wanted at most 0");
    let waiting = server.command(&["wait", GROUP, "--timeout", "30s"]).spawn();
    thread::sleep(Duration::from_millis(700));
    server.ucp(&["init"]).assert_code(0);
    waiting.wait_for(PATIENCE).assert_code(0);
    server
        .ucp(&["wait", "event-processor", "--timeout", "1s"])
        .assert_code(3)
        .stderr_has("did you mean `event-processors`?");
    let waiting = server
        .command(&["wait", "mine", "--stream", "orders", "--timeout", "30s"])
        .spawn();
    thread::sleep(Duration::from_millis(700));
    server.redis(&["XGROUP", "CREATE", "orders", "mine", "0", "MKSTREAM"]);
    waiting.wait_for(PATIENCE).assert_code(0);
}

#[test]
fn an_unknown_lag_is_counted_as_far_as_the_goal() {
    let server = prepared();
    add(&server, 6);
    let first = server.redis(&["XRANGE", STREAM, "-", "+", "COUNT", "1"]);
    let first = first.items()[0].items()[0].text();
    server.redis(&["XGROUP", "SETID", STREAM, GROUP, first]);
    for (goal, code) in [("4", 4), ("5", 0)] {
        let args = ["wait", GROUP, "--lag", goal, "--timeout", "1s"];
        server.ucp(&args).assert_code(code);
    }
}

#[test]
fn it_must_hold_without_a_break() {
    let server = prepared();
    let started = Instant::now();
    let waiting = server
        .command(&["wait", GROUP, "--for", "2s", "--timeout", "30s"])
        .spawn();
    thread::sleep(Duration::from_secs(1));
    let id = server.redis(&["XADD", STREAM, "*", "a", "1"]);
    thread::sleep(Duration::from_millis(1500));
    read(&server, "a");
    server.redis(&["XACK", STREAM, GROUP, id.text()]);
    waiting.wait_for(PATIENCE).assert_code(0);
    assert!(started.elapsed() > Duration::from_millis(4500));
    server
        .ucp(&["wait", GROUP, "--for", "2s", "--timeout", "1s"])
        .assert_code(2)
        .stderr_has("--for 2s is longer than --timeout 1s");
    server
        .ucp(&["wait", GROUP, "--lag", "abc"])
        .assert_code(2)
        .stderr_has("--lag");
}

#[test]
fn a_server_that_is_away_is_waited_for() {
    let run = ucp(&["-u", "redis://127.0.0.1:1", "wait", "--timeout", "1s"]);
    run.assert_code(4).stderr_has("127.0.0.1:1");
    let mut server = prepared();
    let waiting = server
        .command(&["wait", GROUP, "--live", "1", "--timeout", "60s"])
        .spawn();
    thread::sleep(Duration::from_millis(700));
    server.restart();
    server.ucp(&["init"]).assert_code(0);
    server.redis(&["XADD", STREAM, "*", "a", "1"]);
    read(&server, "a");
    waiting.wait_for(PATIENCE).assert_code(0);
}
