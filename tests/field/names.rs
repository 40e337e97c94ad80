//! Groups as the server has them, and lists that are not cut for a script.

use serde_json::Value;

use crate::support::TestServer;

/// A group on a stream of the topology that only the server knows, one letter from one of the topology.
const NEAR: &str = "event-procesors";
const STREAM: &str = "events.normalized";

fn entries(server: &TestServer, stream: &str, count: usize) {
    let mut client = server.client();
    for n in 1..=count {
        let (id, n) = (format!("{n}-0"), n.to_string());
        client.send(&["XADD", stream, &id, "n", &n]);
    }
}

/// Three entries; `event-processors` and its neighbour read them all.
fn two_alike() -> TestServer {
    let server = TestServer::start();
    entries(&server, STREAM, 3);
    for group in ["event-processors", NEAR] {
        server.redis(&["XGROUP", "CREATE", STREAM, group, "0"]);
        server.redis(&["XREADGROUP", "GROUP", group, "c", "STREAMS", STREAM, ">"]);
        server.redis(&["XGROUP", "CREATECONSUMER", STREAM, group, "d"]);
    }
    server
}

#[test]
fn field_a9_a_group_that_only_the_server_has_is_the_one_that_is_meant() {
    let server = two_alike();
    let dry = ["--dry-run", "--force"];
    server
        .ucp(&[&["groups", "delete", NEAR][..], &dry].concat())
        .assert_code(0)
        .stderr_has("delete group `event-procesors` of stream `events.normalized`")
        .stderr_lacks("event-processors");
    server
        .ucp(&[&["groups", "set-id", NEAR, "start"][..], &dry].concat())
        .assert_code(0)
        .stderr_has("move group `event-procesors`");
    for command in [
        &["pending", NEAR, "--jq", ".group"][..],
        &["lag", NEAR, "--jq", ".[0].group"],
        &["claim", NEAR, "1-0", "--to", "c", "--dry-run"],
        &["requeue", NEAR, "1-0", "--all-groups-see-it", "--dry-run"],
        &["ack", NEAR, "1-0", "--dry-run"],
        &["dlq", "add", NEAR, "1-0", "--reason", "odd", "--dry-run"],
        &["consumers", NEAR],
        &[
            "consumers",
            "delete",
            NEAR,
            "c",
            "--hand-over-to",
            "d",
            "--dry-run",
        ],
        &["groups", "create", NEAR, "--dry-run"],
        &["consume", NEAR, "--dry-run"],
        &["worker", "run", NEAR, "--builtin", "null", "--dry-run"],
        &["init", NEAR, "--dry-run"],
    ] {
        let run = server.ucp(command);
        assert!(matches!(run.code(), Some(0)), "{run}");
        assert!(!run.stdout().contains("event-processors"), "{run}");
    }
    server.ucp(&["ack", NEAR, "1-0", "-y"]).assert_code(0);
    let left = |group| server.redis(&["XPENDING", STREAM, group]).items()[0].int();
    assert_eq!((left(NEAR), left("event-processors")), (2, 3));
}

#[test]
fn field_a9_a_destructive_command_names_no_live_group_for_another() {
    let server = TestServer::start();
    entries(&server, STREAM, 1);
    server.redis(&["XGROUP", "CREATE", STREAM, "event-processors", "0"]);
    for command in [
        &["groups", "delete", NEAR, "--dry-run"][..],
        &["groups", "delete", NEAR, "--stream", STREAM, "--dry-run"],
        &["groups", "set-id", NEAR, "start", "--dry-run"],
        &["ack", NEAR, "1-0", "-y"],
        &["ack", NEAR, "1-0", "-y", "--stream", STREAM],
        &["requeue", NEAR, "-y"],
        &["claim", NEAR, "--to", "c", "-y"],
        &["dlq", "add", NEAR, "1-0", "--reason", "odd", "-y"],
        &["consumers", "delete", NEAR, "c", "-y"],
        &["consumers", "prune", NEAR, "-y"],
    ] {
        server
            .ucp(command)
            .assert_code(3)
            .stderr_has("event-procesors")
            .stderr_lacks("event-processors");
    }
    server
        .ucp(&["groups", "delete", STREAM, "-y"])
        .assert_code(3)
        .stderr_has("no group `events.normalized`")
        .stderr_lacks("event-processors");
    // What only looks may say what was meant, whether the topology or the server has it.
    server.redis(&["XGROUP", "CREATE", STREAM, "auditors", "0"]);
    server
        .ucp(&["pending", NEAR])
        .assert_code(3)
        .stderr_has("did you mean `event-processors`?");
    server
        .ucp(&["lag", "auditor"])
        .assert_code(3)
        .stderr_has("did you mean `auditors`?");
}

