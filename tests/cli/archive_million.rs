//! A million entries of the demo's kind with odd ones among them, archived and restored by commands that are killed fifty
//! times: what is there in the end is what was there, to the byte.

use std::thread;
use std::time::{Duration, Instant};

use crate::archive_s3::{Bucket, at};
use crate::restore::facts_beside_entries;
use crate::support::{Invocation, Signal, TestServer, directory};

const ENTRIES: u64 = 1_000_000;
const KILLS: u64 = 50;
/// One entry of so many is odd.
const ODD_EVERY: u64 = 10_000;
/// How many entries are added, and compared, at a time.
const AT_A_TIME: u64 = 5_000;
/// What a group has pending.
const PENDING: u64 = 10_000;
/// How long a command runs at most before it is killed.
const LIFE_MAX: u64 = 900;

/// The stream: four entries a second.
fn fill(server: &TestServer) {
    let mut client = server.client();
    for begin in (0..ENTRIES / AT_A_TIME).map(|it| it * AT_A_TIME) {
        let ids = begin..begin + AT_A_TIME;
        let entries = ids.clone().filter(|n| n % ODD_EVERY != 1).map(|n| {
            let brand = ["aurora", "boreas", "cirrus"][(n % 3) as usize];
            format!(
                "XADD s {}-{} event_id {n} brand_id {brand} event_type purchase payload {{\"total\":{n}}}",
                1_700_000_000_000 + n * 250,
                n % 3
            )
        });
        let words: Vec<String> = entries.collect();
        let mut all: Vec<Vec<&str>> = words.iter().map(|it| it.split(' ').collect()).collect();
        // The odd one is the second of its ten thousand.
        if begin % ODD_EVERY == 0 {
            let rest = all.split_off(1);
            client.pipeline(&all);
            odd(server, begin + 1);
            all = rest;
        }
        client.pipeline(&all);
    }
    server.redis(&["XDEL", "s", "1700000000000-0"]);
    server.redis(&["XGROUP", "CREATE", "s", "g", "0"]);
    server.redis(&["XGROUP", "CREATE", "s", "behind", "1700000500000-0"]);
    let count = PENDING.to_string();
    let read = [
        "XREADGROUP",
        "GROUP",
        "g",
        "c",
        "COUNT",
        &count,
        "STREAMS",
        "s",
        ">",
    ];
    server.redis(&read);
}

/// An entry that nobody expects: binary, with repeated or empty names, or large.
fn odd(server: &TestServer, n: u64) {
    let id = format!("{}-{}", 1_700_000_000_000 + n * 250, n % 3);
    let large = vec![b'x'; 1 << 20];
    let kinds: [&[&[u8]]; 4] = [
        &[b"\xff\xfe", b"\x00\x01\x1b"],
        &[b"a", b"1", b"a", b"2", b"a", b"1"],
        &[b"", b"", b"b", b""],
        &[b"large", &large],
    ];
    let head: [&[u8]; 3] = [b"XADD", b"s", id.as_bytes()];
    let kind = kinds[(n / ODD_EVERY % 4) as usize];
    server.redis(&[&head[..], kind].concat());
}

/// Runs the command until it ends by itself; it is killed at the first so many times. Returns how often it was killed.
fn killed(seed: u64, invocation: impl Fn() -> Invocation) -> u64 {
    let mut kills = 0;
    for round in 0..KILLS {
        let mut run = invocation().spawn();
        let life = 20 + (seed + round).wrapping_mul(2_654_435_761) % LIFE_MAX;
        thread::sleep(Duration::from_millis(life));
        if run.ended().is_none() {
            run.signal(Signal::KILL);
            kills += 1;
        }
        let code = run.wait().code();
        if code == Some(0) && round > 2 {
            break;
        }
    }
    kills
}

fn assert_same_entries(server: &TestServer, one: &str, other: &str) {
    let (mut start, mut compared) = ("-".to_owned(), 0);
    loop {
        let count = AT_A_TIME.to_string();
        let page = |stream: &str| server.redis(&["XRANGE", stream, &start, "+", "COUNT", &count]);
        let (ours, theirs) = (page(one), page(other));
        assert!(
            ours == theirs,
            "they differ after {compared} entries, from {start}"
        );
        let Some(last) = ours.items().last() else {
            break;
        };
        compared += ours.items().len() as u64;
        start = format!("({}", last.items()[0].text());
    }
    assert_eq!(compared, ENTRIES - 1);
}

#[expect(clippy::print_stdout, reason = "a test tells what it measured")]
fn round_trip(place: &str, command: impl Fn(&TestServer, &[&str]) -> Invocation) {
    let server = TestServer::start();
    fill(&server);
    let patience = Duration::from_mins(10);
    let began = Instant::now();
    let archiving = || command(&server, &["archive", "s", "--to", place]);
    let archive_kills = killed(1, archiving);
    archiving().timeout(patience).run().assert_code(0);
    let archived = began.elapsed();
    command(&server, &["archive", "verify", place])
        .timeout(patience)
        .run()
        .assert_code(0);
    let began = Instant::now();
    let restoring = || command(&server, &["restore", place, "--to", "t", "--yes"]);
    let restore_kills = killed(7, restoring);
    if server.redis(&["EXISTS", "t"]).int() == 0 {
        restoring().timeout(patience).run().assert_code(0);
    }
    println!(
        "{ENTRIES} entries to {place}: archived in {archived:?} with {archive_kills} kills, restored in {:?} with {restore_kills}",
        began.elapsed()
    );
    assert_same_entries(&server, "s", "t");
    assert!(facts_beside_entries(&server, "t") == facts_beside_entries(&server, "s"));
}

#[test]
#[ignore = "a soak of minutes: `make soak`"]
fn soak_a_million_entries_go_to_a_directory_and_back() {
    let home = directory();
    let place = home.path().join("archive");
    round_trip(place.to_str().unwrap(), |server, words| {
        server.command(words)
    });
}

#[test]
#[ignore = "a soak of minutes: `make soak`"]
fn soak_a_million_entries_go_to_a_bucket_and_back() {
    let bucket = Bucket::start();
    let url = bucket.url();
    round_trip("s3://events/kept", |server, words| at(&url, server, words));
}
