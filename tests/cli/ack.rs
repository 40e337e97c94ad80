//! `ack`.

use crate::seed::{GROUP, STREAM, deliver, pending, stream_with_group};
use crate::support::TestServer;

/// Entries 1-3 are held by c1, 4 by c2.
fn seeded() -> TestServer {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 6);
    deliver(&server, STREAM, GROUP, "c1", 3);
    deliver(&server, STREAM, GROUP, "c2", 1);
    server
}

fn still(server: &TestServer) -> Vec<String> {
    let rows = pending(server, STREAM, GROUP).into_iter();
    rows.map(|row| row.0).collect()
}

#[test]
fn entries_of_any_consumer_are_skipped() {
    let server = seeded();
    server
        .ucp(&[
            "ack",
            GROUP,
            "2-0",
            "4-0",
            "--yes",
            "--columns",
            "id,outcome,consumer",
            "-o",
            "plain",
        ])
        .assert_code(0)
        .stdout_is("id\toutcome\tconsumer\n2-0\tacknowledged\tc1\n4-0\tacknowledged\tc2\n")
        .stderr_has("2 of 2 entries acknowledged");
    assert_eq!(still(&server), ["1-0", "3-0"]);
}

#[test]
fn some_is_7_and_none_is_3_and_both_parts_are_listed() {
    let server = seeded();
    let run = server.ucp(&["ack", GROUP, "1-0", "5-0", "--yes", "-o", "json"]);
    let rows = run.assert_code(7).stdout_json();
    assert_eq!(rows[0]["outcome"], "acknowledged");
    assert_eq!(
        (&rows[1]["id"], &rows[1]["outcome"]),
        (&"5-0".into(), &"not_pending".into())
    );
    assert_eq!(still(&server), ["2-0", "3-0", "4-0"]);
    let none = server.ucp(&["ack", GROUP, "1-0", "5-0", "--yes", "-o", "json"]);
    none.assert_code(3);
    assert_eq!(none.stderr_json()["error"]["kind"], "not_found");
    assert_eq!(none.stdout_json()[0]["outcome"], "not_pending");
}

#[test]
fn without_consent_nothing_changes() {
    let server = seeded();
    server
        .ucp(&["ack", GROUP, "1-0"])
        .assert_code(6)
        .stderr_has("acknowledge 1 entry (1 of c1) of group `event-processors` of stream `events.normalized` on ")
        .stderr_has("--yes");
    server
        .ucp(&["ack", GROUP, "1-0", "--dry-run"])
        .assert_code(0)
        .stdout_has("planned");
    assert_eq!(still(&server).len(), 4);
}

#[test]
fn wrong_names_and_ids_change_nothing() {
    let server = seeded();
    server
        .ucp(&["ack", GROUP, "1-0", "abc", "--yes"])
        .assert_code(2)
        .stderr_has("`abc` is not an entry id");
    server
        .ucp(&["ack", "nope\x1b[2J", "--stream", STREAM, "1-0", "--yes"])
        .assert_code(3)
        .stderr_has("no group `$'nope\\x1b[2J'`")
        .stderr_lacks("\x1b");
    server
        .ucp(&["ack", GROUP, "--stream", "nope", "1-0", "--yes"])
        .assert_code(3)
        .stderr_has("no stream `nope`");
    server.redis(&["SET", "text", "x"]);
    server
        .ucp(&["ack", "g", "--stream", "text", "1-0", "--yes"])
        .assert_code(3)
        .stderr_has("holds a string");
    assert_eq!(still(&server).len(), 4);
}

#[test]
fn a_user_who_may_not_is_told_the_rule() {
    let server = seeded();
    server.add_user("bob", "~* +hello +auth +xinfo +xpending");
    let run = server
        .command_as("bob", &["ack", GROUP, "1-0", "--yes"])
        .run();
    run.assert_code(5)
        .stdout_has("not tried")
        .stderr_has("+evalsha");
    assert_eq!(still(&server).len(), 4);
}
