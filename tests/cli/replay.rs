//! `replay`: a part of a stream once more, by a handler or as copies, and never by the stream's own groups.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::seed::{GROUP, STREAM, add, deliver, ids, pending, stream_with_group};
use crate::support::{Invocation, PATIENCE, Signal, TestServer, directory, program, until};

const LETTERS: &str = "{events.normalized}:dlq";

/// Writes down what it was given, in a file that only grows.
const NOTES: &str = "#!/bin/sh
echo \"$UCP_ID $UCP_GROUP\" >> ledger
";

const NOTES_LINES: &str = r#"#!/bin/sh
while read -r entry; do
  id=${entry#*\"id\":\"}; id=${id%%\"*}
  echo "$id _" >> ledger
  echo "{\"id\":\"$id\",\"ok\":true}"
done
"#;

/// A stream of which its group has read and not acknowledged some.
fn server(entries: u64) -> TestServer {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, entries);
    deliver(&server, STREAM, GROUP, "c", 3);
    server.redis(&["XACK", STREAM, GROUP, "2-0"]);
    server
}

/// What the stream's own group has: position, pending entries with owners and counts.
fn production(server: &TestServer) -> String {
    let groups = server.redis(&["XINFO", "GROUPS", STREAM]);
    let own = groups
        .items()
        .iter()
        .find(|it| it.field("name").text() == GROUP);
    let own = own.unwrap();
    let position = own.field("last-delivered-id").text();
    format!(
        "{position} {:?} {:?}",
        pending(server, STREAM, GROUP),
        ids(server, STREAM)
    )
}

/// How often each entry was handled, and the groups that the handlers were told.
fn ledger(home: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in fs::read_to_string(home.join("ledger"))
        .unwrap_or_default()
        .lines()
    {
        let (id, group) = line.split_once(' ').unwrap();
        assert!(group == "_" || group.starts_with("_ucp_replay:"), "{line}");
        *counts.entry(id.to_owned()).or_default() += 1;
    }
    counts
}

