//! `trim`: what it removes, what a group keeps back, and what it says before.

use serde_json::Value;

use crate::support::{Run, TestServer};

pub(crate) const STREAM: &str = "orders";

/// A server with entries `1-0` to `count-0`.
pub(crate) fn seeded(count: u64) -> TestServer {
    let server = TestServer::start();
    fill(&server, count);
    server
}

pub(crate) fn fill(server: &TestServer, count: u64) {
    let script = "for n = 1, ARGV[1] do redis.call('XADD', KEYS[1], n .. '-0', 'n', n) end";
    server.redis(&["EVAL", script, "1", STREAM, &count.to_string()]);
}

/// A group to which the entries up to `delivered` were delivered, and which has acknowledged all but those from `from` to
/// `to`.
pub(crate) fn group(server: &TestServer, name: &str, delivered: u64, (from, to): (u64, u64)) {
    server.redis(&["XGROUP", "CREATE", STREAM, name, "0"]);
    let read = ["XREADGROUP", "GROUP", name, "c", "COUNT"];
    let count = delivered.to_string();
    let read = [&read[..], &[&count, "STREAMS", STREAM, ">"]].concat();
    server.redis(&read);
    let ids = (1..=delivered).filter(|it| !(from..=to).contains(it));
    let ids: Vec<String> = ids.map(|it| format!("{it}-0")).collect();
    let mut ack = vec!["XACK", STREAM, name];
    ack.extend(ids.iter().map(String::as_str));
    server.redis(&ack);
}

pub(crate) fn read_all(server: &TestServer, name: &str, delivered: u64) {
    group(server, name, delivered, (delivered + 1, delivered + 1));
}

pub(crate) fn trim(server: &TestServer, flags: &[&str]) -> Run {
    server.ucp(&[&["trim", STREAM][..], flags].concat())
}

pub(crate) fn length(server: &TestServer) -> u64 {
    server.redis(&["XLEN", STREAM]).int().cast_unsigned()
}

pub(crate) fn first(server: &TestServer) -> String {
    let found = server.redis(&["XRANGE", STREAM, "-", "+", "COUNT", "1"]);
    found.items()[0].items()[0].text().to_owned()
}

#[test]
fn what_every_group_has_acknowledged_goes_and_who_holds_back_more_is_said() {
    let server = seeded(1000);
    group(&server, "audit", 900, (801, 900));
    read_all(&server, "billing", 950);
    let told = "group `audit` has not acknowledged 801-0";
    let plan = trim(&server, &["--read", "--dry-run", "-o", "json"]);
    let plan = plan.assert_code(0).stderr_has(told).stdout_json();
    let row = &plan["rows"][0];
    assert_eq!(
        (&row["freed"], &row["cut_id"]),
        (&800.into(), &"801-0".into())
    );
    assert_eq!(row["held_back_by"], "audit");
    assert!(row["freed_bytes"].as_u64().unwrap() > 1000, "{row}");
    assert_eq!(plan["entries"]["entries"], 800);
    assert_eq!(length(&server), 1000, "a dry run changes nothing");
    trim(&server, &["--read"])
        .assert_code(6)
        .stderr_has("--yes");
    let done = trim(&server, &["--read", "--yes", "-o", "json"]);
    let done = done.assert_code(0).stdout_json();
    assert_eq!(
        (&done["state"], &done["freed"]),
        (&"trimmed".into(), &800.into())
    );
    assert_eq!((length(&server), first(&server)), (200, "801-0".to_owned()));
    let pending = server.redis(&["XPENDING", STREAM, "audit"]);
    assert_eq!(pending.items()[0].int(), 100);
    let audit = server.ucp(&["audit", "-o", "json"]).stdout_json();
    assert_eq!(
        (&audit[0]["command"], &audit[0]["done"]),
        (&"trim".into(), &800.into())
    );
    let again = trim(&server, &["--read", "--yes"]);
    again
        .assert_code(0)
        .stderr_has("nothing to do: trim nothing");
}

#[test]
fn less_goes_than_was_asked_for_where_a_group_needs_it() {
    let server = seeded(1000);
    read_all(&server, "billing", 500);
    let run = trim(&server, &["--keep", "100", "--yes"]);
    run.assert_code(7)
        .stderr_has("trimmed 500 entries of stream `orders`")
        .stderr_has("group `billing` has not read 501-0: less is trimmed than was asked for");
    assert_eq!((length(&server), first(&server)), (500, "501-0".to_owned()));
    // All that could go is gone.
    let run = trim(&server, &["--before", "901-0", "--yes"]);
    run.assert_code(6)
        .stderr_has("group `billing` has not read 501-0")
        .stderr_has("--force-past billing");
    let run = trim(
        &server,
        &["--before", "901-0", "--force-past", "billing", "--yes"],
    );
    run.assert_code(0)
        .stderr_has("group `billing` loses all that it has not read before that id");
    assert_eq!((length(&server), first(&server)), (100, "901-0".to_owned()));
    trim(&server, &["--read", "--force-past", "nobody", "--yes"]).assert_code(3);
}

