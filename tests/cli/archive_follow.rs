//! `archive --follow`: it goes on over lost connections, and after any crash.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::archive::{archive, lines, verify};
use crate::support::{PATIENCE, Signal, Spawned, TestServer, directory, until};

fn follow(server: &TestServer, dir: &std::path::Path) -> Spawned {
    let dir = dir.to_str().unwrap();
    server
        .command(&["archive", "s", "--to", dir, "--follow", "--every", "100ms"])
        .spawn()
}

fn read(server: &TestServer) -> String {
    server
        .ucp(&["read", "s", "--pairs", "-o", "ndjson"])
        .stdout()
        .to_owned()
}

#[test]
fn killed_at_any_moment_it_goes_on_without_a_hole_or_a_repeat() {
    let (server, home) = (TestServer::start(), directory());
    server.redis(&["XADD", "s", "*", "n", "0"]);
    let is_over = Arc::new(AtomicBool::new(false));
    let publisher = {
        let (mut client, is_over) = (server.client(), Arc::clone(&is_over));
        thread::spawn(move || {
            let mut n = 0;
            while !is_over.load(Ordering::Relaxed) {
                let numbers: Vec<String> = (n..n + 50).map(|n: u32| n.to_string()).collect();
                let adds: Vec<_> = numbers.iter().map(|n| ["XADD", "s", "*", "n", n]).collect();
                client.pipeline(&adds);
                n += 50;
                thread::sleep(Duration::from_millis(5));
            }
        })
    };
    for moment in 0..20 {
        let mut run = follow(&server, home.path());
        thread::sleep(Duration::from_millis(60 + 131 * moment % 900));
        assert!(run.ended().is_none(), "it ended: {}", run.so_far());
        run.signal(Signal::KILL);
        run.wait();
    }
    let run = follow(&server, home.path());
    is_over.store(true, Ordering::Relaxed);
    publisher.join().unwrap();
    let all = read(&server);
    until(PATIENCE, "that all is archived", || {
        lines(home.path()).len() >= all.len()
    });
    run.terminate().assert_code(0).stderr_has("archived ");
    assert!(lines(home.path()) == all, "a hole or a repeat");
    verify(home.path()).assert_code(0);
    archive(&server, "s", home.path(), &[]).assert_code(0);
    assert!(lines(home.path()) == all);
}

#[test]
fn a_server_that_is_away_is_awaited() {
    let (mut server, home) = (TestServer::durable(), directory());
    server.redis(&["XADD", "s", "1-1", "n", "0"]);
    let mut run = follow(&server, home.path());
    until(PATIENCE, "the first entry", || {
        lines(home.path()).lines().count() == 1
    });
    server.kill();
    run.await_stderr("trying again in");
    server.restart();
    server.redis(&["XADD", "s", "1-2", "n", "0"]);
    until(PATIENCE, "the second entry", || {
        lines(home.path()).lines().count() == 2
    });
    run.terminate().assert_code(0);
    assert_eq!(lines(home.path()), read(&server));
    let words = [
        "archive",
        "s",
        "--to",
        home.path().to_str().unwrap(),
        "--follow",
        "--every",
    ];
    server
        .ucp(&[&words[..], &["1ms"]].concat())
        .assert_code(2)
        .stderr_has("at least 100ms");
}
