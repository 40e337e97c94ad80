//! A group with one active worker: what it held when it died comes first.

use std::fs;
use std::path::Path;

use crate::support::{Invocation, PATIENCE, Signal, TestServer, directory, until};

/// Of the built-in topology: one active worker, a claim idle of a minute.
const STREAM: &str = "profiles.merge_requests";
const GROUP: &str = "merge-processors";

/// A worker that writes the order in which it handles entries; it stays at number 3 while there is a file `stay`.
fn worker(server: &TestServer, home: &Path, consumer: &str, flags: &[&str]) -> Invocation {
    let handler = "n=$(sed 's/.*\"n\":\"\\([0-9]*\\)\".*/\\1/'); echo $n >>started
while test -e stay && test $n = 3; do sleep 0.05; done; echo $n >>ended";
    let run = ["worker", "run", GROUP, "--consumer", consumer];
    server
        .command(&[&run[..], flags, &["--exec", "--", "sh", "-c", handler]].concat())
        .in_dir(home)
        .timeout(PATIENCE)
}

fn publish(server: &TestServer, from: usize, to: usize) {
    for n in from..=to {
        server.redis(&["XADD", STREAM, "*", "n", &n.to_string()]);
    }
}

fn lines(home: &Path, name: &str) -> Vec<String> {
    let text = fs::read_to_string(home.join(name)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn field_r10_what_the_dead_active_worker_held_comes_before_new_entries() {
    let server = TestServer::start();
    let home = directory();
    let home = home.path();
    fs::write(home.join("stay"), "").unwrap();
    let mut first = worker(&server, home, "first", &["--batch", "2"]).spawn();
    first.await_stderr("is the active one");
    let mut second = worker(&server, home, "second", &[]).spawn();
    second.await_stderr("standing by");
    publish(&server, 0, 5);
    // It works on 3, has 4 in hand, and dies.
    let row = ["XPENDING", STREAM, GROUP];
    until(PATIENCE, "3 is worked on, 4 in hand", || {
        let held = server.redis(&row).items()[0].int();
        lines(home, "started").last().is_some_and(|n| n == "3") && held >= 2
    });
    first.signal(Signal::KILL);
    first.wait();
    fs::remove_file(home.join("stay")).unwrap();
    publish(&server, 6, 11);
    until(PATIENCE, "all handled", || lines(home, "ended").len() == 12);
    let wanted: Vec<String> = (0..12).map(|n| n.to_string()).collect();
    assert_eq!(lines(home, "ended"), wanted);
    let taken = second.terminate();
    taken.assert_code(0).stderr_has("taken over");
}

#[test]
fn field_r10_what_somebody_else_reads_of_the_group_is_left_alone() {
    let server = TestServer::start();
    let home = directory();
    let home = home.path();
    let mut first = worker(&server, home, "first", &[]).spawn();
    first.await_stderr("is the active one");
    let mut second = worker(&server, home, "second", &[]).spawn();
    second.await_stderr("standing by");
    first.signal(Signal::KILL);
    first.wait();
    publish(&server, 0, 0);
    let read = [
        "XREADGROUP",
        "GROUP",
        GROUP,
        "person",
        "STREAMS",
        STREAM,
        ">",
    ];
    server.redis(&read);
    second.await_stderr("this worker is the active one");
    publish(&server, 1, 1);
    until(PATIENCE, "the new one", || lines(home, "ended") == ["1"]);
    let held = server.redis(&["XPENDING", STREAM, GROUP, "-", "+", "9"]);
    assert_eq!(held.items()[0].items()[1].text(), "person");
    second.terminate();
}
