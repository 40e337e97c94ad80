//! What the topology redacts never leaves.

use crate::client::begun;
use crate::support::TestServer;

const TOPOLOGY: &str = r#"
[streams."events.raw"]
redact = ["secret"]

[groups.event-processors]
redact = ["payload.email"]
"#;

#[test]
fn fields_that_are_redacted_are_masked_everywhere() {
    let server = TestServer::start();
    let payload = r#"{"email":"anna@example.com","total":1.50}"#;
    server.redis(&["XADD", "events.raw", "1-0", "secret", "hunter2", "n", "1"]);
    server.redis(&["XADD", "events.normalized", "1-0", "payload", payload]);
    server.redis(&["XADD", "{events.normalized}:dlq", "1-0", "payload", payload]);
    let command = server
        .command(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--every",
            "200ms",
            "--topology",
            "t.toml",
        ])
        .file("t.toml", TOPOLOGY);
    let site = begun(command);
    let raw = site.get("/api/streams/events.raw").json();
    assert_eq!(raw[0]["fields"]["secret"], "***");
    assert_eq!(raw[0]["fields"]["n"], "1");
    for stream in ["events.normalized", "%7Bevents.normalized%7D:dlq"] {
        let entries = site.get(&format!("/api/streams/{stream}")).json();
        assert_eq!(
            entries[0]["fields"]["payload"], r#"{"email":"***","total":1.50}"#,
            "{stream}"
        );
    }
    let mut events = site.events("/api/streams/events.normalized/tail");
    // A filter would tell letter by letter what is not shown.
    let mut guess = site.events("/api/streams/events.normalized/tail?grep=anna");
    let mut all = site.events("/api/streams/events.normalized/tail?where=payload.total=1.5");
    server.redis(&["XADD", "events.normalized", "2-0", "payload", payload]);
    server.redis(&["XADD", "events.normalized", "3-0", "n", "anna"]);
    assert_eq!(
        events.next().1["fields"]["payload"],
        r#"{"email":"***","total":1.50}"#
    );
    assert_eq!(guess.next().1["id"], "3-0");
    assert_eq!(all.next().1["id"], "2-0");
}
