//! Bridges between streams and Kafka: real servers, a real broker, and faults on both sides.

#![cfg(all(target_os = "linux", feature = "kafka"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod from_kafka;
mod lost_replies;
mod moving_page;
mod secured;
mod to_kafka;
mod to_kafka_faults;
mod verify;

#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::{Broker, Invocation, Reply, TestServer};
use ucp_streams::kafka::Stored;

const STREAM: &str = "events";
const GROUP: &str = "kafka-bridge";
const TOPIC: &str = "t";

/// A bridge of [`STREAM`] to [`TOPIC`], with these options.
fn bridge(server: &TestServer, broker: &Broker, options: &[&str]) -> Invocation {
    bridge_through(server, &broker.brokers(), options)
}

fn bridge_through(server: &TestServer, brokers: &str, options: &[&str]) -> Invocation {
    let words = ["bridge", "to-kafka", STREAM, "--topic", TOPIC];
    server
        .command(&[&words, options].concat())
        .env("UCP_STREAMS_KAFKA", brokers)
}

/// Adds entries of several keys.
fn add(server: &TestServer, count: usize) {
    let script =
        "for i=1,ARGV[1] do redis.call('XADD',KEYS[1],'*','brand_id','b'..(i%23),'n',i) end";
    server.redis(&["EVAL", script, "1", STREAM, &count.to_string()]);
}

/// The ids of the stream, in their order.
fn ids(server: &TestServer) -> Vec<String> {
    let entries = server.redis(&["XRANGE", STREAM, "-", "+"]);
    let id = |entry: &Reply| entry.items()[0].text().to_owned();
    entries.items().iter().map(id).collect()
}

fn text(record: &Stored, header: &str) -> String {
    String::from_utf8(record.header(header).unwrap().to_vec()).unwrap()
}

/// As a number, so that ids can be compared.
fn place(id: &str) -> (u64, u64) {
    let (ms, seq) = id.split_once('-').unwrap();
    (ms.parse().unwrap(), seq.parse().unwrap())
}

/// Makes sure that each entry of the stream is in the topic once, and each partition is in the order of ids.
#[track_caller]
fn assert_carried(server: &TestServer, records: &[Stored]) {
    let mut last: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for record in records {
        let id = place(&text(record, "redis-id"));
        let before = last.insert(record.partition, id);
        assert!(
            before < Some(id),
            "partition {} is out of order",
            record.partition
        );
    }
    let carried: Vec<String> = records.iter().map(|it| text(it, "redis-id")).collect();
    let wanted: BTreeSet<String> = ids(server).into_iter().collect();
    assert_eq!(carried.len(), wanted.len(), "each once");
    assert_eq!(carried.into_iter().collect::<BTreeSet<_>>(), wanted);
}

/// Entries pending in the bridge's group.
fn pending(server: &TestServer) -> i64 {
    server.redis(&["XPENDING", STREAM, GROUP]).items()[0].int()
}

/// The lease of a bridge that was killed is over soon, as if its time had passed.
fn expire_lease(server: &TestServer) {
    let key = format!("{{{STREAM}}}:lease:{GROUP}");
    server.redis(&["PEXPIRE", &key, "300"]);
}
