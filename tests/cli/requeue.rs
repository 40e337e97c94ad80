//! `requeue`.

use crate::seed::{GROUP, STREAM, deliver, ids, make_stale, pending, stream_with_group};
use crate::support::TestServer;

/// Of six entries 1-4 are held by c1, of which 2 and 3 are stale after four deliveries.
fn seeded() -> TestServer {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 6);
    deliver(&server, STREAM, GROUP, "c1", 4);
    make_stale(&server, GROUP, "c1", &["2-0", "3-0"], 600_000, 4);
    server
}

fn fields(server: &TestServer, id: &str) -> Vec<String> {
    let entries = server.redis(&["XRANGE", STREAM, id, id]);
    let fields = entries.items()[0].items()[1].items().iter();
    fields.map(|it| it.text().to_owned()).collect()
}

fn still(server: &TestServer) -> Vec<String> {
    let rows = pending(server, STREAM, GROUP).into_iter();
    rows.map(|row| row.0).collect()
}

#[test]
fn stale_entries_are_at_the_end_again_and_the_old_ones_acknowledged() {
    let server = seeded();
    let run = server.ucp(&["requeue", GROUP, "--yes", "-o", "json"]);
    let rows = run
        .assert_code(0)
        .stderr_has("2 of 2 entries requeued")
        .stdout_json();
    assert_eq!(still(&server), ["1-0", "4-0"]);
    let new = rows[0]["new_id"].as_str().unwrap();
    assert_eq!(ids(&server, STREAM)[6], new);
    assert_eq!(
        fields(&server, new),
        [
            "n",
            "2",
            "kind",
            "even",
            "_ucp_origin",
            "2-0",
            "_ucp_attempts",
            "4"
        ]
    );
    // Again: where it came from stays, attempts add up.
    deliver(&server, STREAM, GROUP, "c2", 10);
    let again = server.ucp(&["requeue", GROUP, new, "--yes", "-o", "json"]);
    let rows = again.assert_code(0).stdout_json();
    let newer = rows[0]["new_id"].as_str().unwrap();
    assert_eq!(
        fields(&server, newer)[4..],
        ["_ucp_origin", "2-0", "_ucp_attempts", "5"]
    );
}

#[test]
fn other_groups_would_see_it_again_so_it_is_refused() {
    let server = seeded();
    server.redis(&["XGROUP", "CREATE", STREAM, "audit", "$"]);
    server
        .ucp(&["requeue", GROUP, "2-0", "--yes"])
        .assert_code(6)
        .stdout_is("")
        .stderr_has("has other groups, which would see the entries again: `audit`")
        .stderr_has("--all-groups-see-it");
    assert_eq!(ids(&server, STREAM).len(), 6);
    assert_eq!(still(&server).len(), 4);
    server
        .ucp(&["requeue", GROUP, "2-0", "--all-groups-see-it", "--yes"])
        .assert_code(0);
    assert_eq!(ids(&server, STREAM).len(), 7);
    assert_eq!(still(&server), ["1-0", "3-0", "4-0"]);
}

#[test]
fn what_has_no_body_becomes_a_tombstone_and_both_parts_are_listed() {
    let server = seeded();
    server.redis(&["XDEL", STREAM, "2-0"]);
    let run = server.ucp(&["requeue", GROUP, "2-0", "3-0", "6-0", "--yes", "-o", "json"]);
    let rows = run
        .assert_code(9)
        .stderr_has("1 of 3 entries requeued")
        .stderr_has("1 entry had been trimmed before being handled")
        .stderr_has("ucp-streams dlq list")
        .stdout_json();
    let outcomes: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["tombstone", "requeued", "not_pending"]);
    assert_eq!(still(&server), ["1-0", "4-0"]);
    let dead = "{events.normalized}:dlq";
    assert_eq!(ids(&server, dead), [rows[0]["new_id"].as_str().unwrap()]);
    // Where the tombstone cannot be written, nothing is changed.
    server.redis(&["DEL", dead]);
    server.redis(&["SET", dead, "text"]);
    server.redis(&["XDEL", STREAM, "4-0"]);
    let run = server.ucp(&["requeue", GROUP, "1-0", "4-0", "--yes", "-o", "json"]);
    run.assert_code(3).stderr_has("{events.normalized}:dlq");
    let rows = run.stdout_json();
    assert_eq!(rows[0]["outcome"], "requeued");
    assert_eq!(rows[1]["outcome"], "not_tried");
    assert_eq!(still(&server), ["4-0"]);
}

#[test]
fn without_consent_and_with_wrong_names_nothing_changes() {
    let server = seeded();
    server
        .ucp(&["requeue", GROUP])
        .assert_code(6)
        .stderr_has("requeue 2 entries (2 of c1) of group `event-processors`")
        .stderr_has("--yes");
    server
        .ucp(&["requeue", GROUP, "--min-deliveries", "4", "--dry-run"])
        .assert_code(0)
        .stdout_has("planned");
    server
        .ucp(&["requeue", GROUP, "abc", "--yes"])
        .assert_code(2)
        .stderr_has("`abc` is not an entry id");
    server
        .ucp(&["requeue", "nope", "--stream", STREAM, "--yes"])
        .assert_code(3)
        .stderr_has("`ucp-streams groups events.normalized` lists the groups of the stream");
    server
        .ucp(&["requeue", GROUP, "--stream", "nope", "--yes"])
        .assert_code(3)
        .stderr_has("no stream `nope`");
    server
        .ucp(&["requeue", GROUP, "--consumer", "c9", "--yes"])
        .assert_code(3)
        .stderr_has("its consumers: c1");
    server
        .ucp(&["requeue", GROUP, "--min-deliveries", "9", "--yes"])
        .assert_code(0)
        .stderr_has("nothing to requeue");
    assert_eq!(ids(&server, STREAM).len(), 6);
    assert_eq!(still(&server).len(), 4);
}
