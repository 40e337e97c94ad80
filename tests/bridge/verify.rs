//! `bridge verify`: it finds what differs, whatever it is, and says what it cannot see.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Broker, Planted, Run, TestServer};

const MINUTE: u64 = 60_000;

/// A stream `o` of 300 entries in 30 minutes, and its records in topic `t`.
fn bridged(server: &TestServer, broker: &Broker) {
    broker.topic("t", 3);
    for n in 1..=300 {
        let id = format!("{}-{n}", (n / 10 + 1) * MINUTE);
        let brand = format!("b{}", n % 7);
        server.redis(&[
            "XADD",
            "o",
            &id,
            "brand_id",
            &brand,
            "n",
            &n.to_string(),
            "n",
            "x",
        ]);
    }
    let to = ["bridge", "to-kafka", "o", "--topic", "t", "--once"];
    run(server, broker, &to).assert_code(0);
}

fn run(server: &TestServer, broker: &Broker, words: &[&str]) -> Run {
    let command = server.command(words);
    command.env("UCP_STREAMS_KAFKA", broker.brokers()).run()
}

fn verify(server: &TestServer, broker: &Broker, more: &[&str]) -> Run {
    let words = ["bridge", "verify", "o", "--topic", "t", "-o", "json"];
    run(server, broker, &[&words[..], more].concat())
}

/// The counts that are not 0.
fn counts(row: &Value) -> BTreeMap<&str, u64> {
    let names = [
        "entries", "records", "missing", "changed", "repeated", "extra", "behind", "trimmed",
        "removed", "others",
    ];
    let counts = names.map(|name| (name, row[name].as_u64().unwrap()));
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

#[test]
fn a_hole_a_change_and_the_rest_are_found_and_named() {
    let (server, broker) = (TestServer::start(), Broker::start());
    bridged(&server, &broker);
    let same = verify(&server, &broker, &[]);
    let row = same.assert_code(0).stderr_is_empty().stdout_json();
    assert_eq!(counts(&row), [("entries", 300), ("records", 300)].into());
    assert_eq!(
        (&row["agrees"], &row["minutes"]),
        (&json!(true), &json!(31))
    );

    // In the topic only, in the stream only, twice, and with another value.
    server.redis(&["XDEL", "o", "60000-5"]);
    let of = |id: &'static str| [("redis-id", id.as_bytes()), ("redis-stream", &b"o"[..])];
    let (twice, changed) = (of("120000-12"), of("180000-21"));
    let brand = |n: u64| format!("b{}", n % 7);
    let (key, value) = (brand(12), br#"{"brand_id":"b5","n":["12","x"]}"#);
    let planted = Planted {
        key: Some(key.as_bytes()),
        value: Some(value),
        headers: &twice,
        timestamp_ms: 120_000,
        partition: 0,
    };
    let other = Planted {
        headers: &[],
        ..planted.clone()
    };
    broker.write("t", &[planted.clone(), other]);
    let run = verify(&server, &broker, &[]);
    run.assert_code(9)
        .stderr_has("entry 60000-5, key `b5`, is in the topic and not in the stream")
        .stderr_has("entry 120000-12, key `b5`, is in the topic more than once");
    let row = run.stdout_json();
    assert_eq!(
        counts(&row),
        [
            ("entries", 299),
            ("records", 301),
            ("repeated", 1),
            ("extra", 1),
            ("others", 1)
        ]
        .into()
    );
    assert_eq!(row["agrees"], json!(false));
    // Another window does not have it.
    let later = ["--from", "180000-0", "--until", "300000-99"];
    let row = verify(&server, &broker, &later)
        .assert_code(0)
        .stdout_json();
    assert_eq!(counts(&row)["entries"], 30);

    // One that is changed, by a topic that has it so.
    broker.topic("changed", 1);
    let one = Planted {
        headers: &changed,
        value: Some(br#"{"brand_id":"b0","n":["21","y"]}"#),
        key: Some(b"b0"),
        ..planted
    };
    broker.write("changed", &[one]);
    let words = ["bridge", "verify", "o", "--topic", "changed", "-o", "json"];
    let run = run_(
        &server,
        &broker,
        &words,
        &["--from", "180000-20", "--until", "180000-22"],
    );
    run.assert_code(9)
        .stderr_has("entry 180000-20, key `b6`, is not in the topic")
        .stderr_has("entry 180000-21, key `b0`, has another key or other fields");
    let row = run.stdout_json();
    assert_eq!(
        counts(&row),
        [
            ("behind", 1),
            ("changed", 1),
            ("entries", 3),
            ("missing", 1),
            ("records", 1)
        ]
        .into()
    );
}

fn run_(server: &TestServer, broker: &Broker, words: &[&str], more: &[&str]) -> Run {
    run(server, broker, &[words, more].concat())
}

#[test]
fn what_cannot_be_seen_is_said() {
    let (server, broker) = (TestServer::start(), Broker::start());
    bridged(&server, &broker);
    // Trimmed in Redis; not sent yet.
    server.redis(&["XTRIM", "o", "MAXLEN", "250"]);
    server.redis(&["XADD", "o", "*", "brand_id", "b1"]);
    let run = verify(&server, &broker, &[]);
    run.assert_code(7)
        .stderr_has("trimmed")
        .stderr_has("--until");
    let row = run.stdout_json();
    assert_eq!(
        counts(&row),
        [
            ("behind", 1),
            ("entries", 251),
            ("records", 300),
            ("trimmed", 50)
        ]
        .into()
    );
    assert_eq!(row["agrees"], json!(true));
    let until = ["--until", "1860000-300"];
    verify(&server, &broker, &until).assert_code(0);
    // Removed in Kafka, in one partition.
    let records = broker.records("t");
    let of_one: Vec<_> = records.iter().filter(|it| it.partition == 1).collect();
    let half = of_one.len() / 2;
    broker.forget("t", 1, i64::try_from(half).unwrap());
    let run = verify(&server, &broker, &until);
    run.assert_code(0).stderr_has("cannot be judged");
    let row = run.stdout_json();
    assert!(row["removed"].as_u64().unwrap() > 0, "{row}");

    // A hole where nothing was removed is one.
    broker.forget("t", 1, i64::try_from(of_one.len()).unwrap());
    let words = ["bridge", "verify", "o", "--topic", "missing"];
    run_(&server, &broker, &words, &[]).assert_code(3);
}

#[test]
fn what_came_back_is_compared_with_its_origin() {
    let (server, broker) = (TestServer::start(), Broker::start());
    bridged(&server, &broker);
    // The first of them cannot have its own id.
    server.redis(&["XADD", "again", "60000-100", "own", "1"]);
    server.redis(&["XDEL", "again", "60000-100"]);
    let from = [
        "bridge",
        "from-kafka",
        "t",
        "--to",
        "again",
        "--once",
        "-o",
        "json",
    ];
    let row = run(&server, &broker, &from).assert_code(0).stdout_json();
    assert_eq!(
        (&row["records"], &row["own_ids"]),
        (&json!(300), &json!(291))
    );
    let words = [
        "bridge", "verify", "again", "--topic", "t", "--origin", "o", "-o", "json",
    ];
    let row = run(&server, &broker, &words).assert_code(0).stdout_json();
    assert_eq!(counts(&row), [("entries", 300), ("records", 300)].into());
    let envelope = [
        "bridge", "verify", "again", "--topic", "t", "--origin", "other",
    ];
    run(&server, &broker, &envelope).assert_code(7);
}
