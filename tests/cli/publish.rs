//! `publish` of one entry.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::process::Command;

use crate::support::{Invocation, Reply, TestServer, directory, ucp};

/// The fields of the entries of `stream`, in order, as text.
fn entries<'r>(reply: &'r Reply) -> Vec<(&'r str, Vec<&'r str>)> {
    let entry = |entry: &'r Reply| (entry.items()[0].text(), entry.items()[1].texts());
    reply.items().iter().map(entry).collect()
}

const RAW: [&str; 8] = [
    "publish",
    "raw",
    "--brand-id",
    "b1",
    "--event-type",
    "purchase",
    "--payload",
    r#"{"total": 1}"#,
];

fn raw<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&RAW[..], more].concat()
}

#[test]
fn a_typed_entry_is_stored_as_the_schema_has_it() {
    let server = TestServer::start();
    let run = server.ucp(&raw(&["--timestamp", "2024-12-01T11:00:00+01:00"]));
    run.assert_code(0).stderr_is_empty();
    let stored = server.redis(&["XRANGE", "events.raw", "-", "+"]);
    let stored = entries(&stored);
    let (id, fields) = &stored[0];
    assert_eq!(run.stdout(), format!("{id}\n"));
    assert_eq!(fields[0], "event_id");
    assert_eq!(fields[1].len(), 36);
    assert_eq!(
        fields[2..],
        [
            "brand_id",
            "b1",
            "event_type",
            "purchase",
            "payload",
            r#"{"total": 1}"#,
            "timestamp",
            "2024-12-01T10:00:00.000Z"
        ]
    );
}

#[test]
fn the_other_kinds_go_to_their_streams() {
    let server = TestServer::start();
    for (args, stream, field) in [
        (
            &[
                "publish",
                "normalized",
                "--brand-id",
                "b",
                "--event-type",
                "e",
                "--identifiers",
                "{}",
                "--normalized-payload",
                "{}",
            ][..],
            "events.normalized",
            "normalized_payload",
        ),
        (
            &[
                "publish",
                "merge-request",
                "--brand-id",
                "b",
                "--profile-ids",
                "[]",
                "--reason",
                "manual_review",
                "--requires-manual-review",
                "true",
            ],
            "profiles.merge_requests",
            "reason",
        ),
        (
            &[
                "publish",
                "prediction-request",
                "--brand-id",
                "b",
                "--request-type",
                "churn",
                "--profile-id",
                "5f0c9a4e-7c1f-4f0e-9d53-0d4a3b0f2c11",
            ],
            "predictions.requests",
            "request_type",
        ),
    ] {
        let run = server.command(args).run();
        run.assert_code(0);
        let stored = server.redis(&["XRANGE", stream, "-", "+"]);
        assert_eq!(stored.items().len(), 1, "{stream}");
        assert!(entries(&stored)[0].1.contains(&field), "{stream}");
    }
}