/// Nothing of a replay is left on the server.
fn assert_tidy(server: &TestServer) {
    let keys = server.redis(&["KEYS", "*"]);
    let left: Vec<&str> = keys
        .texts()
        .into_iter()
        .filter(|it| it.contains("replay"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    let groups = server.redis(&["XINFO", "GROUPS", STREAM]);
    let names: Vec<&str> = groups
        .items()
        .iter()
        .map(|it| it.field("name").text())
        .collect();
    assert!(!names.iter().any(|it| it.contains("replay")), "{names:?}");
}

fn replay(server: &TestServer, home: &TempDir, words: &[&str]) -> Invocation {
    let command = [&["replay", STREAM][..], words].concat();
    server.command(&command).in_dir(home.path())
}

/// A home with both programs.
fn home() -> TempDir {
    let home = directory();
    program(&home.path().join("notes"), NOTES);
    program(&home.path().join("notes-lines"), NOTES_LINES);
    home
}

#[test]
fn a_part_is_handled_once_more_and_its_own_group_is_not_touched() {
    let (server, home) = (server(20), home());
    let before = production(&server);
    let words = [
        "--from", "5-0", "--to", "16-0", "--where", "kind=odd", "--name", "monday",
    ];
    let run = replay(
        &server,
        &home,
        &[&words[..], &["--exec", "./notes", "-o", "json"]].concat(),
    )
    .run();
    let report = run.assert_code(0).stderr_has("is complete").stdout_json();
    let expected = ["11-0", "13-0", "15-0", "5-0", "7-0", "9-0"];
    assert_eq!(
        ledger(home.path()).into_iter().collect::<Vec<_>>(),
        expected.map(|id| (id.to_owned(), 1))
    );
    assert_eq!(
        (&report["handled"], &report["left_out"]),
        (&json!(6), &json!(6))
    );
    assert_eq!(
        (&report["is_complete"], &report["failures"]),
        (&json!(true), &json!([]))
    );
    assert_eq!(
        (&report["from_id"], &report["name"]),
        (&json!("5-0"), &json!("monday"))
    );
    assert_eq!(production(&server), before);
    assert_tidy(&server);
    // A stream with nothing there is nothing to do; one that is not there is an error.
    let run = replay(&server, &home, &["--from", "900-0", "--builtin", "null"]).run();
    run.assert_code(0).stderr_has("nothing to replay");
    server
        .ucp(&["replay", "nothing", "--from", "start", "--builtin", "null"])
        .assert_code(3);
    server
        .ucp(&["replay", STREAM, "--from", "start"])
        .assert_code(2)
        .stderr_has("--to-stream STREAM");
    let named = [
        "replay",
        STREAM,
        "--from",
        "start",
        "--builtin",
        "null",
        "--name",
        "a b",
    ];
    server
        .ucp(&named)
        .assert_code(2)
        .stderr_has("cannot be called");
}

#[test]
fn what_fails_is_tried_again_listed_and_in_the_dead_letter_stream_under_its_name() {
    let (server, home) = (server(6), home());
    let before = production(&server);
    let script =
        "case $UCP_ID in 2-0) echo never >&2; exit 65;; 4-0) [ $UCP_DELIVERIES = 2 ];; esac";
    let words = [
        "--from",
        "start",
        "--name",
        "june",
        "--backoff-base",
        "10ms",
        "-o",
        "json",
    ];
    let run = replay(
        &server,
        &home,
        &[&words[..], &["--exec", "--", "sh", "-c", script]].concat(),
    )
    .run();
    let report = run
        .assert_code(7)
        .stderr_has("2-0 failed: never")
        .stdout_json();
    assert_eq!(
        (&report["handled"], &report["failed_attempts"]),
        (&json!(5), &json!(2))
    );
    assert_eq!(
        (
            &report["failures"][0]["id"],
            &report["failures"][0]["reason"]
        ),
        (&json!("2-0"), &json!("never"))
    );
    let letters = server
        .ucp(&[
            "dlq",
            "list",
            STREAM,
            "--group",
            "_ucp_replay:june",
            "-o",
            "json",
        ])
        .stdout_json();
    assert_eq!(
        (&letters[0]["origin_id"], &letters[0]["dead_letter"]),
        (&json!("2-0"), &json!(LETTERS))
    );
    assert_eq!(letters.as_array().unwrap().len(), 1);
    assert_eq!(production(&server), before);
    assert_tidy(&server);
}

#[test]
fn copies_are_made_exactly_once_and_a_stream_that_groups_read_needs_consent() {
    let (server, home) = (server(10), home());
    let before = production(&server);
    let words = ["--from", "3-0", "--to", "8-0", "--to-stream", "again"];
    let plan = replay(&server, &home, &[&words[..], &["--dry-run"]].concat()).run();
    plan.assert_code(0)
        .stderr_has("copy `events.normalized` from 3-0 to 8-0 to `again`")
        .stderr_has(": 6 entries");
    assert_eq!(server.redis(&["EXISTS", "again"]).int(), 0);
    replay(&server, &home, &words).run().assert_code(0);
    let found = server.redis(&["XRANGE", "again", "-", "+"]);
    let copied: Vec<&str> = found
        .items()
        .iter()
        .map(|it| it.items()[1].texts()[1])
        .collect();
    assert_eq!(copied, ["3", "4", "5", "6", "7", "8"]);
    server.redis(&["XGROUP", "CREATE", "again", "readers", "$"]);
    let run = replay(&server, &home, &words).run();
    run.assert_code(6)
        .stderr_has("its groups will handle the copies: `readers` (0 consumers)");
    assert_eq!(server.redis(&["XLEN", "again"]).int(), 6);
    replay(&server, &home, &[&words[..], &["--yes"]].concat())
        .run()
        .assert_code(0);
    assert_eq!(server.redis(&["XLEN", "again"]).int(), 12);
    assert_eq!(production(&server), before);
    assert_tidy(&server);
}

#[test]
fn a_group_is_moved_back_only_with_consent_and_can_be_put_back() {
    let (server, home) = (server(10), home());
    let before = production(&server);
    let words = ["--from", "2-0", "--group", GROUP];
    let here = |more: &[&str]| {
        let run = replay(&server, &home, &[&words[..], more].concat());
        run.env("HOME", home.path()).run()
    };
    here(&["--dry-run"])
        .assert_code(6)
        .stderr_has("has live consumers: c");
    here(&["--yes"]).assert_code(6).stderr_has("add --force");
    here(&["--force"]).assert_code(6).stderr_has("--yes");
    here(&["--force", "--dry-run"])
        .assert_code(0)
        .stderr_has("delivered again: 2 entries");
    assert_eq!(production(&server), before);
    let run = here(&["--force", "--yes"]);
    run.assert_code(0).stderr_has("undo");
    let groups = server.redis(&["XINFO", "GROUPS", STREAM]);
    // 2-0 is the next to be delivered.
    assert_eq!(
        groups.items()[0].field("last-delivered-id").text(),
        "1-18446744073709551615"
    );
    let undo = server
        .command(&["undo", "--force", "--yes"])
        .env("HOME", home.path())
        .run();
    undo.assert_code(0);
    assert_eq!(production(&server), before);
}

#[test]
fn it_keeps_to_its_rate() {
    let (server, home) = (server(150), home());
    let began = Instant::now();
    let words = [
        "--from",
        "start",
        "--rate",
        "50/s",
        "--builtin",
        "null",
        "-o",
        "json",
    ];
    let report = replay(&server, &home, &words)
        .run()
        .assert_code(0)
        .stdout_json();
    let took = began.elapsed();
    assert_eq!(report["handled"], 150);
    assert!(
        took >= Duration::from_millis(2800),
        "150 entries at 50/s in {took:?}"
    );
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn one_that_was_told_to_stop_goes_on_where_it_was_meant_to_end() {
    let (server, home) = (server(40), home());
    let words = [
        "--from", "start", "--name", "night", "--rate", "4/s", "--exec", "./notes", "-o", "json",
    ];
    let running = replay(&server, &home, &words).spawn();
    until(PATIENCE, "it has begun", || ledger(home.path()).len() > 3);
    // Somebody else cannot run it as well, nor with other conditions.
    let other = replay(&server, &home, &words).run();
    other.assert_code(6).stderr_has("is running, as consumer");
    let odd = replay(
        &server,
        &home,
        &[&words[..], &["--where", "kind=odd"]].concat(),
    )
    .run();
    odd.assert_code(6)
        .stderr_has("was begun with other terms: all entries");
    let run = running.terminate();
    let report = run
        .assert_code(143)
        .stderr_has("--name night")
        .stdout_json();
    assert_eq!(report["is_complete"], false);
    let so_far = ledger(home.path()).len();
    assert!(so_far < 40, "{so_far}");
    // What was added since is not what was meant.
    add(&server, STREAM, 41, 45);
    let run = replay(
        &server,
        &home,
        &[
            "--from", "-1h", "--name", "night", "--exec", "./notes", "-o", "json",
        ],
    )
    .run();
    let report = run.assert_code(0).stdout_json();
    assert_eq!(
        (&report["is_resumed"], &report["to_id"]),
        (&json!(true), &json!("40-0"))
    );
    let handled = ledger(home.path());
    assert_eq!(handled.len(), 40);
    assert!(
        handled.values().all(|times| *times == 1),
        "nobody was killed: {handled:?}"
    );
    assert_tidy(&server);
}

/// A service that writes down what it is given, where the programs do.
fn service(home: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let ledger = home.join("ledger");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, ledger) = (BufReader::new(stream.unwrap()), ledger.clone());
            thread::spawn(move || while answers(&mut stream, &ledger).is_some() {});
        }
    });
    url
}

