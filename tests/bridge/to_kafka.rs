//! `bridge to-kafka` and `bridge status` when nothing is wrong but the arguments.

use serde_json::{Value, json};
use ucp_streams::kafka::{Stored, partition_of};

use crate::support::{Broker, PATIENCE, Run, Signal, TestServer, until};
use crate::{GROUP, STREAM, TOPIC, add, assert_carried, bridge, ids, pending, place, text};

fn start(partitions: i32) -> (TestServer, Broker) {
    let broker = Broker::start();
    broker.topic(TOPIC, partitions);
    (TestServer::start(), broker)
}

/// What a value is, as JSON.
fn value(bytes: Option<&[u8]>) -> Value {
    serde_json::from_slice(bytes.unwrap()).unwrap()
}

#[test]
fn an_entry_becomes_a_record_with_its_key_time_fields_and_headers() {
    let (server, broker) = start(5);
    server.redis(&[
        "XADD",
        STREAM,
        "1700000000001-7",
        "brand_id",
        "b1",
        "a",
        "1",
        "a",
        "2",
    ]);
    let odd: [&[u8]; 7] = [
        b"XADD",
        b"events",
        b"1700000000002-0",
        b"",
        b"",
        b"n",
        b"\xff\0",
    ];
    server.redis(&odd);
    let big = "x".repeat(1_000_000);
    server.redis(&[
        "XADD",
        STREAM,
        "1700000000003-0",
        "brand_id",
        "b1",
        "big",
        &big,
    ]);
    bridge(&server, &broker, &["--once"]).run().assert_code(0);
    assert_eq!(pending(&server), 0);
    let records = broker.records(TOPIC);
    assert_carried(&server, &records);
    let of = |id: &str| {
        records
            .iter()
            .find(|it| text(it, "redis-id") == id)
            .unwrap()
    };
    let first = of("1700000000001-7");
    assert_eq!(first.partition, partition_of(b"b1", 5));
    assert_eq!(first.key.as_deref(), Some(&b"b1"[..]));
    assert_eq!(first.timestamp_ms, 1_700_000_000_001);
    assert_eq!(text(first, "redis-stream"), STREAM);
    assert_eq!(
        value(first.value.as_deref()),
        json!({"brand_id": "b1", "a": ["1", "2"]})
    );
    let second = of("1700000000002-0");
    assert_eq!(second.key, None);
    assert_eq!(
        value(second.value.as_deref()),
        json!({"": "", "n": {"base64": "/wA="}})
    );
    let third = of("1700000000003-0");
    assert_eq!(value(third.value.as_deref())["big"], big);
}

#[test]
fn an_envelope_keeps_everything_and_a_field_goes_as_it_is() {
    let (server, broker) = start(1);
    let odd: [&[u8]; 9] = [
        b"XADD", b"events", b"1-1", b"a", b"1", b"a", b"\xff", b"", b"{",
    ];
    server.redis(&odd);
    bridge(
        &server,
        &broker,
        &["--once", "--envelope", "--compression", "gzip"],
    )
    .run()
    .assert_code(0);
    let records = broker.records(TOPIC);
    assert_eq!(
        value(records[0].value.as_deref())["fields"],
        json!([["a", "1"], ["a", {"base64": "/w=="}], ["", "{"]])
    );
    let line =
        ucp_streams::archive::parse_line(records[0].value.as_deref().unwrap(), &STREAM.into());
    assert_eq!(line.unwrap().fields[1].1, b"\xff");
    broker.topic("raw", 1);
    let words = [
        "bridge", "to-kafka", STREAM, "--topic", "raw", "--group", "raw", "--value", "$''",
        "--once",
    ];
    let run = server
        .command(&words)
        .env("UCP_STREAMS_KAFKA", broker.brokers())
        .run();
    run.assert_code(0);
    assert_eq!(broker.records("raw")[0].value.as_deref(), Some(&b"{"[..]));
}

