//! Dead letters: why, since when, what they have in common, and back.

use serde_json::json;

use super::{GROUP, STREAM, body, on_terminal, terminal};
use crate::support::{PATIENCE, Signal, TestServer, until};

const GRAVES: &str = "{events.normalized}:dlq";
const TRACE: &str = "Traceback (most recent call last):\n  File \"handler.py\", line 7, in handle\n    total = payload['total']\nKeyError: 'total'\n\n";

/// A server with 600 dead letters of one group: two of three with a Python trace.
fn dead_600() -> TestServer {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "$", "MKSTREAM"]);
    let script = "for i = 1, 600 do
        local reason = i % 3 == 0 and 'connection refused' or ARGV[2]
        redis.call('XADD', KEYS[1], (1700000000000 + i) .. '-0', 'event_id', 'e' .. i, 'brand_id', 'b' .. i % 2, 'payload', '{\"total\":' .. i .. '}',
            '_dlq_stream', ARGV[1], '_dlq_group', 'event-processors', '_dlq_id', (1600000000000 + i) .. '-0', '_dlq_consumer', 'host-1',
            '_dlq_deliveries', '5', '_dlq_reason', reason, '_dlq_time', '2024-12-01T10:00:00Z', '_dlq_body', 'present') end";
    server.redis(&["EVAL", script, "1", GRAVES, STREAM, TRACE]);
    server
}

#[test]
fn field_d2_the_cause_is_the_last_line_that_says_something() {
    let server = dead_600();
    let list = ["dlq", "list", STREAM];
    let run = on_terminal(&server, &list);
    let lines = body(run.assert_code(0));
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        ["ID", "AGE", "DELIVERIES", "REASON"],
        "{run}"
    );
    assert!(lines[1].ends_with("KeyError: 'total'"), "{run}");
    assert!(lines[3].ends_with("connection refused"), "{run}");
    // What is the same everywhere is said once.
    run.stdout_has("\ngroup of these: event-processors\n")
        .stdout_has("10 of 600 shown");
    run.stdout_lacks("Traceback");
    // A script gets all of the reason, and every column.
    let first = &server
        .ucp(&[&list[..], &["-o", "json", "--count", "1"]].concat())
        .stdout_json()[0];
    assert_eq!(first["reason"], TRACE);
    assert_eq!(first["group"], GROUP);
    let plain = server.ucp(&[&list[..], &["--count", "1"]].concat());
    plain
        .stdout_has("Traceback (most recent call last):\\n")
        .stdout_has("\tevent-processors\t");
    server.redis(&["XTRIM", GRAVES, "MAXLEN", "5"]);
    // Where groups differ they are told apart.
    let other = [
        "_dlq_stream",
        STREAM,
        "_dlq_group",
        "auditors",
        "_dlq_id",
        "1-1",
        "_dlq_consumer",
        "c",
    ];
    let why = [
        "_dlq_deliveries",
        "1",
        "_dlq_reason",
        "",
        "_dlq_time",
        "2024-12-01T10:00:00Z",
        "_dlq_body",
        "present",
    ];
    server.redis(&[&["XADD", GRAVES, "*", "a", "b"], &other[..], &why].concat());
    let run = on_terminal(&server, &list);
    assert!(body(&run)[0].contains("GROUP"), "{run}");
    run.stdout_lacks("group of these:").stdout_lacks("group:");
}

