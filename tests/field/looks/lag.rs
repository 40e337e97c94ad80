//! A lag that the server does not know.

use serde_json::json;

use super::scene::{GROUP, STREAM, add, alerts, backlog, handle, id_at, seen_by_all};
use crate::support::TestServer;

#[test]
fn field_a2_a_lag_that_became_unknown_is_counted_and_still_too_much() {
    let server = TestServer::start();
    backlog(&server, 4100);
    handle(&server, STREAM, GROUP, 101);
    for (command, group) in seen_by_all(&server, GROUP) {
        assert_eq!(
            group["lag"],
            json!({"entries": 3999, "quality": "known"}),
            "{command}"
        );
        assert!(alerts(&group, "max_lag"), "{command}: {group}");
    }
    server.redis(&["XDEL", STREAM, &id_at(&server, STREAM, 3000)]);
    for (command, group) in seen_by_all(&server, GROUP) {
        let counted = json!({"entries": 1001, "quality": "at_least"});
        assert_eq!(group["lag"], counted, "{command}");
        assert!(alerts(&group, "max_lag"), "{command}: {group}");
        assert!(!alerts(&group, "lag_unknown"), "{command}: {group}");
        assert_eq!(group["severity"], "critical", "{command}");
    }
    for command in ["lag", "info", "groups"] {
        let run = server.ucp(&[command, "-o", "table"]);
        run.assert_code(0).stdout_has(" >=1,001!");
    }
    // All of it, where it is asked for.
    let exact = server.ucp(&["lag", GROUP, "--exact", "-o", "json"]);
    let exact = exact.stdout_json()[0].clone();
    assert_eq!(exact["lag"], json!({"entries": 3998, "quality": "known"}));
    assert!(alerts(&exact, "max_lag"), "{exact}");
    // A count that is stopped before it says anything takes nothing back.
    let stopped = server.ucp(&["lag", GROUP, "--exact", "--count", "5", "-o", "json"]);
    let stopped = stopped.stdout_json()[0].clone();
    assert_eq!(stopped["lag"], json!({"entries": 5, "quality": "at_least"}));
    assert!(alerts(&stopped, "max_lag"), "{stopped}");
}

#[test]
fn field_a2_a_lag_that_trimming_made_a_bound_is_counted() {
    let server = TestServer::start();
    backlog(&server, 2600);
    handle(&server, STREAM, GROUP, 10);
    // The group stands inside the stream, behind what was cut before it and could read on.
    server.redis(&["XTRIM", STREAM, "MAXLEN", "2500"]);
    handle(&server, STREAM, GROUP, 100);
    for (command, group) in seen_by_all(&server, GROUP) {
        assert!(alerts(&group, "max_lag"), "{command}: {group}");
        assert_ne!(group["lag"]["quality"], "at_most", "{command}: {group}");
    }
}

#[test]
fn field_a2_an_unknown_lag_below_its_threshold_is_counted_and_no_alert() {
    let server = TestServer::start();
    backlog(&server, 300);
    handle(&server, STREAM, GROUP, 100);
    server.redis(&["XDEL", STREAM, &id_at(&server, STREAM, 200)]);
    for (command, group) in seen_by_all(&server, GROUP) {
        assert_eq!(
            group["lag"],
            json!({"entries": 199, "quality": "known"}),
            "{command}"
        );
        assert_eq!(group["is_counted"], true, "{command}");
        assert_eq!(group["alerts"], json!([]), "{command}");
        assert_eq!(group["severity"], json!(null), "{command}");
        // What is known of the lag is known of the room.
        if command != "groups" {
            let room = json!({"entries": 9801, "quality": "known"});
            assert_eq!(group["headroom"], room, "{command}");
        }
    }
}

#[test]
fn field_a2_a_lag_that_cannot_be_counted_is_an_alert_of_its_own() {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
    // More than may be read to count them.
    let large = "x".repeat(100_000);
    for _ in 0..70 {
        server.redis(&["XADD", STREAM, "*", "body", &large]);
    }
    handle(&server, STREAM, GROUP, 5);
    server.redis(&["XDEL", STREAM, &id_at(&server, STREAM, 60)]);
    for (command, group) in seen_by_all(&server, GROUP) {
        assert_eq!(group["lag"]["quality"], "at_least", "{command}: {group}");
        assert_eq!(
            group["alerts"],
            json!(["lag_unknown"]),
            "{command}: {group}"
        );
        assert_eq!(group["severity"], "warning", "{command}");
        // At least what is left of the limit when the whole stream is behind.
        let room = json!({"entries": 10_000 - 69, "quality": "at_least"});
        assert_eq!(group["headroom"], room, "{command}");
    }
    // Nobody asks for it where there is no threshold, or one that the whole stream is within.
    let topology = format!("[groups.{GROUP}]\nalert = {{ max_lag = false, min_room = false }}\n");
    let run = server
        .command(&["lag", GROUP, "-o", "json"])
        .file("ucp-streams.toml", topology)
        .run();
    assert_eq!(run.stdout_json()[0]["alerts"], json!([]));
}

#[test]
fn field_a2_a_user_who_may_not_count_is_told_that_the_lag_is_unknown() {
    let server = TestServer::start();
    backlog(&server, 2000);
    handle(&server, STREAM, GROUP, 100);
    server.redis(&["XDEL", STREAM, &id_at(&server, STREAM, 1000)]);
    server.add_user("viewer", "~* +@all -xrange");
    let run = server.command_as("viewer", &["lag", GROUP, "-o", "json"]);
    let lag = run.run().assert_code(0).stdout_json()[0].clone();
    assert_eq!(lag["lag"], json!({"entries": null, "quality": "unknown"}));
    assert!(alerts(&lag, "lag_unknown"), "{lag}");
    let run = server.command_as("viewer", &["lag", GROUP, "-o", "table"]);
    run.run().assert_code(0).stdout_has(" ?!");
}

#[test]
fn field_a2_groups_that_the_topology_does_not_name_have_the_default_thresholds() {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", "events.raw", "audit", "0", "MKSTREAM"]);
    add(&server, "events.raw", (60_000, 0), 1100);
    handle(&server, "events.raw", "audit", 10);
    server.redis(&["XDEL", "events.raw", &id_at(&server, "events.raw", 500)]);
    for (command, group) in seen_by_all(&server, "audit") {
        assert!(alerts(&group, "max_lag"), "{command}: {group}");
    }
}
