//! `claim`.

use serde_json::{Value, json};

use crate::seed::{GROUP, STREAM, deliver, held_by_two, ids, pending, stream_with_group};
use crate::support::TestServer;

const DEAD: &str = "{events.normalized}:dlq";

/// Entries 1-4 are held by c1 and stale (four deliveries), 5 and 6 by c2 and fresh; c3 holds nothing.
fn seeded() -> TestServer {
    held_by_two(4)
}

fn held_by(server: &TestServer, consumer: &str) -> Vec<String> {
    let rows = pending(server, STREAM, GROUP).into_iter();
    rows.filter(|row| row.1 == consumer)
        .map(|row| row.0)
        .collect()
}

fn outcomes(rows: &Value) -> Vec<(&str, &str)> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| {
        (
            row["id"].as_str().unwrap(),
            row["outcome"].as_str().unwrap(),
        )
    })
    .collect()
}

#[test]
fn stale_entries_go_to_the_consumer_with_their_counts() {
    let server = seeded();
    let run = server.ucp(&[
        "claim", GROUP, "--idle", "5m", "--to", "c3", "--yes", "-o", "json",
    ]);
    let rows = run
        .assert_code(0)
        .stderr_has(
            "4 of 4 entries claimed in group `event-processors` of stream `events.normalized`",
        )
        .stdout_json();
    assert_eq!(rows[0]["outcome"], "claimed");
    assert_eq!(rows[0]["consumer"], "c1");
    assert_eq!(rows[0]["stream"], STREAM);
    assert_eq!(rows[0]["time"], "1970-01-01T00:00:00.001Z");
    assert_eq!(rows[0]["fields"], json!({"n": "1", "kind": "odd"}));
    assert_eq!(held_by(&server, "c3"), ["1-0", "2-0", "3-0", "4-0"]);
    assert_eq!(held_by(&server, "c2"), ["5-0", "6-0"]);
    assert!(
        pending(&server, STREAM, GROUP)[..4]
            .iter()
            .all(|row| row.2 == 4)
    );
    // Fresh now: nothing left to claim.
    server
        .ucp(&["claim", GROUP, "--to", "c2", "--yes"])
        .assert_code(0)
        .stderr_has("nothing to claim");
}

#[test]
fn delivery_counts_are_reset_only_when_asked() {
    let server = seeded();
    let args = ["claim", GROUP, "--to", "c3", "--reset-deliveries"];
    let refused = server.ucp(&args);
    refused
        .assert_code(6)
        .stderr_has("4 entries (4 of c1), delivery counts reset to 1, of group");
    let run = server.ucp(&[&args[..], &["1-0", "2-0", "--yes", "-o", "json"]].concat());
    let rows = run.assert_code(0).stdout_json();
    // As they were seen.
    assert_eq!(rows[0]["deliveries"], 4);
    let counts = |consumer| {
        let rows = pending(&server, STREAM, GROUP).into_iter();
        let of = rows.filter(|row| row.1 == consumer).map(|row| row.2);
        of.collect::<Vec<_>>()
    };
    assert_eq!(counts("c3"), [1, 1]);
    assert_eq!(counts("c1"), [4, 4]);
    // Also of what the consumer holds already.
    let own = [
        "claim",
        GROUP,
        "--to",
        "c1",
        "3-0",
        "--reset-deliveries",
        "--yes",
    ];
    server
        .ucp(&own)
        .assert_code(0)
        .stderr_has("1 of 1 entry claimed");
    assert_eq!(counts("c1"), [1, 4]);
}

#[test]
fn without_consent_nothing_changes() {
    let server = seeded();
    let before = pending(&server, STREAM, GROUP);
    server
        .ucp(&["claim", GROUP, "--to", "c3"])
        .assert_code(6)
        .stdout_is("")
        .stderr_has("for consumer `c3` 4 entries (4 of c1) of group `event-processors` of stream `events.normalized` on ")
        .stderr_has(server.socket().to_str().unwrap())
        .stderr_has("--yes");
    let dry = server.ucp(&["claim", GROUP, "--to", "c3", "--dry-run", "-o", "json"]);
    let plan = dry
        .assert_code(0)
        .stderr_has("nothing was changed")
        .stdout_json();
    assert_eq!(outcomes(&plan["rows"])[0], ("1-0", "planned"));
    assert_eq!(plan["rows"].as_array().unwrap().len(), 4);
    let after = pending(&server, STREAM, GROUP);
    assert_eq!(after, before);
}

#[test]
fn named_entries_are_claimed_whatever_their_age_unless_one_is_given() {
    let server = seeded();
    let run = server.ucp(&[
        "claim", GROUP, "5-0", "9-0", "5", "--to", "c3", "--yes", "-o", "json",
    ]);
    let rows = run.assert_code(7).stdout_json();
    assert_eq!(
        outcomes(&rows),
        [("5-0", "claimed"), ("9-0", "not_pending")]
    );
    assert_eq!(held_by(&server, "c3"), ["5-0"]);
    let fresh = server.ucp(&[
        "claim", GROUP, "6-0", "--idle", "1h", "--to", "c3", "--yes", "-o", "json",
    ]);
    fresh.assert_code(6).stderr_has("nothing was claimed");
    assert_eq!(outcomes(&fresh.stdout_json()), [("6-0", "fresh")]);
    assert_eq!(held_by(&server, "c2"), ["6-0"]);
    server
        .ucp(&["claim", GROUP, "9-0", "--to", "c3", "--yes"])
        .assert_code(3)
        .stderr_has("none of these ids was found");
}