#[test]
fn any_stream_takes_fields_in_order_and_any_bytes() {
    let server = TestServer::start();
    let binary = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let home = directory();
    let output = Command::new(env!("CARGO_BIN_EXE_ucp-streams"))
        .env_clear()
        .env("HOME", home.path())
        .env("UCP_STREAMS_URL", server.url())
        .current_dir(home.path())
        .args(["publish", "-o", "json"])
        .arg(binary(b"or\xffders"))
        .args([
            binary(b"a=1"),
            binary(b"\xfe=\x00".split_at(2).0),
            binary(b"a=\x1b[2J"),
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(shown[0]["stream"]["base64"], "b3L/ZGVycw==");
    let stored = server.redis(&[&b"XRANGE"[..], b"or\xffders", b"-", b"+"]);
    let fields = stored.items()[0].items()[1].items();
    let fields: Vec<&[u8]> = fields.iter().map(Reply::bytes).collect();
    assert_eq!(fields, [&b"a"[..], b"1", b"\xfe", b"", b"a", b"\x1b[2J"]);
}

#[test]
fn what_is_not_valid_is_not_sent() {
    let server = TestServer::start();
    for (args, text) in [
        (
            &[
                "publish",
                "raw",
                "--brand-id",
                "b",
                "--event-type",
                "refund",
                "--payload",
                "{}",
            ][..],
            "event_type: must be one of purchase, page_view, whatsapp_message (is `refund`)",
        ),
        (
            &[
                "publish",
                "raw",
                "--brand-id",
                "b",
                "--event-type",
                "purchase",
                "--payload",
                "{\x1b[2J",
            ],
            "payload: must be JSON (is `{\\x1b[2J`)",
        ),
        (
            &[
                "publish",
                "raw",
                "--event-type",
                "purchase",
                "--payload",
                "{}",
            ],
            "brand_id: is missing",
        ),
        (
            &["publish", "orders", "_dlq_id=1"],
            "_dlq_id: names that begin with _dlq_ or _ucp_",
        ),
        (
            &["publish", "events.raw", "brnd_id=1"],
            "brnd_id: is not a field of this stream",
        ),
        (
            &["publish", "raw", "brandId=a", "brand_id=b"],
            "brandId: is `brand_id`, which is given as well",
        ),
        (&["publish", "orders"], "an entry needs at least one field"),
    ] {
        let run = server.ucp(args);
        run.assert_code(2)
            .stdout_is("")
            .stderr_has(text)
            .stderr_has("nothing was sent");
        assert!(!run.stderr().contains('\x1b'));
    }
    ucp(&["publish", "orders", "novalue"])
        .assert_code(2)
        .stderr_has("no `=`");
    ucp(&["publish"]).assert_code(2);
    ucp(&["publish", "orders", "a=1", "--maxlen", "0"]).assert_code(2);
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
}

#[test]
fn an_id_that_is_no_uuid_is_a_warning_unless_strict() {
    let server = TestServer::start();
    server
        .ucp(&raw(&["--event-id", "event-123"]))
        .assert_code(0)
        .stderr_has("warning: event_id: `event-123` is not a UUID");
    server
        .ucp(&raw(&["--event-id", "event-123", "--strict"]))
        .assert_code(2)
        .stderr_has("event_id: must be a UUID");
    assert_eq!(server.redis(&["XLEN", "events.raw"]).int(), 1);
}

#[test]
fn a_dry_run_sends_nothing() {
    let server = TestServer::start();
    let run = server.ucp(&raw(&["--dry-run", "-o", "json"]));
    let report = run
        .assert_code(0)
        .stderr_has("nothing was changed: without --dry-run this would publish ")
        .stdout_json();
    assert_eq!(
        report,
        serde_json::json!({"stream": "events.raw", "entries": 1, "maxlen": 10_000})
    );
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
}

#[test]
fn a_key_of_another_type_is_left_alone() {
    let server = TestServer::start();
    server.redis(&["SET", "orders", "x"]);
    server
        .ucp(&["publish", "orders", "a=1"])
        .assert_code(3)
        .stderr_has("`orders` is not a stream: the key holds a string");
    assert_eq!(server.redis(&["GET", "orders"]).text(), "x");
}

#[test]
fn a_lost_reply_is_unknown_and_never_sent_again() {
    let server = TestServer::start();
    server.redis(&["CLIENT", "PAUSE", "600", "WRITE"]);
    let run = server.ucp(&["publish", "orders", "a=1", "--timeout", "200ms"]);
    run.assert_code(8)
        .stdout_is("")
        .stderr_has(
            "so it is unknown whether an entry for `orders` was stored; it was not sent again",
        )
        .stderr_has("ucp-streams tail orders");
    // The pause ends before this write is carried out; what was asked before it has been by then.
    server.redis(&["SET", "after", "the pause"]);
    assert!(server.redis(&["XLEN", "orders"]).int() <= 1);
}

#[test]
fn servers_refusals_have_their_codes() {
    let server = TestServer::with_args(&["--maxmemory", "1"]);
    server
        .ucp(&["publish", "s", "a=1"])
        .assert_code(4)
        .stderr_has("OOM")
        .stderr_has("maxmemory");
    let server = TestServer::start();
    server.add_user("bob", "~other +@all");
    server
        .command_as("bob", &["publish", "s", "a=1"])
        .run()
        .assert_code(5)
        .stderr_has("ACL SETUSER bob ~s");
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
}

const SMALL: &str = "[streams.orders]\nmaxlen = 10\n[groups.packers]\nstream = \"orders\"\n";

/// 300 entries and a group that has read the first `read` and acknowledged the first `acked` of them.
fn backlog(server: &TestServer, read: usize, acked: usize) {
    server.redis(&["XGROUP", "CREATE", "orders", "packers", "0", "MKSTREAM"]);
    for n in 1..=300 {
        server.redis(&["XADD", "orders", &format!("{n}-0"), "n", &n.to_string()]);
    }
    if read > 0 {
        let count = read.to_string();
        server.redis(&[
            "XREADGROUP",
            "GROUP",
            "packers",
            "c",
            "COUNT",
            &count,
            "STREAMS",
            "orders",
            ">",
        ]);
    }
    for n in 1..=acked {
        server.redis(&["XACK", "orders", "packers", &format!("{n}-0")]);
    }
}

#[test]
fn a_cut_of_what_a_group_has_not_processed_is_said() {
    for (read, acked, text) in [
        (0, 0, Some("never delivered to it")),
        (300, 5, Some("delivered to it and not acknowledged")),
        (
            50,
            0,
            Some("never delivered to it, and entries delivered and not acknowledged"),
        ),
        (300, 300, None),
    ] {
        let server = TestServer::start();
        backlog(&server, read, acked);
        let run = server
            .command(&["publish", "orders", "n=301"])
            .file("ucp-streams.toml", SMALL)
            .run();
        run.assert_code(0);
        assert!(server.redis(&["XLEN", "orders"]).int() <= 110);
        match text {
            Some(text) => {
                let whole = format!(
                    "warning: MAXLEN 10 of `orders` cut entries that group `packers` has not processed: {text}\n"
                );
                assert_eq!(run.stderr(), whole);
            }
            None => {
                run.stderr_is_empty();
            }
        }
    }
}

#[test]
fn on_full_refuses_or_keeps() {
    let server = TestServer::start();
    backlog(&server, 0, 0);
    let full = |word: &str| {
        SMALL.replacen(
            "maxlen = 10\n",
            &format!("maxlen = 10\non_full = \"{word}\"\n"),
            1,
        )
    };
    server
        .command(&["publish", "orders", "n=301"])
        .file("ucp-streams.toml", full("refuse"))
        .run()
        .assert_code(6)
        .stdout_is("")
        .stderr_has(
            "would cut entries that group `packers` has not processed: never delivered to it",
        )
        .stderr_has("--maxlen none");
    assert_eq!(server.redis(&["XLEN", "orders"]).int(), 300);
    server
        .command(&["publish", "orders", "n=301"])
        .file("ucp-streams.toml", full("keep"))
        .run()
        .assert_code(0)
        .stderr_has("published without trimming");
    assert_eq!(server.redis(&["XLEN", "orders"]).int(), 301);

    let caught_up = TestServer::start();
    backlog(&caught_up, 300, 300);
    caught_up
        .command(&["publish", "orders", "n=301"])
        .file("ucp-streams.toml", full("refuse"))
        .run()
        .assert_code(0)
        .stderr_is_empty();
    assert!(caught_up.redis(&["XLEN", "orders"]).int() <= 110);
}

#[test]
fn a_dry_run_ends_as_the_real_run_would() {
    let server = TestServer::start();
    backlog(&server, 0, 0);
    let publish = |on_full: &str, more: &[&str]| {
        let topology = SMALL.replacen("maxlen = 10\n", &format!("maxlen = 10\n{on_full}"), 1);
        let args = [&["publish", "orders", "--dry-run"], more].concat();
        let command = server.command(&args).file("ucp-streams.toml", topology);
        command.stdin("{\"n\":1}\n{\"n\":2}\n").run()
    };
    let what = "MAXLEN 10 of `orders` would cut entries that group `packers` has not processed";
    for entries in [&["n=301"][..], &["-f", "-"], &["-f", "-", "--stream"]] {
        publish("on_full = \"refuse\"\n", entries)
            .assert_code(6)
            .stdout_is("")
            .stderr_has(what)
            .stderr_has("--maxlen none");
        publish("", entries)
            .assert_code(0)
            .stderr_has(&format!("warning: {}", what.replace("would", "may")));
        let kept = publish("on_full = \"keep\"\n", &[entries, &["-o", "json"]].concat());
        kept.assert_code(0)
            .stderr_has("it would be published without trimming");
        assert!(kept.stdout_json()["maxlen"].is_null(), "{kept}");
        let grown = [entries, &["--maxlen", "none"]].concat();
        publish("on_full = \"refuse\"\n", &grown)
            .assert_code(0)
            .stderr_lacks("warning");
    }
    assert_eq!(server.redis(&["XLEN", "orders"]).int(), 300);
}

#[test]
fn a_dry_run_without_a_server_says_what_it_did_not_see() {
    let args = ["publish", "raw", "--brand-id", "b", "--event-type"];
    let args = [&args[..], &["purchase", "--payload", "{}", "--dry-run"]].concat();
    Invocation::new(&args)
        .env("UCP_STREAMS_URL", "unix:///no/where")
        .run()
        .assert_code(0)
        .stderr_has(
            "warning: cannot tell whether MAXLEN would trim entries that a group has not processed",
        )
        .stderr_has("nothing was changed");
}

#[test]
fn a_stream_that_looks_mistyped_is_warned_of() {
    let server = TestServer::start();
    for (stream, meant) in [
        ("events.rw", Some("events.raw")),
        ("merge-requests", Some("publish merge-request")),
        ("pacers", Some("packers")),
        ("orders", None),
        ("events.audit", None),
        ("{events.raw}:dlq", None),
    ] {
        let topology = "[streams.packers]\n";
        let publish = |more: &[&str]| {
            let args = [&["publish", stream, "n=1"], more].concat();
            let command = server.command(&args).file("ucp-streams.toml", topology);
            let run = command.run();
            run.assert_code(0);
            run.stderr().to_owned()
        };
        let warning = |nothing: &str| match meant {
            Some(meant) => format!(
                "warning: stream `{stream}` is not in the topology, so {nothing}; did you mean `{meant}`?\n"
            ),
            None => String::new(),
        };
        let all = "entries are not checked and the stream is not trimmed";
        assert_eq!(publish(&[]), warning(all));
        let trimmed = publish(&["--maxlen", "5"]);
        assert_eq!(trimmed, warning("entries are not checked"));
        assert_eq!(server.redis(&["XLEN", stream]).int(), 2);
    }
}

#[test]
fn a_time_that_is_warned_of_is_quoted_as_it_was_given() {
    let server = TestServer::start();
    let (given, stored) = ("2024-12-01T10:00:00", "2024-12-01T10:00:00.000Z");
    let input = format!(
        "{{\"brand_id\":\"b\",\"event_type\":\"purchase\",\"payload\":{{}},\"timestamp\":\"{given}\"}}"
    );
    server
        .command(&["publish", "raw", "-f", "-"])
        .stdin(input)
        .run()
        .assert_code(0)
        .stderr_has(&format!("line 1: timestamp: `{given}` has no offset"));
    let entry = server.redis(&["XRANGE", "events.raw", "-", "+"]);
    let fields = &entry.items()[0].items()[1];
    assert_eq!(fields.field("timestamp").text(), stored);
}