#[test]
fn it_goes_on_where_it_ended_and_ends_with_0_when_it_is_told_to() {
    let (server, broker) = start(3);
    add(&server, 500);
    bridge(&server, &broker, &["--once"]).run().assert_code(0);
    add(&server, 300);
    let mut running = bridge(&server, &broker, &[]).spawn();
    until(PATIENCE, "all is carried", || {
        broker.records(TOPIC).len() == 800
    });
    add(&server, 5);
    until(PATIENCE, "what is new is carried", || {
        broker.records(TOPIC).len() == 805
    });
    running.signal(Signal::TERM);
    running.wait().assert_code(0).stderr_has("305 handled");
    assert_carried(&server, &broker.records(TOPIC));
    assert_eq!(pending(&server), 0);
    // The group is gone, and what was written is not.
    server.redis(&["XGROUP", "DESTROY", STREAM, GROUP]);
    add(&server, 1);
    bridge(&server, &broker, &["--once"]).run().assert_code(0);
    assert_carried(&server, &broker.records(TOPIC));
}

#[test]
fn status_says_how_far_each_partition_is() {
    let (server, broker) = start(2);
    add(&server, 40);
    bridge(&server, &broker, &["--once"]).run().assert_code(0);
    add(&server, 3);
    let status = |words: &[&str]| {
        let words = [&["bridge", "status"], words, &["-o", "json"]].concat();
        server
            .command(&words)
            .env("UCP_STREAMS_KAFKA", broker.brokers())
            .run()
    };
    let run = status(&[STREAM]);
    let rows = run.assert_code(0).stdout_json();
    let records = broker.records(TOPIC);
    for (partition, row) in rows.as_array().unwrap().iter().enumerate() {
        let last = records
            .iter()
            .rfind(|it| it.partition as usize == partition);
        assert_eq!(row["written"], text(last.unwrap(), "redis-id"));
        assert_eq!(
            (&row["lag"]["entries"], &row["pending"]),
            (&json!(3), &json!(0)),
            "{row}"
        );
        assert_eq!(
            (&row["partitions"], &row["partitions_now"]),
            (&json!(2), &json!(2))
        );
        assert_eq!(
            (&row["topic"], &row["active"]),
            (&json!(TOPIC), &Value::Null)
        );
    }
    consumers_begin(&server, &records, &status);
    status(&[]).assert_code(0).stdout_has(STREAM);
    server.redis(&["XADD", "other", "*", "a", "b"]);
    status(&["other"])
        .assert_code(3)
        .stderr_has("has no bridge to Kafka");
    let alone = server.ucp(&["bridge", "status", STREAM, "-o", "plain"]);
    alone
        .assert_code(0)
        .stderr_has("no Kafka brokers are named");
}

/// After any entry, a consumer begins at the first record that is of a later one.
fn consumers_begin(server: &TestServer, records: &[Stored], status: &dyn Fn(&[&str]) -> Run) {
    let ids = ids(server);
    for after in ["0-0", &ids[0], &ids[7], &ids[20], &ids[39]] {
        let rows = status(&[STREAM, "--after", after])
            .assert_code(0)
            .stdout_json();
        for (partition, row) in rows.as_array().unwrap().iter().enumerate() {
            let mut of_it = records
                .iter()
                .filter(|it| it.partition as usize == partition);
            let had = of_it
                .by_ref()
                .take_while(|it| place(&text(it, "redis-id")) <= place(after));
            assert_eq!(row["offset"], had.count(), "{after}: {row}");
        }
    }
    // What it has not sent yet can be anywhere.
    status(&[STREAM, "--after", &ids[41]])
        .assert_code(4)
        .stderr_has("has not sent everything up to");
}

