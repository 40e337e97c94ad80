//! What a person sees on a terminal of 80 columns, with 600 rows of trouble on the server.

mod columns;
mod dead;
mod entries;
mod header;
mod ids;
mod lists;
mod pager;
mod watch;
mod wrapped;

use crate::support::{Invocation, Run, TestServer};

/// Consumers that hold entries and are not there any more.
const DEAD: [&str; 3] = ["host-1-dead", "host-2-dead", "host-3-dead"];
const STREAM: &str = "events.normalized";
const GROUP: &str = "event-processors";

/// A server with 600 entries pending for consumers that are dead.
fn pending_600() -> TestServer {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
    let script = "for i = 1, 600 do redis.call('XADD', KEYS[1], (1700000000000 + i) .. '-0', 'event_id', i, 'brand_id', 'b' .. i % 7) end
        for place, count in ipairs({100, 400, 100}) do
            redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[1 + place], 'COUNT', count, 'STREAMS', KEYS[1], '>') end";
    let eval = ["EVAL", script, "1", STREAM, GROUP];
    server.redis(&[&eval[..], &DEAD].concat());
    server
}

/// What a run shows on a terminal of 80 columns.
fn on_terminal(server: &TestServer, args: &[&str]) -> Run {
    terminal(server.command(args)).run()
}

fn terminal(invocation: Invocation) -> Invocation {
    invocation.env("TERM", "dumb").on_terminals(80)
}

/// What stands below the line about the server, which ends in a dot where it goes on.
fn body(run: &Run) -> Vec<&str> {
    let mut lines = run.stdout_lines().into_iter();
    while lines.next().is_some_and(|line| line.ends_with(" ·")) {}
    lines.collect()
}
