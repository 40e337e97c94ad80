//! `trace`: one event across streams, how far was looked, and what could not be seen.

use rustix::process::Signal;
use serde_json::Value;

use crate::support::TestServer;

const RAW: &str = "events.raw";
const STREAM: &str = "events.normalized";
const GROUP: &str = "event-processors";
const DEAD: &str = "{events.normalized}:dlq";

/// Events in both streams of events, the second a quarter of a second later; the group holds the first of them.
fn with_events(count: u64) -> TestServer {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    for n in 1..=count {
        let payload = format!("{{\"order\":{{\"number\":{n}}}}}");
        let event = format!("e{n}");
        let event = ["event_id", &event, "payload", &payload];
        for (stream, later) in [(RAW, 0), (STREAM, 250)] {
            let id = format!("{}-0", n * 1000 + later);
            server.redis(&[&["XADD", stream, &id][..], &event].concat());
        }
    }
    let read = [
        "XREADGROUP",
        "GROUP",
        GROUP,
        "c1",
        "COUNT",
        "1",
        "STREAMS",
        STREAM,
        ">",
    ];
    server.redis(&read);
    server
}

#[track_caller]
fn traced(server: &TestServer, words: &[&str]) -> Value {
    let words = [&["trace", "--since", "start", "-o", "json"], words].concat();
    let run = server.ucp(&words);
    run.assert_code(0).stdout_json()
}

fn texts<'v>(list: &'v Value, key: &str) -> Vec<&'v str> {
    let list = list.as_array().unwrap().iter();
    list.map(|it| it[key].as_str().unwrap()).collect()
}

#[test]
fn an_event_is_found_in_every_stream_with_the_time_between() {
    let server = with_events(3);
    server.redis(&["XADD", "predictions.results", "5000-0", "event_id", "e1"]);
    let said = traced(&server, &["e1"]);
    assert_eq!(
        texts(&said["hops"], "stream"),
        [RAW, STREAM, "predictions.results"]
    );
    assert_eq!(texts(&said["hops"], "id"), ["1000-0", "1250-0", "5000-0"]);
    let latencies: Vec<_> = said["hops"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["latency_ms"])
        .collect();
    assert_eq!(latencies, [&Value::Null, &250.into(), &3750.into()]);
    let group = said["groups"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["group"] == GROUP)
        .unwrap();
    assert_eq!(
        (&group["standing"], &group["consumer"]),
        (&"pending".into(), &"c1".into())
    );
    assert_eq!(
        said["next"],
        format!("ucp-streams pending {GROUP} --consumer c1")
    );
    // As explain says it.
    let explained = server.ucp(&["explain", STREAM, "1250-0", "-o", "json"]);
    let explained = explained.assert_code(0).stdout_json();
    let mut alone = explained["groups"][0].clone();
    alone["idle_ms"] = group["idle_ms"].clone();
    assert_eq!(&alone, group);

    let table = server.ucp(&["trace", "e2", "--since", "start", "-o", "table"]);
    table
        .assert_code(0)
        .stdout_has("event_id=e2: 2 entries within 250ms")
        .stdout_has("not delivered");
    let csv = [
        "trace",
        "e1",
        "--since",
        "start",
        "-o",
        "csv",
        "--columns",
        "stream,id,latency_ms",
    ];
    server
        .ucp(&csv)
        .stdout_has("events.normalized,1250-0,250\r\n");
}

#[test]
fn a_path_leads_into_json_and_what_is_no_json_is_counted() {
    let server = with_events(3);
    let said = traced(&server, &["2", "--field", "payload.order.number"]);
    assert_eq!(texts(&said["hops"], "id"), ["2000-0", "2250-0"]);
    assert_eq!(said["unjudged"], 0);
    server.redis(&["XADD", RAW, "9000-0", "payload", "{\"order\":"]);
    let run = server.ucp(&[
        "trace",
        "2",
        "--since",
        "start",
        "--field",
        "payload.order.number",
    ]);
    run.assert_code(0)
        .stderr_has("1 entry could not be compared");
}

#[test]
fn a_dead_letter_leads_to_its_entry_and_a_copy_to_what_it_is_of() {
    let server = with_events(2);
    let add = [
        "dlq", "add", GROUP, "1250-0", "--reason", "no total", "--yes",
    ];
    server.ucp(&add).assert_code(0);
    let said = traced(&server, &["e1"]);
    assert_eq!(
        texts(&said["hops"], "state"),
        ["entry", "entry", "dead_letter"]
    );
    let letter = &said["hops"][2];
    assert_eq!(
        (&letter["of"], &letter["reason"]),
        (&"1250-0".into(), &"no total".into())
    );
    assert_eq!(texts(&said["groups"], "standing"), ["dead_lettered"]);

    // The entry is gone, and its dead letter tells of it.
    server.redis(&["XDEL", STREAM, "1250-0"]);
    let said = traced(&server, &["e1"]);
    assert_eq!(
        texts(&said["hops"], "state"),
        ["entry", "gone", "dead_letter"]
    );
    assert_eq!(texts(&said["groups"], "standing"), ["dead_lettered"]);

    server
        .ucp(&["dlq", "redrive", STREAM, "--all", "--yes"])
        .assert_code(0);
    let said = traced(&server, &["e1"]);
    assert_eq!(texts(&said["hops"], "state"), ["entry", "gone", "copy"]);
    assert_eq!(
        texts(&said["groups"], "standing"),
        ["redriven", "undelivered"]
    );
    assert_eq!(server.redis(&["XLEN", DEAD]).int(), 0);
}

