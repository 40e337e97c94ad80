//! `groups`.

use serde_json::{Value, json};

use crate::seed::{GROUP, STREAM, add, deliver, make_stale, pending, stream_with_group};
use crate::support::{Reply, TestServer};

/// Ten entries: 1-4 held by c1, 5 and 6 by c2 (6 delivered seven times), the rest undelivered. Nobody is live.
fn seeded() -> TestServer {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 10);
    deliver(&server, STREAM, GROUP, "c1", 4);
    deliver(&server, STREAM, GROUP, "c2", 2);
    make_stale(&server, GROUP, "c2", &["6-0"], 600_000, 7);
    server
}

/// A topology whose claim idle is so short that nobody counts as live.
const NOBODY_LIVE: &str = "[groups.event-processors]\nclaim_idle = \"3s\"\n";

fn group(server: &TestServer, stream: &str, name: &str) -> Option<Reply> {
    let groups = server.try_redis(&["XINFO", "GROUPS", stream]);
    if matches!(groups, Reply::Error(_)) {
        return None;
    }
    let mut items = groups.items().iter();
    items.find(|it| it.field("name").text() == name).cloned()
}

fn position(server: &TestServer, stream: &str, name: &str) -> String {
    let group = group(server, stream, name).unwrap();
    group.field("last-delivered-id").text().to_owned()
}

/// Nothing of the group differs, idle times left out.
fn state(server: &TestServer) -> (String, Vec<(String, String, i64)>) {
    (
        position(server, STREAM, GROUP),
        pending(server, STREAM, GROUP),
    )
}

#[test]
fn the_list_has_every_group_and_what_is_missing() {
    let server = seeded();
    server.redis(&["XGROUP", "CREATE", STREAM, "auditors", "$"]);
    let run = server.ucp(&["groups", "-o", "json"]);
    let rows = run
        .assert_code(0)
        .stderr_has("`ucp-streams init`")
        .stdout_json();
    let of = |name: &str| -> &Value {
        let mut rows = rows.as_array().unwrap().iter();
        rows.find(|row| row["group"] == name).unwrap()
    };
    let group = of(GROUP);
    assert_eq!(group["stream"], STREAM);
    assert_eq!(group["pending"], 6);
    assert_eq!(group["lag"], json!({"entries": 4, "quality": "known"}));
    assert_eq!(group["last_delivered_id"], "6-0");
    assert_eq!(group["consumers"].as_array().unwrap().len(), 2);
    assert_eq!(of("auditors")["pending"], 0);
    assert_eq!(of("merge-processors")["state"], "missing");
    let one = server.ucp(&["groups", STREAM, "--names"]);
    one.assert_code(0);
    let mut names = one.stdout_lines();
    names.sort_unstable();
    assert_eq!(names, ["auditors", GROUP]);
    let table = server.ucp(&["groups", STREAM, "-o", "table"]);
    table
        .assert_code(0)
        .stdout_has("GROUP             STREAM             LAG  PENDING  LIVE")
        .stdout_lacks("6-0");
    server
        .ucp(&["groups", STREAM, "-o", "wide"])
        .stdout_has("LAST DELIVERED")
        .stdout_has("6-0");
    server
        .ucp(&["groups", "nope"])
        .assert_code(3)
        .stderr_has("no stream `nope`");
}

#[test]
fn create_is_idempotent_and_says_what_differs() {
    let server = TestServer::start();
    add(&server, STREAM, 1, 10);
    let create = |args: &[&str]| {
        let mut words = vec!["groups", "create", "-o", "json"];
        words.extend(args);
        let run = server.ucp(&words);
        let shown = run.assert_code(0).stdout_json();
        let row = shown.pointer("/rows/0").unwrap_or(&shown);
        let id = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        (id("state"), id("start_id"), id("last_delivered_id"), run)
    };
    let (state, start, _, _) = create(&["a", "--stream", STREAM, "--dry-run"]);
    assert_eq!((state.as_str(), start.as_str()), ("missing", "0-0"));
    assert!(group(&server, STREAM, "a").is_none());
    let (state, _, stands, _) = create(&["a", "--stream", STREAM]);
    assert_eq!((state.as_str(), stands.as_str()), ("created", "0-0"));
    assert_eq!(
        create(&["a", "--stream", STREAM, "--start", "0"]).0,
        "exists"
    );
    let (state, _, _, run) = create(&["a", "--stream", STREAM, "--start", "$"]);
    assert_eq!(state, "differs");
    run.stderr_has("group `a` of `events.normalized` exists already, at 0-0 instead of 10-0");
    assert_eq!(position(&server, STREAM, "a"), "0-0");
    for (name, start, stands) in [
        ("end", "$", "10-0"),
        ("id", "4-0", "4-0"),
        // The first to be delivered is the third from the end.
        ("from-end", "-3", &format!("7-{}", u64::MAX)),
        (
            "time",
            "1970-01-01T00:00:00.005Z",
            &format!("4-{}", u64::MAX),
        ),
        ("now", "2026-01-01T00:00:00Z", "10-0"),
    ] {
        create(&[name, "--stream", STREAM, "--start", start]);
        assert_eq!(position(&server, STREAM, name), stands, "--start {start}");
    }
    // Used by now, so that its place says nothing.
    server.redis(&["XGROUP", "CREATECONSUMER", STREAM, "end", "c"]);
    assert_eq!(create(&["end", "--stream", STREAM]).0, "exists");
    // The stream comes with it.
    create(&["g", "--stream", "new", "--start", "$"]);
    assert_eq!(position(&server, "new", "g"), "0-0");
}

