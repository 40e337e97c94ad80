//! Groups that are gone, stand beyond their stream, have counters that are not their own, or that nobody knows.

use serde_json::json;

use super::scene::{GROUP, STREAM, add, alerts, backlog, handle, seen_by_all};
use crate::support::TestServer;

#[test]
fn field_a6_after_a_flush_it_is_said_what_is_missing_and_why() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    for command in ["info", "lag", "groups"] {
        server.ucp(&[command]).assert_code(0).stderr_is_empty();
    }
    server.redis(&["FLUSHALL"]);
    for command in ["info", "lag", "groups"] {
        server
            .ucp(&[command])
            .assert_code(0)
            .stderr_has("these groups do not exist on the server: `event-processors` on `events.normalized`")
            .stderr_has("`merge-processors` on `profiles.merge_requests`")
            .stderr_has("`ucp-streams init` creates them")
            .stderr_has(
                "likely cause: FLUSHALL or FLUSHDB was called 1 time since the server started",
            );
    }
    for (command, group) in seen_by_all(&server, GROUP) {
        assert_eq!(group["alerts"], json!(["missing"]), "{command}");
    }
    // A live worker has made its own group again.
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
    server
        .ucp(&["info"])
        .assert_code(0)
        .stderr_has("these groups do not exist on the server: `merge-processors`")
        .stderr_lacks("`event-processors`")
        .stderr_has("FLUSHALL");
}

#[test]
fn field_a6_a_server_that_lost_all_at_a_restart_says_so() {
    let mut server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    server.kill();
    server.restart();
    server
        .ucp(&["lag"])
        .assert_code(0)
        .stderr_has("`ucp-streams init`")
        .stderr_has(" ago with no data loaded")
        .stderr_lacks("FLUSHALL");
}

#[test]
fn field_a7_a_group_beyond_its_stream_is_ahead() {
    let server = TestServer::start();
    server.redis(&["XADD", STREAM, "*", "a", "1"]);
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "99999999999999-0"]);
    server.redis(&["XADD", STREAM, "*", "a", "2"]);
    for (command, group) in seen_by_all(&server, GROUP) {
        for figure in ["lag", "lost"] {
            let unknown = json!({"entries": null, "quality": "unknown"});
            assert_eq!(group[figure], unknown, "{command}: {figure}");
        }
        assert!(alerts(&group, "ahead"), "{command}: {group}");
        assert!(!alerts(&group, "lag_unknown"), "{command}: {group}");
    }
    for command in ["info", "lag", "groups"] {
        server
            .ucp(&[command])
            .assert_code(0)
            .stderr_has("is at 99999999999999-0, ahead of the last id of the stream")
            .stderr_has("`ucp-streams groups set-id event-processors end`");
        server.ucp(&[command, "-o", "table"]).stdout_has(" ahead!");
    }
    let exact = server
        .ucp(&["lag", GROUP, "--exact", "-o", "json"])
        .stdout_json();
    assert_eq!(exact[0]["lag"]["quality"], "unknown");
    let check = server.ucp(&["topology", "check", "-o", "json"]);
    check.assert_code(1).stderr_has("ahead of the last id");
    assert_eq!(check.stdout_json()[0]["state"], "ahead");
    // Where the hint leads, all is well.
    let back = ["groups", "set-id", GROUP, "end", "--yes"];
    server.ucp(&back).assert_code(0);
    server.ucp(&["lag", GROUP]).assert_code(0).stderr_is_empty();
}

#[test]
fn field_a7_a_group_at_the_end_of_its_stream_is_not_ahead() {
    let server = TestServer::start();
    backlog(&server, 3);
    handle(&server, STREAM, GROUP, 3);
    // Nor is one whose last entry was deleted after it was read.
    let newest = server.redis(&["XREVRANGE", STREAM, "+", "-", "COUNT", "1"]);
    server.redis(&["XDEL", STREAM, newest.items()[0].items()[0].text()]);
    for (command, group) in seen_by_all(&server, GROUP) {
        assert_eq!(
            group["lag"],
            json!({"entries": 0, "quality": "known"}),
            "{command}"
        );
        assert_eq!(group["alerts"], json!([]), "{command}: {group}");
    }
}

