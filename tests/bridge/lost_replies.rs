//! `bridge to-kafka` with a broker that does what it is asked and says so to nobody, that is not the leader any more, or that
//! is down for a while. The broker is in this process, so that it can be told when.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use krafka::error::ErrorCode;
use krafka::testing::{ApiKey, Control, FakeBroker};
use tokio::runtime::Runtime;
use ucp_streams::kafka::{Client, Cluster, Compression, Record};

use crate::support::{Invocation, PATIENCE, Signal, TestServer, until};
use crate::{STREAM, TOPIC, add, bridge_through, expire_lease, ids, pending, place};

/// Brokers of one cluster, with the topic.
struct Brokers {
    fake: FakeBroker,
    runtime: Runtime,
}

impl Brokers {
    fn start(brokers: usize, partitions: i32) -> Self {
        let runtime = Runtime::new().unwrap();
        let fake = runtime
            .block_on(FakeBroker::start_cluster(brokers))
            .unwrap();
        assert!(fake.create_topic(TOPIC, partitions));
        Self { fake, runtime }
    }

    fn bridge(&self, server: &TestServer, options: &[&str]) -> Invocation {
        bridge_through(server, &self.fake.bootstrap_servers(), options)
    }

    /// The ids in each partition, in their order.
    fn carried(&self) -> BTreeMap<i32, Vec<String>> {
        let mut carried: BTreeMap<i32, Vec<String>> = BTreeMap::new();
        for record in self.fake.all_records(TOPIC).unwrap() {
            let (partition, headers) = (record.partition, record.headers);
            let id = headers.into_iter().find(|(name, _)| name == "redis-id");
            let id = String::from_utf8(id.unwrap().1.unwrap().to_vec()).unwrap();
            carried.entry(partition).or_default().push(id);
        }
        carried
    }

    fn count(&self) -> usize {
        self.fake.all_records(TOPIC).unwrap().len()
    }

    /// Each entry is there once, and each partition in the order of ids.
    #[track_caller]
    fn assert_once(&self, server: &TestServer) {
        let carried = self.carried();
        for ids in carried.values() {
            assert!(ids.is_sorted_by_key(|id| place(id)), "out of order");
        }
        let mut all: Vec<String> = carried.into_values().flatten().collect();
        all.sort_by_key(|id| place(id));
        assert_eq!(all, ids(server));
    }
}

fn lost(then: Control) -> Control {
    Control::ApplyThen(Box::new(then))
}

#[test]
fn what_was_written_and_not_confirmed_is_written_once() {
    for (fault, times) in [
        (lost(Control::Disconnect), 1),
        (lost(Control::Error(ErrorCode::RequestTimedOut)), 1),
        (lost(Control::Disconnect), 3),
        (Control::Error(ErrorCode::NotLeaderForPartition), 2),
        (Control::Disconnect, 2),
    ] {
        let (server, brokers) = (TestServer::start(), Brokers::start(1, 2));
        add(&server, 300);
        let told = fault.clone();
        let tell = move |_: &_| told.clone();
        brokers.fake.on_times(ApiKey::Produce, times, tell);
        brokers.bridge(&server, &["--once"]).run().assert_code(0);
        let asked = brokers.fake.request_count(ApiKey::Produce);
        assert!(asked > 2, "{fault:?}: {asked} requests");
        assert_eq!(pending(&server), 0);
        brokers.assert_once(&server);
    }
}

#[test]
fn without_the_memory_of_brokers_it_would_be_there_twice() {
    let (server, brokers) = (TestServer::start(), Brokers::start(1, 1));
    brokers.fake.set_idempotence(false);
    add(&server, 50);
    let fault = |_: &_| lost(Control::Disconnect);
    brokers.fake.on_once(ApiKey::Produce, fault);
    brokers.bridge(&server, &["--once"]).run().assert_code(0);
    assert!(brokers.count() > 50, "so the test above can fail");
}

#[test]
fn killed_before_it_learns_that_it_was_written_the_next_one_finds_it() {
    let (server, brokers) = (TestServer::start(), Brokers::start(1, 3));
    add(&server, 400);
    let silent = |_: &_| lost(Control::Silence);
    brokers.fake.on(ApiKey::Produce, silent);
    let mut first = brokers.bridge(&server, &[]).spawn();
    until(PATIENCE, "a batch of each is written", || {
        brokers.carried().len() == 3
    });
    first.signal(Signal::KILL);
    first.wait();
    assert_eq!(pending(&server), 400, "nothing was confirmed");
    brokers.fake.clear_hooks();
    expire_lease(&server);
    add(&server, 100);
    let mut second = brokers.bridge(&server, &[]).spawn();
    until(PATIENCE, "the rest is carried", || {
        brokers.count() >= 500 && pending(&server) == 0
    });
    second.signal(Signal::TERM);
    second.wait().assert_code(0);
    brokers.assert_once(&server);
}

