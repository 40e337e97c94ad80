//! `archive --then-trim`: only what is archived for certain goes, and only what no group needs.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::archive::{archive, files, segments};
use crate::support::{PATIENCE, Run, TestServer, directory};
use crate::trim::{STREAM, first, group, length, read_all, seeded};

/// Archives the stream, and trims it then.
fn then_trim(server: &TestServer, dir: &Path, more: &[&str]) -> Run {
    archive(
        server,
        STREAM,
        dir,
        &[&["--then-trim", "--yes"], more].concat(),
    )
}

#[test]
fn what_is_archived_and_needed_by_no_group_goes_after_consent() {
    let (server, home) = (seeded(1000), directory());
    let dir = home.path().join("kept");
    read_all(&server, "billing", 950);
    let plan = then_trim(&server, &dir, &["--until", "500-0", "--dry-run"]);
    let plan = plan
        .assert_code(0)
        .stderr_has("would archive 500 entries of stream `orders` to ")
        .stderr_has("and then trim stream `orders` before 500-1: about 500 entries of 1,000")
        .stdout_json();
    assert_eq!(
        (&plan["impact"], &plan["rows"][0]["trimmed"]["freed"]),
        (&"destructive".into(), &500.into())
    );
    assert!(!dir.exists() && length(&server) == 1000, "a dry run");
    archive(&server, STREAM, &dir, &["--until", "500-0", "--then-trim"])
        .assert_code(6)
        .stderr_has("--yes");
    assert_eq!(length(&server), 1000);
    let row = then_trim(&server, &dir, &["--until", "500-0"])
        .assert_code(0)
        .stdout_json();
    assert_eq!(
        (&row["trimmed"]["freed"], &row["trimmed"]["cut_id"]),
        (&500.into(), &"500-1".into())
    );
    assert_eq!(row["trimmed"]["held_back_by"], serde_json::Value::Null);
    assert_eq!(first(&server), "501-0");
    let run = then_trim(&server, &dir, &[]);
    let row = run
        .assert_code(0)
        .stderr_has("group `billing` has not read 951-0")
        .stdout_json();
    assert_eq!(row["trimmed"]["held_back_by"], "billing");
    assert_eq!(first(&server), "901-0", "whole nodes go");
    let audit = server.ucp(&["audit", "-o", "json"]).stdout_json();
    assert_eq!(
        (&audit[0]["command"], &audit[0]["done"]),
        (&"archive".into(), &400.into())
    );
    then_trim(&server, &dir, &[])
        .assert_code(0)
        .stderr_has("nothing to do: trim nothing");
    server
        .ucp(&[
            "read",
            STREAM,
            "--archive",
            dir.to_str().unwrap(),
            "--names",
        ])
        .assert_code(0)
        .stdout_has("1-0\n")
        .stdout_has("\n1000-0\n");
}

#[test]
fn who_holds_back_everything_is_said() {
    let (server, home) = (seeded(1000), directory());
    then_trim(&server, home.path(), &[])
        .assert_code(6)
        .stderr_has("has no groups, so nothing of it counts as read; nothing was trimmed");
    server.redis(&["XGROUP", "CREATE", STREAM, "later", "0"]);
    then_trim(&server, home.path(), &[])
        .assert_code(6)
        .stderr_has("no group of stream `orders` has ever read (later)");
    read_all(&server, "billing", 1000);
    let run = then_trim(&server, home.path(), &[]);
    let row = run
        .assert_code(0)
        .stderr_has("group `later` has never read anything")
        .stdout_json();
    assert_eq!(
        (&row["trimmed"]["held_back_by"], &row["trimmed"]["freed"]),
        (&"later".into(), &0.into())
    );
    server.redis(&["XGROUP", "DESTROY", STREAM, "later"]);
    group(&server, "slow", 1000, (301, 302));
    let run = then_trim(&server, home.path(), &[]);
    run.assert_code(0)
        .stderr_has("group `slow` has not acknowledged 301-0");
    assert_eq!((length(&server), first(&server)), (700, "301-0".to_owned()));
    let pending = server.redis(&["XPENDING", STREAM, "slow"]);
    assert_eq!(pending.items()[0].int(), 2);
}

