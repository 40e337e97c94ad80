//! `memory`.

use serde_json::{Value, json};

use crate::seed::{GROUP, STREAM, add, deliver, stream_with_group};
use crate::support::{Run, TestServer};

fn report(server: &TestServer, args: &[&str]) -> Value {
    let run = server.ucp(&[&["memory"], args, &["-o", "json"]].concat());
    run.assert_code(0).stdout_json()
}

/// The row of a stream.
fn of<'r>(report: &'r Value, stream: &str) -> &'r Value {
    let mut rows = report["streams"].as_array().unwrap().iter();
    rows.find(|it| it["stream"] == stream).unwrap()
}

fn known(entries: u64) -> Value {
    json!({"entries": entries, "quality": "known"})
}

#[test]
fn every_stream_is_listed_the_largest_first_with_what_can_go() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 10);
    deliver(&server, STREAM, GROUP, "c", 6);
    server.redis(&["XACK", STREAM, GROUP, "1-0", "2-0", "4-0"]);
    add(&server, "no groups", 1, 400);
    server.redis(&["SET", "text", "x"]);
    server.redis(&["HSET", "hash", "a", "b"]);
    let found = report(&server, &[]);
    let names: Vec<&str> = { found["streams"].as_array().unwrap().iter() }
        .map(|it| it["stream"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["no groups", STREAM]);
    let row = of(&found, STREAM);
    // 3-0 is pending: what is before it every group has acknowledged.
    assert_eq!(row["trimmable"], known(2));
    assert_eq!(row["read_up_to"], "2-18446744073709551615");
    assert_eq!(
        (&row["state"], &row["held_back_by"]),
        (&json!("held_back"), &json!(GROUP))
    );
    assert_eq!(row["is_held_by_pending"], true);
    let bytes = row["bytes"].as_u64().unwrap();
    assert_eq!(row["frees_bytes"], bytes * 2 / 10);
    let without = of(&found, "no groups");
    assert_eq!(
        (&without["state"], &without["trimmable"], &without["length"]),
        (&json!("no_groups"), &json!(null), &json!(400))
    );
    assert_eq!(found["entries"], 410);
    assert_eq!(found["other_keys"], known(2));
    assert_eq!(found["end"], "complete");
    assert_eq!(found["trimmable"], known(2));
    assert!(found["used_bytes"].as_u64().unwrap() > bytes);
    assert_eq!(
        (&found["max_bytes"], &found["policy"]),
        (&json!(0), &json!("noeviction"))
    );
    // What it says can go is what a trim by that id removes.
    let cut = server.redis(&["XTRIM", STREAM, "MINID", "3-0"]);
    assert_eq!(cut.int(), 2);
    assert_eq!(of(&report(&server, &[]), STREAM)["trimmable"], known(0));
}

#[test]
fn the_slowest_group_counts_and_one_that_never_read_is_named() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 10);
    deliver(&server, STREAM, GROUP, "c", 10);
    let ids: Vec<String> = (1..=10).map(|n| format!("{n}-0")).collect();
    let mut ack = vec!["XACK", STREAM, GROUP];
    ack.extend(ids.iter().map(String::as_str));
    server.redis(&ack);
    let all = report(&server, &[]);
    assert_eq!(of(&all, STREAM)["trimmable"], known(10));
    assert_eq!(of(&all, STREAM)["state"], "read_by_all");
    assert_eq!(of(&all, STREAM)["held_back_by"], json!(null));
    server.redis(&["XGROUP", "CREATE", STREAM, "half", "4-0"]);
    server.redis(&["XGROUP", "CREATECONSUMER", STREAM, "half", "c"]);
    let half = report(&server, &[]);
    assert_eq!(of(&half, STREAM)["trimmable"], known(4));
    assert_eq!(of(&half, STREAM)["held_back_by"], "half");
    server.redis(&["XGROUP", "CREATE", STREAM, "idle", "0"]);
    let run = server.ucp(&["memory", "-o", "table"]);
    run.assert_code(0)
        .stdout_has("idle (never read)")
        .stderr_has("group `idle` has never read stream `events.normalized`")
        .stderr_has("groups delete idle --stream events.normalized");
    assert_eq!(of(&report(&server, &[]), STREAM)["trimmable"], known(0));
}

#[test]
fn what_would_take_long_to_count_is_a_bound() {
    let server = TestServer::start();
    add(&server, "s", 1, 30_000);
    // The server does not know how far this group is, and more than is counted is on either side of it.
    server.redis(&["XGROUP", "CREATE", "s", "g", "15000-0"]);
    server.redis(&["XGROUP", "CREATECONSUMER", "s", "g", "c"]);
    let found = report(&server, &[]);
    let trimmable = &of(&found, "s")["trimmable"];
    let entries = trimmable["entries"].as_u64().unwrap();
    match trimmable["quality"].as_str().unwrap() {
        "known" => assert_eq!(entries, 15_000),
        "at_least" => assert!(0 < entries && entries <= 15_000, "{entries}"),
        "at_most" => assert!((15_000..30_000).contains(&entries), "{entries}"),
        other => panic!("{other}"),
    }
    server.redis(&["XGROUP", "SETID", "s", "g", "29000-0"]);
    let few = report(&server, &["s"]);
    assert_eq!(of(&few, "s")["trimmable"], known(29_000));
    assert_eq!(few["end"], "named");
    assert_eq!(
        few["other_keys"],
        json!({"entries": 0, "quality": "at_most"})
    );
}

