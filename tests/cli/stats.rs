//! `stats`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Mode, PATIENCE, Proxy, Signal, TestServer, until};

/// Adds entries in pipelines.
fn fill(server: &TestServer, stream: &str, entries: impl IntoIterator<Item = Vec<Vec<u8>>>) {
    let mut client = server.client();
    let mut commands = Vec::new();
    let mut send = |commands: &mut Vec<Vec<Vec<u8>>>| {
        for reply in client.pipeline(commands) {
            reply.text();
        }
        commands.clear();
    };
    for (n, mut fields) in entries.into_iter().enumerate() {
        let id = format!("{}-0", n + 1);
        let mut command = vec![b"XADD".to_vec(), stream.into(), id.into_bytes()];
        command.append(&mut fields);
        commands.push(command);
        if commands.len() == 1000 {
            send(&mut commands);
        }
    }
    send(&mut commands);
}

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ')
        .map(|word| word.as_bytes().to_vec())
        .collect()
}

fn report(server: &TestServer, args: &[&str]) -> Value {
    let run = server.ucp(&[&["stats"], args, &["-o", "json"]].concat());
    run.assert_code(0).stdout_json()
}

/// Entries by value, as the report has them.
fn by_value(report: &Value) -> Vec<(Value, u64)> {
    let rows = report["values"].as_array().unwrap().iter();
    rows.map(|it| (it["fields"].clone(), it["entries"].as_u64().unwrap()))
        .collect()
}

/// Two views of a, one purchase of b with a total, one entry of another kind.
fn seeded() -> TestServer {
    let server = TestServer::start();
    let lines = [
        "brand a type view",
        "brand a type view payload {\"total\":12.50}",
        "brand b type purchase payload {\"total\":7,\"who\":{\"id\":\"x\"}}",
        "other 1",
    ];
    fill(&server, "s", lines.map(words));
    server
}

#[test]
fn values_add_up_and_what_lacks_the_field_is_a_row() {
    let server = seeded();
    let found = report(&server, &["s", "--by", "brand,type"]);
    assert_eq!(
        by_value(&found),
        [
            (json!({"brand": "a", "type": "view"}), 2),
            (json!({}), 1),
            (json!({"brand": "b", "type": "purchase"}), 1),
        ]
    );
    let first = &found["values"][0];
    assert_eq!(first["share_percent"], 50.0);
    assert_eq!(
        (&first["first_id"], &first["last_id"]),
        (&json!("1-0"), &json!("2-0"))
    );
    assert_eq!(found["values"][1]["state"], "no_such_field");
    assert_eq!(found["entries"], 4);
    assert_eq!(found["end"], "complete");
    assert_eq!(found["fields"], json!(null));
    assert_eq!(
        found["distinct"],
        json!({"values": 3, "is_estimate": false})
    );
    let of_values: u64 = { found["values"].as_array().unwrap().iter() }
        .map(|it| it["bytes"].as_u64().unwrap())
        .sum();
    assert_eq!(found["bytes"], of_values);
    let over_time: u64 = { found["timeline"].as_array().unwrap().iter() }
        .map(|it| it["entries"].as_u64().unwrap())
        .sum();
    assert_eq!(over_time, 4);
}

#[test]
fn paths_lead_into_json_for_counting_and_for_conditions() {
    let server = seeded();
    let found = report(&server, &["s", "--by", "payload.total"]);
    assert_eq!(
        by_value(&found),
        [
            (json!({}), 2),
            (json!({"payload.total": "7"}), 1),
            (json!({"payload.total": "12.50"}), 1),
        ]
    );
    let some = report(
        &server,
        &["s", "--where", "payload.total=7", "--by", "brand"],
    );
    assert_eq!(by_value(&some), [(json!({"brand": "b"}), 1)]);
    assert_eq!(
        (&some["looked_at"], &some["entries"]),
        (&json!(4), &json!(1))
    );
}

#[test]
fn without_by_it_is_about_the_fields() {
    let server = seeded();
    let found = report(&server, &["s"]);
    assert_eq!(found["values"], json!(null));
    let payload = &found["fields"][0];
    assert_eq!(
        (&payload["field"], &payload["entries"]),
        (&json!("payload"), &json!(2))
    );
    assert_eq!(payload["share_percent"], 50.0);
    let brand = { found["fields"].as_array().unwrap().iter() }
        .find(|it| it["field"] == "brand")
        .unwrap();
    assert_eq!(brand["distinct"]["values"], 2);
}

