//! The program of a handler: it must be there when the worker starts, and one that is gone later is awaited.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::pending;
use crate::support::TestServer;

fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn run<'a>(handler: &[&'a str]) -> Vec<&'a str> {
    let run = ["worker", "run", "billing", "--stream", "orders", "--once"];
    [&run[..], handler].concat()
}

#[test]
fn a_program_that_is_not_there_is_refused_before_anything_is_read() {
    let server = TestServer::start();
    server.redis(&["XADD", "orders", "*", "n", "1"]);
    for (handler, says, hint) in [
        (
            &["--exec", "--", "/nowhere/handler"][..],
            "there is no program `/nowhere/handler`",
            "hint: give the path of an existing program",
        ),
        (
            &["--pipe", "--", "/nowhere/handler"],
            "there is no program `/nowhere/handler`",
            "hint: give the path of an existing program",
        ),
        (
            &["--exec", "--", "no-such-handler", "argument"],
            "there is no program `no-such-handler` on the search path",
            "hint: give its path, or put its directory into $PATH",
        ),
        (
            &["--exec", "--", "here.sh"],
            "there is no program `here.sh` on the search path",
            "hint: the one in this directory is ./here.sh",
        ),
        (
            &["--exec", "--", "./text"],
            "`./text` is not an executable file",
            "hint: make it executable with chmod +x ./text, or name its interpreter before it",
        ),
        (
            &["--exec", "--", "/tmp"],
            "`/tmp` is not an executable file",
            "hint: name a program",
        ),
    ] {
        let command = server.command(&run(handler)).file("text", "exit 0\n");
        script(&command.dir().join("here.sh"), "exit 0");
        command
            .run()
            .assert_code(2)
            .stderr_has("group `billing` on `orders`")
            .stderr_has(says)
            .stderr_has(hint);
    }
    let groups = server.redis(&["XINFO", "GROUPS", "orders"]);
    assert!(groups.items().is_empty(), "{groups:?}");
}

#[test]
fn a_topology_whose_program_is_not_there_is_refused() {
    let server = TestServer::start();
    let topology = "[groups.event-processors]\nhandler = { exec = [\"/nowhere/handler\"] }\n";
    server
        .command(&["worker", "run", "event-processors", "--once"])
        .file("ucp-streams.toml", topology)
        .run()
        .assert_code(2)
        .stderr_has("group `event-processors` on `events.normalized`: there is no program `/nowhere/handler`");
    assert_eq!(server.redis(&["EXISTS", "events.normalized"]).int(), 0);
}

#[test]
fn a_name_is_looked_up_as_the_system_does() {
    let server = TestServer::start();
    server.redis(&["XADD", "orders", "*", "n", "1"]);
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("first")).unwrap();
    fs::create_dir(home.path().join("second")).unwrap();
    // A directory and a file that cannot be executed are passed over.
    fs::create_dir(home.path().join("first/handle-order")).unwrap();
    script(&home.path().join("second/handle-order"), "cat >/dev/null");
    let path = format!(
        "{0}/first:{0}/second:/usr/bin:/bin",
        home.path().to_str().unwrap()
    );
    server
        .command(&run(&["--exec", "--", "handle-order"]))
        .env("PATH", path)
        .run()
        .assert_code(0);
    assert_eq!(pending(&server, "orders", "billing"), 0);
}

#[test]
fn a_program_that_is_gone_later_is_no_attempt() {
    let server = TestServer::start();
    for n in ["1", "2"] {
        server.redis(&["XADD", "orders", "*", "n", n]);
    }
    let run = [
        &["--timeout", "1s"],
        &run(&["--exec", "--", "./once.sh"])[..],
    ]
    .concat();
    let command = server.command(&run);
    script(&command.dir().join("once.sh"), "rm -- \"$0\"");
    command
        .run()
        .assert_code(7)
        .stderr_has("cannot start ./once.sh")
        .stderr_lacks("failed attempt")
        .stderr_has("1 given back, 1 left pending");
    assert_eq!(pending(&server, "orders", "billing"), 1);
}