fn answers(stream: &mut BufReader<std::net::TcpStream>, ledger: &Path) -> Option<()> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let entry: serde_json::Value = serde_json::from_slice(&body).ok()?;
    let mut file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(ledger)
        .ok()?;
    file.write_all(format!("{} _\n", entry["id"].as_str()?).as_bytes())
        .ok()?;
    stream
        .get_mut()
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .ok()
}

/// Kills a replay of `entries` so many times, each time after it has handled some more, and lets it come to its end.
fn killed(entries: usize, kills: usize, handler: &[&str]) {
    let home = home();
    let server = server(entries as u64);
    let before = production(&server);
    let url = service(home.path());
    let rate = (entries / 4).to_string();
    let words = [
        "--from",
        "start",
        "--name",
        "hour",
        "--backoff-base",
        "10ms",
        "--concurrency",
        "4",
        "--rate",
        &rate,
    ];
    let handler: Vec<&str> = handler
        .iter()
        .map(|it| if *it == "URL" { &url } else { *it })
        .collect();
    let words = [&words[..], &handler].concat();
    for kill in 0..kills {
        let (mut running, had) = (
            replay(&server, &home, &words).spawn(),
            ledger(home.path()).len(),
        );
        // Somewhere between its beginning and its end.
        let enough = had + 1 + kill % 7;
        until(PATIENCE, "it handles some", || {
            let lines = fs::read_to_string(home.path().join("ledger")).unwrap_or_default();
            lines.lines().count() > enough || ledger(home.path()).len() == entries
        });
        sleep(Duration::from_millis(13 * (kill as u64 % 5)));
        running.signal(Signal::KILL);
        running.wait();
        // As after the 15 seconds that its lease lasts.
        server.redis(&["DEL", "{events.normalized}:lease:_ucp_replay:hour"]);
    }
    let run = replay(&server, &home, &words).run();
    run.assert_code(0).stderr_has("is complete");
    let times = ledger(home.path());
    assert_eq!(times.len(), entries, "each at least once");
    assert_eq!(production(&server), before);
    assert_tidy(&server);
}

