//! `worker run --key`: entries of one key are handled one at a time and in order, across retries, kills and take-over.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::pending;
use crate::support::{Invocation, PATIENCE, Signal, TestServer, directory, program, until};

/// Writes down when it begins and ends with an entry, by its key. Every seventeenth fails at first, every
/// hundred-and-first for good.
const HANDLES: &str = r#"#!/bin/sh
mkdir -p failed
while read -r entry; do
  id=${entry#*\"id\":\"}; id=${id%%\"*}; n=${id%-0}
  key=${entry#*\"k\":\"}; key=${key%%\"*}
  echo "begin $key $n" >> ledger
  if [ $((n % 101)) = 0 ]; then
    echo "end $key $n" >> ledger
    echo "{\"id\":\"$id\",\"error\":\"never\",\"permanent\":true}"
  elif [ $((n % 17)) = 0 ] && ! [ -e failed/$n ]; then
    : > failed/$n
    echo "end $key $n" >> ledger
    echo "{\"id\":\"$id\",\"error\":\"not yet\"}"
  else
    echo "end $key $n" >> ledger
    echo "{\"id\":\"$id\",\"ok\":true}"
  fi
done
"#;

/// A stream of so many entries, one after the other of so many keys.
fn server(entries: u64, keys: u64) -> TestServer {
    let server = TestServer::start();
    let mut client = server.client();
    for n in 1..=entries {
        let (id, key) = (format!("{n}-0"), format!("key-{}", n * 7 % keys));
        client.send(&["XADD", "orders", &id, "k", &key]);
    }
    server
}

fn worker(server: &TestServer, home: &Path, more: &[&str]) -> Invocation {
    let words = [
        "worker",
        "run",
        "billing",
        "--stream",
        "orders",
        "--key",
        "k",
        "--concurrency",
        "8",
    ];
    let times = [
        "--claim-idle",
        "3s",
        "--backoff-base",
        "20ms",
        "--pipe",
        "./handles",
    ];
    server
        .command(&[&words[..], more, &times].concat())
        .in_dir(home)
}

/// What the ledger says of each key: which entries were begun, and that no two were at the same time, nor one after a
/// later one. A kill may leave a beginning without an end, and the same entry comes once more after it.
fn check(home: &Path, entries: u64) -> u64 {
    let text = fs::read_to_string(home.join("ledger")).unwrap();
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    let mut running: BTreeMap<&str, u64> = BTreeMap::new();
    let mut handled = std::collections::BTreeSet::new();
    let mut repeats = 0;
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [what, key, n] = words[..] else {
            panic!("{line}");
        };
        let n: u64 = n.parse().unwrap();
        if what == "begin" {
            let before = running.insert(key, n);
            assert!(
                before.is_none_or(|before| before == n),
                "{key}: {n} beside {before:?}"
            );
            let before = last.insert(key, n).unwrap_or_default();
            assert!(before <= n, "{key}: {n} after {before}");
            repeats += u64::from(before == n);
        } else {
            assert_eq!(running.remove(key), Some(n), "{line}");
            handled.insert(n);
        }
    }
    assert_eq!(handled.len() as u64, entries, "each at least once");
    repeats
}

fn lines(home: &Path) -> usize {
    fs::read_to_string(home.join("ledger"))
        .unwrap_or_default()
        .lines()
        .count()
}

fn ledger(entries: u64, keys: u64, kills: usize) {
    let (server, home) = (server(entries, keys), directory());
    let home = home.path();
    program(&home.join("handles"), HANDLES);
    for kill in 0..kills {
        let (had, mut running) = (lines(home), worker(&server, home, &[]).spawn());
        let share = usize::try_from(entries).unwrap() * 2 / (kills + 1);
        until(PATIENCE, "it handles some", || {
            lines(home) > had + share / 2
        });
        sleep(Duration::from_millis(7 * (kill as u64 % 9)));
        running.signal(Signal::KILL);
        running.wait();
    }
    let running = worker(&server, home, &[]).spawn();
    until(10 * PATIENCE, "all are handled", || {
        let groups = server.redis(&["XINFO", "GROUPS", "orders"]);
        let position = groups.items()[0]
            .field("last-delivered-id")
            .text()
            .to_owned();
        position == format!("{entries}-0") && pending(&server, "orders", "billing") == 0
    });
    running.terminate().assert_code(0);
    let repeats = check(home, entries);
    println!("{entries} entries, {keys} keys, {kills} kills: {repeats} repeats");
    let dead = server.redis(&["XLEN", "{orders}:dlq"]).int();
    assert_eq!(u64::try_from(dead), Ok(entries / 101));
}

#[test]
fn each_key_is_in_order_across_retries_and_kills() {
    ledger(1500, 50, 2);
}

#[test]
#[ignore = "a soak: a hundred thousand entries, killed ten times"]
fn a_hundred_thousand_entries_of_fifty_keys_are_in_order() {
    ledger(100_000, 50, 10);
}

/// What waits for another attempt keeps its own key waiting, and no other, however many of its key come after it.
#[test]
fn other_keys_go_on_while_one_waits() {
    let (server, home) = (TestServer::start(), directory());
    for n in 1..=1200 {
        let key = if n <= 400 {
            "hot"
        } else {
            &format!("cold-{}", n % 20)
        };
        server.redis(&["XADD", "orders", &format!("{n}-0"), "k", key]);
    }
    server.redis(&["XADD", "orders", "1201-0", "other", "field"]);
    let script = "#!/bin/sh\nwhile read -r entry; do
  id=${entry#*\\\"id\\\":\\\"}; id=${id%%\\\"*}
  echo $id >> ledger
  if [ $id = 1-0 ] && ! [ -e open ]; then echo \"{\\\"id\\\":\\\"$id\\\",\\\"error\\\":\\\"wait\\\"}\"
  else echo \"{\\\"id\\\":\\\"$id\\\",\\\"ok\\\":true}\"; fi
done
";
    program(&home.path().join("handles"), script);
    let more = [
        "--batch",
        "500",
        "--max-deliveries",
        "1000",
        "--backoff-cap",
        "300ms",
    ];
    let running = worker(&server, home.path(), &more).spawn();
    let seen = |id: &str| {
        let text = fs::read_to_string(home.path().join("ledger")).unwrap_or_default();
        text.lines().any(|line| line == id)
    };
    until(PATIENCE, "the others are handled", || {
        seen("1200-0") && seen("1201-0")
    });
    assert!(!seen("2-0"), "it waits for the one before it");
    fs::write(home.path().join("open"), "").unwrap();
    until(PATIENCE, "all are handled", || {
        pending(&server, "orders", "billing") == 0 && seen("400-0")
    });
    running.terminate().assert_code(0);
}

#[test]
fn one_run_from_cron_does_not_wait_for_what_waits() {
    let (server, home) = (TestServer::start(), directory());
    for n in 1..=20 {
        server.redis(&[
            "XADD",
            "orders",
            &format!("{n}-0"),
            "k",
            if n % 2 == 0 { "even" } else { "odd" },
        ]);
    }
    program(&home.path().join("handles"), HANDLES);
    let script = "case $UCP_ID in 1-0) exit 1;; esac; echo $UCP_ID >> ledger";
    let words = [
        "worker",
        "run",
        "billing",
        "--stream",
        "orders",
        "--key",
        "k",
        "--once",
        "--backoff-base",
        "1h",
        "--backoff-cap",
        "1h",
    ];
    let run = server
        .command(&[&words[..], &["--exec", "--", "sh", "-c", script]].concat())
        .in_dir(home.path())
        .run();
    run.assert_code(7);
    let text = fs::read_to_string(home.path().join("ledger")).unwrap();
    assert_eq!(text.lines().count(), 10, "the even ones: {text}");
    assert_eq!(pending(&server, "orders", "billing"), 10);
}
