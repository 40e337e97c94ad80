//! Counters of the `features` handler: keys that cannot be another's, and figures that cannot be counted up.

use std::collections::BTreeMap;

use crate::support::{Run, TestServer};

const STREAM: &str = "events.normalized";

fn server() -> TestServer {
    let server = TestServer::start();
    server.redis(&[
        "XGROUP",
        "CREATE",
        STREAM,
        "event-processors",
        "0",
        "MKSTREAM",
    ]);
    server
}

fn event(server: &TestServer, brand: &str, profile: &str, kind: &str, payload: &str) {
    server.redis(&[
        "XADD",
        STREAM,
        "*",
        "brand_id",
        brand,
        "profile_id",
        profile,
        "event_type",
        kind,
        "normalized_payload",
        payload,
        "timestamp",
        "2026-01-31T09:00:00.000Z",
    ]);
}

fn work(server: &TestServer) -> Run {
    server.ucp(&["worker", "run", "event-processors", "--once", "-o", "json"])
}

fn hash(server: &TestServer, key: &str) -> BTreeMap<String, String> {
    let key = format!("{{{STREAM}}}:features:{key}");
    let all = server.redis(&["HGETALL", &key]);
    let texts: Vec<String> = all.items().iter().map(|it| it.text().to_owned()).collect();
    texts
        .chunks(2)
        .map(|it| (it[0].clone(), it[1].clone()))
        .collect()
}

#[test]
fn field_r13_no_brand_counts_for_anothers_profile() {
    let server = server();
    event(&server, "acme", "p1", "page_view", "{}");
    event(&server, "acme:p1", "", "purchase", r#"{"total":5}"#);
    event(&server, "acme%3Ap1", "", "page_view", "{}");
    event(&server, "acme", "p1:x", "page_view", "{}");
    event(&server, "acme:p1", "x", "page_view", "{}");
    work(&server).assert_code(0);
    // Today's names for plain brands, and whatever the profile is.
    assert_eq!(hash(&server, "acme")["events"], "2");
    assert_eq!(hash(&server, "acme:p1")["events"], "1");
    assert_eq!(hash(&server, "acme:p1").get("purchase_total"), None);
    assert_eq!(hash(&server, "acme:p1:x")["events"], "1");
    assert_eq!(hash(&server, "acme%3Ap1")["events"], "2");
    assert_eq!(hash(&server, "acme%3Ap1:x")["events"], "1");
    assert_eq!(hash(&server, "acme%253Ap1")["events"], "1");
}

#[test]
fn field_r13_a_total_that_overflows_is_said_and_its_event_counts() {
    let server = server();
    for _ in 0..10 {
        event(
            &server,
            "b",
            "",
            "purchase",
            r#"{"total":1000000000000000}"#,
        );
    }
    event(&server, "b", "", "page_view", "{}");
    let run = work(&server);
    run.assert_code(0)
        .stderr_has("purchase_total of {events.normalized}:features:b")
        .stderr_has("11 handled, 1 figure not counted up");
    assert_eq!(run.stdout_json()[0]["uncounted"], 1);
    let counted = hash(&server, "b");
    assert_eq!(counted["events"], "11");
    assert_eq!(counted["events:purchase"], "10");
    assert_eq!(counted["purchase_total"], "9000000000000000");
    assert_eq!(
        server
            .redis(&["XPENDING", STREAM, "event-processors"])
            .items()[0]
            .int(),
        0
    );
    assert_eq!(
        server.redis(&["EXISTS", "{events.normalized}:dlq"]).int(),
        0
    );
}

#[test]
fn field_r13_a_figure_that_is_no_number_holds_nothing_up() {
    let server = server();
    let key = "{events.normalized}:features:b";
    let fields = [
        "purchase_total",
        "n/a",
        "events:page_view",
        "007",
        "events",
        "9223372036854775807",
    ];
    server.redis(&[&["HSET", key][..], &fields].concat());
    event(&server, "b", "p", "purchase", r#"{"total":1.5}"#);
    event(&server, "b", "", "page_view", "{}");
    let run = work(&server);
    run.assert_code(0).stderr_has("4 figures not counted up");
    let counted = hash(&server, "b");
    assert_eq!(counted["purchase_total"], "n/a");
    assert_eq!(counted["events"], "9223372036854775807");
    assert_eq!(counted["events:page_view"], "007");
    assert_eq!(counted["events:purchase"], "1");
    assert_eq!(hash(&server, "b:p")["purchase_total"], "1.5");
    assert_eq!(
        server.redis(&["EXISTS", "{events.normalized}:dlq"]).int(),
        0
    );
    // Where all can be counted nothing is said.
    event(&server, "c", "p", "purchase", r#"{"total":1.5}"#);
    let run = work(&server);
    run.assert_code(0).stderr_lacks("counted up");
    assert_eq!(run.stdout_json()[0]["uncounted"], 0);
}

#[test]
fn field_b6_a_total_is_the_one_that_counts_or_is_said_not_to() {
    let server = server();
    for (payload, expected) in [
        (r#"{"total":5,"total":6}"#, Ok("6")),
        (r#"{"total":5,"\ud83d":1}"#, Ok("5")),
        (r#"{"x":1e400,"total":" 7.10 "}"#, Ok("7.1")),
        (r#"{"total":1e16}"#, Err("the total `1e16`")),
        (r#"{"total":"1,50"}"#, Err("the total `1,50`")),
        (r#"{"total":[5]}"#, Err("the total `[5]`")),
    ] {
        server.redis(&["DEL", "{events.normalized}:features:b"]);
        event(&server, "b", "", "purchase", payload);
        let run = work(&server);
        run.assert_code(0);
        let counted = hash(&server, "b");
        assert_eq!(counted["events"], "1", "{payload}");
        let total = counted.get("purchase_total").map(String::as_str);
        match expected {
            Ok(value) => {
                assert_eq!(total, Some(value), "{payload}");
                run.stderr_lacks("cannot be incremented");
            }
            Err(why) => {
                assert_eq!(total, None, "{payload}");
                run.stderr_has(why).stderr_has("1 figure not counted up");
                assert_eq!(run.stdout_json()[0]["uncounted"], 1);
            }
        }
    }
}