#[test]
fn field_d2_dead_letters_are_filtered_and_counted_by_what_they_have_in_common() {
    let server = dead_600();
    let list = ["dlq", "list", STREAM];
    let ids = |flags: &[&str]| {
        let run = server.ucp(&[&list[..], flags, &["--names"]].concat());
        run.assert_code(0).stdout_lines().len()
    };
    for (conditions, count) in [
        (&["brand_id=b1"][..], 300),
        (&["brand_id!=b1"], 300),
        (&["reason=connection refused"], 200),
        (&["reason=KeyError: 'total'", "brand_id=b0"], 200),
        (&["payload.total=17"], 1),
        (&["group=event-processors", "consumer=host-1"], 600),
        (&["group=auditors"], 0),
        (&["nosuch=1"], 0),
    ] {
        let flags: Vec<&str> = conditions.iter().flat_map(|it| ["--where", it]).collect();
        assert_eq!(ids(&flags), count, "{conditions:?}");
    }
    let by = ["--by", "reason,brand_id"];
    let found = server.ucp(&[&list[..], &by, &["-o", "json"]].concat());
    let found = found.assert_code(0).stdout_json();
    assert_eq!(found.as_array().map(Vec::len), Some(4));
    assert_eq!(
        found[0],
        json!({
            "fields": {"reason": "KeyError: 'total'", "brand_id": "b0"},
            "state": "shared",
            "entries": 200,
            "share_percent": 33.3,
        })
    );
    let run = on_terminal(&server, &[&list[..], &by].concat());
    run.assert_code(0).stdout_has("33.3%").stdout_has("16.7%");
    run.stderr_has("ucp-streams dlq redrive events.normalized --where ");
    let few = on_terminal(&server, &[&list[..], &["--by", "event_id"]].concat());
    assert!(body(few.assert_code(0)).len() <= 11, "{few}");
    few.stdout_has("(other values)");
    // One that a condition cannot be held against is named, and is neither taken nor left.
    server.redis(&["XADD", GRAVES, "*", "payload", "no json"]);
    let run = server.ucp(&[&list[..], &["--where", "payload.total=17", "--names"]].concat());
    run.assert_code(7).stderr_has("payload.total");
    assert_eq!(run.stdout_lines().len(), 1);
}

#[test]
fn field_d2_one_dead_letter_is_shown_with_what_to_do_next() {
    let server = dead_600();
    let show = ["dlq", "show", STREAM, "1700000000001-0"];
    let run = on_terminal(&server, &show);
    run.assert_code(0).stdout_has(
        "  Traceback (most recent call last):\n    File \"handler.py\", line 7, in handle\n",
    );
    run.stdout_has("  payload   {\n    \"total\": 1\n  }\n");
    run.stdout_has("ucp-streams dlq redrive events.normalized 1700000000001-0");
    run.stdout_has("ucp-streams dlq purge events.normalized 1700000000001-0");
    assert!(
        run.stdout_lines().iter().all(|line| line.len() <= 80),
        "{run}"
    );
    let json = server
        .ucp(&[&show[..], &["-o", "json"]].concat())
        .stdout_json();
    assert_eq!(json["reason"], TRACE);
}

#[test]
fn field_d2_dead_letters_go_back_by_what_they_are_at_a_rate_and_until_stopped() {
    let server = dead_600();
    let length = |key: &str| server.redis(&["XLEN", key]).int();
    let some = [
        "dlq",
        "redrive",
        STREAM,
        "-y",
        "--where",
        "reason=connection refused",
        "--where",
        "brand_id=b1",
    ];
    let run = server.ucp(&some);
    run.assert_code(0).stderr_has("100 of 100 entries redriven");
    assert_eq!((length(STREAM), length(GRAVES)), (100, 500));
    let paced = [
        "dlq", "redrive", STREAM, "-y", "--all", "--rate", "50/s", "-o", "json",
    ];
    let mut command = server.command(&paced).spawn();
    until(PATIENCE, "some are redriven", || length(STREAM) >= 110);
    command.signal(Signal::INT);
    let run = command.wait();
    run.assert_code(130);
    let moved = usize::try_from(length(STREAM) - 100).unwrap();
    assert!(moved < 500, "{run}");
    run.stderr_has(&format!("stopped: {moved} of 500 entries redriven"));
    let rows = run.stdout_json();
    let count = |outcome: &str| {
        rows.as_array()
            .unwrap()
            .iter()
            .filter(|row| row["outcome"] == outcome)
            .count()
    };
    assert_eq!(
        (count("redriven"), count("not_tried")),
        (moved, 500 - moved)
    );
    // The rate is kept.
    let begun = std::time::Instant::now();
    let run = terminal(server.command(&[
        "dlq", "redrive", STREAM, "-y", "--all", "--count", "30", "--rate", "20",
    ]))
    .run();
    run.assert_code(0).stdout_has("10 of 30 shown");
    assert!(begun.elapsed().as_millis() >= 1300, "{run}");
    let purged = server.ucp(&[
        "dlq",
        "purge",
        STREAM,
        "-y",
        "--where",
        "reason!=connection refused",
    ]);
    purged.assert_code(0);
    let left = server.ucp(&["dlq", "list", STREAM, "--jq", "[.[].reason] | unique"]);
    assert!(
        left.stdout_json()
            .as_array()
            .unwrap()
            .iter()
            .all(|it| it == "connection refused")
    );
}
