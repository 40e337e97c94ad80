//! `consume`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::thread;

use serde_json::Value;

use crate::seed::{GROUP, STREAM, add, deliver, ids, pending, stream_with_group};
use crate::shell::{bash, parts};
use crate::support::{PATIENCE, Signal, TestServer, directory, until};

fn seeded(entries: u64) -> TestServer {
    let server = TestServer::start();
    stream_with_group(&server, STREAM, GROUP, entries);
    server
}

/// Entries too large for a batch of them to fit into a pipe.
fn seeded_with_large(entries: u64) -> TestServer {
    let server = TestServer::start();
    let body = "x".repeat(8000);
    let mut client = server.client();
    for n in 1..=entries {
        client.send(&["XADD", STREAM, &format!("{n}-0"), "body", &body]);
    }
    client.send(&["XGROUP", "CREATE", STREAM, GROUP, "0"]);
    server
}

fn consumers(server: &TestServer) -> Vec<String> {
    let rows = server.redis(&["XINFO", "CONSUMERS", STREAM, GROUP]);
    let names = rows.items().iter().map(|row| row.field("name").text());
    names.map(str::to_owned).collect()
}

fn last_delivered(server: &TestServer) -> String {
    let groups = server.redis(&["XINFO", "GROUPS", STREAM]);
    groups.items()[0]
        .field("last-delivered-id")
        .text()
        .to_owned()
}

