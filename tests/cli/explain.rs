//! `explain`: where one entry stands, what is certain of it, what is inferred, and what could not be seen.

use serde_json::Value;

use crate::support::TestServer;

const DEAD: &str = "{orders}:dlq";

/// Five entries; the first two are delivered to `c1`, and the first is acknowledged.
fn with_orders() -> TestServer {
    let server = TestServer::start();
    for n in 1..=5 {
        server.redis(&[
            "XADD",
            "orders",
            &format!("{n}-0"),
            "number",
            &n.to_string(),
        ]);
    }
    for command in [
        "XGROUP CREATE orders g 0",
        "XREADGROUP GROUP g c1 COUNT 2 STREAMS orders >",
        "XACK orders g 1-0",
    ] {
        server.redis(&command.split(' ').collect::<Vec<_>>());
    }
    server
}

/// All that is said of an entry.
#[track_caller]
fn explained(server: &TestServer, stream: &str, id: &str) -> Value {
    let run = server.ucp(&["explain", stream, id, "-o", "json"]);
    run.assert_code(0).stderr_is_empty().stdout_json()
}

/// How it stands with its only group: the standing, and how well that is known.
#[track_caller]
fn stands(said: &Value) -> (&str, &str) {
    let groups = said["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 1, "{said:#}");
    let of = |key: &str| groups[0][key].as_str().unwrap();
    (of("standing"), of("certainty"))
}

#[test]
fn what_is_acknowledged_pending_and_not_delivered() {
    let server = with_orders();
    let first = explained(&server, "orders", "1-0");
    assert_eq!(stands(&first), ("acknowledged", "inferred"));
    let evidence = first["groups"][0]["evidence"].as_str().unwrap();
    assert!(
        evidence.contains("or skipped when the position was set"),
        "{evidence}"
    );
    assert_eq!(first["next"], Value::Null);

    let second = explained(&server, "orders", "2-0");
    assert_eq!(stands(&second), ("pending", "certain"));
    let group = &second["groups"][0];
    assert_eq!(
        (&group["consumer"], &group["deliveries"]),
        (&"c1".into(), &1.into())
    );
    assert!(group["idle_ms"].is_u64() && group["position"] == "2-0");
    let entry = &second["entry"];
    assert_eq!(entry["state"], "present");
    assert_eq!(
        (&entry["field_count"], &entry["bytes"]),
        (&1.into(), &7.into())
    );
    assert_eq!(entry["entries_before"]["entries"], 1);
    assert_eq!(entry["entries_after"]["entries"], 3);
    assert_eq!(entry["entries_after"]["quality"], "known");

    assert_eq!(
        stands(&explained(&server, "orders", "3-0")),
        ("undelivered", "certain")
    );
    let table = server.ucp(&["explain", "orders", "2-0", "-o", "table"]);
    table
        .assert_code(0)
        .stdout_has("2-0 of `orders`: in the stream")
        .stdout_has("next: ucp-streams pending g --stream orders --consumer c1");
    // Beyond the claim idle of the topology it is another one's to take.
    let claim = "XCLAIM orders g c1 0 2-0 IDLE 3600000 JUSTID";
    server.redis(&claim.split(' ').collect::<Vec<_>>());
    let next = explained(&server, "orders", "2-0")["next"].clone();
    assert_eq!(next, "ucp-streams claim g --stream orders 2-0 --work");
}

#[test]
fn a_dead_letter_its_entry_and_the_copy_that_was_redriven_lead_to_each_other() {
    let server = with_orders();
    let add = [
        "dlq", "add", "g", "2-0", "--stream", "orders", "--reason", "no total", "--yes",
    ];
    server.ucp(&add).assert_code(0);
    let said = explained(&server, "orders", "2-0");
    assert_eq!(stands(&said), ("dead_lettered", "certain"));
    let letter = said["groups"][0]["dead_letter_ids"][0]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(said["dead_letters"][0]["id"], letter.as_str());
    assert_eq!(said["groups"][0]["reason"], "no total");
    let redrive = format!("ucp-streams dlq redrive orders {letter}");
    assert_eq!(said["next"], redrive.as_str());

    let dead = explained(&server, DEAD, &letter);
    assert_eq!(dead["provenance"]["origin_id"], "2-0");
    assert_eq!(dead["provenance"]["group"], "g");
    assert_eq!(dead["next"], redrive.as_str());

    server
        .ucp(&["dlq", "redrive", "orders", &letter, "--yes"])
        .assert_code(0);
    let said = explained(&server, "orders", "2-0");
    assert_eq!(stands(&said), ("redriven", "inferred"));
    let copy = said["copies"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(said["entry"]["copy_ids"][0], copy.as_str());
    assert_eq!(said["copies"][0]["redrives"], 1);
    assert_eq!(said["next"], format!("ucp-streams explain orders {copy}"));
    let copied = explained(&server, "orders", &copy);
    assert_eq!(copied["entry"]["copy_of"], "2-0");
    assert_eq!(stands(&copied), ("undelivered", "certain"));
}

#[test]
fn what_was_requeued_is_told_with_its_copy() {
    let server = with_orders();
    let requeue = [
        "requeue", "g", "2-0", "--stream", "orders", "--idle", "0s", "--yes",
    ];
    server.ucp(&requeue).assert_code(0);
    let said = explained(&server, "orders", "2-0");
    assert_eq!(stands(&said), ("requeued", "inferred"));
    assert_eq!(said["copies"][0]["redrives"], Value::Null);
    // A copy of the copy tells of the first entry.
    let copy = said["copies"][0]["id"].as_str().unwrap().to_owned();
    server.redis(&["XREADGROUP", "GROUP", "g", "c1", "STREAMS", "orders", ">"]);
    let again = [
        "requeue", "g", &copy, "--stream", "orders", "--idle", "0s", "--yes",
    ];
    server.ucp(&again).assert_code(0);
    let copied = explained(&server, "orders", &copy);
    assert_eq!(copied["entry"]["copy_of"], "2-0");
    assert_eq!(stands(&copied), ("requeued", "inferred"));
    assert_eq!(
        explained(&server, "orders", "2-0")["copies"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn what_left_the_stream_is_told_by_how_it_left() {
    let server = with_orders();
    server.redis(&["XDEL", "orders", "4-0"]);
    let deleted = explained(&server, "orders", "4-0");
    assert_eq!(deleted["entry"]["state"], "deleted");
    assert_eq!(stands(&deleted), ("lost", "inferred"));

    let server = with_orders();
    server.redis(&["XTRIM", "orders", "MINID", "=", "5-0"]);
    let ghost = explained(&server, "orders", "2-0");
    assert_eq!(ghost["entry"]["state"], "trimmed");
    assert_eq!(stands(&ghost), ("ghost", "certain"));
    assert_eq!(
        ghost["next"],
        "ucp-streams claim g --stream orders 2-0 --work"
    );
    let lost = explained(&server, "orders", "3-0");
    assert_eq!(stands(&lost), ("lost", "inferred"));
    let gone = explained(&server, "orders", "1-0");
    assert_eq!(stands(&gone), ("unknown", "unknown"));
    let evidence = gone["groups"][0]["evidence"].as_str().unwrap();
    assert!(
        evidence.contains("acknowledged before it was removed, or removed"),
        "{evidence}"
    );
}

#[test]
fn what_never_was_is_not_found() {
    let server = with_orders();
    server
        .ucp(&["explain", "orders", "99-0"])
        .assert_code(3)
        .stderr_has("no entry 99-0 in `orders`, and there never was")
        .stderr_has("it has 5 from 1-0 to 5-0");
    server.ucp(&["explain", "orders", "3-7"]).assert_code(3);
    server
        .ucp(&["explain", "order", "1-0"])
        .assert_code(3)
        .stderr_has("did you mean `orders`?");
    server.redis(&["SET", "text", "x"]);
    server
        .ucp(&["explain", "text", "1-0"])
        .assert_code(3)
        .stderr_has("is not a stream: the key holds a string");
}

#[test]
fn a_group_that_begins_after_the_entry_skips_it_and_one_that_is_missing_is_said() {
    let server = with_orders();
    server.redis(&["XGROUP", "CREATE", "orders", "late", "$"]);
    let said = explained(&server, "orders", "3-0");
    let late = &said["groups"][1];
    assert_eq!(
        (&late["standing"], &late["certainty"]),
        (&"skipped".into(), &"inferred".into())
    );

    server.redis(&["XADD", "events.normalized", "1-0", "a", "b"]);
    let said = explained(&server, "events.normalized", "1-0");
    assert_eq!(stands(&said), ("no_group", "certain"));
    assert_eq!(said["next"], "ucp-streams init event-processors");
}

#[test]
fn a_journal_makes_it_certain_who_handled_an_entry() {
    let server = with_orders();
    for (id, outcome, ids, ms) in [
        ("7-0", "failed", "1-0", "31000"),
        ("8-0", "handled", "0-9 1-0", "2 12"),
        ("9-0", "handled", "11-0", "1"),
    ] {
        let key = "{orders}:journal:g";
        let record = [
            "XADD", key, id, "consumer", "c7", "outcome", outcome, "ids", ids, "ms", ms,
        ];
        server.redis(&record);
    }
    let said = explained(&server, "orders", "1-0");
    assert_eq!(stands(&said), ("acknowledged", "certain"));
    let group = &said["groups"][0];
    assert_eq!(
        (&group["consumer"], &group["took_ms"]),
        (&"c7".into(), &12.into())
    );
    let outcomes: Vec<_> = said["journal"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["outcome"])
        .collect();
    assert_eq!(outcomes, ["failed", "handled"]);
    server.redis(&["SET", "{orders}:journal:other", "no stream"]);
    server.redis(&["XGROUP", "CREATE", "orders", "other", "0"]);
    server
        .ucp(&["explain", "orders", "1-0"])
        .assert_code(0)
        .stderr_is_empty();
}

#[test]
fn what_could_not_be_seen_is_said() {
    let server = with_orders();
    server.add_user("half", "%R~orders +@all -xpending");
    let run = |id: &str| {
        server
            .command_as("half", &["explain", "orders", id, "-o", "json"])
            .run()
    };
    let first = run("1-0");
    first
        .assert_code(7)
        .stderr_has("grant it with: ACL SETUSER half +xpending")
        .stderr_has("grant it with: ACL SETUSER half %R~{orders}:dlq")
        .stderr_has("`ucp-streams acl explain` prints every permission it needs");
    let said = first.stdout_json();
    assert_eq!(stands(&said), ("unknown", "unknown"));
    let dead = said["searched"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["stream"] == DEAD);
    assert_eq!(dead.unwrap()["end"], "denied");
    // What is after the position cannot be pending.
    assert_eq!(
        stands(&run("3-0").assert_code(7).stdout_json()),
        ("undelivered", "certain")
    );

    server.add_user("nothing", "~x +@all");
    let denied = server
        .command_as("nothing", &["explain", "orders", "1-0"])
        .run();
    denied.assert_code(5).stderr_has("%R~orders");
}

#[test]
fn a_search_has_a_bound_that_is_said() {
    let server = with_orders();
    for n in 1..=3 {
        server.redis(&["XADD", DEAD, &format!("{n}-0"), "a", "b"]);
    }
    let run = server.ucp(&["explain", "orders", "1-0", "--count", "2", "-o", "json"]);
    let said = run.assert_code(0).stdout_json();
    assert_eq!(
        stands(&said),
        ("unknown", "unknown"),
        "a dead letter may be further back"
    );
    assert_eq!(said["entry"]["entries_after"]["quality"], "at_least");
    let ends: Vec<_> = said["searched"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["end"])
        .collect();
    assert_eq!(ends, ["limit", "limit"]);
    let table = server.ucp(&["explain", "orders", "1-0", "--count", "2", "-o", "table"]);
    table.stdout_has(
        "2 entries of `{orders}:dlq` (up to 2-0): 0 dead letters; --count N searches more",
    );
}

#[test]
fn a_position_names_an_entry_and_columns_pick_a_table() {
    let server = with_orders();
    let last = [
        "explain",
        "orders",
        "-1",
        "-o",
        "csv",
        "--columns",
        "group,standing,id",
    ];
    server
        .ucp(&last)
        .assert_code(0)
        .stdout_is("group,standing,id\r\ng,not delivered,5-0\r\n");
    server
        .ucp(&["explain", "orders", "2-0", "--names"])
        .stdout_is("2-0\n");
}

#[test]
fn on_a_terminal_it_begins_with_the_server_it_is_about() {
    let server = with_orders();
    let run = server
        .command(&["explain", "orders", "2-0"])
        .env("NO_COLOR", "1")
        .on_terminals(100)
        .run();
    run.assert_code(0)
        .stdout_has(" · master · 2")
        .stdout_has("2-0 of `orders`: in the stream");
}