/// What the help says that it cannot rule out.
#[test]
fn what_is_under_way_when_a_bridge_stands_still_past_its_lease_may_repeat_and_verify_says_so() {
    let (server, brokers) = (TestServer::start(), Brokers::start(1, 1));
    add(&server, 200);
    let late = |_: &_| Control::Delay(Duration::from_secs(12));
    brokers.fake.on_once(ApiKey::Produce, late);
    let mut first = brokers.bridge(&server, &[]).spawn();
    until(PATIENCE, "a batch is under way", || {
        brokers.fake.request_count(ApiKey::Produce) > 0
    });
    first.signal(Signal::STOP);
    expire_lease(&server);
    let second = brokers.bridge(&server, &[]).spawn();
    until(PATIENCE, "the second one sends", || brokers.count() >= 200);
    until(PATIENCE, "the batch arrives", || brokers.count() > 200);
    first.signal(Signal::CONT);
    until(PATIENCE, "all is acknowledged", || pending(&server) == 0);
    let count = brokers.count();
    for mut bridge in [first, second] {
        bridge.signal(Signal::TERM);
        bridge.wait();
    }
    assert_eq!(brokers.count(), count, "only what was under way repeats");
    let carried = brokers.carried().remove(&0).unwrap();
    let again = &carried[200..];
    assert_eq!(again, &carried[..again.len()], "as one batch");
    let words = ["bridge", "verify", STREAM, "--topic", TOPIC, "-o", "json"];
    let verify = server.command(&words);
    let verify = verify.env("UCP_STREAMS_KAFKA", brokers.fake.bootstrap_servers());
    let found = verify.run();
    found
        .assert_code(9)
        .stderr_has("is in the topic more than once");
    assert_eq!(found.stdout_json()["repeated"], again.len());
}

#[test]
fn brokers_that_are_down_and_leaders_that_move_are_followed() {
    let (server, brokers) = (TestServer::start(), Brokers::start(3, 6));
    let mut running = brokers.bridge(&server, &[]).spawn();
    for round in 0..6_i32 {
        let node = round % 3;
        brokers.fake.crash(node);
        add(&server, 300);
        thread::sleep(Duration::from_millis(400));
        brokers.fake.restart(node);
        for partition in 0..6 {
            { &brokers.fake }.set_leader(TOPIC, partition, (partition + round) % 3);
        }
        let wanted = 300 * usize::try_from(round + 1).unwrap();
        until(PATIENCE, "it goes on", || brokers.count() >= wanted);
    }
    until(PATIENCE, "all is acknowledged", || pending(&server) == 0);
    running.signal(Signal::TERM);
    running.wait().assert_code(0);
    brokers.assert_once(&server);
}

#[test]
fn the_layer_says_that_it_was_written() {
    let brokers = Brokers::start(1, 1);
    let fault = |_: &_| lost(Control::Disconnect);
    brokers.fake.on_once(ApiKey::Produce, fault);
    let answers = brokers.runtime.block_on(async {
        let cluster = Cluster {
            brokers: brokers.fake.bootstrap_servers(),
            ..Cluster::default()
        };
        let client = Client::connect(&cluster, PATIENCE).await.unwrap();
        let producer = client.producer(TOPIC, Compression::Gzip).await.unwrap();
        let record = |n: u8| Record {
            value: Some(vec![n; 100]),
            timestamp_ms: 1000,
            ..Record::default()
        };
        producer.send((0..20).map(record).collect()).await
    });
    for (offset, answer) in (0..).zip(answers) {
        let known = answer.unwrap().offset;
        assert!(known.is_none_or(|it| it == offset), "{known:?}");
    }
    assert_eq!(brokers.fake.request_count(ApiKey::Produce), 2);
    let values: Vec<_> = { brokers.fake.all_records(TOPIC).unwrap().into_iter() }
        .map(|it| it.value.unwrap().to_vec())
        .collect();
    let wanted: Vec<_> = (0..20).map(|n| vec![n; 100]).collect();
    assert_eq!(values, wanted);
}
