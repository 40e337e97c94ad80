//! A group's retry stream, as the commands show it while nobody reads it.

use crate::seed::{GROUP, STREAM, deliver, ids, make_stale, pending, stream_with_group};
use crate::support::{TestServer, directory};

const RETRIES: &str = "{events.normalized}:retry:event-processors";

/// Two groups on the stream, and two stale entries of one of them.
fn seeded() -> TestServer {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 6);
    deliver(&server, STREAM, GROUP, "c1", 4);
    make_stale(&server, GROUP, "c1", &["2-0", "3-0"], 600_000, 4);
    server.redis(&["XGROUP", "CREATE", STREAM, "audit", "$"]);
    server
}

fn requeued() -> TestServer {
    let server = seeded();
    let requeue = ["requeue", GROUP, "--via-retry-stream", "--force", "--yes"];
    server
        .ucp(&requeue)
        .assert_code(0)
        .stderr_has("2 of 2 entries requeued");
    server
}

/// Requeues what is stale through the retry stream.
const STALE: [&str; 6] = [
    "requeue",
    GROUP,
    "--via-retry-stream",
    "--idle",
    "10m",
    "--yes",
];

#[test]
fn the_plan_says_where_the_copies_go_and_that_nobody_reads_there() {
    let server = seeded();
    let run = server.ucp(&[
        "requeue",
        GROUP,
        "--via-retry-stream",
        "--dry-run",
        "-o",
        "json",
    ]);
    let plan = run
        .assert_code(6)
        .stderr_has("no live worker")
        .stdout_json();
    assert_eq!(plan["to_stream"], RETRIES);
    assert_eq!(plan["other_groups"].as_array().unwrap().len(), 0);
    assert!(
        plan["refusal"]
            .as_str()
            .unwrap()
            .contains("would wait there")
    );
    assert_eq!(plan["rows"][0]["detail"], format!("to `{RETRIES}`"));
    server
        .ucp(&["requeue", GROUP, "--via-retry-stream", "--yes"])
        .assert_code(6)
        .stderr_has("ucp-streams worker run event-processors")
        .stderr_has("--force");
    assert_eq!(server.redis(&["EXISTS", RETRIES]).int(), 0);
    assert_eq!(pending(&server, STREAM, GROUP).len(), 4);
    // A consumer that lives and reads no retry stream is none that would handle it.
    server.redis(&[
        "HSET",
        "{events.normalized}:policy:event-processors",
        "c1",
        "600000 1",
    ]);
    server
        .ucp(&STALE)
        .assert_code(6)
        .stderr_has("no live worker");
    server.redis(&[
        "HSET",
        "{events.normalized}:policy:event-processors",
        "c1",
        "600000 1 retry",
    ]);
    deliver(&server, STREAM, GROUP, "c1", 1);
    server.ucp(&STALE).assert_code(0);
    server
        .ucp(&[
            "requeue",
            GROUP,
            "--via-retry-stream",
            "--all-groups-see-it",
        ])
        .assert_code(2);
}

#[test]
fn a_copy_there_is_no_copy_in_the_stream() {
    let server = requeued();
    assert_eq!(ids(&server, STREAM).len(), 6);
    assert_eq!(ids(&server, RETRIES).len(), 2);
    assert_eq!(pending(&server, STREAM, GROUP).len(), 2);
    let entries = server.redis(&["XRANGE", RETRIES, "-", "+"]);
    let fields = entries.items()[0].items()[1].texts();
    assert_eq!(fields[4..], ["_ucp_origin", "2-0", "_ucp_attempts", "4"]);
    // Its group is still on one stream only.
    server.redis(&["XGROUP", "CREATE", RETRIES, GROUP, "0"]);
    server.ucp(&["pending", GROUP]).assert_code(0);
}

#[test]
fn what_waits_there_is_counted_and_told() {
    let server = requeued();
    let group = |text: &[&str]| {
        let groups = server.ucp(&[text, &["-o", "json"]].concat()).stdout_json();
        let found = groups
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["group"] == GROUP);
        found.cloned().unwrap()
    };
    for command in [&["lag"][..], &["groups"]] {
        let found = group(command);
        assert_eq!(
            (&found["retry_lag"], &found["retry_pending"]),
            (&2.into(), &0.into())
        );
        assert_eq!(found["is_retry_read"], false);
        assert_eq!(found["pending"], 2, "its own");
    }
    server
        .ucp(&["lag", GROUP, "-o", "table"])
        .assert_code(0)
        .stdout_has("RETRIES BEHIND");
    server.redis(&["XGROUP", "CREATE", RETRIES, GROUP, "0"]);
    let read = [
        "XREADGROUP",
        "GROUP",
        GROUP,
        "c1",
        "COUNT",
        "1",
        "STREAMS",
        RETRIES,
        ">",
    ];
    server.redis(&read);
    let found = group(&["lag"]);
    assert_eq!(
        (&found["retry_lag"], &found["retry_pending"]),
        (&1.into(), &1.into())
    );
    let run = server.ucp(&["check", GROUP, "-o", "json"]);
    let findings = run.stdout_json()["findings"].clone();
    let unread = findings.as_array().unwrap().iter();
    let unread: Vec<_> = unread.filter(|it| it["rule"] == "retries_unread").collect();
    assert_eq!(unread.len(), 1, "{findings}");
    assert_ne!(run.code(), Some(0));
    let waits = [
        "wait",
        GROUP,
        "--lag",
        "3",
        "--pending",
        "3",
        "--timeout",
        "1s",
    ];
    server.ucp(&waits).assert_code(0);
    let waits = [
        "wait",
        GROUP,
        "--lag",
        "2",
        "--pending",
        "100",
        "--timeout",
        "1s",
    ];
    server
        .ucp(&waits)
        .assert_code(4)
        .stderr_has("is 3, wanted at most 2");
    let metrics = server.ucp(&["metrics"]).stdout().to_owned();
    let line = metrics
        .lines()
        .find(|it| it.starts_with("ucp_streams_group_retry_lag") && it.contains(GROUP));
    assert!(line.unwrap().ends_with(" 1"), "{line:?}");
}

