//! A group with a few entries, for what is seen on a terminal.

use super::TestServer;

/// The stream.
pub const STREAM: &str = "events.normalized";
/// The group.
pub const GROUP: &str = "event-processors";

/// A server with five entries in [`STREAM`], two of which were delivered to this consumer of [`GROUP`].
#[track_caller]
pub fn seeded(consumer: &str) -> TestServer {
    let server = TestServer::durable();
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
    add(&server, 5);
    server.deliver((STREAM, GROUP), consumer, 2);
    server
}

/// Adds so many entries to [`STREAM`].
#[track_caller]
pub fn add(server: &TestServer, count: usize) {
    for _ in 0..count {
        server.redis(&["XADD", STREAM, "*", "event_id", "1", "brand_id", "b"]);
    }
}
