//! `consumers`.

use serde_json::{Value, json};

use crate::seed::{GROUP, STREAM, deliver, held_by_two, ids, pending, stream_with_group};
use crate::support::{PATIENCE, TestServer, until};

const DEAD: &str = "{events.normalized}:dlq";

/// Ten entries: 1-4 held by c1 (delivered seven times), 5 and 6 by c2; c3 holds nothing.
fn seeded() -> TestServer {
    held_by_two(7)
}

fn consumers(server: &TestServer) -> Vec<String> {
    let rows = server.redis(&["XINFO", "CONSUMERS", STREAM, GROUP]);
    let names = rows.items().iter().map(|row| row.field("name").text());
    names.map(str::to_owned).collect()
}

fn held_by(server: &TestServer, consumer: &str) -> Vec<(String, i64)> {
    let rows = pending(server, STREAM, GROUP).into_iter();
    rows.filter(|row| row.1 == consumer)
        .map(|row| (row.0, row.2))
        .collect()
}

fn fates(rows: &Value) -> Vec<(&str, &str)> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| {
        (
            row["consumer"].as_str().unwrap(),
            row["outcome"].as_str().unwrap(),
        )
    })
    .collect()
}

/// Everybody was last seen at least so long ago.
fn all_rest(server: &TestServer, idle_ms: i64) {
    until(PATIENCE, "idle", || {
        let rows = server.redis(&["XINFO", "CONSUMERS", STREAM, GROUP]);
        rows.items()
            .iter()
            .all(|row| row.field("idle").int() >= idle_ms)
    });
}

#[test]
fn the_list_says_who_holds_what_and_since_when_they_rest() {
    let server = seeded();
    let run = server.ucp(&["consumers", GROUP, "-o", "json"]);
    let rows = run.assert_code(0).stderr_is_empty().stdout_json();
    let names: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["consumer"])
        .collect();
    assert_eq!(names, ["c1", "c2", "c3"]);
    assert_eq!(
        (&rows[0]["pending"], &rows[0]["group"]),
        (&json!(4), &json!(GROUP))
    );
    assert!(rows[0]["idle_ms"].is_u64());
    server
        .ucp(&["consumers", GROUP, "-o", "table"])
        .assert_code(0)
        .stdout_has("CONSUMER  GROUP             PENDING");
    server
        .ucp(&["consumers"])
        .assert_code(2)
        .stderr_has("<GROUP>");
    server.ucp(&["consumers", "nope"]).assert_code(3);
    server
        .ucp(&["consumers", "nope", "--stream", STREAM])
        .assert_code(3)
        .stderr_has("its groups: event-processors");
}

/// Row 49 of the fault matrix.
#[test]
fn a_consumer_that_holds_entries_is_not_deleted() {
    let server = seeded();
    let before = pending(&server, STREAM, GROUP);
    server
        .ucp(&["consumers", "delete", GROUP, "c1", "--yes"])
        .assert_code(6)
        .stderr_has("consumer `c1` of group `event-processors` of stream `events.normalized` has 4 entries pending, which would be lost: 1-0, 2-0, 3-0, 4-0")
        .stderr_has("--hand-over-to");
    assert_eq!(pending(&server, STREAM, GROUP), before);
    assert_eq!(consumers(&server), ["c1", "c2", "c3"]);
    server
        .ucp(&["consumers", "delete", GROUP, "c3"])
        .assert_code(6)
        .stderr_has("delete consumer `c3` of group `event-processors`")
        .stderr_has("--yes");
    server
        .ucp(&["consumers", "delete", GROUP, "c3", "--dry-run"])
        .assert_code(0)
        .stderr_has("nothing was changed")
        .stdout_has("planned");
    assert_eq!(consumers(&server), ["c1", "c2", "c3"]);
    let run = server.ucp(&["consumers", "delete", GROUP, "c3", "--yes", "-o", "json"]);
    assert_eq!(
        fates(&run.assert_code(0).stdout_json()),
        [("c3", "deleted")]
    );
    assert_eq!(consumers(&server), ["c1", "c2"]);
    server
        .ucp(&["consumers", "delete", GROUP, "c9", "--yes"])
        .assert_code(3)
        .stderr_has("its consumers: c1, c2");
}

