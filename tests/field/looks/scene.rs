//! Streams whose entries are as old as a test says, and what commands say of their groups.

use serde_json::Value;

use crate::support::TestServer;

pub(super) const STREAM: &str = "events.normalized";
pub(super) const GROUP: &str = "event-processors";

/// The server's clock, in milliseconds.
pub(super) fn now_ms(server: &TestServer) -> u64 {
    let time = server.redis(&["TIME"]);
    let part = |at: usize| time.items()[at].text().parse::<u64>().unwrap();
    part(0) * 1000 + part(1) / 1000
}

/// Adds `count` entries to `stream`, spread evenly over the time from `from_ms` to `to_ms` ago.
pub(super) fn add(server: &TestServer, stream: &str, (from_ms, to_ms): (u64, u64), count: u64) {
    let now = now_ms(server);
    let mut client = server.client();
    for n in 0..count {
        let ago = from_ms - (from_ms - to_ms) * n / count;
        let id = format!("{}-*", now - ago);
        client.send(&["XADD", stream, &id, "n", &n.to_string()]);
    }
}

/// A stream with `count` entries of the last ten minutes and a group at its beginning.
pub(super) fn backlog(server: &TestServer, count: u64) {
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
    add(server, STREAM, (600_000, 0), count);
}

/// Delivers the next `count` entries to `group`, and acknowledges them.
pub(super) fn handle(server: &TestServer, stream: &str, group: &str, count: usize) {
    let count = count.to_string();
    let read = [
        "XREADGROUP",
        "GROUP",
        group,
        "c",
        "COUNT",
        &count,
        "NOACK",
        "STREAMS",
        stream,
        ">",
    ];
    server.redis(&read);
}

/// The id of the entry that has `before` others before it.
pub(super) fn id_at(server: &TestServer, stream: &str, before: usize) -> String {
    let count = (before + 1).to_string();
    let entries = server.redis(&["XRANGE", stream, "-", "+", "COUNT", &count]);
    entries.items()[before].items()[0].text().to_owned()
}

/// What `lag`, `info` and `groups` say of a group, in JSON.
pub(super) fn seen_by_all(server: &TestServer, group: &str) -> [(&'static str, Value); 3] {
    let lag = server.ucp(&["lag", "-o", "json"]).stdout_json();
    let groups = server.ucp(&["groups", "-o", "json"]).stdout_json();
    let info = server.ucp(&["info", "-o", "json"]).stdout_json();
    let of = |rows: &Value| {
        let mut rows = rows.as_array().unwrap().iter();
        rows.find(|row| row["group"] == group).cloned()
    };
    let mut streams = info.as_array().unwrap().iter();
    let within = streams.find_map(|stream| of(&stream["groups"]));
    [
        ("lag", of(&lag).unwrap()),
        ("groups", of(&groups).unwrap()),
        ("info", within.unwrap()),
    ]
}

/// Whether `name` is among the alerts of a group.
pub(super) fn alerts(group: &Value, name: &str) -> bool {
    let mut alerts = group["alerts"].as_array().unwrap().iter();
    alerts.any(|alert| alert == name)
}
