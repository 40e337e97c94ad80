//! Streams and groups in a known state: entries `1-0`, `2-0` … with fields `n` and `kind`.

use crate::support::TestServer;

pub(crate) const STREAM: &str = "events.normalized";
pub(crate) const GROUP: &str = "event-processors";

/// Adds entries with the ids `from`-0 to `to`-0: `n` is the number, `kind` is `odd` or `even`.
pub(crate) fn add(server: &TestServer, stream: &str, from: u64, to: u64) {
    let mut client = server.client();
    for n in from..=to {
        let kind = if n % 2 == 0 { "even" } else { "odd" };
        let (id, n) = (format!("{n}-0"), n.to_string());
        let reply = client.send(&["XADD", stream, &id, "n", &n, "kind", kind]);
        assert_eq!(reply.text(), id);
    }
}

/// A stream with entries 1 to `entries` and a group that begins at the oldest.
pub(crate) fn stream_with_group(server: &TestServer, stream: &str, group: &str, entries: u64) {
    add(server, stream, 1, entries);
    server.redis(&["XGROUP", "CREATE", stream, group, "0", "MKSTREAM"]);
}

/// Delivers the next `count` entries to `consumer`.
pub(crate) fn deliver(
    server: &TestServer,
    stream: &str,
    group: &str,
    consumer: &str,
    count: usize,
) {
    let count = count.to_string();
    server.redis(&[
        "XREADGROUP",
        "GROUP",
        group,
        consumer,
        "COUNT",
        &count,
        "STREAMS",
        stream,
        ">",
    ]);
}

/// Makes pending entries look as if they were delivered so long ago and so often.
pub(crate) fn make_stale(
    server: &TestServer,
    group: &str,
    consumer: &str,
    ids: &[&str],
    idle_ms: u64,
    deliveries: u64,
) {
    let (idle, count) = (idle_ms.to_string(), deliveries.to_string());
    let mut command = vec!["XCLAIM", STREAM, group, consumer, "0"];
    command.extend(ids);
    command.extend(["IDLE", &idle, "RETRYCOUNT", &count, "JUSTID"]);
    server.redis(&command);
}

/// What is pending: id, consumer, deliveries.
pub(crate) fn pending(
    server: &TestServer,
    stream: &str,
    group: &str,
) -> Vec<(String, String, i64)> {
    let rows = server.redis(&["XPENDING", stream, group, "-", "+", "1000"]);
    rows.items()
        .iter()
        .map(|row| {
            let parts = row.items();
            (
                parts[0].text().to_owned(),
                parts[1].text().to_owned(),
                parts[3].int(),
            )
        })
        .collect()
}

/// The ids in a stream.
pub(crate) fn ids(server: &TestServer, stream: &str) -> Vec<String> {
    let entries = server.redis(&["XRANGE", stream, "-", "+"]);
    entries
        .items()
        .iter()
        .map(|entry| entry.items()[0].text().to_owned())
        .collect()
}

/// Ten entries: 1-4 held by c1, stale and delivered so often, 5 and 6 by c2, the rest undelivered; c3 holds nothing.
pub(crate) fn held_by_two(deliveries: u64) -> TestServer {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 10);
    deliver(&server, STREAM, GROUP, "c1", 4);
    deliver(&server, STREAM, GROUP, "c2", 2);
    server.redis(&["XGROUP", "CREATECONSUMER", STREAM, GROUP, "c3"]);
    let stale = ["1-0", "2-0", "3-0", "4-0"];
    make_stale(&server, GROUP, "c1", &stale, 600_000, deliveries);
    server
}
