//! `consume --follow` across lost connections: no entry is left out, and none comes twice.

use serde_json::Value;

use crate::seed::{GROUP, STREAM, add, pending, stream_with_group};
use crate::support::{End, Mode, PATIENCE, Proxy, Spawned, TestServer, until};

const FOLLOW: [&str; 8] = [
    "--timeout",
    "1s",
    "consume",
    GROUP,
    "--consumer",
    "c",
    "--follow",
    "-ondjson",
];

fn following(url: &str, flags: &[&str]) -> Spawned {
    crate::support::Invocation::new(&[&FOLLOW[..], flags].concat())
        .env("UCP_STREAMS_URL", url)
        .spawn()
}

/// Its end; what it wrote must be these entries, each once and in order.
#[track_caller]
fn ended_with(run: Spawned, last: u64) -> crate::support::Run {
    let run = run.terminate();
    let rows: Vec<Value> = run.stdout_ndjson();
    let ids: Vec<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    let expected: Vec<String> = (1..=last).map(|n| format!("{n}-0")).collect();
    assert_eq!(ids, expected, "{run}");
    run
}

#[test]
fn a_server_that_is_killed_and_comes_back_costs_nothing() {
    for flags in [&["--ack"][..], &[]] {
        let mut server = TestServer::durable();
        stream_with_group(&server, STREAM, GROUP, 2);
        let mut run = following(&server.url(), flags);
        run.await_stdout("\"id\":\"2-0\"");
        for round in 0..2 {
            server.kill();
            run.await_stderr("connecting again");
            server.restart();
            add(&server, STREAM, 3 + 2 * round, 4 + 2 * round);
            run.await_stdout(&format!("\"id\":\"{}-0\"", 4 + 2 * round));
        }
        let run = ended_with(run, 6);
        let left = if flags.is_empty() { 6 } else { 0 };
        assert_eq!(pending(&server, STREAM, GROUP).len(), left, "{run}");
    }
}

#[test]
fn what_was_delivered_in_a_lost_reply_is_found_again() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 1);
    let proxy = Proxy::before(server.socket());
    let mut run = following(&proxy.url(), &[]);
    run.await_stdout("\"id\":\"1-0\"");
    for n in 2..=4 {
        proxy.drop_replies_to("BLOCK");
        until(PATIENCE, "a read whose reply is lost", || {
            proxy.counts().found == n - 1
        });
        add(&server, STREAM, n, n);
        run.await_stdout(&format!("\"id\":\"{n}-0\""));
    }
    ended_with(run, 4);
    let held = pending(&server, STREAM, GROUP);
    assert_eq!(held.len(), 4);
    assert!(
        held.iter().all(|row| row.1 == "c" && row.2 == 1),
        "each was delivered once: {held:?}"
    );
}

#[test]
fn an_acknowledgement_whose_reply_was_lost_is_made_sure_of() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 1);
    let proxy = Proxy::before(server.socket());
    let mut run = following(&proxy.url(), &["--ack"]);
    until(PATIENCE, "the first acknowledgement", || {
        pending(&server, STREAM, GROUP).is_empty() && proxy.counts().replies > 0
    });
    run.await_stdout("\"id\":\"1-0\"");
    proxy.drop_replies_to("EVALSHA");
    add(&server, STREAM, 2, 2);
    run.await_stderr("connecting again");
    add(&server, STREAM, 3, 3);
    run.await_stdout("\"id\":\"3-0\"");
    until(PATIENCE, "all acknowledged", || {
        pending(&server, STREAM, GROUP).is_empty()
    });
    ended_with(run, 3)
        .stderr_has("3 entries of")
        .stderr_lacks("claimed them");
}

#[test]
fn connections_lost_again_and_again_leave_nothing_out() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 0);
    let proxy = Proxy::before(server.socket());
    let mut run = following(&proxy.url(), &["--ack"]);
    for round in 0..6 {
        add(&server, STREAM, round * 50 + 1, round * 50 + 50);
        match round % 3 {
            0 => drop(proxy.end_all(End::Reset)),
            1 => proxy.set_present(Mode::BlackHole),
            _ => proxy.set_present(Mode::CutAfter(500)),
        }
        run.await_stdout(&format!("\"id\":\"{}-0\"", round * 50 + 50));
    }
    until(PATIENCE, "all acknowledged", || {
        pending(&server, STREAM, GROUP).is_empty()
    });
    ended_with(run, 300);
}

#[test]
fn a_signal_ends_it_while_the_server_is_away() {
    let mut server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 1);
    let mut run = following(&server.url(), &["--ack"]);
    run.await_stdout("\"id\":\"1-0\"");
    until(PATIENCE, "the acknowledgement", || {
        pending(&server, STREAM, GROUP).is_empty()
    });
    server.kill();
    run.await_stderr("connecting again");
    run.terminate().assert_code(143);
}