#[test]
fn the_others_say_how_many_they_are() {
    let server = TestServer::start();
    let entries = (0..100).map(|n| words(&format!("n {}", if n < 50 { 0 } else { n })));
    fill(&server, "s", entries);
    let found = report(&server, &["s", "--by", "n", "--top", "3"]);
    let others = &found["values"][3];
    assert_eq!(others["state"], "other");
    assert_eq!(
        (&others["entries"], &others["distinct"]["values"]),
        (&json!(48), &json!(48))
    );
    let table = server.ucp(&["stats", "s", "--by", "n", "--top", "1", "-o", "table"]);
    table
        .assert_code(0)
        .stdout_has("n=0")
        .stdout_has("(50 other values)");
    // A script gets all unless it says otherwise, and a screen the first twenty.
    assert_eq!(by_value(&report(&server, &["s", "--by", "n"])).len(), 51);
    let screen = server
        .command(&["stats", "s", "--by", "n"])
        .on_terminals(100);
    screen.run().assert_code(0).stdout_has("(31 other values)");
    let ndjson = server.ucp(&["stats", "s", "--by", "n", "--top", "2", "-o", "ndjson"]);
    let rows = ndjson.assert_code(0).stdout_ndjson();
    let sum: u64 = rows.iter().map(|it| it["entries"].as_u64().unwrap()).sum();
    assert_eq!((rows.len(), sum), (3, 100));
    for format in ["csv", "plain"] {
        let run = server.ucp(&["stats", "s", "--by", "n", "--top", "2", "-o", format]);
        assert_eq!(run.assert_code(0).stdout_lines().len(), 4, "{format}");
    }
    let picked = server.ucp(&["stats", "s", "-o", "csv", "--columns", "stream,looked_at"]);
    assert_eq!(picked.stdout(), "stream,looked_at\r\ns,100\r\n");
}

#[test]
fn a_range_is_by_position_or_by_since_and_until() {
    let server = TestServer::start();
    let now: u64 = server.redis(&["TIME"]).items()[0].text().parse().unwrap();
    for (minutes, kind) in [(90, "old"), (30, "new"), (10, "new")] {
        let id = format!("{}-0", (now - minutes * 60) * 1000);
        server.redis(&["XADD", "s", &id, "kind", kind]);
    }
    let counted = |args: &[&str]| report(&server, &[&["s"], args].concat())["entries"].clone();
    assert_eq!(counted(&[]), 3);
    assert_eq!(counted(&["--since", "1h"]), 2);
    assert_eq!(counted(&["-1h"]), 2);
    assert_eq!(counted(&["--since", "1h", "--until", "20m"]), 1);
    assert_eq!(counted(&["-2h", "-1h"]), 1);
    assert_eq!(counted(&["--since", "-2"]), 2);
    let hour = report(&server, &["s", "--since", "1h", "--by", "kind"]);
    let window = hour["window_ms"].as_u64().unwrap();
    assert!((3_600_000..3_700_000).contains(&window), "{window}");
    assert_eq!(hour["rate_per_minute"], 0.0);
    for backwards in [&["--since", "1h", "--until", "2h"][..], &["-1h", "-2h"]] {
        server
            .ucp(&[&["stats", "s"], backwards].concat())
            .assert_code(2)
            .stderr_has("START is after END")
            .stderr_has("hint: give the earlier position first");
    }
    server
        .ucp(&["stats", "s", "-1h", "--since", "1h"])
        .assert_code(2);
}

#[test]
fn what_is_not_there_is_said_with_the_nearest_name() {
    let server = seeded();
    server
        .ucp(&["stats", "t"])
        .assert_code(3)
        .stderr_has("no stream `t`")
        .stderr_has("the existing streams are: s");
    let run = server.ucp(&["stats", "s", "--by", "brnd", "-o", "table"]);
    run.assert_code(0)
        .stdout_has("(no such field)")
        .stderr_has("warning: no entry has a field `brnd`, did you mean `brand`?");
    server
        .ucp(&["stats", "s", "--where", "payload.totl=7"])
        .assert_code(0)
        .stderr_has("no entry has a field `payload.totl`, did you mean `payload.total`?");
    server.redis(&["SET", "text", "x"]);
    server
        .ucp(&["stats", "text"])
        .assert_code(3)
        .stderr_has("`text` is not a stream");
    server
        .ucp(&["stats", "{s}:dlq"])
        .assert_code(0)
        .stderr_has("there are no dead letters of `s`");
}

