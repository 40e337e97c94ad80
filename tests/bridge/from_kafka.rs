//! `bridge from-kafka`: each record becomes an entry once, whatever kills the bridge; ids, fields and what is said.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use crate::support::{
    Broker, End, Invocation, Mode, PATIENCE, Planted, Reply, Signal, TestServer, odd_entries, until,
};

const FROM: [&str; 5] = ["bridge", "from-kafka", "t", "--to", "s"];

/// A command for the server and the broker.
fn with(server: &TestServer, brokers: &str, words: &[&str]) -> Invocation {
    server.command(words).env("UCP_STREAMS_KAFKA", brokers)
}

fn once(server: &TestServer, broker: &Broker) -> Invocation {
    with(
        server,
        &broker.brokers(),
        &[&FROM[..], &["--once", "-o", "json"]].concat(),
    )
}

fn entries(server: &TestServer, stream: &str) -> Reply {
    server.redis(&["XRANGE", stream, "-", "+"])
}

/// The ids and the values of the first fields of a stream.
fn shown(server: &TestServer, stream: &str) -> Vec<(String, Vec<String>)> {
    let rows = entries(server, stream);
    let one = |row: &Reply| {
        let [id, fields] = row.items() else {
            panic!("{row:?}")
        };
        let fields = fields.texts().into_iter().map(str::to_owned);
        (id.text().to_owned(), fields.collect())
    };
    rows.items().iter().map(one).collect()
}

/// Records as a bridge writes them: so many, in turn to each of the partitions.
fn ours(broker: &Broker, count: u64, partitions: u32) {
    let parts: Vec<_> = (1..=count)
        .map(|n| (format!("{n}-0"), format!("{{\"n\":\"{n}\"}}")))
        .collect();
    let headers: Vec<_> = parts
        .iter()
        .map(|(id, _)| [("redis-id", id.as_bytes()), ("redis-stream", b"o")])
        .collect();
    let records: Vec<_> = (0..parts.len())
        .map(|place| Planted {
            partition: u32::try_from(place).unwrap() % partitions,
            value: Some(parts[place].1.as_bytes()),
            headers: &headers[place],
            timestamp_ms: i64::try_from(place).unwrap() + 1,
            key: Some(b"k"),
        })
        .collect();
    broker.write("t", &records);
}

#[test]
fn what_was_sent_comes_back_as_it_was() {
    let (server, broker) = (TestServer::start(), Broker::start());
    broker.topic("t", 3);
    odd_entries(&server, "o");
    for n in 0..50 {
        let id = format!("1700200000000-{n}");
        server.redis(&[
            "XADD",
            "o",
            &id,
            "brand_id",
            &(n % 7).to_string(),
            "n",
            &n.to_string(),
        ]);
    }
    let to = [
        "bridge",
        "to-kafka",
        "o",
        "--topic",
        "t",
        "--once",
        "--envelope",
    ];
    with(&server, &broker.brokers(), &to).run().assert_code(0);
    let row = once(&server, &broker).run().assert_code(0).stdout_json();
    assert_eq!(row["records"], 57);
    assert_eq!(row["own_ids"], 57);
    assert_eq!(row["foreign"], 0);
    assert_eq!(entries(&server, "s"), entries(&server, "o"));
    // Nothing is taken twice.
    let row = once(&server, &broker).run().assert_code(0).stdout_json();
    assert_eq!(row["records"], 0);
    assert_eq!(entries(&server, "s"), entries(&server, "o"));
}

#[test]
fn killed_and_started_twice_each_record_is_taken_once() {
    let (server, broker) = (TestServer::start(), Broker::start());
    broker.topic("t", 3);
    ours(&broker, 20_000, 3);
    let mut kills_within = 0;
    for round in 0..40_u64 {
        let before = server.redis(&["XLEN", "s"]).int();
        let bridges = [(); 2].map(|()| with(&server, &broker.brokers(), &FROM).spawn());
        until(PATIENCE, "more entries", || {
            let length = server.redis(&["XLEN", "s"]).int();
            length > before || length == 20_000
        });
        thread::sleep(Duration::from_millis(round * 37 % 50));
        for mut bridge in bridges {
            bridge.signal(Signal::KILL);
            bridge.wait();
        }
        kills_within += u64::from(server.redis(&["XLEN", "s"]).int() < 20_000);
        // The lease of the dead would keep the next ones from work for a while.
        server.redis(&["DEL", "{s}:lease:bridge-from:t"]);
    }
    once(&server, &broker).run().assert_code(0);
    let ids: Vec<_> = shown(&server, "s").into_iter().map(|(id, _)| id).collect();
    let expected: Vec<_> = (1..=20_000).map(|n| format!("{n}-0")).collect();
    assert!(kills_within >= 5, "{kills_within} kills within the work");
    assert_eq!(ids.len(), 20_000);
    assert_eq!(
        ids.iter().collect::<BTreeSet<_>>(),
        expected.iter().collect()
    );
    assert_eq!(ids, expected, "in the order of ids");
}

