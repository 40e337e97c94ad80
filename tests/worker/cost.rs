//! What a worker costs: an idle one next to no time of a processor, a busy one no more memory the longer it runs.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::pending;
use crate::support::{PATIENCE, Spawned, TestServer, until};

/// How long an idle worker is watched.
const WATCHED: Duration = Duration::from_secs(10);
/// Ticks of /proc: the kernel's `USER_HZ`, the same everywhere.
const TICKS_A_SECOND: u64 = 100;
/// Of one core.
const IDLE_SHARE_MAX: f64 = 0.005;
/// How much more a worker may have at the end than in the middle of its work.
const GROWTH_MAX: f64 = 1.1;
/// Entries added in one write.
const CHUNK: usize = 5000;

/// `worker run g --stream s` that does nothing with its entries.
fn worker(server: &TestServer) -> Spawned {
    server
        .command(&["worker", "run", "g", "--stream", "s", "--builtin", "null"])
        .timeout(Duration::from_mins(10))
        .spawn()
}

/// Time of processors that a process has had: fields 14 and 15 of its stat, in ticks.
fn processor_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The second field is the program's name in parentheses.
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    let ticks: u64 = rest
        .split(' ')
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().unwrap())
        .sum();
    Duration::from_millis(ticks * 1000 / TICKS_A_SECOND)
}

/// KiB of memory that a process has now.
fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn an_idle_worker_takes_less_than_half_a_percent_of_a_core() {
    let server = TestServer::start();
    server.redis(&["XADD", "s", "*", "n", "1"]);
    let worker = worker(&server);
    until(PATIENCE, "a read that waits", || {
        server
            .redis(&["INFO", "clients"])
            .text()
            .contains("blocked_clients:1")
    });
    let before = processor_time(worker.pid());
    let since = Instant::now();
    thread::sleep(WATCHED);
    let took = processor_time(worker.pid()).saturating_sub(before);
    let share = took.as_secs_f64() / since.elapsed().as_secs_f64();
    println!(
        "idle for {WATCHED:?}: {took:?} of processor time, {:.2} % of a core",
        share * 100.0
    );
    assert!(share < IDLE_SHARE_MAX, "{took:?}");
    worker.terminate().assert_code(0).stderr_has("1 handled");
}

/// Handles so many entries, and compares its memory in the middle and at the end.
fn stays_as_large(entries: usize) {
    let server = TestServer::start();
    let worker = worker(&server);
    until(PATIENCE, "the group", || {
        server.redis(&["EXISTS", "s"]).int() == 1
    });
    let mut client = server.client();
    let mut resident_after = |count: usize| {
        for _ in 0..count / CHUNK {
            let body = "x".repeat(100);
            let add = vec!["XADD", "s", "MAXLEN", "~", "10000", "*", "body", &body];
            client.pipeline(&vec![add; CHUNK]);
            // What is trimmed must have been handled.
            until(Duration::from_mins(2), "all handled", || {
                let groups = server.redis(&["XINFO", "GROUPS", "s"]);
                let lag = groups.items()[0].field("lag");
                !lag.is_nil() && lag.int() == 0 && pending(&server, "s", "g") == 0
            });
        }
        resident_kib(worker.pid())
    };
    let began = Instant::now();
    let middle = resident_after(entries / 2);
    let end = resident_after(entries / 2);
    println!(
        "{entries} entries in {:?}: {middle} KiB after half of them, {end} KiB at the end",
        began.elapsed()
    );
    #[expect(clippy::cast_precision_loss, reason = "a ratio of KiB")]
    let growth = end as f64 / middle as f64;
    assert!(growth <= GROWTH_MAX, "{middle} KiB, then {end} KiB");
    let run = worker.terminate();
    let said = run.assert_code(0).stderr().replace(',', "");
    assert!(said.contains(&format!("{entries} handled")), "{run}");
}

#[test]
fn a_hundred_thousand_entries_take_no_more_memory_than_half_of_them() {
    stays_as_large(100_000);
}

#[test]
#[ignore = "takes minutes: cargo test --test worker -- --ignored a_million"]
fn a_million_entries_take_no_more_memory_than_half_of_them() {
    stays_as_large(1_000_000);
}

#[test]
#[cfg(target_os = "linux")]
fn a_worker_whose_slots_are_taken_waits_for_what_it_found() {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", "s", "g", "0", "MKSTREAM"]);
    for _ in 0..20 {
        server.redis(&["XADD", "s", "*", "n", "1"]);
    }
    let read = ["XREADGROUP", "GROUP", "g", "dead", "COUNT", "20"];
    server.redis(&[&read[..], &["STREAMS", "s", ">"]].concat());
    let run = ["worker", "run", "g", "--stream", "s", "--claim-idle", "3s"];
    let handler = ["--exec", "--", "sleep", "60"];
    let mut worker = server.command(&[&run[..], &handler].concat()).spawn();
    worker.await_stderr("claimed pending entries from dead consumers");
    let before = processor_time(worker.pid());
    let since = Instant::now();
    thread::sleep(Duration::from_secs(4));
    let took = processor_time(worker.pid()).saturating_sub(before);
    let share = took.as_secs_f64() / since.elapsed().as_secs_f64();
    println!(
        "with 18 entries found and no slot: {:.2} % of a core",
        share * 100.0
    );
    assert!(share < 0.1, "{took:?}");
    drop(worker);
}