#[test]
fn what_it_holds_is_handed_over_first_without_counting_a_delivery() {
    let server = seeded();
    let words = ["consumers", "delete", GROUP, "c1", "--hand-over-to", "c3"];
    let dry = server.ucp(&[&words[..], &["--dry-run"]].concat());
    dry.assert_code(0)
        .stderr_has("handing 4 entries to `c3` first");
    assert_eq!(held_by(&server, "c1").len(), 4);
    let run = server.ucp(&[&words[..], &["--yes", "-o", "json"]].concat());
    let rows = run
        .assert_code(0)
        .stderr_has("1 consumer deleted, 4 entries handed over")
        .stdout_json();
    assert_eq!(
        (&rows[0]["handed_over"], &rows[0]["tombstones"]),
        (&json!(4), &json!(0))
    );
    let held = held_by(&server, "c3");
    assert_eq!(
        held,
        ["1-0", "2-0", "3-0", "4-0"].map(|id| (id.to_owned(), 7))
    );
    assert_eq!(held_by(&server, "c2").len(), 2);
    assert_eq!(consumers(&server), ["c2", "c3"]);
}

#[test]
fn a_body_that_was_trimmed_away_becomes_a_tombstone() {
    let server = seeded();
    server.redis(&["XDEL", STREAM, "2-0", "4-0"]);
    let words = [
        "consumers",
        "delete",
        GROUP,
        "c1",
        "--hand-over-to",
        "c3",
        "--yes",
        "-o",
        "json",
    ];
    let run = server.ucp(&words);
    let rows = run
        .assert_code(9)
        .stderr_has("2 entries had been trimmed before being handled")
        .stderr_has("(see `ucp-streams dlq list`)")
        .stdout_json();
    assert_eq!(
        (&rows[0]["handed_over"], &rows[0]["tombstones"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(ids(&server, DEAD).len(), 2);
    assert_eq!(held_by(&server, "c3").len(), 2);
    assert_eq!(consumers(&server), ["c2", "c3"]);
}

#[test]
fn a_long_list_is_handed_over_page_by_page() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 2500);
    deliver(&server, STREAM, GROUP, "c1", 2450);
    deliver(&server, STREAM, GROUP, "c2", 50);
    server
        .ucp(&[
            "consumers",
            "delete",
            GROUP,
            "c1",
            "--hand-over-to",
            "c2",
            "--yes",
        ])
        .assert_code(0)
        .stderr_has("2,450 entries handed over");
    let own = server.redis(&["XPENDING", STREAM, GROUP]);
    assert_eq!(own.items()[0].int(), 2500);
    assert_eq!(consumers(&server), ["c2"]);
}

#[test]
fn the_heir_must_be_another_and_be_there() {
    let server = seeded();
    let before = pending(&server, STREAM, GROUP);
    let delete = |to: &str| {
        server.ucp(&[
            "consumers",
            "delete",
            GROUP,
            "c1",
            "--hand-over-to",
            to,
            "--yes",
        ])
    };
    delete("c1")
        .assert_code(2)
        .stderr_has("cannot hand over to itself");
    delete("c9\x1b[2J")
        .assert_code(3)
        .stderr_has("has no consumer `$'c9\\x1b[2J'`")
        .stderr_lacks("\x1b");
    let prune = [
        "consumers",
        "prune",
        GROUP,
        "--idle",
        "0s",
        "--hand-over-to",
        "c9",
        "--yes",
    ];
    server.ucp(&prune).assert_code(3);
    assert_eq!(pending(&server, STREAM, GROUP), before);
    assert_eq!(consumers(&server), ["c1", "c2", "c3"]);
}

#[test]
fn prune_deletes_those_that_rest_and_leaves_those_that_hold() {
    let server = seeded();
    let none = server.ucp(&["consumers", "prune", GROUP, "--yes", "-o", "json"]);
    none.assert_code(0)
        .stderr_has("nothing to prune")
        .stdout_is("[]\n");
    all_rest(&server, 100);
    server.redis(&["XGROUP", "CREATECONSUMER", STREAM, GROUP, "fresh"]);
    server.redis(&["XGROUP", "CREATECONSUMER", STREAM, GROUP, "c4"]);
    all_rest(&server, 50);
    server
        .ucp(&["consumers", "prune", GROUP, "--idle", "50ms"])
        .assert_code(6)
        .stderr_has("delete 3 consumers of group `event-processors`")
        .stderr_has("c3, c4, fresh");
    let words = ["consumers", "prune", GROUP, "--idle", "50ms", "-o", "json"];
    let dry = server.ucp(&[&words[..], &["--dry-run"]].concat());
    let plan = dry.assert_code(0).stdout_json();
    let planned = [
        ("c1", "held"),
        ("c2", "held"),
        ("c3", "planned"),
        ("c4", "planned"),
        ("fresh", "planned"),
    ];
    assert_eq!(fates(&plan["rows"]), planned);
    assert_eq!(consumers(&server).len(), 5);
    let run = server.ucp(&[&words[..], &["--yes"]].concat());
    let rows = run
        .assert_code(7)
        .stderr_has("3 consumers deleted")
        .stderr_has("not deleted, because they have pending entries: 2 consumers")
        .stdout_json();
    assert_eq!(
        fates(&rows)[2..],
        [("c3", "deleted"), ("c4", "deleted"), ("fresh", "deleted")]
    );
    assert_eq!(consumers(&server), ["c1", "c2"]);
    assert_eq!(pending(&server, STREAM, GROUP).len(), 6);
    // Only those are left that hold entries: in earnest as in a dry run, nothing is done.
    for more in ["--yes", "--dry-run"] {
        let none = server.ucp(&[&words[..3], &["--idle", "0s", "-o", "json", more]].concat());
        let shown = none.assert_code(6).stdout_json();
        let rows = shown.get("rows").unwrap_or(&shown);
        assert_eq!(fates(rows), [("c1", "held"), ("c2", "held")]);
        assert_eq!(none.stderr_json()["error"]["kind"], "refused");
        assert_eq!(consumers(&server), ["c1", "c2"]);
    }
}

#[test]
fn prune_leaves_those_that_were_seen_lately() {
    let server = seeded();
    all_rest(&server, 2000);
    server.redis(&["XGROUP", "CREATECONSUMER", STREAM, GROUP, "fresh"]);
    let words = [
        "consumers",
        "prune",
        GROUP,
        "--idle",
        "2s",
        "--yes",
        "-o",
        "json",
    ];
    let rows = server.ucp(&words).assert_code(7).stdout_json();
    assert_eq!(
        fates(&rows),
        [("c1", "held"), ("c2", "held"), ("c3", "deleted")]
    );
    assert_eq!(consumers(&server), ["c1", "c2", "fresh"]);
}

#[test]
fn prune_hands_over_when_told_to_whom_and_the_heir_stays() {
    let server = seeded();
    let words = [
        "consumers",
        "prune",
        GROUP,
        "--idle",
        "0s",
        "--hand-over-to",
        "c2",
        "--yes",
        "-o",
        "json",
    ];
    let run = server.ucp(&words);
    let rows = run
        .assert_code(0)
        .stderr_has("2 consumers deleted, 4 entries handed over")
        .stdout_json();
    assert_eq!(fates(&rows), [("c1", "deleted"), ("c3", "deleted")]);
    assert_eq!(held_by(&server, "c2").len(), 6);
    assert_eq!(consumers(&server), ["c2"]);
}

#[test]
fn a_user_who_may_not_delete_is_told_so_and_nothing_changes() {
    let server = seeded();
    server.add_user("limited", "~* +@all -xgroup|delconsumer");
    server
        .command_as("limited", &["consumers", "delete", GROUP, "c3", "--yes"])
        .run()
        .assert_code(5)
        .stdout_has("not tried");
    assert_eq!(consumers(&server), ["c1", "c2", "c3"]);
}