#[test]
fn create_refuses_what_cannot_be() {
    let server = seeded();
    server
        .ucp(&[
            "groups",
            "create",
            "g",
            "--stream",
            STREAM,
            "--start",
            "2999-01-01T00:00:00Z",
        ])
        .assert_code(6)
        .stderr_has("is ahead of stream `events.normalized`, whose newest entry is 10-0");
    assert!(group(&server, STREAM, "g").is_none());
    server
        .ucp(&["groups", "create", "g"])
        .assert_code(3)
        .stderr_has("--stream");
    server.redis(&["SET", "text", "x"]);
    server
        .ucp(&["groups", "create", "g", "--stream", "text"])
        .assert_code(3)
        .stderr_has("holds a string");
}

#[test]
fn a_dry_run_of_create_says_what_it_would_do() {
    let server = TestServer::start();
    let create = ["groups", "create", "g", "--stream", STREAM];
    let would = "nothing was changed: without --dry-run this would create ";
    server
        .ucp(&[&create[..], &["--dry-run"]].concat())
        .assert_code(0)
        .stderr_has(&format!("{would}group `g` of stream `{STREAM}` at 0-0"));
    assert!(group(&server, STREAM, "g").is_none());
    server.ucp(&create).assert_code(0).stderr_is_empty();
    server
        .ucp(&[&create[..], &["--dry-run"]].concat())
        .assert_code(0)
        .stderr_has(&format!("{would}nothing: group `g`"));
}

#[test]
fn a_rewind_tells_what_it_takes_from_whom() {
    let server = seeded();
    let before = state(&server);
    let dry = server.ucp(&["groups", "set-id", GROUP, "2-0", "--dry-run", "-o", "json"]);
    let plan = dry
        .assert_code(6)
        .stderr_has("nothing was changed: without --dry-run this would move group")
        .stderr_has("delivered again: 4 entries")
        .stderr_has("pending among these: 4 entries (2 of `c1`, 2 of `c2`); the next consumer to read takes them over, and their delivery counts (up to 7) start again at 1")
        .stderr_has("\"kind\":\"refused\",\"message\":\"group `event-processors` of stream `events.normalized` has live consumers: c1, c2")
        .stdout_json();
    let row = &plan["rows"][0];
    assert_eq!(
        (&plan["command"], &plan["count"]),
        (&json!(null), &json!(1))
    );
    let why = plan["refusal"].as_str().unwrap();
    assert!(why.ends_with("has live consumers: c1, c2"), "{why}");
    assert_eq!(
        (&row["from_id"], &row["to_id"]),
        (&json!("6-0"), &json!("2-0"))
    );
    assert_eq!(
        (&row["direction"], &row["is_done"]),
        (&json!("back"), &json!(false))
    );
    assert_eq!(row["again"], json!({"entries": 4, "quality": "known"}));
    assert_eq!(
        (&row["stolen"], &row["deliveries_max"]),
        (&json!(4), &json!(7))
    );
    assert_eq!(
        row["holders"][1],
        json!({"consumer": "c2", "pending": 2, "deliveries_max": 7})
    );
    assert_eq!(state(&server), before);
    // It is the truth: the next read takes them and forgets the counts.
    server
        .ucp(&["groups", "set-id", GROUP, "2-0", "--force", "--yes"])
        .assert_code(0)
        .stderr_has("to restore it as it was: ucp-streams undo ");
    assert_eq!(position(&server, STREAM, GROUP), "2-0");
    deliver(&server, STREAM, GROUP, "c3", 4);
    let taken: Vec<_> = pending(&server, STREAM, GROUP).split_off(2);
    assert!(
        taken.iter().all(|row| row.1 == "c3" && row.2 == 1),
        "{taken:?}"
    );
}