#[test]
fn one_that_was_killed_goes_on_with_a_program_for_each_entry() {
    killed(200, 4, &["--exec", "./notes"]);
}

#[test]
fn one_that_was_killed_goes_on_with_programs_that_stay() {
    killed(200, 4, &["--pipe", "./notes-lines"]);
}

#[test]
fn one_that_was_killed_goes_on_with_a_service() {
    killed(200, 4, &["--http", "URL"]);
}

#[test]
#[ignore = "a soak: an hour of entries, killed at twenty moments, three times"]
fn an_hour_killed_at_twenty_moments_goes_on_with_each_kind_of_handler() {
    for handler in [
        ["--exec", "./notes"],
        ["--pipe", "./notes-lines"],
        ["--http", "URL"],
    ] {
        killed(3600, 20, &handler);
    }
}

#[test]
fn copies_are_made_once_though_it_was_killed() {
    let (server, home) = (server(400), home());
    let words = [
        "--from",
        "start",
        "--name",
        "copy",
        "--to-stream",
        "again",
        "--rate",
        "200",
        "--backoff-base",
        "10ms",
    ];
    for kill in 0..4 {
        let mut running = replay(&server, &home, &words).spawn();
        let enough = 60 * (kill + 1);
        until(PATIENCE, "it copies some", || {
            server.redis(&["XLEN", "again"]).int() > enough
        });
        running.signal(Signal::KILL);
        running.wait();
        server.redis(&["DEL", "{events.normalized}:lease:_ucp_replay:copy"]);
    }
    replay(&server, &home, &words).run().assert_code(0);
    let found = server.redis(&["XRANGE", "again", "-", "+"]);
    let mut copied: Vec<u64> = found
        .items()
        .iter()
        .map(|it| it.items()[1].texts()[1].parse().unwrap())
        .collect();
    copied.sort_unstable();
    assert_eq!(copied, (1..=400).collect::<Vec<u64>>());
    assert_tidy(&server);
}

#[test]
fn one_that_was_killed_is_awaited_by_the_lease_that_it_held() {
    let (server, home) = (server(30), home());
    let words = [
        "--from",
        "start",
        "--name",
        "dawn",
        "--rate",
        "10/s",
        "--backoff-base",
        "10ms",
        "--exec",
        "./notes",
    ];
    let mut running = replay(&server, &home, &words).spawn();
    until(PATIENCE, "it has begun", || ledger(home.path()).len() > 2);
    running.signal(Signal::KILL);
    running.wait();
    // Shortened: what is waited for is its end, not its length.
    server.redis(&[
        "PEXPIRE",
        "{events.normalized}:lease:_ucp_replay:dawn",
        "1500",
    ]);
    let run = replay(&server, &home, &words).run();
    run.assert_code(0)
        .stderr_has("waiting until nobody else can be at work");
    assert_eq!(ledger(home.path()).len(), 30);
}