#[test]
fn a_length_and_a_time_are_kept_where_nobody_needs_more() {
    let server = seeded(1000);
    read_all(&server, "billing", 1000);
    trim(&server, &["--keep", "1000", "--yes"])
        .assert_code(0)
        .stderr_has("trim nothing");
    let plan = trim(&server, &["--keep", "750", "--dry-run"]);
    plan.assert_code(0)
        .stderr_has("about 200 entries of 1,000")
        .stderr_has("before that id are 250 entries; the server trims whole nodes")
        .stderr_has("no `undo` puts entries back")
        .stderr_has("ucp-streams read orders start 250-18446744073709551615 --output ndjson");
    trim(&server, &["--keep", "750", "--yes"]).assert_code(0);
    assert_eq!(length(&server), 800);
    trim(&server, &["--before", "601-0", "--yes"]).assert_code(0);
    assert_eq!(first(&server), "601-0");
    trim(&server, &["--keep", "0", "--yes"]).assert_code(0);
    assert_eq!(length(&server), 0);
    trim(&server, &["--keep", "0", "--yes"])
        .assert_code(0)
        .stderr_has("nothing to do");
    server
        .ucp(&["trim", "nobody", "--read", "--yes"])
        .assert_code(3);
    server.ucp(&["trim", STREAM, "--yes"]).assert_code(2);
}

#[test]
fn a_stream_that_nobody_ever_read_needs_more_than_read() {
    let server = seeded(300);
    let nothing = "has no groups, so nothing of it counts as read";
    trim(&server, &["--read", "--yes"])
        .assert_code(6)
        .stderr_has(nothing);
    server.redis(&["XGROUP", "CREATE", STREAM, "later", "0"]);
    trim(&server, &["--read", "--yes"])
        .assert_code(6)
        .stderr_has("no group of stream `orders` has ever read (later)");
    assert_eq!(length(&server), 300);
    let run = trim(&server, &["--keep", "100", "--yes"]);
    run.assert_code(0)
        .stderr_has("no group has ever read the stream (later): nobody knows who needs it")
        .stderr_has("group `later` loses all that it has not read before that id");
    assert_eq!(length(&server), 100);
    // Beside one that reads, it holds back everything.
    read_all(&server, "billing", 100);
    trim(&server, &["--keep", "0", "--yes"])
        .assert_code(6)
        .stderr_has("group `later` has never read anything");
    assert_eq!(length(&server), 100);
}

#[test]
fn the_group_of_a_replay_holds_nothing_back() {
    let server = seeded(1000);
    read_all(&server, "billing", 600);
    server.redis(&["XGROUP", "CREATE", STREAM, "_ucp_replay:monday", "0"]);
    trim(&server, &["--read", "--yes"]).assert_code(0);
    assert_eq!(first(&server), "601-0");
}

#[test]
fn no_node_ends_before_the_cut() {
    let server = seeded(60);
    read_all(&server, "billing", 50);
    let run = trim(&server, &["--read", "--yes", "-o", "json"]);
    let row = run
        .assert_code(0)
        .stderr_has("of 50 entries, the server trims whole nodes, and none ends before that")
        .stdout_json();
    assert_eq!(
        (&row["state"], &row["freed"]),
        (&"nothing".into(), &0.into())
    );
    assert_eq!(length(&server), 60);
}

#[test]
fn no_call_holds_the_server_for_long() {
    let server = TestServer::start();
    for from in (0..10).map(|it| it * 20_000) {
        let script =
            "for n = 1, 20000 do redis.call('XADD', KEYS[1], (ARGV[1] + n) .. '-0', 'n', n) end";
        server.redis(&["EVAL", script, "1", STREAM, &from.to_string()]);
    }
    server.redis(&[
        "XGROUP",
        "CREATE",
        STREAM,
        "billing",
        "200000-0",
        "ENTRIESREAD",
        "200000",
    ]);
    server.redis(&["XADD", STREAM, "200001-0", "n", "1"]);
    server.redis(&[
        "XREADGROUP",
        "GROUP",
        "billing",
        "c",
        "STREAMS",
        STREAM,
        ">",
    ]);
    server.redis(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]);
    server.redis(&["CONFIG", "SET", "slowlog-max-len", "10000"]);
    server.redis(&["SLOWLOG", "RESET"]);
    let run = trim(&server, &["--read", "--yes", "-o", "json"]);
    let freed = run.assert_code(0).stdout_json()["freed"].as_u64().unwrap();
    assert!(freed >= 199_900, "{freed}");
    let slow = server.redis(&["SLOWLOG", "GET", "10000"]);
    let is_trim = |words: &[&str]| {
        let word = words[0].to_lowercase();
        word == "xtrim" || word.starts_with("eval")
    };
    let calls = slow.items().iter().map(|it| it.items());
    let trims = calls.filter(|it| is_trim(&it[3].texts()));
    let took: Vec<i64> = trims.map(|it| it[2].int()).collect();
    let most = took.iter().max().unwrap();
    println!(
        "{freed} entries in {} calls, the longest {most} microseconds",
        took.len()
    );
    assert!(took.len() > 10, "{took:?}");
    // The machine of a test is busy: what is usual is far below.
    let long = took.iter().filter(|it| **it > 5000).count();
    assert!(long * 10 <= took.len(), "{took:?}");
}

#[test]
fn the_plan_can_be_carried_out_as_it_says() {
    let server = seeded(1000);
    read_all(&server, "billing", 1000);
    let plan = trim(&server, &["--before", "-1h", "--dry-run", "-o", "json"]).stdout_json();
    let line = plan["command"].as_str().unwrap();
    assert!(
        line.contains("--before 1") && !line.contains("-1h"),
        "{line}"
    );
    let whole: Value = plan["rows"][0]["freed"].clone();
    assert_eq!(whole, 1000);
}
