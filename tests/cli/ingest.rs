//! `ingest`.

use std::fmt::Write as _;

use crate::support::TestServer;

const ONE: [&str; 7] = [
    "ingest",
    "--brand-id",
    "b1",
    "--event-type",
    "purchase",
    "--payload",
    r#"{"phone": "+1 234 567 890", "email": " A@B.example ", "total": 99.99}"#,
];

fn lengths(server: &TestServer) -> (i64, i64) {
    let length = |stream| server.redis(&["XLEN", stream]).int();
    (length("events.raw"), length("events.normalized"))
}

#[test]
fn one_event_becomes_two_entries() {
    let server = TestServer::start();
    let run = server.ucp(&[&ONE[..], &["-o", "json"]].concat());
    let ids = run.assert_code(0).stderr_is_empty().stdout_json();
    let raw = server.redis(&["XRANGE", "events.raw", "-", "+"]);
    let normalized = server.redis(&["XRANGE", "events.normalized", "-", "+"]);
    let (raw, normalized) = (raw.items()[0].items(), normalized.items()[0].items());
    assert_eq!(ids[0]["raw_id"], raw[0].text());
    assert_eq!(ids[0]["normalized_id"], normalized[0].text());
    for same in ["event_id", "brand_id", "event_type", "timestamp"] {
        assert_eq!(raw[1].field(same), normalized[1].field(same), "{same}");
    }
    assert_eq!(raw[1].field("payload").text(), ONE[6]);
    assert_eq!(
        normalized[1].field("identifiers").text(),
        r#"{"phone":"+1234567890","email":"a@b.example"}"#
    );
    assert_eq!(normalized[1].field("profile_id").text(), "");
}

#[test]
fn fields_by_name_are_the_same() {
    let server = TestServer::start();
    server
        .ucp(&[
            "ingest",
            "brandId=b",
            "event_type=page_view",
            "payload={}",
            "event_id=e-1",
        ])
        .assert_code(0)
        .stdout_has("event_id\traw_id\tnormalized_id\n")
        .stderr_has("warning: event_id: `e-1` is not a UUID");
    assert_eq!(lengths(&server), (1, 1));
}

#[test]
fn what_is_not_valid_is_in_neither_stream() {
    let server = TestServer::start();
    for (field, text) in [
        ("event_type=refund", "event_type: must be one of purchase"),
        ("payload=[1]", "payload: must be a JSON object"),
        ("payload=x", "payload: must be JSON"),
        ("event_id=e-1", "event_id: must be a UUID"),
    ] {
        let (name, _) = field.split_once('=').unwrap();
        let mut args = vec!["ingest", "--strict", field];
        let rest = ["brand_id=b", "event_type=page_view", "payload={}"];
        args.extend(rest.iter().filter(|other| !other.starts_with(name)));
        server
            .ucp(&args)
            .assert_code(2)
            .stdout_is("")
            .stderr_has(text);
    }
    server
        .ucp(&[&ONE[..], &["--dry-run"]].concat())
        .assert_code(0)
        .stderr_has(
            "nothing was changed: without --dry-run this would publish 1 entry to `events.raw`",
        );
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
}

#[test]
fn when_one_stream_cannot_take_it_neither_does() {
    let server = TestServer::start();
    server.redis(&["SET", "events.normalized", "x"]);
    server
        .ucp(&ONE)
        .assert_code(3)
        .stdout_is("")
        .stderr_has("events.normalized is a string, not a stream; nothing was changed");
    assert_eq!(server.redis(&["EXISTS", "events.raw"]).int(), 0);

    let server = TestServer::start();
    server.add_user("bob", "~events.raw +@all");
    server
        .command_as("bob", &ONE)
        .run()
        .assert_code(5)
        .stderr_has("hint:");
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
}

#[test]
fn when_one_stream_has_no_id_left_neither_takes_it() {
    let greatest = "18446744073709551615-18446744073709551615";
    for full in ["events.raw", "events.normalized"] {
        let server = TestServer::start();
        server.redis(&["XADD", full, greatest, "n", "1"]);
        let before = lengths(&server);
        let one = server.ucp(&ONE);
        let many = server.command(&["ingest", "-f", "-"]).stdin(day(3)).run();
        one.stdout_is("");
        many.stdout_is("event_id\traw_id\tnormalized_id\n");
        for run in [one, many] {
            run.assert_code(6)
                .stderr_has(full)
                .stderr_has("hint: its last entry id is the greatest possible one");
            assert_eq!(lengths(&server), before, "{run}");
        }
    }
}

