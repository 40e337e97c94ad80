//! `dlq list`, `show`, `redrive` and `purge`.

use serde_json::{Value, json};

use crate::seed::{GROUP, STREAM, ids};
use crate::support::TestServer;

const DEAD: &str = "{events.normalized}:dlq";

/// A dead letter as the worker leaves it; with the body `trimmed` it is a tombstone.
fn bury(server: &TestServer, id: &str, group: &str, reason: &str, body: &str) {
    let mut command = vec!["XADD", DEAD, id];
    if body == "present" {
        command.extend(["n", id, "kind", "odd"]);
    }
    command.extend([
        "_dlq_stream",
        STREAM,
        "_dlq_group",
        group,
        "_dlq_id",
        "77-1",
        "_dlq_consumer",
        "c1",
        "_dlq_deliveries",
        "5",
        "_dlq_reason",
        reason,
        "_dlq_time",
        "2026-01-31T09:00:00.123Z",
        "_dlq_body",
        body,
    ]);
    server.redis(&command);
}

/// Two letters of one reason, one of another, and a tombstone; the stream has one group and one entry.
fn seeded() -> TestServer {
    let server = TestServer::start();
    server.redis(&["XADD", STREAM, "1-0", "n", "1"]);
    server.redis(&["XGROUP", "CREATE", STREAM, GROUP, "$"]);
    bury(&server, "1-0", GROUP, "timeout after 30s", "present");
    bury(&server, "2-0", GROUP, "connection refused", "present");
    bury(&server, "3-0", "audit", "timeout after 5s", "present");
    bury(&server, "4-0", GROUP, "trimmed away", "trimmed");
    server
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
fn dead_letters_are_listed_by_either_name_and_filtered() {
    let server = seeded();
    for args in [
        &["dlq", "list", "-o", "json"][..],
        &["dlq", "list", STREAM, "-o", "json"],
        &["dlq", "list", DEAD, "-o", "json"],
    ] {
        let run = server.ucp(args);
        let letters = run.assert_code(0).stderr_is_empty().stdout_json();
        assert_eq!(letters.as_array().unwrap().len(), 4);
        let mut first = letters[0].clone();
        assert_eq!(first["fields"].take(), json!({"n": "1-0", "kind": "odd"}));
        assert!(first["age_ms"].take().is_u64());
        assert_eq!(
            first,
            json!({
                "id": "1-0", "dead_letter": DEAD, "stream": STREAM, "group": GROUP, "origin_id": "77-1",
                "consumer": "c1", "deliveries": 5, "is_fatal": false, "time": "2026-01-31T09:00:00.123Z", "age_ms": null,
                "reason": "timeout after 30s", "is_tombstone": false, "lost": null, "fields": null,
            })
        );
        assert_eq!(letters[3]["is_tombstone"], true);
        assert_eq!(letters[3]["fields"], json!({}));
    }
    server
        .ucp(&["dlq", "list", STREAM, "--reason", "timeout", "--names"])
        .stdout_is("1-0\n3-0\n");
    server
        .ucp(&[
            "dlq", "list", STREAM, "--reason", "timeout", "--group", "audit", "--names",
        ])
        .stdout_is("3-0\n");
    server
        .ucp(&["dlq", "list", STREAM, "--count", "2", "--names"])
        .stdout_is("1-0\n2-0\n")
        .stderr_has("only the oldest");
    let table = server.ucp(&["dlq", "list", "-o", "table"]);
    table
        .assert_code(0)
        .stdout_has("  STREAM             GROUP             DELIVERIES  REASON\n")
        .stdout_has("  events.normalized  event-processors           5  timeout after 30s\n")
        .stdout_has("trimmed away");
    let wide = server.ucp(&["dlq", "list", "-o", "wide"]);
    wide.assert_code(0)
        .stdout_has(" ORIGIN ID ")
        .stdout_has(" c1 ");
}

#[test]
fn dead_letters_that_cannot_be_looked_at_do_not_hide_the_others() {
    let server = seeded();
    server.redis(&["SET", "{events.raw}:dlq", "text"]);
    let run = server.ucp(&["dlq", "list", "-o", "json"]);
    let letters = run
        .assert_code(7)
        .stderr_has("cannot read the dead letters of `events.raw`")
        .stderr_has("`{events.raw}:dlq` is not a stream: the key holds a string")
        .stdout_json();
    assert_eq!(letters.as_array().unwrap().len(), 4);
    server.add_user(
        "bob",
        "+@all ~events.* ~{events.normalized}:dlq ~{profiles*",
    );
    let run = server.command_as("bob", &["dlq", "list", "--names"]).run();
    run.assert_code(7)
        .stdout_is("1-0\n2-0\n3-0\n4-0\n")
        .stderr_has("dead letters of `predictions.requests`");
    server
        .ucp(&["dlq", "list", "events.raw"])
        .assert_code(3)
        .stderr_has("the key holds a string");
}

#[test]
fn that_there_are_none_is_said_to_a_person() {
    let server = TestServer::start();
    let run = server.command(&["dlq", "list"]).on_terminals(80).run();
    run.assert_code(0).stderr_has("no dead letters");
    server
        .ucp(&["dlq", "list", "-o", "json"])
        .assert_code(0)
        .stdout_is("[]\n")
        .stderr_is_empty();
}

#[test]
fn a_long_list_is_paged() {
    let server = TestServer::start();
    let mut client = server.client();
    for n in 1..=250 {
        client.send(&["XADD", DEAD, &format!("{n}-0"), "n", "x"]);
    }
    let run = server.ucp(&["dlq", "list", DEAD, "--count", "1000", "--names"]);
    assert_eq!(run.assert_code(0).stdout_lines().len(), 250);
}

#[test]
fn one_is_shown_with_its_fields() {
    let server = seeded();
    server
        .ucp(&["dlq", "show", STREAM, "2-0", "-o", "table"])
        .assert_code(0)
        .stdout_has("connection refused")
        .stdout_has("consumer            c1\n")
        .stdout_has("\nfields\n  n     2-0\n  kind  odd\n");
    let run = server.ucp(&["dlq", "show", STREAM, "2-0", "-o", "json"]);
    assert_eq!(run.assert_code(0).stdout_json()["fields"]["n"], "2-0");
    server
        .ucp(&["dlq", "show", STREAM, "9-9"])
        .assert_code(3)
        .stderr_has("no dead letter 9-9 in `{events.normalized}:dlq`");
    server
        .ucp(&["dlq", "show", STREAM, "abc"])
        .assert_code(2)
        .stderr_has("`abc` is not an entry id");
}

#[test]
fn redriven_letters_are_at_the_end_of_their_stream_once() {
    let server = seeded();
    let run = server.ucp(&[
        "dlq", "redrive", STREAM, "--reason", "timeout", "--yes", "-o", "json",
    ]);
    let rows = run
        .assert_code(0)
        .stderr_has("2 of 2 entries redriven")
        .stdout_json();
    assert_eq!(outcomes(&rows), [("1-0", "redriven"), ("3-0", "redriven")]);
    let new = rows[0]["new_id"].as_str().unwrap();
    assert_eq!(ids(&server, STREAM)[1], new);
    assert_eq!(ids(&server, DEAD), ["2-0", "4-0"]);
    let entry = server.redis(&["XRANGE", STREAM, new, new]);
    let fields: Vec<_> = entry.items()[0].items()[1]
        .items()
        .iter()
        .map(|it| it.text().to_owned())
        .collect();
    assert_eq!(
        fields,
        [
            "n",
            "1-0",
            "kind",
            "odd",
            "_ucp_origin",
            "77-1",
            "_ucp_redrives",
            "1"
        ]
    );
    // Again: it is not there any more.
    server
        .ucp(&["dlq", "redrive", STREAM, "1-0", "--yes"])
        .assert_code(3)
        .stderr_has("none of these ids was found");
    assert_eq!(ids(&server, STREAM).len(), 3);
}

#[test]
fn a_tombstone_stays_and_is_said() {
    let server = seeded();
    let run = server.ucp(&["dlq", "redrive", DEAD, "--all", "--yes", "-o", "json"]);
    let rows = run.assert_code(7).stdout_json();
    assert_eq!(outcomes(&rows)[3], ("4-0", "trimmed"));
    assert_eq!(rows[3]["detail"], "a tombstone: there is no body to move");
    assert_eq!(ids(&server, DEAD), ["4-0"]);
    assert_eq!(ids(&server, STREAM).len(), 4);
    server
        .ucp(&["dlq", "redrive", STREAM, "--all", "--yes"])
        .assert_code(6)
        .stderr_has("a tombstone: there is no body to move");
}

#[test]
fn several_groups_would_see_it_again_so_it_is_refused() {
    let server = seeded();
    server.redis(&["XGROUP", "CREATE", STREAM, "audit", "$"]);
    server
        .ucp(&["dlq", "redrive", STREAM, "--all", "--yes"])
        .assert_code(6)
        .stdout_is("")
        .stderr_has("`audit`, `event-processors`")
        .stderr_has("--all-groups-see-it");
    assert_eq!(ids(&server, DEAD).len(), 4);
    assert_eq!(ids(&server, STREAM).len(), 1);
    server
        .ucp(&[
            "dlq",
            "redrive",
            STREAM,
            "2-0",
            "--all-groups-see-it",
            "--yes",
        ])
        .assert_code(0);
    assert_eq!(ids(&server, STREAM).len(), 2);
}

#[test]
fn a_stream_that_is_gone_keeps_its_letters() {
    let server = seeded();
    server.redis(&["DEL", STREAM]);
    server
        .ucp(&["dlq", "redrive", STREAM, "1-0", "--yes"])
        .assert_code(6)
        .stderr_has("stream `events.normalized` does not exist");
    assert_eq!(ids(&server, DEAD).len(), 4);
    assert_eq!(server.redis(&["EXISTS", STREAM]).int(), 0);
}

#[test]
fn purged_letters_are_gone_and_only_those() {
    let server = seeded();
    let run = server.ucp(&["dlq", "purge", STREAM, "1-0", "9-9", "--yes", "-o", "json"]);
    let rows = run.assert_code(7).stdout_json();
    assert_eq!(outcomes(&rows), [("1-0", "purged"), ("9-9", "gone")]);
    assert_eq!(ids(&server, DEAD), ["2-0", "3-0", "4-0"]);
    server
        .ucp(&["dlq", "purge", STREAM, "--group", GROUP, "--yes"])
        .assert_code(0)
        .stderr_has("2 of 2 entries purged");
    assert_eq!(ids(&server, DEAD), ["3-0"]);
    server
        .ucp(&["dlq", "purge", STREAM, "--all", "--yes"])
        .assert_code(0);
    server
        .ucp(&["dlq", "purge", STREAM, "--all", "--yes"])
        .assert_code(0)
        .stderr_has("nothing to purge");
    assert_eq!(ids(&server, STREAM).len(), 1);
}

#[test]
fn without_consent_or_a_choice_nothing_changes() {
    let server = seeded();
    for verb in ["redrive", "purge"] {
        server
            .ucp(&["dlq", verb, STREAM, "--all"])
            .assert_code(6)
            .stdout_is("")
            .stderr_has("of dead-letter stream `{events.normalized}:dlq` on ")
            .stderr_has("--yes");
        server
            .ucp(&["dlq", verb, STREAM, "--yes"])
            .assert_code(2)
            .stderr_has("--all");
        server
            .ucp(&["dlq", verb, STREAM, "--all", "--dry-run"])
            .assert_code(0)
            .stdout_has("planned")
            .stderr_has("nothing was changed");
        server
            .ucp(&["dlq", verb, STREAM, "abc", "--yes"])
            .assert_code(2);
    }
    assert_eq!(ids(&server, DEAD).len(), 4);
    assert_eq!(ids(&server, STREAM).len(), 1);
}

#[test]
fn what_is_not_there_is_3_and_escape_codes_are_text() {
    let server = seeded();
    server
        .ucp(&["dlq", "list", "nope"])
        .assert_code(3)
        .stderr_has("no stream `nope`")
        .stderr_has(STREAM);
    server.redis(&["SET", "{text}:dlq", "x"]);
    server
        .ucp(&["dlq", "purge", "text", "--all", "--yes"])
        .assert_code(3)
        .stderr_has("the key holds a string");
    server.redis(&["XADD", "events.raw", "*", "a", "b"]);
    server
        .ucp(&["dlq", "list", "events.raw", "-o", "json"])
        .assert_code(0)
        .stdout_is("[]\n");
    bury(&server, "5-0", "g\x1b[2J", "bad\x1b]0;x\x07\r", "present");
    for format in ["table", "wide", "plain", "csv", "json"] {
        server
            .ucp(&["dlq", "list", "-o", format])
            .assert_code(0)
            .stdout_lacks("\x1b")
            .stdout_lacks("\x07");
    }
    server
        .ucp(&["dlq", "show", STREAM, "5-0", "-o", "table"])
        .stdout_has("bad\\x1b]0;x\\x07\\r")
        .stdout_lacks("\x1b");
}