#[test]
fn many_streams_are_found_among_many_keys() {
    let server = TestServer::start();
    let mut client = server.client();
    let commands: Vec<Vec<String>> = (0..20_000)
        .map(|n| match n % 100 {
            0 => vec![
                "XADD".into(),
                format!("s{n}"),
                "1-0".into(),
                "a".into(),
                "b".into(),
            ],
            _ => vec!["SET".into(), format!("k{n}"), "x".into()],
        })
        .collect();
    client.pipeline(&commands);
    let found = report(&server, &[]);
    assert_eq!(
        (&found["stream_count"], &found["end"]),
        (&json!(200), &json!("complete"))
    );
    assert_eq!(found["other_keys"], known(19_800));
    let some = server.ucp(&["memory", "--keys", "5000", "-o", "json"]);
    some.assert_code(0)
        .stderr_has("only 5,000 keys were scanned, so streams may be missing; --keys N");
    let report = some.stdout_json();
    let count = report["stream_count"].as_u64().unwrap();
    assert!(count < 200, "{count}");
    assert_eq!(report["end"], "limit");
    assert_eq!(report["other_keys"]["quality"], "at_most");
    let screen = server.command(&["memory"]).on_terminals(80).run();
    screen
        .assert_code(0)
        .stdout_has("10 of 200 shown; --limit 0 shows all")
        .stdout_has("in all");
    let picked = server.ucp(&["memory", "--columns", "stream_count,policy", "-o", "plain"]);
    assert_eq!(picked.stdout(), "stream_count\tpolicy\n200\tnoeviction\n");
}

#[test]
fn what_is_not_there_is_said() {
    let server = TestServer::start();
    let nothing = server.ucp(&["memory", "-o", "json"]);
    assert_eq!(nothing.assert_code(0).stdout_json()["streams"], json!([]));
    add(&server, "orders", 1, 1);
    server
        .ucp(&["memory", "ordrs"])
        .assert_code(3)
        .stderr_has("no stream `ordrs`, did you mean `orders`?");
    server.redis(&["SET", "text", "x"]);
    server.ucp(&["memory", "text"]).assert_code(3);
    for bad in [["--samples", "0"], ["--keys", "0"], ["--limit", "x"]] {
        server.ucp(&[&["memory"], &bad[..]].concat()).assert_code(2);
    }
}

fn as_user(server: &TestServer, rules: &str) -> Run {
    server.add_user("half", rules);
    server.command_as("half", &["memory", "-o", "json"]).run()
}

#[test]
fn what_the_user_may_not_ask_is_unknown_and_said() {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, 10);
    deliver(&server, STREAM, GROUP, "c", 6);
    add(&server, "secret", 1, 3);
    let run = as_user(&server, "~* +@all -memory|usage -info");
    let found = run
        .assert_code(7)
        .stderr_has("MEMORY USAGE")
        .stderr_has("grant it with: ACL SETUSER half +memory|usage")
        .stderr_has("+info")
        .stdout_json();
    assert_eq!(run.stderr().matches("+memory|usage").count(), 1);
    let row = of(&found, STREAM);
    assert_eq!(
        (&row["bytes"], &row["frees_bytes"], &row["trimmable"]),
        (&json!(null), &json!(null), &known(0))
    );
    assert_eq!(
        (&found["unknown_count"], &found["used_bytes"]),
        (&json!(2), &json!(null))
    );
    let blind = as_user(&server, "~* +@all -xpending");
    let found = blind.assert_code(7).stderr_has("+xpending").stdout_json();
    let row = of(&found, STREAM);
    assert_eq!(
        (&row["state"], &row["trimmable"]["quality"]),
        (&json!("unknown"), &json!("unknown"))
    );
    assert_eq!(found["trimmable"]["quality"], "unknown");
    let keyed = as_user(&server, "resetkeys %R~events.* %R~*:dlq +@all");
    let found = keyed
        .assert_code(7)
        .stderr_has("cannot read stream `secret`")
        .stdout_json();
    assert_eq!(of(&found, "secret")["length"], json!(null));
    assert_eq!(of(&found, STREAM)["length"], 10);
    let unscanned = as_user(&server, "allkeys +@all -scan -dbsize");
    let found = unscanned.assert_code(7).stderr_has("+scan").stdout_json();
    assert_eq!(
        (&found["end"], &found["other_keys"]),
        (&json!("denied"), &json!(null))
    );
    assert_eq!(found["streams"].as_array().unwrap().len(), 1);
}

#[test]
fn odd_names_are_shown_safely_and_fit_a_screen() {
    let server = TestServer::start();
    for name in [&b"odd\x1b[2J\nname"[..], b"\xff\xfe", b"with space"] {
        server.redis(&[b"XADD", name, b"1-0", b"a", b"\x00"]);
        server.redis(&[&b"XGROUP"[..], b"CREATE", name, b"gr\x1b[2Joup", b"0"]);
    }
    let run = server.command(&["memory"]).on_terminals(80).run();
    run.assert_code(0)
        .stdout_lacks("\x1b[2J")
        .stderr_lacks("\x1b[2J");
    assert_eq!(report(&server, &["with space"])["stream_count"], 1);
}