fn day(lines: usize) -> String {
    let mut text = String::new();
    for n in 1..=lines {
        let _ = writeln!(
            text,
            r#"{{"brandId":"b{n}","eventType":"page_view","payload":{{"customer_id":{n}}}}}"#
        );
    }
    text
}

#[test]
fn a_file_is_taken_in_in_order() {
    let server = TestServer::start();
    let run = server
        .command(&["ingest", "-f", "-", "-o", "ndjson"])
        .stdin(day(900))
        .run();
    let rows = run.assert_code(0).stderr_is_empty().stdout_ndjson();
    assert_eq!((rows.len(), lengths(&server)), (900, (900, 900)));
    for (stream, key) in [
        ("events.raw", "raw_id"),
        ("events.normalized", "normalized_id"),
    ] {
        let stored = server.redis(&["XRANGE", stream, "-", "+"]);
        for (at, entry) in stored.items().iter().enumerate() {
            assert_eq!(entry.items()[0].text(), rows[at][key]);
            assert_eq!(
                entry.items()[1].field("brand_id").text(),
                format!("b{}", at + 1)
            );
        }
    }
}

#[test]
fn one_bad_line_and_nothing_is_sent() {
    let server = TestServer::start();
    let input = day(500)
        + "{\"brand_id\":\"b\",\"event_type\":\"page_view\",\"payload\":[1]}\n"
        + &day(100);
    server
        .command(&["ingest", "-f", "-"])
        .stdin(input)
        .run()
        .assert_code(2)
        .stdout_is("")
        .stderr_has("1 line is not valid for `events.raw`, nothing was sent")
        .stderr_has("line 501: payload: must be a JSON object");
    assert_eq!(server.redis(&["DBSIZE"]).int(), 0);
}

#[test]
fn a_cut_of_what_a_group_has_not_processed_is_said() {
    let server = TestServer::start();
    server.redis(&[
        "XGROUP",
        "CREATE",
        "events.normalized",
        "event-processors",
        "0",
        "MKSTREAM",
    ]);
    let topology = "[streams.\"events.normalized\"]\nmaxlen = 10\n";
    let ingest = |on_full: &str, more: &[&str]| {
        server
            .command(&[&["ingest", "-f", "-"], more].concat())
            .file("ucp-streams.toml", format!("{topology}{on_full}"))
            .stdin(day(300))
            .run()
    };
    for more in [&[][..], &["--dry-run"]] {
        let refused = ingest("on_full = \"refuse\"\n", more);
        refused
            .assert_code(6)
            .stdout_is("")
            .stderr_has("would cut entries that group")
            .stderr_has("allow the stream to grow: on_full = \"keep\" in the topology")
            .stderr_lacks("--maxlen");
    }
    ingest("on_full = \"keep\"\n", &["--dry-run"])
        .assert_code(0)
        .stderr_has("it would be published without trimming");
    assert_eq!(lengths(&server), (0, 0));
    let warned = ingest("", &[]);
    warned.assert_code(0).stderr_has(
        "warning: MAXLEN 10 of `events.normalized` cut entries that group `event-processors` has not processed: never delivered to it",
    );
    assert_eq!(warned.stderr().matches("warning:").count(), 1);
    let (raw, normalized) = lengths(&server);
    for n in 1..=3 {
        let topology = format!("{topology}on_full = \"keep\"\n");
        let command = server.command(&ONE).file("ucp-streams.toml", topology);
        let kept = command.run();
        kept.assert_code(0).stderr_has("published without trimming");
        assert_eq!(lengths(&server), (raw + n, normalized + n), "{kept}");
    }
}

#[test]
fn a_lost_reply_is_unknown() {
    let server = TestServer::start();
    server.redis(&["CLIENT", "PAUSE", "600", "WRITE"]);
    server
        .ucp(&[&ONE[..], &["event_id=e-7", "--timeout", "200ms"]].concat())
        .assert_code(8)
        .stdout_is("")
        .stderr_has("so it is unknown whether event `e-7` was stored; it was not sent again");
}
