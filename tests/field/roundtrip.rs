//! What is printed is taken back: entries of any bytes through every form of JSON and through CSV, compared by XRANGE.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::support::{Reply, Run, TestServer};

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

fn add(server: &TestServer, stream: &str, fields: &Fields) {
    let mut command: Vec<&[u8]> = vec![b"XADD", stream.as_bytes(), b"*"];
    for (name, value) in fields {
        command.extend([name.as_slice(), value.as_slice()]);
    }
    server.redis(&command);
}

/// The names and values of every entry.
fn entries(server: &TestServer, stream: &str) -> Vec<Fields> {
    let pairs = |entry: &Reply| {
        let parts = entry.items()[1].items().chunks_exact(2);
        parts
            .map(|pair| (pair[0].bytes().to_vec(), pair[1].bytes().to_vec()))
            .collect()
    };
    let range = server.redis(&["XRANGE", stream, "-", "+"]);
    range.items().iter().map(pairs).collect()
}

/// Publishes what a run printed.
fn publish(server: &TestServer, stream: &str, printed: &Run, more: &[&str]) -> Run {
    let args = [&["publish", stream, "--file", "-", "--names"], more].concat();
    server.command(&args).stdin(printed.stdout()).run()
}

/// The ways from a printed entry back to a stream: what prints it, and the flags of publish.
const WAYS: [(&[&str], &[&str]); 9] = [
    (&["read", "s", "-o", "ndjson"], &[]),
    (&["read", "s", "-o", "ndjson"], &["--stream"]),
    (&["read", "s", "-o", "ndjson", "--pairs"], &[]),
    (
        &["read", "s", "-o", "ndjson", "--pairs", "--jq", ".fields"],
        &[],
    ),
    (&["read", "s", "-o", "ndjson", "--jq", "{id, fields}"], &[]),
    (&["read", "s", "-o", "json"], &["--format", "json"]),
    (
        &["read", "s", "-o", "json", "--pairs"],
        &["--format", "json"],
    ),
    (&["read", "s", "-o", "csv"], &["--format", "csv"]),
    (&["tail", "s", "-n", "1000", "-o", "ndjson"], &[]),
];

#[track_caller]
fn every_way_leads_back(server: &TestServer, added: &[Fields]) {
    server.redis(&["DEL", "s"]);
    for fields in added {
        add(server, "s", fields);
    }
    let consume: &[&str] = &[
        "consume", "g", "--stream", "s", "--ack", "-o", "ndjson", "--count", "1000",
    ];
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    for (print, flags) in WAYS.into_iter().chain([(consume, &[][..])]) {
        server.redis(&["DEL", "copy"]);
        let printed = server.ucp(print);
        printed.assert_code(0);
        publish(server, "copy", &printed, flags).assert_code(0);
        assert!(entries(server, "copy") == added, "{print:?}\n{printed}");
    }
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[a-c]".prop_map(String::into_bytes),
        "(base64:){1,2}[a-zA-Z0-9+/=]{0,5}".prop_map(String::into_bytes),
        "base64:/w==|id|fields|stream|time|base64".prop_map(String::into_bytes),
        any::<String>().prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..6),
        Just(Vec::new()),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<String>().prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..40),
        Just(Vec::new()),
        r#"\{"base64":"/w=="\}|\["v","w"\]|\{"a": 1 \}|null|1|\[\]"#.prop_map(String::into_bytes),
    ]
}

/// Fields whose repeats stand together, as the form without pairs has them.
fn fields() -> impl Strategy<Value = Fields> {
    let field = (name(), prop::collection::vec(value(), 1..4));
    prop::collection::vec(field, 1..6).prop_map(|groups| {
        let mut fields = Fields::new();
        for (name, values) in groups {
            if !fields.iter().any(|(other, _)| *other == name) {
                fields.extend(values.into_iter().map(|value| (name.clone(), value)));
            }
        }
        // The tool's own are refused.
        fields.retain(|(name, _)| !name.starts_with(b"_dlq_") && !name.starts_with(b"_ucp_"));
        if fields.is_empty() {
            fields.push((b"k".to_vec(), b"v".to_vec()));
        }
        fields
    })
}

#[test]
fn field_b1_what_is_printed_is_stored_as_it_was() {
    let server = TestServer::start();
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 12,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let many = prop::collection::vec(fields(), 1..20);
    runner
        .run(&many, |added| {
            every_way_leads_back(&server, &added);
            Ok(())
        })
        .unwrap();
}

