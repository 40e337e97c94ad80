//! A pipeline, and a `serve` that shows it.

use std::fmt::Write as _;

use crate::support::{Spawned, TestServer};

pub(crate) const STREAM: &str = "events.normalized";
pub(crate) const GROUP: &str = "event-processors";

/// A running `serve`; stopped when the value is gone.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) process: Spawned,
    pub(crate) url: String,
}

/// A server with the platform's streams and groups.
pub(crate) fn pipeline() -> TestServer {
    let server = TestServer::durable();
    server.ucp(&["init"]).assert_code(0);
    server
}

pub(crate) fn serve(server: &TestServer, args: &[&str]) -> Served {
    let words = ["serve", "--listen", "127.0.0.1:0", "--every", "500ms"];
    let mut process = server.command(&[&words, args].concat()).spawn();
    let line = process.await_stderr(" at http://127.0.0.1:");
    let (_, rest) = line.rsplit_once("http://").unwrap();
    let url = format!("http://{}/", rest.trim_end_matches(['/', '\n', '\r']));
    Served { process, url }
}

/// A worker for the group, as a consumer of this name.
pub(crate) fn worker(server: &TestServer, consumer: &str) -> Spawned {
    let words = [
        "worker",
        "run",
        GROUP,
        "--builtin",
        "null",
        "--consumer",
        consumer,
    ];
    let mut worker = server.command(&words).spawn();
    worker.await_stderr(GROUP);
    worker
}

/// Publishes so many events of this type.
pub(crate) fn publish(server: &TestServer, kind: &str, number: usize) {
    let mut lines = String::new();
    for at in 0..number {
        let payload = format!(r#"{{"number":{at},"total":12345678901234567890}}"#);
        let event = serde_json::json!({
            "brand_id": "aurora", "event_type": kind, "profile_id": "", "identifiers": "{}", "normalized_payload": payload,
        });
        writeln!(lines, "{event}").unwrap();
    }
    let words = ["publish", "normalized", "--file", "events.ndjson"];
    let publishing = server.command(&words).file("events.ndjson", lines);
    publishing.run().assert_code(0);
}