#[test]
fn dead_letters_are_counted_by_their_reason() {
    let server = TestServer::start();
    server.redis(&["XADD", "s", "1-0", "a", "b"]);
    for (n, reason) in [
        (1, "trace\nno total"),
        (2, "other\nno total\n"),
        (3, "down"),
    ] {
        let id = format!("{n}-0");
        let provenance = [
            "_dlq_stream",
            "s",
            "_dlq_group",
            "g",
            "_dlq_id",
            "1-0",
            "_dlq_consumer",
            "c",
            "_dlq_deliveries",
            "5",
            "_dlq_reason",
            reason,
            "_dlq_time",
            "2026-01-31T09:00:00.000Z",
            "_dlq_body",
            "present",
        ];
        let head = ["XADD", "{s}:dlq", id.as_str(), "brand", "x"];
        server.redis(&[&head[..], &provenance].concat());
    }
    let found = report(&server, &["{s}:dlq", "--by", "reason,brand"]);
    assert_eq!(
        by_value(&found),
        [
            (json!({"reason": "no total", "brand": "x"}), 2),
            (json!({"reason": "down", "brand": "x"}), 1),
        ]
    );
    let some = report(
        &server,
        &["{s}:dlq", "--where", "reason=down", "--by", "_dlq_group"],
    );
    assert_eq!(by_value(&some), [(json!({"_dlq_group": "g"}), 1)]);
}

#[test]
fn any_bytes_are_counted_and_shown_safely() {
    let server = TestServer::start();
    let stream = "odd\x1b[2J name";
    let long = |end: u8| [vec![b'x'; 3000], vec![end]].concat();
    let field = b"f=\x1b,".to_vec();
    let entries = [
        b"\xff\xfe".to_vec(),
        b"\xff\xfe".to_vec(),
        long(1),
        long(2),
        Vec::new(),
    ];
    fill(
        &server,
        stream,
        entries.map(|value| vec![field.clone(), value]),
    );
    let name = "$'f=\\x1b,'";
    let found = report(&server, &[stream, "--by", name]);
    let rows = by_value(&found);
    assert_eq!(rows[0].1, 2);
    assert_eq!(rows[0].0["f=\u{1b},"], json!({"base64": "//4="}));
    assert_eq!(rows.len(), 4);
    let cut: Vec<bool> = { found["values"].as_array().unwrap().iter() }
        .map(|it| it["is_cut"].as_bool().unwrap())
        .collect();
    assert_eq!(cut.iter().filter(|it| **it).count(), 2);
    let screen = server
        .command(&["stats", stream, "--by", name])
        .on_terminals(90);
    screen.run().assert_code(0).stdout_lacks("\x1b[2J");
}

#[test]
fn the_limit_is_said_and_the_newest_are_counted() {
    let server = TestServer::start();
    fill(&server, "s", (0..10).map(|n| words(&format!("n {n}"))));
    let run = server.ucp(&["stats", "s", "--by", "n", "--count", "4", "-o", "json"]);
    let found = run
        .assert_code(0)
        .stderr_has("only the newest 4 are looked at; --count N looks at more")
        .stdout_json();
    assert_eq!(
        (&found["end"], &found["looked_at"]),
        (&json!("limit"), &json!(4))
    );
    assert_eq!(found["first_id"], "7-0");
    let all = server.ucp(&["stats", "s", "--count", "10", "-o", "json"]);
    all.stderr_is_empty();
    assert_eq!(all.stdout_json()["end"], "complete");
}

#[test]
fn ctrl_c_prints_what_was_counted() {
    let server = TestServer::start();
    let entries = (0..100_000).map(|n| words(&format!("kind {} pad {}", n % 3, "x".repeat(100))));
    fill(&server, "s", entries);
    let proxy = Proxy::before(server.socket());
    let (bytes, pause) = (64 << 10, Duration::from_millis(20));
    proxy.set(Mode::Slow { bytes, pause });
    let url = format!("redis://{}", proxy.address());
    let mut stats = server
        .command(&["stats", "s", "--by", "kind", "-o", "json"])
        .env("UCP_STREAMS_URL", url)
        .spawn();
    until(PATIENCE, "entries", || proxy.counts().replies > 1 << 20);
    stats.signal(Signal::INT);
    let run = stats.wait();
    run.assert_code(130).stderr_has("stopped: ");
    let found = run.stdout_json();
    assert_eq!(found["end"], "stopped");
    let (entries, looked_at) = (&found["entries"], found["looked_at"].as_u64().unwrap());
    assert!(0 < looked_at && looked_at < 100_000, "{looked_at}");
    assert_eq!(*entries, looked_at);
    assert_eq!(found["last_id"], "100000-0");
}