#[test]
fn field_b1_bytes_and_repeats_survive_the_smallest_case() {
    let server = TestServer::start();
    let field = |name: &[u8], value: &[u8]| (name.to_vec(), value.to_vec());
    every_way_leads_back(
        &server,
        &[
            vec![field(b"d", b"\xff")],
            vec![field(b"k", b"v"), field(b"k", b"w")],
            vec![field(b"\xff", b"1"), field(b"base64:/w==", b"2")],
            vec![field(b"", b"")],
        ],
    );
}

#[test]
fn field_b1_an_order_that_json_does_not_keep_is_warned_of_and_pairs_keep_it() {
    let server = TestServer::start();
    server.redis(&["XADD", "s", "*", "k", "v", "x", "y", "k", "w"]);
    for print in [
        &["read", "s", "-o", "ndjson"][..],
        &["tail", "s", "-o", "json"],
        &["read", "s", "-o", "csv"],
    ] {
        let printed = server.ucp(print);
        printed.assert_code(0).stderr_has("--pairs keeps the order");
        let pairs = server.ucp(&[print, &["--pairs"]].concat());
        pairs.assert_code(0).stderr_lacks("order");
    }
    let pairs = server.ucp(&["read", "s", "-o", "ndjson", "--pairs"]);
    publish(&server, "copy", &pairs, &[]).assert_code(0);
    assert_eq!(entries(&server, "copy"), entries(&server, "s"));
    // Repeats that stand together are printed as they are.
    server.redis(&["XADD", "t", "*", "k", "v", "k", "w", "x", "y"]);
    server
        .ucp(&["read", "t", "-o", "ndjson"])
        .assert_code(0)
        .stderr_lacks("order");
}

#[test]
fn field_b1_dead_letters_and_pending_entries_are_taken_too() {
    let server = TestServer::start();
    let id = server.redis(&["XADD", "s", "*", "d", "\u{7f}", "k", "v", "k", "w"]);
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    server.redis(&["XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"]);
    let id = id.text();
    let pending = ["pending", "s", "g", "--entries", "-o", "ndjson"];
    let printed = [
        server.ucp(&pending),
        server.ucp(&["get", "s", id, "-o", "json"]),
    ];
    server
        .ucp(&[
            "dlq", "add", "g", id, "--stream", "s", "--reason", "x", "-y",
        ])
        .assert_code(0);
    let letter = server.ucp(&["dlq", "list", "s", "-o", "ndjson"]);
    for printed in printed.iter().chain([&letter]) {
        server.redis(&["DEL", "copy"]);
        publish(&server, "copy", printed, &[]).assert_code(0);
        assert_eq!(entries(&server, "copy"), entries(&server, "s"), "{printed}");
    }
    // As it stands in the dead-letter stream it has the tool's own fields.
    let raw = server.ucp(&["read", "{s}:dlq", "-o", "ndjson"]);
    publish(&server, "copy2", &raw, &[])
        .assert_code(2)
        .stderr_has("_dlq_")
        .stderr_has("dlq redrive")
        .stderr_has("restore");
    assert_eq!(server.redis(&["EXISTS", "copy2"]).int(), 0);
}

