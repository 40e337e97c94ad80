//! Memory is bounded by bytes, whatever entries are like: a few are asked for first, then as many as their sizes allow.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::support::TestServer;

/// Entries of each stream here, a megabyte each.
const ENTRIES: usize = 60;
/// What a command may take more than one that has nothing to do.
const MORE_MIB: u64 = 32;

/// A stream of large entries, a group to which all of them are delivered, and one to which none is.
fn large() -> TestServer {
    let server = TestServer::start();
    let value = "v".repeat(1 << 20);
    let mut client = server.client();
    for number in 1..=ENTRIES {
        let id = format!("{number}-0");
        client.send(&["XADD", "s", &id, "n", &number.to_string(), "f", &value]);
    }
    for group in ["g", "h"] {
        server.redis(&["XGROUP", "CREATE", "s", group, "0"]);
    }
    server.redis(&["XGROUP", "CREATECONSUMER", "s", "g", "to"]);
    server
}

/// Delivers all of it to a consumer of `g`.
fn deliver(server: &TestServer) {
    let mut client = server.client();
    for _ in 0..ENTRIES {
        client.send(&[
            "XREADGROUP",
            "GROUP",
            "g",
            "c",
            "COUNT",
            "1",
            "STREAMS",
            "s",
            ">",
        ]);
    }
}

/// Runs a command to its end: its standard output, and the most memory it had, in MiB.
#[track_caller]
fn run(server: &TestServer, args: &[&str]) -> (Vec<u8>, u64) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ucp-streams"))
        .args(["-u", &server.url()])
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut pipe = child.stdout.take().unwrap();
    let reader = thread::spawn(move || {
        let mut output = Vec::new();
        pipe.read_to_end(&mut output).unwrap();
        output
    });
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    let ended = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|it| it.trim().strip_suffix(" kB")?.parse().ok());
        peak_kib = peak_kib.max(now.unwrap_or(0));
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        thread::sleep(Duration::from_millis(1));
    };
    assert!(ended.success(), "{args:?}: {ended}");
    (reader.join().unwrap(), peak_kib / 1024)
}

/// The command stays within its bounds; its standard output.
#[track_caller]
fn bounded(server: &TestServer, args: &[&str]) -> Vec<u8> {
    let (_, own) = run(server, &["ping"]);
    let (output, peak) = run(server, args);
    assert!(
        peak <= own + MORE_MIB,
        "{args:?}: {peak} MiB, where the program has {own}"
    );
    output
}

fn lines(output: &[u8]) -> usize {
    output.split_inclusive(|byte| *byte == b'\n').count()
}

#[test]
fn field_r5_workers_hold_as_many_bytes_as_they_may() {
    let server = large();
    for builtin in ["null", "log"] {
        server.redis(&["XGROUP", "SETID", "s", "h", "0"]);
        let args = [
            "worker",
            "run",
            "h",
            "--stream",
            "s",
            "--builtin",
            builtin,
            "--once",
            "-q",
        ];
        bounded(&server, &args);
        let pending = server.redis(&["XPENDING", "s", "h"]);
        assert_eq!(pending.items()[0].int(), 0);
    }
    server.redis(&["XGROUP", "SETID", "s", "h", "0"]);
    let args = [
        "worker",
        "run",
        "h",
        "--stream",
        "s",
        "--once",
        "--concurrency",
        "64",
        "--exec",
        "--",
        "true",
    ];
    bounded(&server, &args);
}

#[test]
fn field_r5_workers_take_large_entries_over_piece_by_piece() {
    let server = large();
    deliver(&server);
    server.redis(&["XGROUP", "SETID", "s", "g", "$"]);
    let ids: Vec<String> = (1..=ENTRIES).map(|number| format!("{number}-0")).collect();
    let mut claim = vec!["XCLAIM", "s", "g", "c", "0"];
    claim.extend(ids.iter().map(String::as_str));
    claim.extend(["IDLE", "3600000", "JUSTID"]);
    server.redis(&claim);
    let args = [
        "worker",
        "run",
        "g",
        "--stream",
        "s",
        "--builtin",
        "null",
        "--once",
    ];
    bounded(&server, &args);
    assert_eq!(server.redis(&["XPENDING", "s", "g"]).items()[0].int(), 0);
}