#[test]
fn what_the_user_may_not_do_is_said() {
    let server = seeded();
    server.add_user("counter", "%R~s +@all -xrevrange");
    server
        .command_as("counter", &["stats", "s"])
        .run()
        .assert_code(5)
        .stderr_has("+xrevrange");
    // Without its length, and by this machine's clock, the entries are there all the same.
    server.add_user("reader", "%R~s +@all -xlen -time");
    let run = server
        .command_as("reader", &["stats", "s", "-o", "json"])
        .run();
    let found = run.assert_code(0).stdout_json();
    assert_eq!(
        (&found["length"], &found["entries"]),
        (&json!(null), &json!(4))
    );
}

/// Numbers that look random, the same each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

#[test]
fn counts_are_those_of_the_entries_that_xrange_returns() {
    let server = TestServer::start();
    let mut numbers = Numbers(29);
    for round in 0..3 {
        let stream = format!("s{round}");
        let (entries, kinds) = (1 + numbers.next(3000), 1 + numbers.next(400));
        let entry = |_| {
            let mut fields = Vec::new();
            for name in ["a", "b", "a"] {
                if numbers.next(4) > 0 {
                    fields.push(name.as_bytes().to_vec());
                    fields.push(
                        format!("v{}", numbers.next(kinds).min(numbers.next(kinds))).into_bytes(),
                    );
                }
            }
            if fields.is_empty() {
                fields = words("c 1");
            }
            fields
        };
        fill(
            &server,
            &stream,
            (0..entries).map(entry).collect::<Vec<_>>(),
        );
        let mut expected: BTreeMap<[Option<String>; 2], (u64, u64)> = BTreeMap::new();
        for entry in server.redis(&["XRANGE", &stream, "-", "+"]).items() {
            let fields = entry.items()[1].texts();
            let first = |name| {
                fields
                    .chunks(2)
                    .find(|it| it[0] == name)
                    .map(|it| it[1].to_owned())
            };
            let counted = expected.entry([first("a"), first("b")]).or_default();
            counted.0 += 1;
            counted.1 += fields.iter().map(|it| it.len() as u64).sum::<u64>();
        }
        let found = report(&server, &[&stream, "--by", "a,b"]);
        let rows = found["values"].as_array().unwrap();
        for row in rows {
            let value = |name: &str| row["fields"][name].as_str().map(str::to_owned);
            let counted = (
                row["entries"].as_u64().unwrap(),
                row["bytes"].as_u64().unwrap(),
            );
            assert_eq!(
                expected.remove(&[value("a"), value("b")]),
                Some(counted),
                "{row}"
            );
        }
        assert!(expected.is_empty(), "{expected:?}");
    }
}

#[test]
fn beyond_its_memory_no_count_is_off_by_more_than_it_says_and_the_sum_is_whole() {
    let server = TestServer::start();
    // 60,000 values that take more than is kept, and one in a fifth of the entries.
    let pad = "x".repeat(900);
    let entries = (0..75_000).map(|n| match n % 5 {
        0 => words("v often"),
        _ => words(&format!("v {n}{pad}")),
    });
    fill(&server, "s", entries);
    let found = report(&server, &["s", "--by", "v", "--top", "10"]);
    let rows = found["values"].as_array().unwrap();
    let number = |row: &Value, key: &str| row[key].as_u64().unwrap();
    assert_eq!(
        rows.iter().map(|it| number(it, "entries")).sum::<u64>(),
        75_000
    );
    assert_eq!(rows[0]["fields"], json!({"v": "often"}));
    let (least, most) = (
        number(&rows[0], "entries"),
        number(&rows[0], "entries") + number(&rows[0], "uncounted_max"),
    );
    assert!(least <= 15_000 && 15_000 <= most, "{}", rows[0]);
    assert!(number(&found, "uncounted_max") > 0);
    for row in &rows[1..10] {
        assert_eq!(number(row, "entries"), 1);
    }
    assert_eq!(found["distinct"]["is_estimate"], true);
    assert!(number(&found["distinct"], "values").abs_diff(60_001) < 1_800);
    let table = server.ucp(&["stats", "s", "--by", "v", "--top", "2", "-o", "table"]);
    table
        .assert_code(0)
        .stdout_has("other values)")
        .stdout_has("(~");
}
