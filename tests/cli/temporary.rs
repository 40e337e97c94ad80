//! A temporary group, that of a replay, holds nothing back and alarms nobody.

use serde_json::{Value, json};

use crate::seed::{GROUP, STREAM, add, deliver, stream_with_group};
use crate::support::TestServer;

const TEMPORARY: &str = "_ucp_replay:june";

/// A stream that its group has read and acknowledged, and that a temporary group has only begun to read.
fn server() -> TestServer {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 20);
    server.redis(&["XREADGROUP", "GROUP", GROUP, "c", "STREAMS", STREAM, ">"]);
    for ms in 1..=20 {
        server.redis(&["XACK", STREAM, GROUP, &format!("{ms}-0")]);
    }
    server.redis(&["XGROUP", "CREATE", STREAM, TEMPORARY, "0"]);
    deliver(&server, STREAM, TEMPORARY, "replay", 5);
    server
}

fn json(server: &TestServer, args: &[&str]) -> Value {
    let run = server.ucp(&[args, &["-o", "json"]].concat());
    serde_json::from_str(run.stdout()).unwrap()
}

#[test]
fn it_has_no_room_no_alerts_and_no_findings() {
    let server = server();
    let seen = json(&server, &["groups", STREAM]);
    let rows = seen.as_array().unwrap();
    let row = rows.iter().find(|it| it["group"] == TEMPORARY).unwrap();
    assert_eq!(
        (&row["headroom"], &row["alerts"]),
        (&json!(null), &json!([])),
        "{row}"
    );
    // The one who runs it sees that everything fails.
    let key = format!("{{{STREAM}}}:breaker:{TEMPORARY}");
    let open = r#"{"consumer":"replay","since_ms":1000,"reason":"refused"}"#;
    server.redis(&["SET", &key, open]);
    let found = json(&server, &["doctor"]);
    let about = found["findings"].as_array().unwrap().iter();
    let about: Vec<_> = about.filter(|it| it["group"] == TEMPORARY).collect();
    assert!(about.is_empty(), "{about:?}");
}

#[test]
fn it_holds_no_trim_back() {
    let found = json(&server(), &["memory"]);
    let row = &found["streams"][0];
    assert_eq!(row["state"], "read_by_all", "{row}");
    assert_eq!(row["trimmable"], json!({"entries": 20, "quality": "known"}));
}

#[test]
fn it_is_no_other_group() {
    let server = server();
    add(&server, STREAM, 30, 30);
    deliver(&server, STREAM, GROUP, "c", 1);
    server
        .command(&[
            "requeue", GROUP, "--stream", STREAM, "--idle", "0s", "--yes",
        ])
        .run()
        .assert_code(0);
    // `refuse` keeps what a group has not processed: what only the temporary one has not does not count.
    server.redis(&["XGROUP", "DESTROY", STREAM, GROUP]);
    server
        .command(&["publish", STREAM, "n=1", "--topology", "full.toml"])
        .file(
            "full.toml",
            format!("[streams.\"{STREAM}\"]\nmaxlen = 5\non_full = \"refuse\"\nfields = {{}}\n"),
        )
        .run()
        .assert_code(0)
        .stderr_lacks("june");
}
