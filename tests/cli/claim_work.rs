//! `claim --work`: stale entries handled at once, by the group's handler.

use crate::support::{Run, TestServer};

const TOPOLOGY: &str = r#"
[streams."orders"]
maxlen = 1000

[groups.billing]
stream = "orders"
handler = { exec = ["sh", "-c", "echo $UCP_ID $UCP_DELIVERIES >>ledger; test $UCP_ID != 2-0"] }
"#;

/// Entries 1-0 to 4-0 of `orders`, all held by `dead`.
fn seeded() -> TestServer {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", "orders", "billing", "0", "MKSTREAM"]);
    for ms in 1..=4 {
        server.redis(&["XADD", "orders", &format!("{ms}-0"), "n", "1"]);
    }
    let read = [
        "XREADGROUP",
        "GROUP",
        "billing",
        "dead",
        "STREAMS",
        "orders",
    ];
    server.redis(&[&read[..], &[">"]].concat());
    server
}

/// `claim billing --work` with these flags; what its handler wrote, and how it ran.
fn work(server: &TestServer, flags: &[&str]) -> (Vec<String>, Run) {
    let home = crate::support::directory();
    let claim = ["claim", "billing", "--work", "--idle", "0s"];
    let run = server
        .command(&[&claim[..], flags].concat())
        .in_dir(home.path())
        .file("ucp-streams.toml", TOPOLOGY)
        .env("UCP_STREAMS_TOPOLOGY", "ucp-streams.toml")
        .run();
    let ledger = std::fs::read_to_string(home.path().join("ledger")).unwrap_or_default();
    (ledger.lines().map(str::to_owned).collect(), run)
}

/// Id, consumer and delivery count of what is pending.
fn pending(server: &TestServer) -> Vec<(String, String, i64)> {
    let rows = server.redis(&["XPENDING", "orders", "billing", "-", "+", "10"]);
    let rows = rows.items().iter().map(|row| {
        let row = row.items();
        (row[0].text().into(), row[1].text().into(), row[3].int())
    });
    rows.collect()
}

#[test]
fn what_is_claimed_is_handled_and_what_fails_stays() {
    let server = seeded();
    server.redis(&["XADD", "orders", "5-0", "n", "new"]);
    let (ledger, run) = work(&server, &["--yes", "-o", "json"]);
    let rows = run
        .assert_code(7)
        .stderr_has("4 of 4 entries claimed")
        .stderr_has("billing on orders: 3 handled, 1 failed attempt,")
        .stderr_has("1 left pending")
        .stdout_json();
    assert_eq!(rows.as_array().unwrap().len(), 4);
    assert_eq!(ledger, ["1-0 2", "2-0 2", "3-0 2", "4-0 2"]);
    let left = pending(&server);
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!((left[0].0.as_str(), left[0].2), ("2-0", 2));
    assert_ne!(left[0].1, "dead");
    let group = server.redis(&["XINFO", "GROUPS", "orders"]);
    let group = &group.items()[0];
    assert_eq!(group.field("lag").int(), 1, "it reads nothing new");

    // The rest is named, and its consumer goes with the last entry.
    let (ledger, run) = work(&server, &["2-0", "--reset-deliveries", "--yes"]);
    run.assert_code(7).stderr_has("1 left pending");
    assert_eq!(
        ledger,
        ["2-0 2"],
        "delivered once, as it were, and now again"
    );
}

#[test]
fn all_handled_is_all_done() {
    let server = seeded();
    let (ledger, run) = work(&server, &["1-0", "3-0", "--yes"]);
    run.assert_code(0).stderr_has("2 handled");
    assert_eq!(ledger, ["1-0 2", "3-0 2"]);
    let held: Vec<String> = pending(&server).into_iter().map(|row| row.1).collect();
    assert_eq!(held, ["dead", "dead"]);
    let consumers = server.redis(&["XINFO", "CONSUMERS", "orders", "billing"]);
    assert_eq!(consumers.items().len(), 1, "only the dead one is left");
}

#[test]
fn a_ghost_among_them_is_a_loss_and_the_others_are_handled() {
    let server = seeded();
    server.redis(&["XDEL", "orders", "1-0"]);
    let (ledger, run) = work(&server, &["1-0", "3-0", "--yes"]);
    run.assert_code(9).stderr_has("1 handled");
    assert_eq!(ledger, ["3-0 2"]);
    assert_eq!(server.redis(&["XLEN", "{orders}:dlq"]).int(), 1);
}

#[test]
fn nothing_is_claimed_without_consent_or_a_handler() {
    let server = seeded();
    let all_dead = |server: &TestServer| {
        let held = pending(server).into_iter().filter(|row| row.1 == "dead");
        held.count()
    };
    let (ledger, run) = work(&server, &["--dry-run"]);
    run.assert_code(0).stderr_has("and handle here 4 entries");
    assert!(ledger.is_empty());
    let (_, run) = work(&server, &[]);
    run.assert_code(6).stderr_has("--yes");
    let claim = ["claim", "billing", "--stream", "orders", "--work", "--yes"];
    server
        .ucp(&claim)
        .assert_code(2)
        .stderr_has("has no handler in the topology");
    server
        .ucp(&["claim", "prediction-processors", "--work", "--yes"])
        .assert_code(3);
    server
        .ucp(&["claim", "billing", "--work", "--to", "c", "--yes"])
        .assert_code(2);
    server
        .ucp(&["claim", "billing", "--yes"])
        .assert_code(2)
        .stderr_has("--work");
    assert_eq!(all_dead(&server), 4);
}

#[test]
fn built_in_handlers_have_their_effect_with_the_acknowledgement() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    for total in 1..=3 {
        let payload = format!(r#"payload={{"total": {total}}}"#);
        let ingest = ["ingest", "brandId=b", "eventType=purchase", &payload];
        server.ucp(&ingest).assert_code(0);
    }
    let read = ["XREADGROUP", "GROUP", "event-processors", "dead", "STREAMS"];
    server.redis(&[&read[..], &["events.normalized", ">"]].concat());
    let claim = [
        "claim",
        "event-processors",
        "--idle",
        "0s",
        "--work",
        "--yes",
    ];
    server.ucp(&claim).assert_code(0).stderr_has("3 handled");
    let features = ["HGET", "{events.normalized}:features:b", "purchase_total"];
    assert_eq!(server.redis(&features).text(), "6");
    let left = server.redis(&["XPENDING", "events.normalized", "event-processors"]);
    assert_eq!(left.items()[0].int(), 0);
}