#[test]
fn field_a8_counters_that_were_set_by_hand_are_not_believed() {
    let server = TestServer::start();
    for n in 1..=10 {
        server.redis(&["XADD", STREAM, &format!("{n}-0"), "n", "1"]);
    }
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0"]);
    handle(&server, STREAM, GROUP, 4);
    server.redis(&["XTRIM", STREAM, "MAXLEN", "8"]);
    let set = [
        "XSETID",
        STREAM,
        "10-0",
        "ENTRIESADDED",
        "8",
        "MAXDELETEDID",
        "2-0",
    ];
    server.redis(&set);
    for (command, group) in seen_by_all(&server, GROUP) {
        assert_eq!(
            group["lag"],
            json!({"entries": 6, "quality": "known"}),
            "{command}"
        );
        assert_eq!(group["is_counted"], true, "{command}");
        assert_eq!(group["lost"]["quality"], "unknown", "{command}");
    }
    let exact = server
        .ucp(&["lag", GROUP, "--exact", "-o", "json"])
        .stdout_json();
    assert_eq!(exact[0]["lag"], json!({"entries": 6, "quality": "known"}));
}

#[test]
fn field_r19_a_wrong_counter_is_not_believed_on_a_server_that_was_promoted() {
    let server = TestServer::start();
    backlog(&server, 200);
    handle(&server, STREAM, GROUP, 190);
    let position = super::scene::id_at(&server, STREAM, 189);
    // As a replica has it whose master did not tell it what was read.
    let set = [
        "XGROUP",
        "SETID",
        STREAM,
        GROUP,
        &position,
        "ENTRIESREAD",
        "50",
    ];
    server.redis(&set);
    server.redis(&["REPLICAOF", "127.0.0.1", "1"]);
    for promote in [false, true] {
        if promote {
            server.redis(&["REPLICAOF", "NO", "ONE"]);
        }
        for (command, group) in seen_by_all(&server, GROUP) {
            assert_eq!(
                group["lag"],
                json!({"entries": 10, "quality": "known"}),
                "{command}"
            );
            assert_eq!(group["is_counted"], true, "{command}: {group}");
        }
    }
}

#[test]
fn field_r19_a_server_that_was_never_a_replica_is_believed() {
    let server = TestServer::start();
    backlog(&server, 200);
    handle(&server, STREAM, GROUP, 190);
    for (command, group) in seen_by_all(&server, GROUP) {
        assert_eq!(
            group["lag"],
            json!({"entries": 10, "quality": "known"}),
            "{command}"
        );
        assert_eq!(group["is_counted"], false, "{command}: {group}");
    }
}

#[test]
fn field_a10_a_group_that_the_topology_does_not_name_is_marked() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    for name in ["event-procesors", "audit"] {
        server.redis(&["XGROUP", "CREATE", STREAM, name, "$"]);
    }
    add(&server, STREAM, (600_000, 0), 3);
    for (name, is_extra) in [("event-procesors", true), ("audit", true), (GROUP, false)] {
        for (command, group) in seen_by_all(&server, name) {
            assert_eq!(group["is_extra"], is_extra, "{command}: {name}");
        }
    }
    for command in ["info", "lag", "groups"] {
        let run = server.ucp(&[command, "-o", "table"]);
        run.assert_code(0)
            .stdout_has("event-procesors (extra)")
            .stdout_has("audit (extra)")
            .stdout_lacks("event-processors (extra)")
            .stderr_has("group `event-procesors` on `events.normalized` is not in the topology, which has `event-processors`")
            .stderr_lacks("`audit`");
        server
            .ucp(&[command, "-o", "plain"])
            .stdout_lacks("(extra)");
    }
    let check = server.ucp(&["topology", "check"]);
    check.assert_code(0).stderr_has("`event-procesors`");
    server.redis(&["XGROUP", "DESTROY", STREAM, "event-procesors"]);
    for command in [&["info"][..], &["lag"], &["groups"], &["topology", "check"]] {
        server.ucp(command).assert_code(0).stderr_is_empty();
    }
}