#[test]
fn a_move_forward_tells_what_is_skipped() {
    let server = seeded();
    let run = server.ucp(&[
        "groups", "set-id", GROUP, "end", "--force", "--yes", "-o", "json",
    ]);
    let row = run.assert_code(0).stdout_json();
    assert_eq!(row["direction"], "forward");
    assert_eq!(row["skipped"], json!({"entries": 4, "quality": "known"}));
    assert_eq!((&row["stolen"], &row["is_done"]), (&json!(0), &json!(true)));
    assert_eq!(position(&server, STREAM, GROUP), "10-0");
    assert_eq!(pending(&server, STREAM, GROUP).len(), 6);
    let again = server.ucp(&["groups", "set-id", GROUP, "end"]);
    again
        .assert_code(0)
        .stderr_has("is already at that position");
}

#[test]
fn set_id_wants_consent_and_nobody_live() {
    let server = seeded();
    let before = state(&server);
    server
        .ucp(&["groups", "set-id", GROUP, "2-0", "--yes"])
        .assert_code(6)
        .stderr_has("has live consumers: c1, c2")
        .stderr_has("--force");
    server
        .ucp(&["groups", "set-id", GROUP, "2-0", "--force"])
        .assert_code(6)
        .stderr_has("move group `event-processors` of stream `events.normalized` from 6-0 to 2-0")
        .stderr_has(server.socket().to_str().unwrap())
        .stderr_has("--yes");
    server
        .ucp(&[
            "groups",
            "set-id",
            GROUP,
            "99999999999999-0",
            "--force",
            "--yes",
        ])
        .assert_code(6)
        .stderr_has("is ahead of stream");
    server
        .ucp(&["groups", "set-id", GROUP, "abc", "--yes"])
        .assert_code(2);
    server
        .ucp(&["groups", "set-id", "nope", "0", "--stream", STREAM, "--yes"])
        .assert_code(3)
        .stderr_has("`ucp-streams groups events.normalized` lists the groups of the stream");
    assert_eq!(state(&server), before);
}

#[test]
fn consumers_that_rest_are_not_live() {
    let server = seeded();
    // Seen long enough ago as far as this topology is concerned.
    crate::support::until(crate::support::PATIENCE, "idle", || {
        let rows = server.redis(&["XINFO", "CONSUMERS", STREAM, GROUP]);
        rows.items()
            .iter()
            .all(|row| row.field("idle").int() >= 3000)
    });
    server
        .command(&["groups", "set-id", GROUP, "start", "--yes", "-o", "json"])
        .file("ucp-streams.toml", NOBODY_LIVE)
        .run()
        .assert_code(0);
    assert_eq!(position(&server, STREAM, GROUP), "0-0");
}

#[test]
fn delete_refuses_while_anything_is_left_to_do() {
    let server = seeded();
    let before = state(&server);
    server
        .ucp(&["groups", "delete", GROUP, "--yes"])
        .assert_code(6)
        .stderr_has("has entries that it has not processed: 6 entries pending, 4 entries undelivered, from 7-0 on")
        .stderr_has("--force");
    server
        .ucp(&["groups", "delete", GROUP, "--force"])
        .assert_code(6)
        .stderr_has(
            "delete group `event-processors` of stream `events.normalized`: 6 entries pending",
        )
        .stderr_has("--yes");
    let dry = server.ucp(&["groups", "delete", GROUP, "--dry-run", "-o", "json"]);
    let plan = dry
        .assert_code(6)
        .stderr_has("nothing was changed: without --dry-run this would delete group")
        .stderr_has("\"kind\":\"refused\"")
        .stdout_json();
    let row = &plan["rows"][0];
    assert_eq!(
        (&row["pending"], &row["is_done"]),
        (&json!(6), &json!(false))
    );
    assert_eq!(state(&server), before);
    let forced = server.ucp(&["groups", "delete", GROUP, "--force", "--yes", "-o", "json"]);
    assert_eq!(forced.assert_code(0).stdout_json()["is_done"], true);
    assert!(group(&server, STREAM, GROUP).is_none());
    assert_eq!(server.redis(&["XLEN", STREAM]).int(), 10);
    server
        .ucp(&["groups", "delete", GROUP, "--yes"])
        .assert_code(3);
}

#[test]
fn delete_of_a_group_that_is_done_needs_no_force_and_can_be_undone() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 3);
    deliver(&server, STREAM, GROUP, "c1", 3);
    server.redis(&["XACK", STREAM, GROUP, "1-0", "2-0", "3-0"]);
    server
        .ucp(&["groups", "delete", GROUP, "--yes", "--no-snapshot"])
        .assert_code(0)
        .stderr_has("group `event-processors` of stream `events.normalized` has live consumers")
        .stderr_has(
            "ucp-streams groups create event-processors --stream events.normalized --start 3-0",
        );
    assert!(group(&server, STREAM, GROUP).is_none());
    server
        .ucp(&[
            "groups", "create", GROUP, "--stream", STREAM, "--start", "3-0",
        ])
        .assert_code(0);
    assert_eq!(position(&server, STREAM, GROUP), "3-0");
}
