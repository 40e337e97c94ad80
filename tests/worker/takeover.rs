//! A dead worker's messages: all of them, none before its time, soon after.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use crate::pending;
use crate::support::{BUSY, Client, PATIENCE, Signal, TestServer, directory, until};

const COUNT: usize = 1000;
/// As `--claim-idle 3s`.
const CLAIM_IDLE: Duration = Duration::from_secs(3);

fn publish(client: &mut Client) {
    let commands: Vec<[String; 5]> = (1..=COUNT)
        .map(|n| ["XADD", "orders", &format!("{n}-1"), "n", &n.to_string()].map(str::to_owned))
        .collect();
    client.pipeline(&commands);
}

/// The longest that any pending entry has been with its consumer without a sign of that, as the server says.
fn longest_idle(server: &TestServer) -> Duration {
    let rows = server.redis(&["XPENDING", "orders", "billing", "-", "+", "1000"]);
    let idle_ms = rows.items().iter().map(|row| row.items()[2].int());
    Duration::from_millis(idle_ms.max().unwrap().cast_unsigned())
}

#[test]
fn a_thousand_messages_of_a_killed_worker_are_handled_in_time() {
    let server = TestServer::start();
    publish(&mut server.client());
    let home = directory();
    let journal = home.path().join("handled");
    let group = [
        "worker",
        "run",
        "billing",
        "--stream",
        "orders",
        "--claim-idle",
        "3s",
    ];
    let mut victim = server
        .command(
            &[
                &group[..],
                &[
                    "--concurrency",
                    "20",
                    "--batch",
                    "1000",
                    "--exec",
                    "--",
                    "sleep",
                    "600",
                ],
            ]
            .concat(),
        )
        .spawn();
    let patience = PATIENCE;
    victim.await_stderr("created the group");
    until(patience, "a thousand in hand", || {
        pending(&server, "orders", "billing") == 1000
    });
    let journal_path = journal.to_str().unwrap();
    let other = server
        .command(
            &[
                &group[..],
                &["--builtin", "null", "--journal", journal_path],
            ]
            .concat(),
        )
        .spawn();
    until(patience, "the other worker", || {
        server
            .redis(&["XINFO", "CONSUMERS", "orders", "billing"])
            .items()
            .len()
            == 2
    });
    let killed = Instant::now();
    victim.signal(Signal::KILL);
    // Its leases were renewed every second: nobody may have any of them before the oldest has run out.
    let rested = longest_idle(&server);
    println!("the oldest renewal was {rested:?} ago");
    let left = CLAIM_IDLE.checked_sub(rested).expect("renewed");
    loop {
        let held = pending(&server, "orders", "billing");
        if killed.elapsed() >= left {
            break;
        }
        assert_eq!(held, 1000, "after {:?}", killed.elapsed());
        std::thread::sleep(Duration::from_millis(50));
    }
    until(patience, "all handled", || {
        pending(&server, "orders", "billing") == 0
    });
    println!(
        "1,000 messages taken over and handled {:?} after the kill",
        killed.elapsed()
    );
    assert!(
        killed.elapsed() < CLAIM_IDLE + Duration::from_secs(2) + BUSY,
        "{:?}",
        killed.elapsed()
    );
    let handled: BTreeSet<String> = fs::read_to_string(&journal)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(handled.len(), COUNT);
    other.terminate();
}

#[test]
fn a_worker_without_work_asks_little_and_its_consumer_stays_fresh() {
    let server = TestServer::start();
    server.redis(&["XGROUP", "CREATE", "orders", "billing", "0", "MKSTREAM"]);
    let worker = server
        .command(&[
            "worker",
            "run",
            "billing",
            "--stream",
            "orders",
            "--claim-idle",
            "3s",
            "--builtin",
            "null",
        ])
        .spawn();
    let consumers = || server.redis(&["XINFO", "CONSUMERS", "orders", "billing"]);
    until(PATIENCE, "the worker", || consumers().items().len() == 1);
    let requests = || -> i64 {
        let text = server.redis(&["INFO", "stats"]).text().to_owned();
        let line = text
            .lines()
            .find(|line| line.starts_with("total_commands_processed:"))
            .unwrap();
        line.split(':').nth(1).unwrap().trim().parse().unwrap()
    };
    let (before, since) = (requests(), Instant::now());
    std::thread::sleep(Duration::from_secs(4));
    let (asked, window) = (requests() - before, since.elapsed());
    println!("{asked} requests in {window:?} without work");
    // About nine a second, counting what its scripts call; a loop that does not wait asks thousands.
    let most = 15 * (window.as_secs() + 1);
    assert!(
        u64::try_from(asked).unwrap() <= most,
        "{asked} requests in {window:?}"
    );
    let idle_ms = consumers().items()[0].get("idle").unwrap().int();
    assert!(idle_ms < 2500, "the consumer looks idle for {idle_ms} ms");
    let touched = server.redis(&["XPENDING", "orders", "billing"]);
    assert_eq!(touched.items()[0].int(), 0);
    worker.terminate();
}
