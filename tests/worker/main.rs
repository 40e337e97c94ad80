//! `worker run` as its users see it: a failing message's whole way, a dead worker's messages, one active worker, exactly
//! one effect, and what an idle worker asks of the server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test says what it measured")]

mod active;
mod answers;
mod called;
mod cluster;
mod cost;
mod effects;
mod failing;
mod handlers_page;
mod headers;
mod journal;
mod key_order;
mod metrics;
mod pace;
mod paused;
mod pipe;
mod programs;
mod retry_stream;
mod service;
mod takeover;

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use support::{Reply, TestServer};

/// An entry's fields by name.
fn fields(entry: &Reply) -> BTreeMap<String, String> {
    let list = entry.items()[1].texts();
    list.chunks(2)
        .map(|pair| (pair[0].to_owned(), pair[1].to_owned()))
        .collect()
}

/// Entries pending in a group.
fn pending(server: &TestServer, stream: &str, group: &str) -> i64 {
    server.redis(&["XPENDING", stream, group]).items()[0].int()
}
