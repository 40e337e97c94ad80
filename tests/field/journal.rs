//! A journal that cannot be written, and one that can.

use std::fs;

use crate::support::{Invocation, TestServer, directory};

fn run(server: &TestServer, journal: &str, handler: &str) -> Invocation {
    let run = ["worker", "run", "billing", "--stream", "orders", "--once"];
    server.command(
        &[
            &run[..],
            &["--journal", journal, "--exec", "--", "sh", "-c", handler],
        ]
        .concat(),
    )
}

fn publish(server: &TestServer, count: usize) {
    for n in 1..=count {
        server.redis(&["XADD", "orders", "*", "n", &n.to_string()]);
    }
}

#[test]
fn field_r14_a_journal_on_a_full_disk_is_said_once_and_in_the_exit_code() {
    let server = TestServer::start();
    publish(&server, 20);
    let ended = run(&server, "/dev/full", "exit 0").run();
    ended
        .assert_code(74)
        .stderr_has("20 handled")
        .stderr_has(
            "error: the journal /dev/full is missing 20 of 20 handled entries: No space left on device",
        )
        .stderr_has("hint: ");
    let said = ended.stderr().matches("cannot write the journal").count();
    assert_eq!(said, 1, "{ended}");
    // The work was done all the same.
    let pending = server.redis(&["XPENDING", "orders", "billing"]);
    assert_eq!(pending.items()[0].int(), 0);
}

#[test]
fn field_r14_what_is_left_pending_comes_before_the_journal() {
    let server = TestServer::start();
    publish(&server, 2);
    let handler = "case $UCP_ID in \"$(cat first)\") ;; *) exit 1;; esac";
    let first = server.redis(&["XRANGE", "orders", "-", "+", "COUNT", "1"]);
    let first = first.items()[0].items()[0].text().to_owned();
    run(&server, "/dev/full", handler)
        .file("first", &first)
        .run()
        .assert_code(7)
        .stderr_has("1 left pending")
        .stderr_has("warning: the journal /dev/full is missing 1 of 1 handled entry");
}

#[test]
fn field_r14_a_journal_that_is_written_is_not_spoken_of() {
    let server = TestServer::start();
    publish(&server, 3);
    let home = directory();
    let file = home.path().join("handled");
    run(&server, file.to_str().unwrap(), "exit 0")
        .run()
        .assert_code(0)
        .stderr_lacks("journal");
    assert_eq!(fs::read_to_string(file).unwrap().lines().count(), 3);
}
