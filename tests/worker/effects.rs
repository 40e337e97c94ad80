//! Built-in handlers: their output and the acknowledgement are one, and each message counts once.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::{PATIENCE, Signal, TestServer, until};
use crate::{fields, pending};

fn event(server: &TestServer, brand: &str, total: &str) {
    server.redis(&[
        "XADD",
        "events.normalized",
        "*",
        "event_id",
        "e",
        "brand_id",
        brand,
        "event_type",
        "purchase",
        "profile_id",
        "",
        "identifiers",
        "{}",
        "normalized_payload",
        &format!("{{\"total\":{total}}}"),
        "timestamp",
        "2026-01-01T00:00:00.000Z",
    ]);
}

#[test]
fn features_count_every_event_once_through_kills() {
    let server = TestServer::durable();
    for n in 0..3000 {
        event(&server, if n % 2 == 0 { "a" } else { "b" }, "1.5");
    }
    let count = |brand: &str| -> i64 {
        let value = server.redis(&[
            "HGET",
            &format!("{{events.normalized}}:features:{brand}"),
            "events",
        ]);
        if value.is_nil() {
            0
        } else {
            value.text().parse().unwrap()
        }
    };
    let worker = || {
        server
            .command(&[
                "worker",
                "run",
                "event-processors",
                "--claim-idle",
                "3s",
                "--batch",
                "50",
            ])
            .timeout(Duration::from_mins(1))
            .spawn()
    };
    for killed_at in [200, 900, 1700] {
        let mut victim = worker();
        until(PATIENCE, "some progress", || {
            count("a") + count("b") >= killed_at
        });
        victim.signal(Signal::KILL);
    }
    let last = worker();
    until(PATIENCE, "all handled", || {
        count("a") + count("b") >= 3000
            && pending(&server, "events.normalized", "event-processors") == 0
    });
    last.terminate();
    assert_eq!((count("a"), count("b")), (1500, 1500));
    let total = server.redis(&["HGET", "{events.normalized}:features:a", "purchase_total"]);
    assert_eq!(total.text(), "2250");
}

#[test]
fn merge_requests_go_to_people_or_to_be_merged() {
    let server = TestServer::start();
    for review in ["true", "false", "false", "perhaps"] {
        server.redis(&[
            "XADD",
            "profiles.merge_requests",
            "*",
            "brand_id",
            "b",
            "profile_ids",
            "[]",
            "reason",
            "manual_review",
            "requires_manual_review",
            review,
            "timestamp",
            "2026-01-01T00:00:00.000Z",
        ]);
    }
    server
        .ucp(&["worker", "run", "merge-processors", "--once"])
        .assert_code(0)
        .stderr_has("3 handled");
    let lengths: BTreeMap<&str, i64> = [
        "profiles.review_queue",
        "profiles.merges",
        "{profiles.merge_requests}:dlq",
    ]
    .into_iter()
    .map(|stream| (stream, server.redis(&["XLEN", stream]).int()))
    .collect();
    assert_eq!(lengths["profiles.review_queue"], 1);
    assert_eq!(lengths["profiles.merges"], 2);
    assert_eq!(lengths["{profiles.merge_requests}:dlq"], 1);
}

#[test]
fn an_output_that_cannot_be_written_changes_nothing() {
    let server = TestServer::start();
    server.redis(&["SET", "{events.normalized}:features:a", "not a hash"]);
    event(&server, "a", "1");
    event(&server, "b", "1");
    let run = server.ucp(&["worker", "run", "event-processors", "--once"]);
    run.assert_code(7)
        .stderr_has("1 handled")
        .stderr_has("is a string, not a hash");
    assert_eq!(
        server
            .redis(&["GET", "{events.normalized}:features:a"])
            .text(),
        "not a hash"
    );
    assert_eq!(pending(&server, "events.normalized", "event-processors"), 1);
}