/// Three segments of an hour each, of which a group has read all.
fn archived() -> (TestServer, tempfile::TempDir) {
    let (server, home) = (TestServer::start(), directory());
    for hour in [0, 3600, 7200] {
        let script =
            "for n = 1, 200 do redis.call('XADD', KEYS[1], (ARGV[1] + n) .. '-0', 'n', n) end";
        let from = (1_700_000_000_000_u64 + hour * 1000).to_string();
        server.redis(&["EVAL", script, "1", STREAM, &from]);
    }
    server.redis(&["XGROUP", "CREATE", STREAM, "g", "$"]);
    server.redis(&["XADD", STREAM, "1700007200500-0", "n", "1"]);
    let read = [
        "XREADGROUP",
        "GROUP",
        "g",
        "c",
        "NOACK",
        "STREAMS",
        STREAM,
        ">",
    ];
    server.redis(&read);
    archive(&server, STREAM, home.path(), &[]).assert_code(0);
    assert_eq!(segments(home.path()).len(), 3);
    (server, home)
}

#[test]
fn while_a_segment_is_damaged_or_missing_nothing_goes() {
    let (server, home) = archived();
    let parts = segments(home.path());
    for (place, said) in [(0, "checksum"), (2, "checksum"), (1, "missing")] {
        let kept = fs::read(&parts[place]).unwrap();
        let mut torn = kept.clone();
        torn[20] ^= 1;
        fs::remove_file(&parts[place]).unwrap();
        if said == "checksum" {
            fs::write(&parts[place], &torn).unwrap();
        }
        then_trim(&server, home.path(), &[])
            .assert_code(9)
            .stderr_has("is damaged")
            .stderr_has(said);
        then_trim(&server, home.path(), &["--dry-run"])
            .assert_code(9)
            .stderr_has("is damaged");
        assert_eq!(length(&server), 601, "{place}");
        fs::remove_file(&parts[place]).ok();
        fs::write(&parts[place], &kept).unwrap();
    }
    let run = then_trim(&server, home.path(), &[]);
    assert_eq!(run.assert_code(0).stdout_json()["trimmed"]["freed"], 601);
}

#[test]
fn what_the_archive_left_out_stays() {
    let (server, home) = archived();
    let manifests = files(home.path()).into_iter();
    let manifests: Vec<_> = manifests
        .filter(|it| it.0.ends_with("manifest.json"))
        .collect();
    // Without its manifest, a segment is not confirmed.
    fs::remove_file(&manifests[1].1).unwrap();
    then_trim(&server, home.path(), &[])
        .assert_code(6)
        .stderr_has("entry 1700003600001-0 of stream `orders` is not in the archive");
    assert_eq!(length(&server), 601);
    let other = directory();
    then_trim(&server, other.path(), &["--from", "1700003600001-0"])
        .assert_code(6)
        .stderr_has("entry 1700000000001-0 of stream `orders` is not in the archive");
    assert_eq!(length(&server), 601);
}

