//! What hints and undo lines suggest, pasted into a shell, whatever the names are.

use std::path::Path;
use std::process::Command;

use crate::seed::{deliver, pending, stream_with_group};
use crate::support::{Run, TestServer, directory};

const STREAM: &str = "it's a $HOME `stream`";
const GROUP: &str = "-the \"group\"";

/// Runs `line` as a person who pastes it would.
#[track_caller]
fn paste(server: &TestServer, line: &str) {
    let binary = Path::new(env!("CARGO_BIN_EXE_ucp-streams"));
    let home = directory();
    let output = Command::new("/bin/sh")
        .args(["-c", line])
        .env_clear()
        .env("PATH", binary.parent().unwrap())
        .env("HOME", home.path())
        .env("UCP_STREAMS_URL", server.url())
        .output()
        .unwrap();
    assert!(output.status.success(), "{line}\n{output:?}");
}

/// The command that standard error suggests after `before`, to the line's end.
#[track_caller]
fn suggested<'a>(run: &'a Run, before: &str) -> &'a str {
    run.stderr_has(before);
    let (_, after) = run.stderr().split_once(before).unwrap();
    after.lines().next().unwrap()
}

fn groups(server: &TestServer) -> usize {
    server.redis(&["XINFO", "GROUPS", STREAM]).items().len()
}

#[test]
fn an_undo_line_works_as_it_stands() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 3);
    let words = [
        "--stream",
        STREAM,
        "--force",
        "--yes",
        "--no-snapshot",
        "--",
        GROUP,
    ];
    let deleted = server.ucp(&[&["groups", "delete"], &words[..]].concat());
    let again = suggested(
        deleted.assert_code(0),
        "to create it again at the same position: ",
    );
    assert_eq!(groups(&server), 0);
    paste(&server, again);
    assert_eq!(groups(&server), 1);
}

#[test]
fn the_next_step_works_once_it_is_filled_in() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 3);
    deliver(&server, STREAM, GROUP, "c1", 1);
    let consumed = server.ucp(&["consume", "--stream", STREAM, "--count", "1", "--", GROUP]);
    let acknowledge = suggested(consumed.assert_code(0), "acknowledge: ");
    let held = pending(&server, STREAM, GROUP);
    assert_eq!(held.len(), 2);
    paste(
        &server,
        &acknowledge
            .replace("ack ", "ack --yes ")
            .replace("ID…", "1-0 2-0"),
    );
    assert!(pending(&server, STREAM, GROUP).is_empty());
}
