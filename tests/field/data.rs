//! Data on its way: moments as they are written and read, and what cannot be told of an id.

use crate::support::{Run, TestServer, directory};

const EVENT: [&str; 4] = ["publish", "raw", "brand_id=b", "event_type=page_view"];

/// What `publish raw` stores for a timestamp, or its exit code.
fn stored(server: &TestServer, timestamp: &str) -> Result<String, i32> {
    let mut args = EVENT.to_vec();
    args.extend(["payload={}", "--timestamp", timestamp]);
    let run = server.ucp(&args);
    if run.code() != Some(0) {
        run.stderr_has("timestamp");
        return Err(run.code().unwrap());
    }
    let last = server.redis(&["XREVRANGE", "events.raw", "+", "-", "COUNT", "1"]);
    let entry = &last.items()[0].items()[1];
    Ok(entry.get("timestamp").unwrap().text().to_owned())
}

#[test]
fn field_b7_a_moment_is_resolved_or_refused_and_never_shifted() {
    let server = TestServer::start();
    for (text, expected) in [
        ("2026-07-01T00:00:00Z", Ok("2026-07-01T00:00:00.000Z")),
        (
            "2026-07-01T00:00:00[America/New_York]",
            Ok("2026-07-01T04:00:00.000Z"),
        ),
        ("9999-12-31T23:59:59Z", Ok("9999-12-31T23:59:59.000Z")),
        ("2026-07-01T00:00:00Z[Bogus/Zone]", Err(2)),
        ("2026-07-01T00:00:00[Bogus/Zone]", Err(2)),
        ("2026-07-01T00:00:00+24:00", Err(2)),
        ("2026-07-01T00:00:00+02:00[America/New_York]", Err(2)),
    ] {
        let expected = expected.map(str::to_owned);
        assert_eq!(stored(&server, text), expected, "{text}");
    }
    // As a position of read, the same rules.
    for (end, code) in [
        ("9999-12-31T23:59:59Z", 0),
        ("2999-07-01T00:00:00[America/New_York]", 0),
        ("2026-07-01T00:00:00+24:00", 2),
        ("2026-07-01T00:00:00Z[Bogus/Zone]", 2),
    ] {
        let run = server.ucp(&["read", "events.raw", "-", end, "-o", "json"]);
        run.assert_code(code);
        if code == 0 {
            assert_eq!(run.stdout_json().as_array().unwrap().len(), 3, "{run}");
        }
    }
}

#[test]
fn field_b8_an_id_past_the_year_9999_has_no_time() {
    let server = TestServer::start();
    server.redis(&["XADD", "s", "253402300799999-0", "k", "v"]);
    server.redis(&["XADD", "s", "1732800000000000-0", "k", "v"]);
    let read = server.ucp(&["read", "s", "-o", "json"]);
    let times: Vec<_> = read.stdout_json().as_array().unwrap().clone();
    assert_eq!(times[0]["time"], "9999-12-31T23:59:59.999Z", "{read}");
    assert!(times[1]["time"].is_null(), "{read}");
    server
        .ucp(&["read", "s", "-o", "csv"])
        .stdout_has("1732800000000000-0,?");
    let info = server.ucp(&["info", "s", "-o", "json"]);
    let stream = &info.stdout_json()[0];
    assert_eq!(stream["first_time"], "9999-12-31T23:59:59.999Z", "{info}");
    assert!(stream["last_time"].is_null(), "{info}");
}

/// What `ingest` makes of a payload: the identifiers of the normalized event, and the run.
fn identifiers(server: &TestServer, payload: &str) -> (String, Run) {
    let payload = format!("payload={payload}");
    let run = server.ucp(&["ingest", "brand_id=b", "event_type=page_view", &payload]);
    run.assert_code(0);
    let last = server.redis(&["XREVRANGE", "events.normalized", "+", "-", "COUNT", "1"]);
    let entry = &last.items()[0].items()[1];
    (entry.get("identifiers").unwrap().text().to_owned(), run)
}

