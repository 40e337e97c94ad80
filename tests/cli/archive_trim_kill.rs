//! `archive --follow --then-trim` that is killed again and again beside a publisher and two groups: whatever was added is in
//! the stream or in the archive, and every group handles all of it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::archive::verify;
use crate::support::{PATIENCE, Signal, Spawned, TestServer, directory, until};

/// How many entries are added at a time, and how many a group takes.
const AT_ONCE: usize = 20;

type Ids = BTreeSet<String>;

/// Work that goes on until it is told to stop, and tells what it did.
struct Beside {
    is_over: Arc<AtomicBool>,
    work: JoinHandle<Ids>,
}

impl Beside {
    fn begin(work: impl FnOnce(&AtomicBool) -> Ids + Send + 'static) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        let work = thread::spawn(move || work(&told));
        Self { is_over, work }
    }

    fn end(self) -> Ids {
        self.is_over.store(true, Ordering::Relaxed);
        self.work.join().unwrap()
    }
}

/// Adds entries. Their ids.
fn publisher(server: &TestServer) -> Beside {
    let mut client = server.client();
    Beside::begin(move |is_over| {
        let mut added = Ids::new();
        while !is_over.load(Ordering::Relaxed) {
            let adds = [["XADD", "s", "*", "n", "1"]; AT_ONCE];
            let ids = client.pipeline(&adds);
            added.extend(ids.iter().map(|it| it.text().to_owned()));
            thread::sleep(Duration::from_millis(8));
        }
        added
    })
}

/// Reads as a group, and acknowledges at once for half of a second, so that the archive is behind it, and so much later for the
/// other half, until nothing is left. The ids that it acknowledged, with their bodies there.
fn worker(server: &TestServer, group: &'static str, later: Duration) -> Beside {
    let mut client = server.client();
    Beside::begin(move |is_over| {
        let (mut done, began) = (Ids::new(), Instant::now());
        loop {
            let was_over = is_over.load(Ordering::Relaxed);
            let count = (AT_ONCE * 8).to_string();
            let read = [
                "XREADGROUP",
                "GROUP",
                group,
                "c",
                "COUNT",
                &count,
                "STREAMS",
                "s",
                ">",
            ];
            let reply = client.send(&read);
            if reply.is_nil() {
                if was_over {
                    return done;
                }
                thread::sleep(Duration::from_millis(5));
                continue;
            }
            if began.elapsed().subsec_millis() > 500 {
                thread::sleep(later);
            }
            // What is pending is still there.
            let again = [
                "XREADGROUP",
                "GROUP",
                group,
                "c",
                "COUNT",
                &count,
                "STREAMS",
                "s",
                "0",
            ];
            let reply = client.send(&again);
            let entries = reply.items()[0].items()[1].items();
            let mut ids = Vec::new();
            for entry in entries {
                let entry = entry.items();
                assert!(!entry[1].is_nil(), "{group}: trimmed while it was pending");
                ids.push(entry[0].text().to_owned());
            }
            let mut ack = vec!["XACK", "s", group];
            ack.extend(ids.iter().map(String::as_str));
            client.send(&ack);
            done.extend(ids);
        }
    })
}

fn follow(server: &TestServer, dir: &Path) -> Spawned {
    let dir = dir.to_str().unwrap();
    let words = [
        "archive",
        "s",
        "--to",
        dir,
        "--follow",
        "--every",
        "100ms",
        "--then-trim",
        "--yes",
    ];
    server.command(&words).spawn()
}

/// The ids that a command prints.
fn ids(server: &TestServer, words: &[&str]) -> Ids {
    let run = server.ucp(&[words, &["--names"]].concat());
    run.assert_code(0);
    run.stdout().lines().map(str::to_owned).collect()
}

/// Kills it so often, at moments that are spread over so long.
#[expect(clippy::print_stdout, reason = "a test tells what it measured")]
fn killed(kills: u64, within: Duration) {
    let (server, home) = (TestServer::start(), directory());
    for group in ["fast", "slow"] {
        server.redis(&["XGROUP", "CREATE", "s", group, "0", "MKSTREAM"]);
    }
    let publisher = publisher(&server);
    let fast = worker(&server, "fast", Duration::from_millis(1));
    let slow = worker(&server, "slow", Duration::from_millis(60));
    let began = Instant::now();
    let mean = u64::try_from(within.as_millis()).unwrap() / kills;
    for kill in 0..kills {
        let mut run = follow(&server, home.path());
        // From half of it to as much again.
        let moment = mean / 2 + kill * 7919 % mean;
        thread::sleep(Duration::from_millis(moment));
        assert!(run.ended().is_none(), "it ended: {}", run.so_far());
        run.signal(Signal::KILL);
        run.wait();
    }
    let took = began.elapsed();
    let added = publisher.end();
    let in_stream = ids(&server, &["read", "s"]).len();
    let (fast, slow) = (fast.end(), slow.end());
    assert!(fast == added, "fast: {} of {}", fast.len(), added.len());
    assert!(slow == added, "slow: {} of {}", slow.len(), added.len());
    verify(home.path()).assert_code(0);
    let dir = home.path().to_str().unwrap();
    let archived = ids(&server, &["read", "s", "--archive", dir]);
    let kept = ids(&server, &["read", "s"]);
    let lost: Vec<_> = added
        .iter()
        .filter(|it| !archived.contains(*it) && !kept.contains(*it))
        .collect();
    assert!(lost.is_empty(), "{} are nowhere: {:?}", lost.len(), lost[0]);
    let trimmed = added.len() - kept.len();
    println!(
        "{kills} kills in {took:?}: {} added, {trimmed} trimmed meanwhile, {} archived, {in_stream} left when the publisher ended",
        added.len(),
        archived.len(),
    );
    assert!(trimmed * 2 > added.len(), "{trimmed} of {}", added.len());
    // Left alone, it trims all.
    let run = follow(&server, home.path());
    until(PATIENCE, "that all is trimmed", || {
        server.redis(&["XLEN", "s"]).int() == 0
    });
    run.terminate().assert_code(0);
    assert!(ids(&server, &["read", "s", "--archive", dir]) == added);
}

#[test]
fn killed_at_any_moment_it_trims_nothing_that_is_not_archived() {
    killed(20, Duration::from_secs(12));
}

#[test]
#[ignore = "a soak of a minute: `make soak`"]
fn soak_killed_at_fifty_moments_it_trims_nothing_that_is_not_archived() {
    killed(50, Duration::from_mins(1));
}