#[test]
fn check_is_not_well_while_nobody_reads_it() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 1);
    server.redis(&["XREADGROUP", "GROUP", GROUP, "c1", "STREAMS", STREAM, ">"]);
    server.redis(&["XACK", STREAM, GROUP, "1-0"]);
    server.ucp(&["check", GROUP]).assert_code(0);
    server.redis(&["XADD", RETRIES, "*", "n", "1"]);
    server
        .ucp(&["check", GROUP])
        .assert_code(1)
        .stdout_has("no live worker reads it");
}

#[test]
fn a_trace_leads_there_and_back_to_the_entry() {
    let server = requeued();
    let run = server.ucp(&[
        "trace", "2", "--field", "n", "--since", "start", "-o", "json",
    ]);
    let trace = run.assert_code(0).stdout_json();
    let hops = trace["hops"].as_array().unwrap();
    let copy = hops.iter().find(|it| it["stream"] == RETRIES).unwrap();
    assert_eq!(
        (&copy["state"], &copy["of"]),
        (&"copy".into(), &"2-0".into())
    );
    assert!(
        hops.iter()
            .any(|it| it["stream"] == STREAM && it["id"] == "2-0")
    );
    // Those that do not exist are not told of.
    let searched = trace["searched"].as_array().unwrap().iter();
    let retries = searched.filter(|it| it["stream"].as_str().unwrap().contains(":retry:"));
    assert_eq!(retries.count(), 1);
}

#[test]
fn a_group_is_not_deleted_while_its_retries_wait() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 1);
    server.redis(&["XREADGROUP", "GROUP", GROUP, "c1", "STREAMS", STREAM, ">"]);
    server.redis(&["XACK", STREAM, GROUP, "1-0"]);
    server.redis(&["XADD", RETRIES, "*", "n", "1"]);
    server
        .ucp(&["groups", "delete", GROUP, "--yes"])
        .assert_code(6)
        .stderr_has("1 entry in its retry stream");
    let delete = [
        "groups",
        "delete",
        GROUP,
        "--force",
        "--no-snapshot",
        "--yes",
    ];
    server.ucp(&delete).assert_code(0);
    assert_eq!(ids(&server, RETRIES).len(), 1, "they stay");
}

#[test]
fn what_is_changed_there_by_hand_is_deleted_too() {
    let server = requeued();
    server.redis(&["XGROUP", "CREATE", RETRIES, GROUP, "0"]);
    server.redis(&["XREADGROUP", "GROUP", GROUP, "c9", "STREAMS", RETRIES, ">"]);
    let waiting = ids(&server, RETRIES);
    let there = ["--stream", RETRIES, "--yes"];
    server
        .ucp(&[&["ack", GROUP, &waiting[0]], &there[..]].concat())
        .assert_code(0);
    server
        .ucp(
            &[
                &["dlq", "add", GROUP, &waiting[1], "--reason", "odd"],
                &there[..],
            ]
            .concat(),
        )
        .assert_code(0);
    assert!(ids(&server, RETRIES).is_empty());
    let letters = server.redis(&["XRANGE", "{events.normalized}:dlq", "-", "+"]);
    let fields = letters.items()[0].items()[1].texts().join(" ");
    assert!(fields.contains("_dlq_stream events.normalized"), "{fields}");
    assert!(fields.contains("_dlq_id 3-0"), "{fields}");
}

#[test]
fn what_nobody_was_given_there_is_taken_back() {
    let (server, home) = (seeded(), directory());
    let before = pending(&server, STREAM, GROUP);
    let run = |args: &[&str]| {
        let command = server.command(args).env("HOME", home.path());
        command.run().assert_code(0);
    };
    let requeue = ["requeue", GROUP, "--via-retry-stream", "--force", "--yes"];
    run(&requeue);
    run(&["undo", "--yes"]);
    assert!(ids(&server, RETRIES).is_empty());
    assert_eq!(pending(&server, STREAM, GROUP), before);
}

#[test]
fn dead_letters_of_several_groups_have_several_retry_streams() {
    let server = seeded();
    let dead = "{events.normalized}:dlq";
    for (id, group) in [("9-1", GROUP), ("9-2", "audit"), ("9-3", GROUP)] {
        let letter = [
            "n",
            "1",
            "_dlq_stream",
            STREAM,
            "_dlq_group",
            group,
            "_dlq_id",
            "1-0",
            "_dlq_consumer",
            "c",
            "_dlq_deliveries",
            "1",
            "_dlq_reason",
            "why",
            "_dlq_time",
            "2026-01-01T00:00:00.000Z",
            "_dlq_body",
            "present",
        ];
        server.redis(&[&["XADD", dead, id], &letter[..]].concat());
    }
    let redrive = [
        "dlq",
        "redrive",
        STREAM,
        "--via-retry-stream",
        "--force",
        "--yes",
    ];
    server
        .ucp(&[&redrive[..], &["--all"]].concat())
        .assert_code(6)
        .stderr_has("of several groups")
        .stderr_has("--group");
    server
        .ucp(&[&redrive[..], &["--group", GROUP]].concat())
        .assert_code(0)
        .stdout_has(RETRIES);
    assert_eq!(
        (ids(&server, RETRIES).len(), ids(&server, dead)),
        (2, vec!["9-2".to_owned()])
    );
}