#[test]
fn field_a9_a_group_on_several_streams_takes_its_stream() {
    let server = TestServer::start();
    for stream in [STREAM, "events.raw"] {
        entries(&server, stream, 1);
        server.redis(&["XGROUP", "CREATE", stream, "both", "0"]);
    }
    server
        .ucp(&["groups", "delete", "both", "--force", "-y"])
        .assert_code(2)
        .stderr_has("group `both` is on several streams: events.raw, events.normalized")
        .stderr_has("--stream events.raw");
    server
        .ucp(&[
            "groups", "delete", "both", "--force", "-y", "--stream", STREAM,
        ])
        .assert_code(0);
    // Now it is on one.
    server
        .ucp(&["lag", "both", "-o", "json", "--jq", ".[0].stream"])
        .assert_code(0)
        .stdout_is("events.raw\n");
    // One of the topology that the server has nowhere is the topology's.
    server
        .ucp(&["lag", "event-processors"])
        .assert_code(3)
        .stderr_has("stream `events.normalized` has no group `event-processors`");
}

fn length(run: &crate::support::Run) -> Value {
    run.assert_code(0).stdout_json()
}

#[test]
fn field_a11_a_script_gets_every_dead_letter() {
    let server = TestServer::start();
    let graves = "{events.raw}:dlq";
    entries(&server, graves, 251);
    let count = ["--jq", "length"];
    for list in [&["dlq", "list", "events.raw"][..], &["dlq", "list"]] {
        let run = server.ucp(&[list, &count].concat());
        run.stderr_is_empty();
        assert_eq!(length(&run), 251);
        for (format, lines) in [("ndjson", 251), ("csv", 252)] {
            let run = server.ucp(&[list, &["-o", format]].concat());
            assert_eq!(run.assert_code(0).stdout_lines().len(), lines);
        }
        let names = server.ucp(&[list, &["--names"]].concat());
        assert_eq!(names.assert_code(0).stdout_lines().len(), 251);
        // Cut only on a terminal.
        for format in ["table", "plain"] {
            let run = server.ucp(&[list, &["-o", format]].concat());
            assert_eq!(run.assert_code(0).stdout_lines().len(), 252);
            run.stderr_is_empty();
        }
    }
    let few = [
        "dlq",
        "list",
        "events.raw",
        "--count",
        "7",
        "--jq",
        "length",
    ];
    let run = server.ucp(&few);
    run.stderr_has("7 of 251");
    assert_eq!(length(&run), 7);
    // All that are asked for are all.
    server.redis(&["XADD", "events.raw", "*", "a", "b"]);
    let all = [
        "dlq",
        "redrive",
        "events.raw",
        "--all",
        "-y",
        "--jq",
        "length",
    ];
    assert_eq!(length(&server.ucp(&all)), 251);
    assert_eq!(server.redis(&["XLEN", "events.raw"]).int(), 252);
}

#[test]
fn field_a11_a_script_gets_everything_that_is_pending() {
    let server = TestServer::start();
    entries(&server, STREAM, 1203);
    server.redis(&["XGROUP", "CREATE", STREAM, "event-processors", "0"]);
    server.redis(&[
        "XREADGROUP",
        "GROUP",
        "event-processors",
        "c",
        "STREAMS",
        STREAM,
        ">",
    ]);
    let pending = |args: &[&str]| server.ucp(&[&["pending", "event-processors"], args].concat());
    let run = pending(&["--jq", ".entries | length"]);
    run.stderr_is_empty();
    assert_eq!(length(&run), 1203);
    assert_eq!(
        pending(&["-o", "ndjson"])
            .assert_code(0)
            .stdout_lines()
            .len(),
        1203
    );
    assert_eq!(
        pending(&["--names"]).assert_code(0).stdout_lines().len(),
        1203
    );
    assert_eq!(
        length(&pending(&["--by", "n", "--jq", ".clusters | length"])),
        1203
    );
    for filter in [&[][..], &["--consumer", "c"]] {
        let whole = pending(&[&["-o", "plain"], filter].concat());
        assert_eq!(whole.assert_code(0).stdout_lines().len(), 1204);
        whole.stderr_is_empty();
        pending(&[&["-o", "plain", "--count", "100"], filter].concat())
            .stderr_has("only the oldest 100 of 1,203 are listed");
    }
    // Nothing is said where nothing is left out.
    pending(&["-o", "plain", "--count", "1203"])
        .assert_code(0)
        .stderr_is_empty();
    // What is to be changed is all that matches, too.
    server.redis(&["XGROUP", "CREATECONSUMER", STREAM, "event-processors", "d"]);
    let claim = [
        "claim",
        "event-processors",
        "--to",
        "d",
        "--idle",
        "0s",
        "--dry-run",
        "--jq",
        ".rows | length",
    ];
    assert_eq!(length(&server.ucp(&claim)), 1203);
}