#[test]
fn field_r5_looking_holds_as_many_bytes_as_it_may() {
    let server = large();
    deliver(&server);
    server.redis(&["XADD", "t", "1-1", "f", "v"]);
    let output = bounded(&server, &["pending", "s", "g", "--by", "n", "-o", "csv"]);
    assert!(output.starts_with(b"fields,"));
    for format in ["ndjson", "plain"] {
        let output = bounded(&server, &["pending", "s", "g", "--entries", "-o", format]);
        assert_eq!(
            lines(&output),
            ENTRIES + usize::from(format != "ndjson"),
            "{format}"
        );
    }
    let output = bounded(&server, &["pending", "s", "g", "--entries", "-o", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output).unwrap();
    let rows = report["entries"].as_array().unwrap();
    assert_eq!(
        (rows.len(), &rows[59]["fields"]["n"]),
        (ENTRIES, &"60".into())
    );
    assert!(rows.iter().all(|row| row["is_trimmed"] == false));
    for args in [
        &["read", "s", "-o", "ndjson"][..],
        &["tail", "s", "-n", "60", "-o", "ndjson"],
        &["tail", "s", "-n", "60", "--grep", "v", "-o", "ndjson"],
    ] {
        assert_eq!(lines(&bounded(&server, args)), ENTRIES);
    }
    bounded(&server, &["tail", "s", "t", "-n", "60"]);
    bounded(&server, &["tail", "s", "-n", "1", "--where", "n=1"]);
}

#[test]
fn field_r5_repairing_holds_as_many_bytes_as_it_may() {
    let server = large();
    let output = bounded(
        &server,
        &["consume", "h", "--stream", "s", "--ack", "-o", "ndjson"],
    );
    assert_eq!(lines(&output), ENTRIES);
    deliver(&server);
    let claim = [
        "claim", "g", "--stream", "s", "--idle", "0s", "--to", "to", "-y",
    ];
    let output = bounded(&server, &[&claim[..], &["-o", "ndjson"]].concat());
    let row = |line: &[u8]| serde_json::from_slice::<serde_json::Value>(line).unwrap();
    let rows: Vec<_> = output
        .split_inclusive(|byte| *byte == b'\n')
        .map(row)
        .collect();
    assert_eq!(rows.len(), ENTRIES);
    for (row, number) in rows.iter().zip(1..) {
        assert_eq!(row["outcome"], "claimed");
        assert_eq!(row["fields"]["n"], number.to_string());
    }
    bounded(
        &server,
        &[
            "requeue",
            "g",
            "--stream",
            "s",
            "--idle",
            "0s",
            "-y",
            "--all-groups-see-it",
        ],
    );
    assert_eq!(server.redis(&["XPENDING", "s", "g"]).items()[0].int(), 0);
}

#[test]
fn field_r5_dead_letters_are_moved_without_being_held() {
    let server = large();
    server.redis(&["RENAME", "s", "{s}:dlq"]);
    server.redis(&["XADD", "s", "*", "f", "v"]);
    bounded(&server, &["dlq", "redrive", "s", "--all", "-y"]);
    assert_eq!(server.redis(&["XLEN", "s"]).int(), 61);
    assert_eq!(server.redis(&["XLEN", "{s}:dlq"]).int(), 0);
}

#[test]
fn field_r5_small_entries_come_in_large_portions() {
    let server = TestServer::start();
    let mut client = server.client();
    for _ in 0..5000 {
        client.send(&["XADD", "s", "*", "f", "v"]);
    }
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    let calls = |command: &str| {
        let stats = server.redis(&["INFO", "commandstats"]);
        let text = stats.text().to_owned();
        let after = text.split_once(&format!("cmdstat_{command}:calls="));
        after.map_or(0, |(_, rest)| {
            rest.split(',').next().unwrap().parse::<u64>().unwrap()
        })
    };
    server.ucp(&["read", "s", "-o", "ndjson"]).assert_code(0);
    assert!(calls("xrange") <= 10, "{}", calls("xrange"));
    let worker = [
        "worker",
        "run",
        "g",
        "--stream",
        "s",
        "--builtin",
        "null",
        "--once",
        "--batch",
        "1000",
    ];
    server.ucp(&worker).assert_code(0);
    assert!(calls("xreadgroup") <= 20, "{}", calls("xreadgroup"));
}
