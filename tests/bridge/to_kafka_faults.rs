//! `bridge to-kafka` while it is killed, doubled, cut off, and while the broker stands still.

use std::thread;
use std::time::Duration;

use crate::support::{Broker, End, PATIENCE, Signal, TestServer, until};
use crate::{
    STREAM, TOPIC, add, assert_carried, bridge, bridge_through, expire_lease, ids, pending,
};

fn start(partitions: i32) -> (TestServer, Broker) {
    let broker = Broker::start();
    broker.topic(TOPIC, partitions);
    (TestServer::start(), broker)
}

/// Different for each round, and the same in each run.
fn some_ms(round: u64) -> Duration {
    Duration::from_millis(20 + round * 7919 % 180)
}

#[test]
fn whenever_it_is_killed_each_entry_is_there_once_and_in_order() {
    let (server, broker) = start(3);
    add(&server, 4000);
    for round in 0..12 {
        let mut running = bridge(&server, &broker, &[]).spawn();
        running.await_stderr("this worker is the active one");
        add(&server, 3000);
        thread::sleep(some_ms(round));
        running.signal(Signal::KILL);
        drop(running);
        expire_lease(&server);
    }
    let mut last = bridge(&server, &broker, &[]).spawn();
    let all = ids(&server).len();
    until(PATIENCE, "all is carried", || {
        broker.records(TOPIC).len() >= all && pending(&server) == 0
    });
    last.signal(Signal::TERM);
    last.wait().assert_code(0);
    assert_carried(&server, &broker.records(TOPIC));
}

#[test]
fn of_two_bridges_one_sends_and_the_other_takes_over() {
    let (server, broker) = start(2);
    add(&server, 100);
    let mut first = bridge(&server, &broker, &[]).spawn();
    first.await_stderr("this worker is the active one");
    let mut second = bridge(&server, &broker, &[]).spawn();
    second.await_stderr("another worker is the active one: standing by");
    add(&server, 1000);
    until(PATIENCE, "the first one sends", || {
        broker.records(TOPIC).len() == 1100
    });
    first.signal(Signal::TERM);
    first.wait().assert_code(0);
    second.await_stderr("this worker is the active one");
    add(&server, 1000);
    until(PATIENCE, "the second one sends", || {
        broker.records(TOPIC).len() == 2100
    });
    second.signal(Signal::TERM);
    second.wait().assert_code(0).stderr_has("1,000 handled");
    assert_carried(&server, &broker.records(TOPIC));
}

#[test]
fn a_broker_that_stands_still_is_awaited_and_nothing_is_sent_twice() {
    let (server, broker) = start(2);
    add(&server, 100);
    let mut running = bridge(&server, &broker, &[]).spawn();
    until(PATIENCE, "it sends", || broker.records(TOPIC).len() == 100);
    broker.pause();
    add(&server, 2000);
    // Longer than a request waits, so that it is sent again.
    running.await_stderr("Kafka has not confirmed");
    thread::sleep(Duration::from_secs(8));
    broker.resume();
    until(PATIENCE, "it goes on", || {
        broker.records(TOPIC).len() >= 2100 && pending(&server) == 0
    });
    running.signal(Signal::TERM);
    running.wait().assert_code(0);
    assert_carried(&server, &broker.records(TOPIC));
}

#[test]
fn connections_that_are_cut_lose_and_repeat_nothing() {
    let (server, broker) = start(2);
    let proxy = broker.proxy();
    let mut running = bridge_through(&server, &proxy.address().to_string(), &[]).spawn();
    add(&server, 1);
    for _ in 0..8 {
        add(&server, 2000);
        thread::sleep(Duration::from_millis(60));
        proxy.end_all(End::Reset);
    }
    until(PATIENCE, "all is carried", || {
        broker.records(TOPIC).len() >= 16_001 && pending(&server) == 0
    });
    running.signal(Signal::TERM);
    running.wait().assert_code(0);
    assert_carried(&server, &broker.records(TOPIC));
}

#[test]
fn entries_that_are_gone_before_they_are_sent_are_losses() {
    let (server, broker) = start(1);
    add(&server, 10);
    server.redis(&["XGROUP", "CREATE", STREAM, crate::GROUP, "0"]);
    server.deliver((STREAM, crate::GROUP), "c9", 2);
    let first = &ids(&server)[0];
    server.redis(&["XDEL", STREAM, first]);
    server.redis(&[
        "XCLAIM",
        STREAM,
        crate::GROUP,
        "c9",
        "0",
        &ids(&server)[0],
        "IDLE",
        "100000",
    ]);
    let key = format!("{{{STREAM}}}:lease:{}", crate::GROUP);
    server.redis(&["SET", &key, "c9 x", "PX", "300"]);
    thread::sleep(Duration::from_millis(100));
    let mut running = bridge(&server, &broker, &[]).spawn();
    until(PATIENCE, "the rest is carried", || {
        broker.records(TOPIC).len() == 9 && pending(&server) == 0
    });
    running.signal(Signal::TERM);
    running.wait().assert_code(0).stderr_has("1 tombstone");
    server.redis(&["XTRIM", STREAM, "MAXLEN", "0"]);
    add(&server, 10);
    server.redis(&["XTRIM", STREAM, "MAXLEN", "4"]);
    let run = bridge(&server, &broker, &["--once"]).run();
    run.assert_code(9).stderr_has("data loss");
    assert_eq!(broker.records(TOPIC).len(), 13);
}

#[test]
fn what_was_removed_from_the_topic_is_said_because_records_may_repeat() {
    let (server, broker) = start(1);
    add(&server, 20);
    bridge(&server, &broker, &["--once"]).run().assert_code(0);
    broker.forget(TOPIC, 0, 20);
    add(&server, 5);
    let run = bridge(&server, &broker, &["--once"]).run();
    run.assert_code(0).stderr_has("records may repeat");
    assert_eq!(broker.records(TOPIC).len(), 5);
}
