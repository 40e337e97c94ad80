//! The id of an event that was taken in: it is what its publisher looks for.

use serde_json::Value;

use super::on_terminal;
use crate::support::TestServer;

const UUID: &str = "0198e8a4-5b1c-7d60-8f00-1d2c3b4a5968";

#[test]
fn field_d7_ingest_prints_the_events_id() {
    let server = TestServer::start();
    let given = format!("event_id={UUID}");
    let one = [
        "ingest",
        &given,
        "brand_id=b",
        "event_type=page_view",
        "payload={}",
    ];
    let shown = on_terminal(&server, &one);
    let lines = shown.assert_code(0).stdout_lines();
    assert!(lines[0].starts_with("EVENT ID  "), "{shown}");
    assert!(lines[1].starts_with(&format!("{UUID}  1")), "{shown}");
    assert!(lines[1].len() < 80, "{shown}");
    let json = server.ucp(&[&one[..], &["-o", "json"]].concat());
    assert_eq!(json.stdout_json()[0]["event_id"], UUID, "{json}");
    for format in ["plain", "csv"] {
        let run = server.ucp(&[&one[..], &["-o", format]].concat());
        assert!(run.stdout_lines()[0].starts_with("event_id"), "{run}");
        assert!(run.stdout_lines()[1].starts_with(UUID), "{run}");
    }
    // One that is made up is the one that was stored.
    let made = server.ucp(&[&["ingest"], &one[2..], &["-o", "json"]].concat());
    let made = &made.assert_code(0).stdout_json()[0];
    let stored = server.redis(&["XREVRANGE", "events.raw", "+", "-", "COUNT", "1"]);
    let entry = stored.items()[0].items();
    assert_eq!(made["raw_id"], entry[0].text());
    assert_eq!(made["event_id"], entry[1].field("event_id").text());
}

#[test]
fn field_d7_ingest_prints_the_id_of_every_event_of_a_file() {
    let server = TestServer::start();
    let event = |n: u32| {
        format!(
            "{{\"event_id\":\"e-{n}\",\"brand_id\":\"b\",\"event_type\":\"page_view\",\"payload\":{{}}}}\n"
        )
    };
    let lines = (0..600).fold(String::new(), |lines, n| lines + &event(n));
    let run = server
        .command(&["ingest", "--file", "-", "-o", "ndjson"])
        .stdin(lines)
        .run();
    let rows: Vec<Value> = run.assert_code(0).stdout_ndjson();
    let stored = server.redis(&["XRANGE", "events.normalized", "-", "+"]);
    assert_eq!(rows.len(), 600);
    for (place, (row, entry)) in rows.iter().zip(stored.items()).enumerate() {
        assert_eq!(row["event_id"], format!("e-{place}"));
        assert_eq!(row["normalized_id"], entry.items()[0].text());
        let event_id = entry.items()[1].field("event_id");
        assert_eq!(row["event_id"], event_id.text());
    }
}
