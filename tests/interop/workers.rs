//! Workers of this tool in one group with hand-written consumers: they share the work, and each takes over what the other
//! left behind.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::party::{Party, object};
use crate::support::{Spawned, TestServer, directory, until};
use crate::turns::adds_up;
use crate::{Entries, described};

const STREAM: &str = "events.normalized";
const GROUP: &str = "event-processors";
const PATIENCE: Duration = Duration::from_mins(1);

/// A handler that keeps what it was given, one entry a line.
fn worker(server: &TestServer, ledger: &Path, options: &[&str]) -> Spawned {
    let keep = format!("{{ cat; echo; }} >> '{}'", ledger.display());
    let words = ["worker", "run", GROUP, "--consumer", "ours"];
    let words = [&words[..], options, &["--exec", "--", "sh", "-c", &keep]].concat();
    server.command(&words).spawn()
}

fn handled(ledger: &Path) -> Entries {
    let text = fs::read_to_string(ledger).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
    let entries: Entries = lines
        .iter()
        .map(|line| object(&serde_json::from_str(line).unwrap()))
        .collect();
    assert_eq!(entries.len(), lines.len(), "handled twice:\n{text}");
    entries
}

fn published(party: &mut Party<'_>, numbers: std::ops::Range<usize>) -> Entries {
    let name = party.name();
    let batch: Vec<_> = numbers
        .map(|number| described(STREAM, name, number))
        .collect();
    party.publish(STREAM, &batch)
}

/// Nothing undelivered, nothing pending.
#[track_caller]
fn await_quiet(server: &TestServer) {
    until(PATIENCE, "the group is done", || {
        let run = server.ucp(&["lag", GROUP, "--exact", "-o", "json"]);
        run.assert_code(0);
        let group = &run.stdout_json()[0];
        group["lag"]["entries"] == 0 && group["pending"] == 0
    });
}

#[test]
#[ignore = "needs redis-py and ioredis: make test-interop"]
fn a_worker_shares_a_group_with_them() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    let home = directory();
    let ledger = home.path().join("ledger");
    let mut parties = Party::all(&server);
    let mut written: BTreeMap<&str, Entries> = BTreeMap::new();
    let mut read: BTreeMap<&str, Entries> = BTreeMap::new();
    let mut worker = None;
    for round in 0..5 {
        for party in &mut parties {
            let numbers = round * 20..(round + 1) * 20;
            let entries = published(party, numbers);
            written.entry(party.name()).or_default().extend(entries);
        }
        // In the first round before the worker is there, so that nobody goes without.
        for _ in 0..4 {
            for party in &mut parties[..2] {
                let entries = party.consume(STREAM, GROUP, 3);
                read.entry(party.name()).or_default().extend(entries);
            }
        }
        worker.get_or_insert_with(|| self::worker(&server, &ledger, &[]));
    }
    await_quiet(&server);
    worker.unwrap().terminate().assert_code(0);
    read.insert("worker", handled(&ledger));
    assert!(read.values().all(|entries| entries.len() >= 12), "{read:?}");
    adds_up(&written, &read);
}

#[test]
#[ignore = "needs redis-py and ioredis: make test-interop"]
fn a_worker_takes_over_what_their_dead_consumers_held() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    let home = directory();
    let ledger = home.path().join("ledger");
    let [mut python, mut node, mut ours] = Party::all(&server);
    let written = BTreeMap::from([
        (python.name(), published(&mut python, 0..4)),
        (node.name(), published(&mut node, 4..8)),
        (ours.name(), published(&mut ours, 8..12)),
    ]);
    assert_eq!(python.hold(STREAM, GROUP, 5).len(), 5);
    assert_eq!(node.hold(STREAM, GROUP, 5).len(), 5);
    drop((python, node));
    let worker = worker(&server, &ledger, &["--claim-idle", "3s"]);
    await_quiet(&server);
    worker.terminate().assert_code(0);
    adds_up(&written, &BTreeMap::from([("worker", handled(&ledger))]));
}

#[test]
#[ignore = "needs redis-py and ioredis: make test-interop"]
fn they_take_over_what_ours_held() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    let [mut python, mut node, mut ours] = Party::all(&server);
    let written = BTreeMap::from([
        (python.name(), published(&mut python, 0..4)),
        (node.name(), published(&mut node, 4..8)),
        (ours.name(), published(&mut ours, 8..12)),
    ]);
    assert_eq!(ours.hold(STREAM, GROUP, 12).len(), 12);
    let read = BTreeMap::from([
        (python.name(), python.take_over(STREAM, GROUP, 6)),
        (node.name(), node.take_over(STREAM, GROUP, 6)),
    ]);
    assert!(read.values().all(|entries| entries.len() == 6), "{read:?}");
    adds_up(&written, &read);
    await_quiet(&server);
}

#[test]
#[ignore = "needs redis-py and ioredis: make test-interop"]
fn the_built_in_handlers_understand_what_they_published() {
    let server = TestServer::start();
    server.ucp(&["init"]).assert_code(0);
    let mut parties = Party::all(&server);
    for party in &mut parties {
        published(party, 0..3);
        let name = party.name();
        let requests = [0, 1].map(|number| described("profiles.merge_requests", name, number));
        party.publish("profiles.merge_requests", &requests);
    }
    server
        .ucp(&["worker", "run", GROUP, "merge-processors", "--once"])
        .assert_code(0);
    for party in &parties {
        let features = format!("{{{STREAM}}}:features:{}", party.name());
        let of = |field: &str| server.redis(&["HGET", &features, field]);
        assert_eq!(of("events:purchase").text(), "3");
        assert_eq!(of("purchase_total").text(), "298.5");
    }
    // What a handler wrote is an entry like any other to them.
    server.redis(&["XGROUP", "CREATE", "profiles.review_queue", "people", "0"]);
    for party in &mut parties {
        let reviews = party.consume("profiles.review_queue", "people", 2);
        assert_eq!(reviews.len(), 2, "{}", party.name());
        for fields in reviews.values() {
            assert!(fields.contains(&("reason".into(), "manual_review".into())));
        }
    }
}