#[test]
fn field_b1_a_flat_object_stays_nested_json_and_what_is_lost_is_said() {
    let server = TestServer::start();
    for (line, stored, warning) in [
        (
            r#"{"d":{"base64":"/w=="}}"#,
            r#"{"base64":"/w=="}"#,
            "to keep bytes",
        ),
        (r#"{"d":["v","w"]}"#, r#"["v","w"]"#, "to repeat a field"),
        (
            r#"{"fields":{"a":"b"}}"#,
            r#"{"a":"b"}"#,
            "together with `id`",
        ),
        (r#"{"base64:/w==":"x"}"#, "x", "to keep the name"),
    ] {
        server.redis(&["DEL", "copy"]);
        let args = ["publish", "copy", "--file", "-"];
        let run = server.command(&args).stdin(format!("{line}\n")).run();
        run.assert_code(0).stderr_has(warning);
        assert_eq!(entries(&server, "copy")[0][0].1, stored.as_bytes());
    }
    // Nested JSON that nothing is printed as says nothing, nor does JSON where the schema asks for it.
    for (stream, line) in [
        (
            "copy",
            r#"{"a":[1,2],"b":[{"c":"d"}],"e":["f"],"g":{"base64":1},"id":"17"}"#,
        ),
        (
            "profiles.merge_requests",
            r#"{"brand_id":"b","profile_ids":["p","q"],"reason":"identifier_match","requires_manual_review":false}"#,
        ),
        (
            "events.raw",
            r#"{"event_id":"5f0c9a4e-7c1f-4f0e-9d53-0d4a3b0f2c11","brand_id":"b","event_type":"purchase","payload":{"base64":"/w=="}}"#,
        ),
    ] {
        let args = ["publish", stream, "--file", "-"];
        let run = server.command(&args).stdin(format!("{line}\n")).run();
        run.assert_code(0);
        assert_eq!(run.stderr(), "", "{line}");
    }
}

#[test]
fn field_b1_what_is_no_entry_as_it_is_printed_is_refused() {
    let server = TestServer::start();
    for (line, why) in [
        (r#"{"id":"1-1","fields":{"base64:x":1}}"#, "not base64"),
        (
            r#"{"id":"1-1","fields":{"x":{"base64":"_"}}}"#,
            "not base64",
        ),
        (r#"{"id":"1-1","time":null,"fields":null}"#, "trimmed"),
        (r#"{"id":"1-1","fields":[["x"]]}"#, "[[name, value], …]"),
        (
            r#"{"id":"1-1","fields":{"x":"a","base64:eA==":"b"}}"#,
            "twice",
        ),
        (r#"[["x",["a"]]]"#, "neither text nor base64"),
        (r#"["x","a"]"#, "--format json"),
        ("[]", "must be a JSON object"),
        (r#"{"id":"1-1","fields":[]}"#, "at least one field"),
    ] {
        let args = ["publish", "copy", "--file", "-"];
        let run = server.command(&args).stdin(format!("{line}\n")).run();
        run.assert_code(2).stderr_has(why);
    }
    assert_eq!(server.redis(&["EXISTS", "copy"]).int(), 0);
    // The schema holds for whole entries as for events.
    let line = r#"{"id":"1-1","fields":{"brand_id":"b","colour":"red"}}"#;
    server
        .command(&["publish", "raw", "--file", "-"])
        .stdin(format!("{line}\n"))
        .run()
        .assert_code(2)
        .stderr_has("colour")
        .stderr_has("is missing");
}

#[test]
fn field_e8_entries_larger_than_an_event_are_taken_back() {
    let server = TestServer::start();
    let many = |count: usize| -> Fields {
        let field = |n: usize| (format!("f{n}").into_bytes(), vec![b'v', 0xff]);
        (0..count).map(field).collect()
    };
    for fields in [
        vec![(b"k".to_vec(), vec![b'x'; 12 << 20])],
        // Six bytes of JSON each.
        vec![(b"k".to_vec(), vec![1; 2 << 20])],
        vec![(b"k".to_vec(), vec![0xff; 7 << 20])],
        many(10_000),
        many(100_000),
    ] {
        for stream in ["s", "copy"] {
            server.redis(&["DEL", stream]);
        }
        add(&server, "s", &fields);
        for (print, flags) in [
            (&["read", "s", "-o", "ndjson"][..], &[][..]),
            (&["read", "s", "-o", "ndjson", "--pairs"], &["--stream"]),
            (&["read", "s", "-o", "json"], &["--format", "json"]),
            (&["read", "s", "-o", "csv"], &["--format", "csv"]),
        ] {
            let printed = server.ucp(print);
            publish(&server, "copy", &printed, flags).assert_code(0);
        }
        let copies = entries(&server, "copy");
        assert_eq!(copies.len(), 4);
        assert!(copies.iter().all(|copy| *copy == fields));
    }
    // An event keeps its limits, and a line that cannot become an entry is not read to its end.
    let long = format!("{{\"k\":\"{}\"}}\n", "x".repeat(2 << 20));
    let args = ["publish", "copy", "--file", "-"];
    server
        .command(&args)
        .stdin(long)
        .run()
        .assert_code(2)
        .stderr_has("at most 1048576 bytes");
    server
        .command(&args)
        .stdin("x".repeat(9 << 20))
        .run()
        .assert_code(2)
        .stderr_has("line 1 is longer than 8388608 bytes");
}