fn ids_of(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[test]
fn without_ack_entries_stay_pending_and_it_says_for_whom() {
    let server = seeded(3);
    let run = server.ucp(&["consume", GROUP, "-o", "json"]);
    let rows = run.assert_code(0).stdout_json();
    assert_eq!(ids_of(rows.as_array().unwrap()), ["1-0", "2-0", "3-0"]);
    assert_eq!(rows[0]["fields"]["n"], "1");
    let held = pending(&server, STREAM, GROUP);
    assert_eq!(held.len(), 3);
    let consumer = &held[0].1;
    assert!(held.iter().all(|row| row.1 == *consumer && row.2 == 1));
    run.stderr_has(&format!(
        "3 entries of group `{GROUP}` of stream `{STREAM}` pending for consumer `{consumer}`"
    ))
    .stderr_has(&format!("ucp-streams ack {GROUP} ID"))
    .stderr_has(&format!(
        "ucp-streams claim {GROUP} --consumer {consumer} --idle 0s --to CONSUMER"
    ));
    // What it says works.
    server.redis(&["XGROUP", "CREATECONSUMER", STREAM, GROUP, "c1"]);
    server
        .ucp(&[
            "claim",
            GROUP,
            "--consumer",
            consumer,
            "--idle",
            "0s",
            "--to",
            "c1",
            "--yes",
        ])
        .assert_code(0);
    server
        .ucp(&["ack", GROUP, "1-0", "2-0", "3-0", "--yes"])
        .assert_code(0);
    assert!(pending(&server, STREAM, GROUP).is_empty());
}

#[test]
fn with_ack_what_was_written_is_done_and_the_consumer_goes() {
    let server = seeded(250);
    let run = server.ucp(&["consume", GROUP, "--ack", "--count", "120", "-o", "ndjson"]);
    run.assert_code(0).stderr_has(
        "120 entries of group `event-processors` of stream `events.normalized` acknowledged",
    );
    assert_eq!(run.stdout_ndjson().len(), 120);
    assert!(pending(&server, STREAM, GROUP).is_empty());
    assert_eq!(last_delivered(&server), "120-0");
    assert!(consumers(&server).is_empty());
    // The rest, and then nothing.
    let rest = server.ucp(&["consume", GROUP, "--ack"]);
    assert_eq!(rest.assert_code(0).stdout_lines().len(), 130);
    assert!(rest.stdout().starts_with("121-0\tn=121\tkind=odd\n"));
    let none = server.ucp(&["consume", GROUP, "--ack", "-o", "json"]);
    none.assert_code(0)
        .stdout_is("[]\n")
        .stderr_has("nothing to consume in group");
    assert!(consumers(&server).is_empty());
}

#[test]
fn a_consumer_that_was_there_stays_and_keeps_what_it_holds() {
    let server = seeded(4);
    deliver(&server, STREAM, GROUP, "c1", 2);
    let run = server.ucp(&[
        "consume",
        GROUP,
        "--ack",
        "--consumer",
        "c1",
        "-o",
        "ndjson",
    ]);
    run.assert_code(0)
        .stderr_has("2 entries of group")
        .stderr_has("pending for consumer `c1`");
    assert_eq!(ids_of(&run.stdout_ndjson()), ["3-0", "4-0"]);
    let held = pending(&server, STREAM, GROUP);
    assert_eq!(
        held,
        [
            ("1-0".into(), "c1".into(), 1),
            ("2-0".into(), "c1".into(), 1)
        ]
    );
    server.redis(&["XACK", STREAM, GROUP, "1-0", "2-0"]);
    server
        .ucp(&["consume", GROUP, "--consumer", "c1"])
        .assert_code(0);
    assert_eq!(consumers(&server), ["c1"]);
}

/// Row 46 of the fault matrix.
#[test]
fn a_reader_that_goes_away_leaves_the_unwritten_batch_unacknowledged() {
    let server = seeded_with_large(150);
    let output = bash(
        &server,
        "$UCP -q consume event-processors --ack -o ndjson | head -1; exit ${PIPESTATUS[0]}",
    );
    let (code, stdout, stderr) = parts(&output);
    assert_eq!((code, stderr), (Some(0), ""));
    assert!(stdout.contains("\"id\":\"1-0\""));
    // Given back: nobody has had them, and anyone may claim them at once.
    let held = pending(&server, STREAM, GROUP);
    assert!(held.len() <= 100, "{}", held.len());
    assert!(held.iter().all(|row| row.2 == 0));
    // Nothing was delivered after them; what was delivered before was written, and is acknowledged. A reader that is found
    // gone before the next read leaves none.
    if let Some(last) = held.last() {
        assert_eq!(last.0, last_delivered(&server));
    }
    assert_eq!(ids(&server, STREAM).len(), 150);
    let closed = bash(
        &server,
        "$UCP consume event-processors --ack --count 5 -o ndjson | true; exit ${PIPESTATUS[0]}",
    );
    let (code, _, stderr) = parts(&closed);
    assert_eq!(code, Some(0));
    assert!(!stderr.contains("error"), "{stderr}");
}

/// Row 47 of the fault matrix.
#[test]
fn a_full_output_acknowledges_nothing() {
    let server = seeded(5);
    for format in ["ndjson", "json", "plain", "table"] {
        let script =
            format!("$UCP consume event-processors --ack --count 1 -o {format} >/dev/full");
        let output = bash(&server, &script);
        let (code, _, stderr) = parts(&output);
        assert_eq!(code, Some(74), "{stderr}");
        assert!(
            stderr.contains("cannot write to standard output"),
            "{stderr}"
        );
        assert!(stderr.contains("1 entry of group"), "{stderr}");
        assert!(
            stderr.contains("could not be written and were released"),
            "{stderr}"
        );
        assert!(!stderr.contains("acknowledge"), "{stderr}");
        assert!(
            stderr.contains("ucp-streams claim event-processors"),
            "{stderr}"
        );
    }
    let held = pending(&server, STREAM, GROUP);
    assert_eq!(held.len(), 4);
    assert!(held.iter().all(|row| row.2 == 0));
}

#[test]
fn a_closed_output_reads_nothing_and_acknowledges_nothing() {
    let server = seeded(5);
    let output = bash(&server, "$UCP consume event-processors --ack >&-");
    let (code, _, stderr) = parts(&output);
    assert_eq!(code, Some(74), "{stderr}");
    assert!(stderr.contains("standard output is closed"), "{stderr}");
    let groups = server.redis(&["XINFO", "GROUPS", STREAM]);
    assert_eq!(
        groups.items()[0].get("last-delivered-id").unwrap().text(),
        "0-0"
    );
    // Thrown away on purpose is something else.
    let output = bash(&server, "$UCP consume event-processors --ack >/dev/null");
    assert_eq!(parts(&output).0, Some(0));
    assert!(pending(&server, STREAM, GROUP).is_empty());
}

#[test]
fn what_others_claimed_while_it_was_written_is_theirs() {
    let server = seeded_with_large(20);
    let dir = directory();
    let go = dir.path().join("go");
    let script = format!(
        "mkfifo {0}; $UCP consume event-processors --ack -o ndjson | {{ read x < {0}; wc -l; }}; exit ${{PIPESTATUS[0]}}",
        go.display()
    );
    let output = thread::scope(|scope| {
        let reading = scope.spawn(|| bash(&server, &script));
        until(PATIENCE, "delivered", || {
            let held = pending(&server, STREAM, GROUP);
            held.last().is_some_and(|row| row.0 == "20-0")
        });
        server.redis(&["XCLAIM", STREAM, GROUP, "thief", "0", "5-0"]);
        let mut fifo = OpenOptions::new().write(true).open(&go).unwrap();
        fifo.write_all(b"go\n").unwrap();
        drop(fifo);
        reading.join().unwrap()
    });
    let (code, stdout, stderr) = parts(&output);
    assert_eq!((code, stdout.trim()), (Some(7), "20"), "{stderr}");
    assert!(stderr.contains("19 entries of group"), "{stderr}");
    assert!(
        stderr.contains(
            "not acknowledged, because other consumers claimed them while they were being written: 1 entry"
        ),
        "{stderr}"
    );
    assert_eq!(
        pending(&server, STREAM, GROUP),
        [("5-0".into(), "thief".into(), 2)]
    );
}

#[test]
fn following_goes_on_until_a_signal_and_leaves_nothing_behind() {
    let server = seeded(2);
    let mut run = server
        .command(&["consume", GROUP, "--ack", "--follow", "-o", "json"])
        .spawn();
    run.await_stdout("\"id\":\"2-0\"");
    add(&server, STREAM, 3, 4);
    run.await_stdout("\"id\":\"4-0\"");
    run.signal(Signal::INT);
    let run = run.wait();
    run.assert_code(130).stderr_lacks("error");
    assert_eq!(ids_of(&run.stdout_ndjson()), ["1-0", "2-0", "3-0", "4-0"]);
    assert!(pending(&server, STREAM, GROUP).is_empty());
    assert!(consumers(&server).is_empty());
}

#[test]
fn it_waits_for_the_first_entry_when_told_to() {
    let server = seeded(0);
    let run = server
        .command(&[
            "consume", GROUP, "--count", "1", "--block", "20s", "--ack", "--names",
        ])
        .spawn();
    until(PATIENCE, "a consumer", || !consumers(&server).is_empty());
    add(&server, STREAM, 1, 1);
    run.wait().assert_code(0).stdout_is("1-0\n");
    let short = server.ucp(&["consume", GROUP, "--block", "10ms"]);
    short
        .assert_code(0)
        .stdout_is("")
        .stderr_has("nothing to consume");
}

#[test]
fn a_dry_run_shows_and_delivers_nothing() {
    let server = seeded(5);
    deliver(&server, STREAM, GROUP, "c1", 2);
    let run = server.ucp(&[
        "consume",
        GROUP,
        "--dry-run",
        "--count",
        "2",
        "--ack",
        "--names",
    ]);
    run.assert_code(0)
        .stdout_is("3-0\n4-0\n")
        .stderr_has("nothing was changed: without --dry-run this would deliver 2 entries");
    assert_eq!(last_delivered(&server), "2-0");
    assert_eq!(consumers(&server), ["c1"]);
}

#[test]
fn what_is_not_there_is_3() {
    let server = seeded(1);
    server
        .ucp(&["consume", "nope"])
        .assert_code(3)
        .stderr_has("no group `nope` in the topology");
    server
        .ucp(&["consume", "nope", "--stream", STREAM])
        .assert_code(3)
        .stderr_has("its groups: event-processors");
    server
        .ucp(&["consume", GROUP, "--count", "0"])
        .assert_code(2);
    server
        .ucp(&["consume", GROUP, "--follow", "--block", "1s"])
        .assert_code(2);
    assert!(consumers(&server).is_empty());
}

#[test]
fn a_group_that_is_deleted_while_it_is_read_ends_it() {
    let server = seeded(1);
    let mut run = server
        .command(&["consume", GROUP, "--ack", "-f", "--names"])
        .spawn();
    run.await_stdout("1-0");
    server.redis(&["XGROUP", "DESTROY", STREAM, GROUP]);
    run.wait()
        .assert_code(3)
        .stderr_has("has no group `event-processors`");
}

#[test]
fn a_group_for_one_worker_at_a_time_is_warned_of() {
    let server = TestServer::start();
    stream_with_group(&server, "profiles.merge_requests", "merge-processors", 1);
    server
        .ucp(&["consume", "merge-processors", "--ack"])
        .assert_code(0)
        .stderr_has("only one worker at a time");
}
