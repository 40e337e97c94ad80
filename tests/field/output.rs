//! Where output and input go: readers that have gone, closed descriptors, what only looks like them.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use crate::support::{PATIENCE, Pty, Run, TestServer, directory, until};

/// Runs `script` with bash; in it `$UCP` is the binary, which finds `server` by its environment.
#[track_caller]
pub(crate) fn bash(server: &TestServer, script: &str) -> Run {
    let home = directory();
    let output = Command::new("bash")
        .args(["-c", script])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", home.path())
        .env("UCP", env!("CARGO_BIN_EXE_ucp-streams"))
        .env("UCP_STREAMS_URL", server.url())
        .current_dir(home.path())
        .output()
        .unwrap();
    Run {
        words: script.to_owned(),
        status: output.status,
        stdout: output.stdout,
        stderr: output.stderr,
    }
}

/// A stream with one entry and a group that has read nothing.
fn one_entry() -> TestServer {
    let server = TestServer::start();
    server.redis(&["XADD", "s", "1-0", "f", "v"]);
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    server
}

/// The binary with its standard output at `output`.
fn started(server: &TestServer, args: &[&str], output: impl Into<Stdio>) -> Child {
    Command::new(env!("CARGO_BIN_EXE_ucp-streams"))
        .args(["-u", &server.url()])
        .args(args)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Awaits its end and returns its exit code.
#[track_caller]
fn code_of(mut child: Child) -> Option<i32> {
    until(PATIENCE, "its end", || child.try_wait().unwrap().is_some());
    child.wait().unwrap().code()
}

/// A pipe, a socket and a terminal: the end that is read, and the one that is written.
fn ends() -> [(&'static str, Box<dyn Read>, Stdio); 3] {
    let (pipe, pipe_end) = std::io::pipe().unwrap();
    let (socket, socket_end) = UnixStream::pair().unwrap();
    let pty = Pty::of_width(80);
    [
        ("pipe", Box::new(pipe), pipe_end.into()),
        ("socket", Box::new(socket), OwnedFd::from(socket_end).into()),
        ("terminal", Box::new(pty.controller), pty.terminal.into()),
    ]
}

/// What the group has read, and what is pending in it.
fn group(server: &TestServer) -> (String, usize) {
    let groups = server.redis(&["XINFO", "GROUPS", "s"]);
    let read = groups.items()[0].get("last-delivered-id").unwrap().text();
    let pending = server.redis(&["XPENDING", "s", "g", "-", "+", "10"]);
    (read.to_owned(), pending.items().len())
}

#[test]
fn field_c2_tail_ends_when_its_reader_has_gone() {
    let server = one_entry();
    server.redis(&["XADD", "t", "1-1", "f", "v"]);
    for streams in ["s", "s t"] {
        let script =
            format!("timeout 50 $UCP tail {streams} -n 1 -f | head -1; exit ${{PIPESTATUS[0]}}");
        bash(&server, &script).assert_code(0).stderr_is_empty();
    }
    for (what, reader, end) in ends() {
        let child = started(
            &server,
            &["tail", "s", "-n", "1", "-f", "-o", "ndjson"],
            end,
        );
        let mut reader = BufReader::new(reader);
        reader.read_line(&mut String::new()).unwrap();
        drop(reader);
        assert_eq!(code_of(child), Some(0), "{what}");
    }
}

#[test]
fn field_c2_consume_is_delivered_nothing_once_its_reader_has_gone() {
    for (what, reader, end) in ends() {
        let server = one_entry();
        let args = [
            "consume", "g", "--stream", "s", "--ack", "-f", "-o", "ndjson",
        ];
        let child = started(&server, &args, end);
        let mut reader = BufReader::new(reader);
        reader.read_line(&mut String::new()).unwrap();
        drop(reader);
        assert_eq!(code_of(child), Some(0), "{what}");
        server.redis(&["XADD", "s", "2-0", "f", "v"]);
        assert_eq!(group(&server), ("1-0".to_owned(), 0), "{what}");
    }
    // Without --ack, what was written stays pending; what was not is not delivered.
    let server = one_entry();
    let script =
        "timeout 50 $UCP consume g --stream s -f -o ndjson | head -1; exit ${PIPESTATUS[0]}";
    bash(&server, script).assert_code(0);
    server.redis(&["XADD", "s", "2-0", "f", "v"]);
    assert_eq!(group(&server), ("1-0".to_owned(), 1));
}

#[test]
fn field_c2_a_filter_that_prints_nothing_does_not_keep_a_read_going() {
    let server = TestServer::start();
    for _ in 0..20_000 {
        server.redis(&["XADD", "s", "*", "f", "v"]);
    }
    let (reader, end) = std::io::pipe().unwrap();
    drop(reader);
    let args = ["read", "s", "-o", "ndjson", "--jq", "empty"];
    assert_eq!(code_of(started(&server, &args, end)), Some(0));
    // A reader that stays has the tool ask 23 times.
    let stats = server.redis(&["INFO", "commandstats"]);
    let ranges = stats.text().split_once("cmdstat_xrange:calls=");
    let ranges = ranges.and_then(|(_, rest)| rest.split_once(','));
    let ranges: u32 = ranges.map_or(0, |(calls, _)| calls.parse().unwrap());
    assert!(ranges < 12, "{}", stats.text());
}

#[test]
fn field_c2_what_has_no_reader_that_could_go_is_followed_on() {
    let server = one_entry();
    let home = directory();
    let path = home.path().join("out");
    let out = File::create(&path).unwrap();
    let mut child = started(
        &server,
        &["tail", "s", "-n", "1", "-f", "-o", "ndjson"],
        out,
    );
    for (id, lines) in [("2-0", 1), ("3-0", 2)] {
        until(PATIENCE, "another line", || {
            std::fs::read_to_string(&path).unwrap().lines().count() == lines
        });
        assert!(child.try_wait().unwrap().is_none());
        server.redis(&["XADD", "s", id, "f", "v"]);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn field_c4_a_closed_output_changes_nothing_and_is_74() {
    let server = one_entry();
    let before = server.redis(&["XINFO", "STREAM", "s", "FULL"]);
    for closed in [">&-", "1</etc/hostname"] {
        for command in [
            "consume g --stream s --ack",
            "consume g --stream s",
            "publish s a=b",
            "groups create h --stream s --start 0",
            "groups set-id g end --stream s -y",
        ] {
            let run = bash(&server, &format!("$UCP {command} {closed}"));
            run.assert_code(74).stderr_has("standard output is");
            run.stderr_has("nothing was read or changed");
        }
        for command in [
            "read s -1",
            "read s 5-0",
            "get s -1",
            "tail s",
            "info s",
            "lag",
            "groups s",
            "ping",
            "topology show",
            "completions bash",
            "--version",
        ] {
            let run = bash(&server, &format!("$UCP {command} {closed}"));
            run.assert_code(74).stderr_has("standard output is");
        }
    }
    let after = server.redis(&["XINFO", "STREAM", "s", "FULL"]);
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
}

#[test]
fn field_c4_a_closed_input_is_not_an_empty_one() {
    let server = one_entry();
    for command in [
        "publish s --file -",
        "ingest --file -",
        "--password-stdin ping",
    ] {
        for closed in ["<&-", "0>/dev/null"] {
            let run = bash(&server, &format!("$UCP {command} {closed}"));
            run.assert_code(74).stderr_has("standard input is");
        }
    }
    // Empty on purpose, and closed where nothing is read from it.
    bash(&server, "$UCP publish s --file - </dev/null")
        .assert_code(0)
        .stderr_has("no entries");
    bash(&server, "$UCP info s <&-")
        .assert_code(0)
        .stderr_is_empty();
    // A worker shows nothing on standard output, which may be closed.
    bash(
        &server,
        "$UCP worker run g --stream s --builtin null --once >&- <&-",
    )
    .assert_code(0);
}

#[test]
fn field_r15_the_null_device_is_an_output() {
    for null in [">/dev/null", "1<>/dev/null"] {
        let server = one_entry();
        bash(&server, &format!("$UCP consume g --stream s --ack {null}")).assert_code(0);
        assert_eq!(group(&server), ("1-0".to_owned(), 0), "{null}");
        for command in ["info s", "publish s a=b"] {
            bash(&server, &format!("$UCP {command} {null}"))
                .assert_code(0)
                .stderr_is_empty();
        }
    }
}