#[test]
fn what_is_found_nowhere_is_not_found_and_says_where_it_looked() {
    let server = with_events(3);
    server
        .ucp(&["trace", "e9", "--since", "start"])
        .assert_code(3)
        .stderr_has(
            "no entry has event_id=e9; searched 3 of `events.raw`, 3 of `events.normalized`",
        )
        .stderr_has("--field names a field other than `event_id`");
    // These entries are older than a day, by their ids.
    server
        .ucp(&["trace", "e1"])
        .assert_code(3)
        .stderr_has("searched 0 of `events.raw`")
        .stderr_has("--since start searches everything that still exists");
    server
        .ucp(&["trace", "1250-0"])
        .assert_code(3)
        .stderr_has("`ucp-streams explain STREAM 1250-0` explains one entry");
    server
        .ucp(&["trace", "e1", "--since", "start", "--count", "1"])
        .assert_code(3)
        .stderr_has("a greater --count searches more of each stream");
    server.ucp(&["trace", "e3", "--since", "-2"]).assert_code(0);
    server.ucp(&["trace", "e1", "--since", "-2"]).assert_code(3);
}

#[test]
fn a_value_that_is_everywhere_is_found_so_often_and_no_more() {
    let server = TestServer::start();
    let fill = "for n=1,5000 do redis.call('XADD','events.raw',n..'-0','brand_id','b','n',n) end";
    server.redis(&["EVAL", fill, "0"]);
    let run = server.ucp(&[
        "trace", "b", "--field", "brand_id", "--since", "start", "-o", "json",
    ]);
    run.assert_code(0)
        .stderr_has("only the newest 100 matches of a stream are listed");
    let said = run.stdout_json();
    assert_eq!(
        (said["hops"].as_array().unwrap().len(), &said["has_more"]),
        (100, &true.into())
    );
    assert_eq!(said["hops"][99]["id"], "5000-0");
    let searched = &said["searched"][0];
    assert_eq!(
        (&searched["stream"], &searched["end"]),
        (&RAW.into(), &"enough".into())
    );
    assert_eq!(searched["looked_at"], 101);
    assert_eq!(searched["found"], 100);
}

#[test]
fn who_may_see_half_of_it_is_told_which_half() {
    let server = with_events(2);
    server.add_user("half", "%R~events.raw +@all");
    let run = server
        .command_as("half", &["trace", "e1", "--since", "start", "-o", "json"])
        .run();
    run.assert_code(7)
        .stderr_has("ACL SETUSER half %R~events.normalized")
        .stderr_has("`ucp-streams acl trace` prints every permission it needs");
    let said = run.stdout_json();
    assert_eq!(texts(&said["hops"], "stream"), [RAW]);
    let denied = said["searched"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["end"] == "denied");
    assert!(denied.count() >= 3, "{said:#}");
    server
        .command_as("half", &["trace", "e9", "--since", "start"])
        .run()
        .assert_code(3)
        .stderr_has("none of `events.normalized` (not allowed)");
    server.add_user("nothing", "~x +@all");
    server
        .command_as("nothing", &["trace", "e1", "--since", "start"])
        .run()
        .assert_code(5);
}

#[test]
fn hostile_values_are_found_and_shown_safely() {
    let server = TestServer::start();
    let value = "\u{1b}[2Jx\u{202e}";
    server.redis(&["XADD", RAW, "1-0", "event_id", value]);
    let run = server.ucp(&["trace", value, "--since", "start", "-o", "table"]);
    run.assert_code(0).stdout_has("events.raw  1-0");
    assert!(!run.stdout().contains('\u{1b}'), "{run}");
}

#[test]
fn a_search_that_is_stopped_says_how_far_it_came() {
    let server = TestServer::start();
    let fill =
        "for n=1,400000 do redis.call('XADD','events.raw',n..'-0','payload','{\"a\":[1,2,3]}') end";
    server.redis(&["EVAL", fill, "0"]);
    let mut spawned = server
        .command(&["trace", "e1", "--since", "start", "--field", "payload.b"])
        .on_terminals(100)
        .spawn();
    // It looks through them for seconds.
    std::thread::sleep(std::time::Duration::from_millis(700));
    spawned.signal(Signal::INT);
    let run = spawned.wait();
    run.assert_code(130)
        .stderr_has("stopped before the search was complete")
        .stderr_has("of `events.raw`");
}