#[test]
fn a_group_that_is_made_meanwhile_holds_what_is_there() {
    let (server, home) = (seeded(1), directory());
    for from in (0..10).map(|it| it * 20_000) {
        let script =
            "for n = 2, 20001 do redis.call('XADD', KEYS[1], (ARGV[1] + n) .. '-0', 'n', n) end";
        server.redis(&["EVAL", script, "1", STREAM, &from.to_string()]);
    }
    server.redis(&["XGROUP", "CREATE", STREAM, "g", "$"]);
    fill_after(&server);
    let dir = home.path().to_str().unwrap();
    let words = ["archive", STREAM, "--to", dir, "--then-trim", "--yes"];
    let run = server.command(&words).spawn();
    // Once it has begun, in one step: a group that is to read from the first entry, and which that is.
    let script = "if redis.call('XLEN', KEYS[1]) > 200000 then return false end \
        redis.call('XGROUP', 'CREATE', KEYS[1], 'new', 0) \
        return redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1][1]";
    let (mut client, began) = (server.client(), Instant::now());
    let held = loop {
        assert!(began.elapsed() < PATIENCE, "nothing is trimmed");
        let reply = client.send(&["EVAL", script, "1", STREAM]);
        if !reply.is_nil() {
            break reply.text().to_owned();
        }
    };
    run.wait().assert_code(0);
    assert_ne!(length(&server), 0, "it was made too late to hold anything");
    assert_eq!(first(&server), held);
}

/// A group has read one entry, which is the last one.
fn fill_after(server: &TestServer) {
    server.redis(&["XADD", STREAM, "200002-0", "n", "1"]);
    let read = [
        "XREADGROUP",
        "GROUP",
        "g",
        "c",
        "NOACK",
        "STREAMS",
        STREAM,
        ">",
    ];
    server.redis(&read);
}

#[test]
fn a_follower_asks_once_trims_again_and_again_and_says_what_holds_it() {
    let (server, home) = (seeded(300), directory());
    let dir = home.path().to_str().unwrap();
    let words = [
        "archive",
        STREAM,
        "--to",
        dir,
        "--follow",
        "--every",
        "100ms",
        "--then-trim",
    ];
    server.ucp(&words).assert_code(6).stderr_has("--yes");
    let mut run = server.command(&[&words[..], &["--yes"]].concat()).spawn();
    run.await_stderr("has no groups, so nothing of it counts as read");
    read_all(&server, "billing", 300);
    run.await_stderr("trimmed 300 entries before 300-1");
    assert_eq!(length(&server), 0);
    server.redis(&["XGROUP", "CREATE", STREAM, "later", "$"]);
    let script = "for n = 301, 600 do redis.call('XADD', KEYS[1], n .. '-0', 'n', n) end";
    server.redis(&["EVAL", script, "1", STREAM]);
    run.await_stderr("group `billing` has not read 301-0");
    let read = [
        "XREADGROUP",
        "GROUP",
        "billing",
        "c",
        "NOACK",
        "STREAMS",
        STREAM,
        ">",
    ];
    server.redis(&read);
    run.await_stderr("group `later` has never read anything");
    thread::sleep(Duration::from_millis(300));
    assert_eq!(length(&server), 300);
    // What it had archived is gone: nothing more may go.
    for segment in segments(home.path()) {
        fs::remove_file(segment).unwrap();
    }
    server.redis(&["XGROUP", "DESTROY", STREAM, "later"]);
    run.await_stderr("is damaged");
    assert_eq!(length(&server), 300);
    run.terminate()
        .assert_code(9)
        .stderr_has("trimmed 300 entries of stream `orders`");
    let audit = server.ucp(&["audit", "-o", "json"]).stdout_json();
    assert_eq!(
        (
            &audit[0]["command"],
            &audit[0]["done"],
            &audit[0]["exit_code"]
        ),
        (&"archive".into(), &300.into(), &9.into())
    );
}

#[test]
fn a_user_who_may_not_trim_archives_and_is_told() {
    let (server, home) = (seeded(300), directory());
    read_all(&server, "billing", 300);
    server.add_user("archiver", "~* +@all -xtrim");
    let dir = home.path().to_str().unwrap();
    let words = ["archive", STREAM, "--to", dir, "--then-trim", "--yes"];
    server
        .command_as("archiver", &words)
        .run()
        .assert_code(5)
        .stderr_has("xtrim");
    assert_eq!(length(&server), 300);
    assert!(!segments(home.path()).is_empty());
}
