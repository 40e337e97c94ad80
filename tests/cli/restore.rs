//! `restore`: what was archived is there again to the byte, or nothing is.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::archive::{archive, segments};
use crate::support::{Reply, Run, Signal, TestServer, directory, odd_entries};

fn restore(server: &TestServer, dir: &Path, to: &str, more: &[&str]) -> Run {
    let words = [
        "restore",
        dir.to_str().unwrap(),
        "--to",
        to,
        "--yes",
        "-o",
        "json",
    ];
    server.ucp(&[&words[..], more].concat())
}

/// Everything that a server says of a stream and its groups, but idle times.
fn facts(server: &TestServer, stream: &str) -> Vec<Reply> {
    let mut facts = facts_beside_entries(server, stream);
    facts.push(server.redis(&["XRANGE", stream, "-", "+"]));
    facts
}

/// As [`facts`], without the entries.
pub(crate) fn facts_beside_entries(server: &TestServer, stream: &str) -> Vec<Reply> {
    let info = server.redis(&["XINFO", "STREAM", stream]);
    let counters = [
        "length",
        "last-generated-id",
        "max-deleted-entry-id",
        "entries-added",
    ];
    let mut facts: Vec<Reply> = counters
        .iter()
        .filter_map(|it| info.get(it).cloned())
        .collect();
    for group in server.redis(&["XINFO", "GROUPS", stream]).items() {
        let name = group.field("name").bytes().to_vec();
        for it in [
            "name",
            "pending",
            "last-delivered-id",
            "entries-read",
            "lag",
        ] {
            facts.extend(group.get(it).cloned());
        }
        let words: [&[u8]; 6] = [b"XPENDING", stream.as_bytes(), &name, b"-", b"+", b"10000"];
        for pending in server.redis(&words).items() {
            let it = pending.items();
            facts.extend([it[0].clone(), it[1].clone(), it[3].clone()]);
        }
    }
    facts
}

/// Entries are too large to be shown.
fn assert_same(one: &[Reply], other: &[Reply]) {
    let short = |it: &Reply| format!("{it:?}").chars().take(200).collect::<String>();
    for (one, other) in one.iter().zip(other) {
        assert!(one == other, "{}\nis not\n{}", short(one), short(other));
    }
    assert_eq!(one.len(), other.len());
}

/// A stream with odd entries and four groups; with a deletion, after which the server does not know what it counts.
fn staged(server: &TestServer, stream: &str, deletes: bool) {
    odd_entries(server, stream);
    let words = |line: &str| server.redis(&line.split(' ').collect::<Vec<_>>());
    words(&format!("XADD {stream} 1700090000001-0 n 1"));
    if deletes {
        words(&format!("XDEL {stream} 1700090000001-0"));
    }
    words(&format!("XGROUP CREATE {stream} some 0"));
    words(&format!("XGROUP CREATE {stream} none $"));
    words(&format!("XGROUP CREATE {stream} all 0"));
    words(&format!(
        "XREADGROUP GROUP some c1 COUNT 3 STREAMS {stream} >"
    ));
    words(&format!(
        "XCLAIM {stream} some c2 0 1700000000000-0 RETRYCOUNT 7 TIME 1700000000000"
    ));
    words(&format!("XACK {stream} some 1-1"));
    words(&format!("XREADGROUP GROUP all c3 STREAMS {stream} >"));
    server.redis(&[
        b"XGROUP" as &[u8],
        b"CREATE",
        stream.as_bytes(),
        b"\xff odd",
        b"1-1",
    ]);
}

#[test]
fn it_is_the_same_stream_again() {
    let (server, other, home) = (TestServer::start(), TestServer::start(), directory());
    for (stream, deletes, entries) in [("s", false, 8), ("t", true, 7)] {
        staged(&server, stream, deletes);
        archive(&server, stream, home.path(), &[]).assert_code(0);
        let row = restore(&other, home.path(), stream, &[])
            .assert_code(0)
            .stdout_json();
        assert_eq!(row["entries"].as_u64(), Some(entries));
        assert_eq!(
            (row["groups"].as_u64(), row["pending"].as_u64()),
            (Some(4), Some(2 + entries))
        );
        assert_same(&facts(&other, stream), &facts(&server, stream));
    }
    let idle = |server: &TestServer| {
        let pending = server.redis(&["XPENDING", "s", "some", "1700000000000-0", "+", "1"]);
        pending.items()[0].items()[2].int()
    };
    assert!((idle(&other) - idle(&server)).abs() < 60_000);
    let keys = other.redis(&["KEYS", "*"]);
    let mut keys = keys.texts();
    keys.sort_unstable();
    assert_eq!(keys, ["s", "t", "ucp:audit"], "nothing else is left");
}