#[test]
fn field_b5_a_number_is_the_same_however_it_was_copied() {
    let server = TestServer::start();
    let number = r#"{"phone":"+4930123456"}"#;
    for payload in [
        "{\"phone\":\"\u{202a}+49 30 123456\u{202c}\"}",
        r#"{"phone":"whatsapp:+4930123456"}"#,
        r#"{"phone":"tel:+49-30-123456"}"#,
        "{\"phone\":\"+\u{664}\u{669}\u{663}\u{660}123456\"}",
        "{\"phone\":\"\\u200e+49 30 123456\\ufeff\"}",
    ] {
        let (found, run) = identifiers(&server, payload);
        assert_eq!(found, number, "{payload}");
        run.stderr_lacks("identifiers");
    }
    let (found, _) = identifiers(&server, "{\"email\":\"a\u{200b}nn@example.com\"}");
    assert_eq!(found, r#"{"email":"ann@example.com"}"#);
}

#[test]
fn field_b5_an_identifier_that_cannot_be_read_is_warned_of() {
    let server = TestServer::start();
    for payload in [r#"{"phone":"ask me"}"#, r#"{"phone":["+49 30 123456"]}"#] {
        let (found, run) = identifiers(&server, payload);
        assert_eq!(found, "{}");
        run.stderr_has("payload.phone").stderr_has("cannot be read");
    }
    // An empty one and none say nothing, and neither does a name further down.
    for payload in [
        r#"{"phone":"","email":null}"#,
        r#"{"other":{"phone":"ask me"}}"#,
    ] {
        let (_, run) = identifiers(&server, payload);
        run.stderr_lacks("cannot be read");
    }
    // From a file too, once for all of its kind.
    let dir = directory();
    let file = dir.path().join("events.ndjson");
    let event = r#"{"brand_id":"b","event_type":"page_view","payload":{"phone":"ask"}}"#;
    std::fs::write(&file, format!("{event}\n{event}\n")).unwrap();
    server
        .ucp(&["ingest", "--file", file.to_str().unwrap()])
        .assert_code(0)
        .stderr_has("payload.phone")
        .stderr_has("and 1 more like it");
}

/// Values that a parser stumbles over, each beside the one that is asked for.
fn odd_neighbours() -> Vec<String> {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    vec![
        r#"{"k":1,"x":"\ud83d"}"#.to_owned(),
        r#"{"k":1,"x":1e400}"#.to_owned(),
        format!("{{\"x\":{deep},\"k\":1}}"),
    ]
}

#[test]
fn field_b2_one_value_that_nobody_asked_for_hides_nothing() {
    let server = TestServer::start();
    for payload in odd_neighbours() {
        server.redis(&["XADD", "s", "*", "p", &payload]);
    }
    let ids = |condition: &str| {
        let run = server.ucp(&[
            "tail", "s", "--where", condition, "-o", "json", "--jq", "length",
        ]);
        run.assert_code(0);
        run.stdout().trim().to_owned()
    };
    assert_eq!(ids("p.k=1"), "3");
    assert_eq!(ids("p.k!=1"), "0");
    assert_eq!(ids("p.k=2"), "0");
    // A cluster of what is pending looks at the same place.
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    server.redis(&["XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"]);
    let by = server.ucp(&["pending", "s", "g", "--by", "p.k", "-o", "json"]);
    let clusters = by.stdout_json()["clusters"].clone();
    assert_eq!(clusters[0]["entries"], 3, "{by}");
    assert_eq!(clusters[0]["fields"]["p.k"], "1", "{by}");
}

#[test]
fn field_b3_digits_are_compared_as_they_were_written() {
    let server = TestServer::start();
    let uids = [
        "10769150350006150715113082361",
        "10769150350006150715113082362",
    ];
    server.redis(&["XGROUP", "CREATE", "s", "g", "0", "MKSTREAM"]);
    for uid in uids {
        let payload = format!("{{\"uid\":{uid},\"total\":1.10}}");
        server.redis(&["XADD", "s", "*", "p", &payload]);
    }
    for uid in uids {
        let condition = format!("p.uid={uid}");
        let run = server.ucp(&["tail", "s", "--where", &condition, "-o", "json"]);
        assert_eq!(run.stdout_json().as_array().unwrap().len(), 1, "{run}");
    }
    // The same number, however it is written.
    let run = server.ucp(&["tail", "s", "--where", "p.total=1.1", "-o", "json"]);
    assert_eq!(run.stdout_json().as_array().unwrap().len(), 2, "{run}");
    server.redis(&["XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"]);
    let by = server.ucp(&["pending", "s", "g", "--by", "p.uid", "-o", "json"]);
    let clusters = by.stdout_json()["clusters"].clone();
    let found: Vec<_> = clusters
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["fields"]["p.uid"].clone())
        .collect();
    assert_eq!(found, uids, "{by}");
}