#[test]
fn a_body_that_was_trimmed_away_becomes_a_tombstone() {
    let server = seeded();
    server.redis(&["XDEL", STREAM, "2-0"]);
    let run = server.ucp(&["claim", GROUP, "--to", "c3", "--yes", "-o", "json"]);
    let rows = run
        .assert_code(9)
        .stderr_has("1 entry had been trimmed before being handled")
        .stdout_json();
    assert_eq!(outcomes(&rows)[1], ("2-0", "tombstone"));
    assert_eq!(held_by(&server, "c3"), ["1-0", "3-0", "4-0"]);
    assert_eq!(held_by(&server, "c1"), [""; 0]);
    assert_eq!(ids(&server, DEAD), [rows[1]["new_id"].as_str().unwrap()]);
    let tombstone = server.redis(&["XRANGE", DEAD, "-", "+"]);
    let fields: Vec<_> = tombstone.items()[0].items()[1]
        .items()
        .iter()
        .map(|it| it.text().to_owned())
        .collect();
    let value = |name: &str| fields[fields.iter().position(|it| it == name).unwrap() + 1].clone();
    assert_eq!(value("_dlq_id"), "2-0");
    assert_eq!(value("_dlq_body"), "trimmed");
    assert_eq!(value("_dlq_consumer"), "c1");
    assert_eq!(
        value("_dlq_reason"),
        "the body was trimmed before it was handled"
    );
}

#[test]
fn a_ghost_that_the_consumer_itself_holds_becomes_a_tombstone_too() {
    let server = seeded();
    server.redis(&["XDEL", STREAM, "1-0"]);
    let run = server.ucp(&[
        "claim", GROUP, "1-0", "2-0", "--to", "c1", "--yes", "-o", "json",
    ]);
    let rows = run
        .assert_code(9)
        .stderr_has("1 of 2 entries claimed")
        .stderr_has("1 entry had been trimmed before being handled")
        .stdout_json();
    assert_eq!(
        outcomes(&rows),
        [("1-0", "tombstone"), ("2-0", "already_held")]
    );
    assert_eq!(held_by(&server, "c1"), ["2-0", "3-0", "4-0"]);
    assert_eq!(ids(&server, DEAD), [rows[0]["new_id"].as_str().unwrap()]);
}

#[test]
fn long_lists_are_claimed_in_batches_and_counted() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 350);
    deliver(&server, STREAM, GROUP, "c1", 350);
    server.redis(&["XGROUP", "CREATECONSUMER", STREAM, GROUP, "c3"]);
    let run = server.ucp(&[
        "claim", GROUP, "--idle", "0s", "--count", "250", "--to", "c3", "--yes", "--names",
    ]);
    run.assert_code(0).stderr_has("more entries match");
    assert_eq!(run.stdout_lines().len(), 250);
    assert_eq!(held_by(&server, "c3").len(), 250);
    assert_eq!(held_by(&server, "c1").len(), 100);
}

#[test]
fn who_is_to_hold_them_must_be_there() {
    let server = seeded();
    let before = pending(&server, STREAM, GROUP);
    server
        .ucp(&["claim", GROUP, "--to", "c9\x1b[2J", "--yes"])
        .assert_code(3)
        .stderr_has("has no consumer `$'c9\\x1b[2J'`")
        .stderr_has("its consumers: c1, c2, c3")
        .stderr_lacks("\x1b");
    server
        .ucp(&["claim", GROUP, "--yes"])
        .assert_code(2)
        .stderr_has("--to");
    server
        .ucp(&["claim", GROUP, "abc", "--to", "c3", "--yes"])
        .assert_code(2)
        .stderr_has("`abc` is not an entry id");
    server
        .ucp(&["claim", "nope", "--stream", STREAM, "--to", "c3", "--yes"])
        .assert_code(3)
        .stderr_has("`ucp-streams groups events.normalized` lists the groups of the stream");
    server.redis(&["SET", "text", "x"]);
    server
        .ucp(&["claim", "g", "--stream", "text", "--to", "c3", "--yes"])
        .assert_code(3)
        .stderr_has("holds a string");
    assert_eq!(pending(&server, STREAM, GROUP), before);
}

#[test]
fn what_the_consumer_holds_already_does_not_use_up_the_count() {
    let server = seeded();
    for (count, left) in [(3, vec!["4-0"]), (3, vec![])] {
        server
            .ucp(&[
                "claim",
                GROUP,
                "--idle",
                "0s",
                "--consumer",
                "c1",
                "--count",
                &count.to_string(),
                "--to",
                "c3",
                "--yes",
            ])
            .assert_code(0);
        assert_eq!(held_by(&server, "c1"), left);
    }
    // 1 to 4 are the oldest, and match, and are where they are to be.
    server
        .ucp(&[
            "claim", GROUP, "--idle", "0s", "--count", "1", "--to", "c3", "--yes",
        ])
        .assert_code(0)
        .stdout_lacks("already held")
        .stderr_has("1 of 1 entry claimed")
        .stderr_has("more entries match");
    assert_eq!(held_by(&server, "c2"), ["6-0"]);
    server
        .ucp(&["claim", GROUP, "--idle", "0s", "--to", "c3", "--yes"])
        .assert_code(0)
        .stderr_has("1 of 1 entry claimed")
        .stderr_lacks("more entries match");
    server
        .ucp(&["claim", GROUP, "--idle", "0s", "--to", "c3", "--yes"])
        .assert_code(0)
        .stderr_has("nothing to claim");
}