#[test]
fn what_the_topic_never_takes_ends_the_bridge_and_nothing_overtakes_it() {
    let (server, broker) = start(1);
    let small = "small";
    broker.topic_with(small, 1, &[("max.message.bytes", "2000")]);
    let words = [
        "bridge",
        "to-kafka",
        STREAM,
        "--topic",
        small,
        "--once",
        "--compression",
        "none",
    ];
    let carry = |words: &[&str]| {
        server
            .command(words)
            .env("UCP_STREAMS_KAFKA", broker.brokers())
            .run()
    };
    add(&server, 100);
    server.redis(&[
        "XADD",
        STREAM,
        "9000000000000-1",
        "brand_id",
        "b1",
        "a",
        &"y".repeat(5000),
    ]);
    server.redis(&["XADD", STREAM, "9000000000000-2", "brand_id", "b1"]);
    let run = carry(&words);
    run.assert_code(2)
        .stderr_has("entry 9000000000000-1 of stream `events`, group `kafka-bridge`");
    run.stderr_has("is bigger than topic `small` takes")
        .stderr_has("raise max.message.bytes");
    assert_eq!(
        broker.records(small).len(),
        100,
        "each of which fits, and nothing after it"
    );
    let aside = run
        .stderr()
        .split("set the entry aside with: ucp-streams ")
        .nth(1)
        .unwrap();
    let aside = aside.split(';').next().unwrap();
    let aside: Vec<&str> = aside.split(' ').chain(["--yes"]).collect();
    server.ucp(&aside).assert_code(0);
    carry(&words).assert_code(0);
    let last = broker.records(small).pop().unwrap();
    assert_eq!(text(&last, "redis-id"), "9000000000000-2");
}

#[test]
fn a_user_that_the_brokers_do_not_know_is_denied_and_the_password_is_not_shown() {
    let (server, broker) = start(1);
    add(&server, 1);
    let run = bridge(&server, &broker, &["--once", "--kafka-user", "u"])
        .env("UCP_STREAMS_KAFKA_PASSWORD", "canary-secret")
        .run();
    run.assert_code(5)
        .stderr_has("--kafka-user")
        .stderr_lacks("canary");
}

#[test]
fn what_is_not_there_or_not_what_it_was_is_refused_with_a_next_step() {
    let (server, broker) = start(2);
    bridge(&server, &broker, &["--once"])
        .run()
        .assert_code(3)
        .stderr_has("no stream `events`");
    add(&server, 50);
    let words = ["bridge", "to-kafka", STREAM, "--topic", "none", "--once"];
    let none = server
        .command(&words)
        .env("UCP_STREAMS_KAFKA", broker.brokers())
        .run();
    none.assert_code(3).stderr_has("create the topic");
    server
        .ucp(&words)
        .assert_code(2)
        .stderr_has("$UCP_STREAMS_KAFKA");
    let away = server
        .command(&words)
        .env("UCP_STREAMS_KAFKA", "127.0.0.1:1")
        .run();
    away.assert_code(4).stderr_has("check that the brokers run");
    bridge(&server, &broker, &["--once"]).run().assert_code(0);
    broker.topic("second", 2);
    let other = ["bridge", "to-kafka", STREAM, "--topic", "second", "--once"];
    let other = server
        .command(&other)
        .env("UCP_STREAMS_KAFKA", broker.brokers())
        .run();
    other
        .assert_code(6)
        .stderr_has("a group of its own with --group");

    broker.grow(TOPIC, 4);
    add(&server, 50);
    let grown = bridge(&server, &broker, &["--once"]).run();
    grown
        .assert_code(6)
        .stderr_has("4 partitions")
        .stderr_has("go on with --partitions 4");
    assert_eq!(broker.records(TOPIC).len(), 50);
    let wrong = bridge(&server, &broker, &["--once", "--partitions", "3"]).run();
    wrong.assert_code(6).stderr_has("has 4 partitions");
    bridge(&server, &broker, &["--once", "--partitions", "4"])
        .run()
        .assert_code(0);
    let records = broker.records(TOPIC);
    assert_carried(&server, &records);
    assert!(records.iter().any(|it| it.partition > 1));
    bridge(&server, &broker, &["--once"]).run().assert_code(0);
}