#[test]
fn records_of_others_keep_what_they_have() {
    let (server, broker) = (TestServer::start(), Broker::start());
    broker.topic("t", 1);
    let of = |value, headers| Planted {
        key: Some(b"k"),
        value,
        headers,
        timestamp_ms: 5000,
        partition: 0,
    };
    let late = [("redis-id", &b"4000-1"[..]), ("redis-stream", b"o")];
    broker.write(
        "t",
        &[
            of(Some(&b"{\"a\":1,\"b\":{\"c\":null}}"[..]), &[]),
            of(Some(b"plain"), &[("h", b"1"), ("h", b"2")]),
            of(None, &[]),
            of(Some(b"{\"late\":\"1\"}"), &late),
        ],
    );
    let row = once(&server, &broker).run().assert_code(0).stdout_json();
    let counts =
        ["records", "own_ids", "foreign", "tombstones"].map(|name| row[name].as_u64().unwrap());
    assert_eq!(counts, [4, 0, 3, 1]);
    let expected: [(&str, &[&str]); 4] = [
        ("5000-0", &["a", "1", "b", "{\"c\":null}", "key", "k"]),
        (
            "5000-1",
            &[
                "value", "plain", "key", "k", "header.h", "1", "header.h", "2",
            ],
        ),
        ("5000-2", &["tombstone", "true", "key", "k"]),
        ("5000-3", &["late", "1", "_ucp_redis_id", "4000-1"]),
    ];
    let expected = expected.map(|(id, fields)| {
        let fields = fields.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        (id.to_owned(), fields)
    });
    assert_eq!(shown(&server, "s"), expected);
}

#[test]
fn what_is_missing_or_gone_is_said() {
    let (server, broker) = (TestServer::start(), Broker::start());
    let missing = once(&server, &broker).run();
    missing.assert_code(3).stderr_has("`t`");
    broker.topic("t", 1);
    ours(&broker, 10, 1);
    server.redis(&["SET", "s", "x"]);
    once(&server, &broker)
        .run()
        .assert_code(3)
        .stderr_has("not a stream");
    server.redis(&["DEL", "s"]);
    server.redis(&["XGROUP", "CREATE", "s", "workers", "$", "MKSTREAM"]);
    once(&server, &broker)
        .run()
        .assert_code(0)
        .stderr_has("workers");

    // More partitions: the new one from its beginning. Records that went: said, once.
    broker.grow("t", 2);
    ours(&broker, 10, 2);
    broker.forget("t", 0, 12);
    let row = once(&server, &broker).run();
    row.assert_code(9).stderr_has("offsets 10 to 11");
    let row = row.stdout_json();
    assert_eq!(
        (row["records"].as_u64(), row["lost"].as_u64()),
        (Some(8), Some(2))
    );
    once(&server, &broker).run().assert_code(0);

    // Another topic of that name.
    server.redis(&["HSET", "{s}:bridge-from:t", "0", "1000"]);
    once(&server, &broker)
        .run()
        .assert_code(6)
        .stderr_has("ends at 15");
    server.redis(&["HSET", "{s}:bridge-from:t", "x", "y"]);
    once(&server, &broker)
        .run()
        .assert_code(6)
        .stderr_has("HGETALL");
}

#[test]
fn a_part_is_taken_and_then_the_rest() {
    let (server, broker) = (TestServer::start(), Broker::start());
    broker.topic("t", 3);
    ours(&broker, 90, 3);
    let up_to = |position: &str| {
        let words = [&FROM[..], &["--until", position, "-o", "json"]].concat();
        let run = with(&server, &broker.brokers(), &words).run();
        run.assert_code(0).stdout_json()["records"].clone()
    };
    assert_eq!(up_to("1970-01-01T00:00:00.030Z"), 30);
    let taken = shown(&server, "s").into_iter().map(|(id, _)| id);
    assert!(taken.eq((1..=30).map(|n| format!("{n}-0"))));
    assert_eq!(up_to("20-5"), 0, "what it has is more");
    assert_eq!(up_to("50-0"), 20);
    assert_eq!(up_to("-1s"), 40);
    assert_eq!(shown(&server, "s").len(), 90);
    let words = [&FROM[..], &["--until", "-10"]].concat();
    let run = with(&server, &broker.brokers(), &words).run();
    run.assert_code(2).stderr_has("--until is a time");
}

#[test]
fn one_stands_by_and_takes_over() {
    let (server, broker) = (TestServer::start(), Broker::start());
    broker.topic("t", 2);
    let mut first = with(&server, &broker.brokers(), &FROM).spawn();
    until(PATIENCE, "the lease", || {
        server.redis(&["EXISTS", "{s}:lease:bridge-from:t"]).int() == 1
    });
    once(&server, &broker)
        .run()
        .assert_code(6)
        .stderr_has("already");
    let mut second = with(&server, &broker.brokers(), &FROM).spawn();
    second.await_stderr("stands by");
    ours(&broker, 100, 2);
    until(PATIENCE, "the entries", || {
        server.redis(&["XLEN", "s"]).int() == 100
    });
    first.await_stderr("bridge starts");
    first.terminate().assert_code(0);
    second.await_stderr("takes over");
    ours(&broker, 50, 2);
    until(PATIENCE, "the rest", || {
        server.redis(&["XLEN", "s"]).int() == 150
    });
    second.terminate().assert_code(0);
}

#[test]
fn cuts_and_silence_are_outlived() {
    let (mut server, broker) = (TestServer::durable(), Broker::start());
    broker.topic("t", 3);
    let proxy = broker.proxy();
    let mut bridge = with(&server, &proxy.address().to_string(), &FROM).spawn();
    bridge.await_stderr("bridge starts");
    for round in 1..=6_i64 {
        ours(&broker, 400, 3);
        match round % 3 {
            0 => server.restart(),
            1 => drop(proxy.end_all(End::Reset)),
            _ => {
                proxy.set(Mode::CutAfter(4000));
                thread::sleep(Duration::from_millis(700));
                proxy.set(Mode::Pass);
                broker.pause();
                thread::sleep(Duration::from_millis(700));
                broker.resume();
            }
        }
        let wanted = 400 * round;
        until(PATIENCE, "what was written", || {
            server.redis(&["XLEN", "s"]).int() >= wanted
        });
        assert_eq!(server.redis(&["XLEN", "s"]).int(), wanted);
    }
    bridge.terminate().assert_code(0);
}
