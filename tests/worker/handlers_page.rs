//! The handlers of the manual's page, in three languages: each is what stands there, run by a worker.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::pending;
use crate::support::{TestServer, directory, program};

const PAGE: &str = include_str!("../../src/commands/man/handlers.md");

/// The program below a heading of the page.
fn on_page(heading: &str) -> String {
    let heading = format!("## {heading}\n");
    let (_, section) = PAGE.split_once(&heading).unwrap();
    let (_, block) = section.split_once("```").unwrap();
    let (_, code) = block.split_once('\n').unwrap();
    let (code, _) = code.split_once("```").unwrap();
    assert!(
        code.lines().count() <= 20,
        "{heading} has more than 20 lines"
    );
    code.to_owned()
}

/// Whether the machine has what a program is run by; otherwise it is said that the test is left out, and why.
fn can_run(interpreter: &str) -> bool {
    let found = Command::new(interpreter).arg("--version").output();
    let is_there = found.is_ok_and(|it| it.status.success());
    if !is_there {
        println!("LEFT OUT: this machine has no {interpreter}");
    }
    is_there
}

/// Twenty entries, every fifth of which cannot be handled, with odd values.
fn server() -> TestServer {
    let server = TestServer::start();
    for n in 1..=20 {
        let id = format!("{n}-0");
        let value = format!("q\"\\ }}]{n} \u{e9}");
        let field = if n % 5 == 0 { "other" } else { "event_type" };
        server.redis(&["XADD", "orders", &id, field, &value, "n", "1"]);
    }
    server
}

fn worked(
    server: &TestServer,
    how: &str,
    code: &str,
    argument: Option<&str>,
) -> BTreeMap<String, usize> {
    let home = directory();
    program(&home.path().join("handle"), code);
    let worker = [
        "worker", "run", "billing", "--stream", "orders", "--once", how, "--", "./handle",
    ];
    let words: Vec<&str> = worker.into_iter().chain(argument).collect();
    server
        .command(&words)
        .in_dir(home.path())
        .run()
        .assert_code(0)
        .stderr_has("4 dead-lettered");
    assert_eq!(pending(server, "orders", "billing"), 0);
    assert_eq!(server.redis(&["XLEN", "{orders}:dlq"]).int(), 4);
    let log = fs::read_to_string(home.path().join("handled.log")).unwrap_or_default();
    let mut handled = BTreeMap::new();
    for line in log.lines() {
        *handled
            .entry(line.split(' ').next().unwrap().to_owned())
            .or_default() += 1;
    }
    handled
}

fn exec(language: &str, interpreter: &str) {
    if !can_run(interpreter) {
        return;
    }
    let handled = worked(
        &server(),
        "--exec",
        &on_page(&format!("{language}, --exec")),
        None,
    );
    assert!(
        handled.len() == 16 && handled.values().all(|times| *times == 1),
        "{handled:?}"
    );
}

fn pipe(language: &str, interpreter: &str) {
    if !can_run(interpreter) {
        return;
    }
    let server = server();
    worked(
        &server,
        "--pipe",
        &on_page(&format!("{language}, --pipe")),
        Some("copies"),
    );
    // Copies are the same to the byte.
    let fields = |stream: &str| -> Vec<Vec<Vec<u8>>> {
        let entries = server.redis(&["XRANGE", stream, "-", "+"]);
        let fields = entries
            .items()
            .iter()
            .map(|it| it.items()[1].items().to_vec());
        let mut fields: Vec<Vec<Vec<u8>>> = fields
            .map(|it| it.iter().map(|it| it.bytes().to_vec()).collect())
            .collect();
        fields.retain(|it| it[0] == b"event_type");
        fields.sort();
        fields
    };
    assert_eq!(fields("copies"), fields("orders"));
    assert_eq!(server.redis(&["XLEN", "copies"]).int(), 16);
}

#[test]
fn python_for_each_entry() {
    exec("Python", "python3");
}

#[test]
fn python_that_stays() {
    pipe("Python", "python3");
}

#[test]
fn node_for_each_entry() {
    exec("Node", "node");
}

#[test]
fn node_that_stays() {
    pipe("Node", "node");
}

#[test]
fn shell_for_each_entry() {
    exec("Shell", "bash");
}

#[test]
fn shell_that_stays() {
    pipe("Shell", "bash");
}
