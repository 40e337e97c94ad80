//! `replay --archive`: what is in an archive is handled where it is, and goes on wherever it was cut off.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::archive::{archive, segments};
use crate::support::{Invocation, Signal, TestServer, directory};

/// An archive of so many entries, in three hours.
fn archived(entries: u64) -> (TempDir, Vec<String>) {
    let (server, home) = (TestServer::start(), directory());
    let mut ids = Vec::new();
    for n in 0..entries {
        let id = format!("{}-{n}", 1_700_000_000_000 + n * 3 / entries * 3_600_000);
        let kind = if n % 2 == 0 { "even" } else { "odd" };
        server.redis(&["XADD", "s", &id, "n", &n.to_string(), "kind", kind]);
        ids.push(id);
    }
    archive(&server, "s", &home.path().join("kept"), &[]).assert_code(0);
    (home, ids)
}

/// A replay without a server.
fn replay(home: &Path, more: &[&str]) -> Invocation {
    let kept = home.join("kept");
    let words = ["replay", "s", "--archive", kept.to_str().unwrap(), "--from"];
    Invocation::new(&[&words[..], more].concat())
        .env("UCP_STREAMS_URL", "redis://127.0.0.1:1")
        .env("XDG_STATE_HOME", home.join("state"))
}

/// A program that writes down each id, which fails for entry `fails`.
fn noting(home: &Path, fails: &str) -> String {
    let ledger = home.join("ledger");
    format!(
        "echo $UCP_ID >> {}; test $UCP_ID != {fails}",
        ledger.display()
    )
}

/// How often each id was handled.
fn ledger(home: &Path) -> BTreeMap<String, usize> {
    let text = fs::read_to_string(home.join("ledger")).unwrap_or_default();
    let mut seen = BTreeMap::new();
    for id in text.lines() {
        *seen.entry(id.to_owned()).or_default() += 1;
    }
    seen
}

#[test]
fn a_part_is_handled_without_a_server_and_a_dry_run_counts_it() {
    let (home, ids) = archived(90);
    let home = home.path();
    let part = ["start", "--to", &ids[59], "--where", "kind=odd"];
    let dry = [&part[..], &["--builtin", "null", "--dry-run", "-o", "json"]].concat();
    let run = replay(home, &dry).run();
    let plan = run
        .assert_code(0)
        .stderr_has("would handle 30 entries of 60 of the archive in ")
        .stdout_json();
    assert_eq!(plan["entries"]["entries"], 30);
    assert!(!home.join("state").exists(), "a dry run keeps nothing");
    let program = noting(home, "none");
    let words = [
        &part[..],
        &["-o", "json", "--exec", "--", "sh", "-c", &program],
    ]
    .concat();
    let run = replay(home, &words).run();
    let row = run
        .assert_code(0)
        .stderr_has("handle at most 60 entries of the archive")
        .stderr_has("is complete: 30 entries handled, 30 left out")
        .stdout_json();
    assert_eq!(
        (&row["handled"], &row["is_complete"]),
        (&30.into(), &true.into())
    );
    let wanted: Vec<&String> = ids[..60].iter().skip(1).step_by(2).collect();
    let seen = ledger(home);
    assert!(wanted.iter().all(|id| seen[*id] == 1) && seen.len() == 30);
    let left: Vec<_> = fs::read_dir(home.join("state/ucp-streams/replays"))
        .unwrap()
        .collect();
    assert!(left.is_empty(), "{left:?}");
    let began = Instant::now();
    replay(home, &["start", "--rate", "100/s", "--builtin", "null"])
        .run()
        .assert_code(0);
    assert!(
        began.elapsed() >= Duration::from_millis(700),
        "{:?}",
        began.elapsed()
    );
    replay(home, &["start", "--builtin", "forward:x"])
        .run()
        .assert_code(2)
        .stderr_has("adds nothing to any stream");
    replay(home, &["2030-01-01T00:00:00Z", "--builtin", "null"])
        .run()
        .assert_code(0)
        .stderr_has("nothing to replay");
}

#[test]
fn what_fails_for_good_is_listed() {
    let (home, ids) = archived(9);
    let home = home.path();
    let program = noting(home, &ids[4]);
    let words = [
        "start",
        "--max-deliveries",
        "2",
        "--backoff-base",
        "10ms",
        "-o",
        "json",
        "--exec",
        "--",
        "sh",
        "-c",
        &program,
    ];
    let run = replay(home, &words).run();
    let row = run
        .assert_code(7)
        .stderr_has(&format!("{} failed: ", ids[4]))
        .stdout_json();
    let failure = &row["failures"][0];
    assert_eq!(
        (&failure["id"], &failure["deliveries"], &row["failed"]),
        (&ids[4].clone().into(), &2.into(), &1.into())
    );
    assert_eq!((&row["handled"], ledger(home)[&ids[4]]), (&8.into(), 2));
    let words = ["start", "--exec", "--", "/nowhere/program"];
    replay(home, &words).run().assert_code(2);
}

#[test]
fn at_damage_it_ends_and_goes_on_once_that_is_mended() {
    let (home, ids) = archived(90);
    let home = home.path();
    let second = segments(&home.join("kept")).remove(1);
    let kept = fs::read(&second).unwrap();
    fs::write(&second, "torn").unwrap();
    let program = noting(home, "none");
    let words = [
        "start", "--name", "monday", "--exec", "--", "sh", "-c", &program,
    ];
    let name = second.file_name().unwrap().to_str().unwrap().to_owned();
    replay(home, &words)
        .run()
        .assert_code(9)
        .stderr_has("is damaged")
        .stderr_has(&name)
        .stderr_has("--name monday goes on");
    assert_eq!(ledger(home).len(), 30);
    fs::write(&second, kept).unwrap();
    let other = [
        "start",
        "--name",
        "monday",
        "--where",
        "kind=odd",
        "--builtin",
        "null",
    ];
    replay(home, &other)
        .run()
        .assert_code(6)
        .stderr_has("with other terms: all entries");
    replay(home, &words).run().assert_code(0);
    let seen = ledger(home);
    assert!(ids.iter().all(|id| seen[id] == 1), "each once: {seen:?}");
}

#[test]
fn killed_at_twenty_moments_it_leaves_nothing_out() {
    let (home, ids) = archived(900);
    let home = home.path();
    let program = noting(home, "none");
    let program = ["--exec", "--", "sh", "-c", &program];
    let rest = ["start", "--name", "monday", "-o", "json"];
    let slow = ["--rate", "60/s", "--concurrency", "2"];
    let words = [&rest[..], &slow, &program].concat();
    for moment in 0..20 {
        let mut run = replay(home, &words).spawn();
        thread::sleep(Duration::from_millis(150 + 531 * moment % 700));
        assert!(run.ended().is_none(), "it ended: {}", run.so_far());
        run.signal(Signal::KILL);
        run.wait();
    }
    let before = ledger(home).len();
    let run = replay(home, &[&rest[..], &program].concat()).run();
    let row = run.assert_code(0).stderr_has("is complete").stdout_json();
    assert_eq!(row["is_resumed"], true);
    let left = row["handled"].as_u64().unwrap();
    let seen = ledger(home);
    let missing: Vec<_> = ids.iter().filter(|id| !seen.contains_key(*id)).collect();
    assert!(
        missing.is_empty(),
        "{} are missing: {}",
        missing.len(),
        missing[0]
    );
    let times: usize = seen.values().sum();
    println!("{before} before the last run, {left} in it, {times} times in all");
    assert!(before > 0 && left < 900, "it began anew: {left}");
}