#[test]
fn it_replaces_nothing_and_asks_first() {
    let (server, home) = (TestServer::start(), directory());
    staged(&server, "s", false);
    archive(&server, "s", home.path(), &[]).assert_code(0);
    restore(&server, home.path(), "s", &[])
        .assert_code(6)
        .stderr_has("a restore replaces nothing");
    let place = home.path().to_str().unwrap();
    let asks = ["restore", place, "--to", "t"];
    server.ucp(&asks).assert_code(6).stderr_has("--yes");
    assert_eq!(server.redis(&["EXISTS", "t"]).int(), 0);
    restore(&server, home.path(), "t", &[])
        .assert_code(0)
        .stderr_has("DEL t");
    assert_same(&facts(&server, "t"), &facts(&server, "s"));
    let row = restore(&server, home.path(), "u", &["--new-ids"])
        .assert_code(0)
        .stdout_json();
    assert_eq!(
        (row["entries"].as_u64(), row["groups"].as_u64()),
        (Some(8), Some(0))
    );
    let bodies = |stream: &str| -> Vec<Reply> {
        let entries = server.redis(&["XRANGE", stream, "-", "+"]);
        entries
            .items()
            .iter()
            .map(|it| it.items()[1].clone())
            .collect()
    };
    assert!(bodies("u") == bodies("s"));
    // Two streams in one archive: which one has to be said.
    archive(&server, "t", home.path(), &[]).assert_code(0);
    restore(&server, home.path(), "v", &[])
        .assert_code(2)
        .stderr_has("--stream");
    restore(&server, home.path(), "v", &["--stream", "t"]).assert_code(0);
    restore(&server, home.path(), "w", &["--stream", "x"])
        .assert_code(3)
        .stderr_has("no stream `x`");
}

#[test]
fn of_a_damaged_archive_nothing_is_restored_but_what_is_whole() {
    let (server, home) = (TestServer::start(), directory());
    staged(&server, "s", false);
    archive(&server, "s", home.path(), &[]).assert_code(0);
    let second = segments(home.path())[1].clone();
    let whole = fs::read(&second).unwrap();
    fs::write(&second, &whole[..whole.len() - 1]).unwrap();
    let run = restore(&server, home.path(), "t", &[]);
    run.assert_code(9)
        .stderr_has("hour=22/1700000000000-0.ndjson.zst")
        .stderr_has("--skip-damaged");
    assert_eq!(server.redis(&["KEYS", "*restoring*",]).items().len(), 0);
    assert_eq!(server.redis(&["EXISTS", "t"]).int(), 0);
    let run = restore(&server, home.path(), "t", &["--skip-damaged"]);
    let row = run
        .assert_code(7)
        .stderr_has("1700000000000-0 to")
        .stdout_json();
    assert_eq!(
        (row["entries"].as_u64(), row["damaged"].as_u64()),
        (Some(4), Some(4))
    );
    assert_eq!(server.redis(&["XLEN", "t"]).int(), 4);
    assert!(
        row["left_out"].as_u64().unwrap() > 0,
        "what was pending and is not there is told"
    );
}

#[test]
fn a_restore_that_is_killed_goes_on_and_is_never_seen_in_part() {
    let (server, home) = (TestServer::start(), directory());
    let mut client = server.client();
    let value = "x".repeat(300);
    let words: Vec<String> = (0..20_000_u64)
        .map(|n| format!("XADD s {}-1 n {n} v {value}", 1_700_000_000_000 + n * 500))
        .collect();
    for words in words.chunks(1000) {
        let split: Vec<Vec<&str>> = words.iter().map(|it| it.split(' ').collect()).collect();
        client.pipeline(&split);
    }
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    server.redis(&[
        "XREADGROUP",
        "GROUP",
        "g",
        "c",
        "COUNT",
        "5000",
        "STREAMS",
        "s",
        ">",
    ]);
    archive(&server, "s", home.path(), &[]).assert_code(0);
    for (to, option) in [("t", None), ("u", Some("--new-ids"))] {
        let place = home.path().to_str().unwrap();
        let mut words = vec!["restore", place, "--to", to, "--yes"];
        words.extend(option);
        let mut killed = 0;
        for moment in 0..14 {
            let mut run = server.command(&words).spawn();
            thread::sleep(Duration::from_millis(100 + 97 * moment));
            if run.ended().is_none() {
                run.signal(Signal::KILL);
                killed += 1;
                let length = server.redis(&["XLEN", to]).int();
                assert!([0, 20_000].contains(&length), "a part is seen: {length}");
            }
            run.wait();
        }
        assert!(killed > 0);
        if server.redis(&["EXISTS", to]).int() == 0 {
            let options: Vec<&str> = option.into_iter().collect();
            restore(&server, home.path(), to, &options).assert_code(0);
        }
        assert_eq!(server.redis(&["XLEN", to]).int(), 20_000);
    }
    assert!(facts(&server, "t") == facts(&server, "s"));
    assert_eq!(server.redis(&["KEYS", "*restoring*"]).items().len(), 0);
}

#[test]
fn what_another_restore_began_is_not_gone_on_with() {
    let (server, home) = (TestServer::start(), directory());
    staged(&server, "s", false);
    archive(&server, "s", home.path(), &[]).assert_code(0);
    server.redis(&["XADD", "{t}:restoring", "9-9", "n", "1"]);
    restore(&server, home.path(), "t", &[])
        .assert_code(6)
        .stderr_has("--anew");
    restore(&server, home.path(), "t", &["--anew"]).assert_code(0);
    assert_same(&facts(&server, "t"), &facts(&server, "s"));
}
