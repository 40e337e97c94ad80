//! The journal on the server: what it says of entries, and that nothing that happens to it holds up the work.

use serde_json::Value;

use crate::support::{Reply, Run, TestServer};

const JOURNAL: &str = "{orders}:journal:g";
/// Two that are handled, one that fails, and one that never will be handled.
const BODIES: [&str; 4] = ["good", "good", "later", "bad"];

fn topology(journal: &str) -> String {
    format!("[streams.orders]\n[groups.g]\nstream = \"orders\"\njournal = \"{journal}\"\n")
}

fn with_orders() -> TestServer {
    with_bodies(&BODIES)
}

fn with_bodies(bodies: &[&str]) -> TestServer {
    let server = TestServer::start();
    for (place, body) in bodies.iter().enumerate() {
        let id = format!("{}-0", place + 1);
        server.redis(&["XADD", "orders", &id, "body", body]);
    }
    server
}

/// Works once; the default user does, unless another is named.
fn work(server: &TestServer, user: &[&str], journal: &str) -> Run {
    let script = "case \"$(cat)\" in *bad*) exit 65;; *later*) exit 1;; esac";
    let words = [
        "worker",
        "run",
        "g",
        "--once",
        "--consumer",
        "c7",
        "--topology",
        "t.toml",
    ];
    let words = [user, &words, &["--exec", "--", "sh", "-c", script]].concat();
    let run = server.command(&words).file("t.toml", topology(journal));
    if user.is_empty() {
        return run.run();
    }
    run.env("UCP_STREAMS_PASSWORD", "pw").run()
}

/// The records: outcome, and the ids.
fn records(server: &TestServer) -> Vec<(String, String)> {
    let entries = server.redis(&["XRANGE", JOURNAL, "-", "+"]);
    let fields = entries.items().iter().map(|entry| entry.items()[1].items());
    let text = |fields: &[Reply], name: &str| -> String {
        let at = fields.iter().position(|it| it.text() == name).unwrap();
        fields[at + 1].text().to_owned()
    };
    fields
        .map(|fields| {
            assert_eq!(text(fields, "consumer"), "c7");
            let (ids, ms) = (text(fields, "ids"), text(fields, "ms"));
            assert_eq!(ids.split(' ').count(), ms.split(' ').count());
            (text(fields, "outcome"), ids)
        })
        .collect()
}

/// One is left pending, and all others are done with.
#[track_caller]
fn all_is_worked_off(server: &TestServer, run: &Run) {
    run.assert_code(7);
    let pending = server.redis(&["XPENDING", "orders", "g"]);
    assert_eq!(pending.items()[0].int(), 1, "{run}");
    assert_eq!(server.redis(&["XLEN", "{orders}:dlq"]).int(), 1, "{run}");
}

fn warnings(run: &Run) -> usize {
    run.stderr().matches("cannot write the journal").count()
}

#[test]
fn a_journal_says_who_handled_what_and_how_that_ended() {
    let server = with_orders();
    let run = work(&server, &[], "7d");
    all_is_worked_off(&server, &run);
    let records = records(&server);
    let of = |outcome: &str| {
        let ids = records
            .iter()
            .filter(|it| it.0 == outcome)
            .map(|it| it.1.split(' '));
        let mut ids: Vec<&str> = ids.flatten().collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(of("handled"), ["1-0", "2-0"], "{records:?}");
    assert_eq!(of("failed"), ["3-0"]);
    assert_eq!(of("dead-lettered"), ["4-0"]);

    let explained = |id: &str| -> Value {
        let run = server.ucp(&["explain", "orders", id, "-o", "json"]);
        run.assert_code(0).stdout_json()
    };
    let handled = explained("1-0");
    let group = &handled["groups"][0];
    assert_eq!(
        (&group["standing"], &group["certainty"]),
        (&"acknowledged".into(), &"certain".into())
    );
    assert_eq!(group["consumer"], "c7");
    assert!(group["took_ms"].is_u64(), "{group}");
    assert_eq!(explained("3-0")["journal"][0]["outcome"], "failed");
    assert_eq!(explained("4-0")["groups"][0]["standing"], "dead_lettered");
    // It is this tool's own, and no stream of the pipeline.
    let missing = server.ucp(&["read", "nothing"]);
    missing.assert_code(3).stderr_has("orders");
    assert!(!missing.stderr().contains(":journal:"), "{missing}");
}

#[test]
fn a_journal_is_off_unless_it_is_asked_for() {
    let server = with_orders();
    let run = work(&server, &[], "off");
    all_is_worked_off(&server, &run);
    assert_eq!(server.redis(&["EXISTS", JOURNAL]).int(), 0);
}

#[test]
fn what_is_older_than_the_journal_is_to_be_is_cut() {
    let server = with_orders();
    let fill = format!("for n=1,250 do redis.call('XADD','{JOURNAL}',n..'-0','a','b') end");
    server.redis(&["EVAL", &fill, "0"]);
    all_is_worked_off(&server, &work(&server, &[], "1h"));
    let length = server.redis(&["XLEN", JOURNAL]).int();
    assert!((1..200).contains(&length), "{length}");
}

#[test]
fn a_key_that_is_something_else_holds_nothing_up() {
    let server = with_orders();
    server.redis(&["SET", JOURNAL, "no stream"]);
    let run = work(&server, &[], "7d");
    all_is_worked_off(&server, &run);
    assert_eq!(warnings(&run), 1, "{run}");
    assert_eq!(server.redis(&["GET", JOURNAL]).text(), "no stream");
}

#[test]
fn who_may_not_write_it_works_all_the_same() {
    let server = with_orders();
    let keys = ["dlq", "policy:g", "inflight:g", "lost:g", "breaker:g"];
    let keys = keys.map(|key| format!("~{{orders}}:{key}")).join(" ");
    server.add_user("worker", &format!("~orders {keys} +@all"));
    let run = work(&server, &["--user", "worker"], "7d");
    all_is_worked_off(&server, &run);
    assert_eq!(warnings(&run), 1, "{run}");
    assert_eq!(server.redis(&["EXISTS", JOURNAL]).int(), 0);
}

#[test]
fn a_server_without_memory_for_it_is_no_reason_to_stop() {
    let server = with_bodies(&["good", "later"]);
    server.redis(&["XGROUP", "CREATE", "orders", "g", "0"]);
    server.redis(&["CONFIG", "SET", "maxmemory", "1"]);
    let run = work(&server, &[], "7d");
    server.redis(&["CONFIG", "SET", "maxmemory", "0"]);
    run.assert_code(7);
    assert_eq!(warnings(&run), 1, "{run}");
    assert_eq!(
        server.redis(&["XPENDING", "orders", "g"]).items()[0].int(),
        1
    );
}