#[test]
fn outputs_of_which_one_finds_no_id_left_change_nothing() {
    let greatest = "18446744073709551615-18446744073709551615";
    let both = r#"while read -r line; do
      rest=${line#*\"id\":\"}; id=${rest%%\"*}; to=\"fields\":{\"of\":\"$id\"}
      echo "{\"id\":\"$id\",\"ok\":true,\"publish\":[{\"stream\":\"out\",$to},{\"stream\":\"full\",$to}]}"
    done"#;
    for handler in [
        &["--pipe", "--", "sh", "-c", both][..],
        &["--builtin", "forward:full"],
    ] {
        let server = TestServer::start();
        server.redis(&["XADD", "full", greatest, "n", "0"]);
        server.redis(&["XADD", "orders", "*", "n", "1"]);
        let run = ["worker", "run", "billing", "--stream", "orders", "--once"];
        server
            .ucp(&[&run[..], handler].concat())
            .assert_code(7)
            .stderr_has("the output could not be written; nothing was changed")
            .stderr_has("1 failed attempt, 1 left pending");
        assert_eq!(pending(&server, "orders", "billing"), 1);
        assert_eq!(server.redis(&["EXISTS", "out"]).int(), 0);
        assert_eq!(server.redis(&["XLEN", "full"]).int(), 1);
        assert_eq!(server.redis(&["EXISTS", "{orders}:dlq"]).int(), 0);
    }
}

#[test]
fn raw_events_are_brought_to_their_normal_form() {
    let server = TestServer::start();
    server.redis(&[
        "XADD",
        "events.raw",
        "*",
        "event_id",
        "event-123",
        "brand_id",
        "b",
        "event_type",
        "purchase",
        "payload",
        "{\"phone\":\"+49 30 1234\",\"email\":\" A@B.de \",\"total\":2}",
        "timestamp",
        "2026-01-01T00:00:00.000Z",
    ]);
    let run = [
        "worker",
        "run",
        "normalizers",
        "--stream",
        "events.raw",
        "--builtin",
        "normalize",
        "--once",
    ];
    server.ucp(&run).assert_code(0);
    let normal = server.redis(&["XRANGE", "events.normalized", "-", "+"]);
    let normal = fields(&normal.items()[0]);
    assert_eq!(normal["profile_id"], "");
    assert_eq!(
        normal["identifiers"],
        r#"{"phone":"+49301234","email":"a@b.de"}"#
    );
}

#[test]
fn the_worker_and_ingest_have_one_normal_form() {
    let server = TestServer::start();
    let run = |args: &[&str]| {
        let command = server.command(args);
        let topology = "default_country = \"DE\"\n";
        let command = command.file("ucp-streams.toml", topology);
        command.run().assert_code(0);
    };
    let payload = r#"{"phone": "030 1234", "email": " A@B.de ", "total": 2}"#;
    let (brand, kind) = ("brand_id=b", "event_type=purchase");
    let payload = format!("payload={payload}");
    run(&["ingest", brand, kind, &payload]);
    let of_raw = ["--stream", "events.raw", "--builtin", "normalize"];
    run(&[&["worker", "run", "normalizers", "--once"][..], &of_raw].concat());
    let normal = server.redis(&["XRANGE", "events.normalized", "-", "+"]);
    let [ingested, worked] = normal.items() else {
        panic!("not one of each: {normal:?}");
    };
    let expected = r#"{"phone":"+49301234","email":"a@b.de"}"#;
    assert_eq!(fields(ingested)["identifiers"], expected);
    assert_eq!(fields(worked), fields(ingested));
}

#[test]
fn a_service_gets_every_message_and_its_answers_decide() {
    use std::io::{BufRead, BufReader, Read, Write};
    let server = TestServer::start();
    for kind in ["ok", "gone", "busy"] {
        server.redis(&["XADD", "orders", "*", "kind", kind]);
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            std::thread::spawn(move || {
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    if stream.read_line(&mut line).unwrap_or(0) == 0 {
                        return;
                    }
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line.trim().is_empty() {
                        let mut body = vec![0; length];
                        stream.read_exact(&mut body).unwrap();
                        let entry: serde_json::Value = serde_json::from_slice(&body).unwrap();
                        let status = match entry["fields"]["kind"].as_str().unwrap() {
                            "ok" => "204 No Content",
                            "gone" => "410 Gone",
                            _ => "503 Service Unavailable",
                        };
                        write!(
                            stream.get_mut(),
                            "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n"
                        )
                        .unwrap();
                    }
                }
            });
        }
    });
    let run = server.ucp(&[
        "worker", "run", "billing", "--stream", "orders", "--http", &url, "--once",
    ]);
    run.assert_code(7)
        .stderr_has("1 handled")
        .stderr_has("1 dead-lettered")
        .stderr_has("1 left pending");
    let dead = server.redis(&["XRANGE", "{orders}:dlq", "-", "+"]);
    assert!(fields(&dead.items()[0])["_dlq_reason"].contains("410"));
}
