//! A dead worker's messages: all of them, none before its time, soon after.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use crate::pending;
use crate::support::{Client, Signal, TestServer, until};

const COUNT: usize = 1000;

fn publish(client: &mut Client) {
    let commands: Vec<[String; 5]> = (1..=COUNT)
        .map(|n| ["XADD", "orders", &format!("{n}-1"), "n", &n.to_string()].map(str::to_owned))
        .collect();
    client.pipeline(&commands);
}

#[test]
fn a_thousand_messages_of_a_killed_worker_are_handled_in_time() {
    let server = TestServer::start();
    publish(&mut server.client());
    let home = tempfile::tempdir().unwrap();
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
    let patience = Duration::from_secs(20);
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
    // Its leases were renewed every second: nobody may have any of them for two more.
    while killed.elapsed() < Duration::from_millis(1900) {
        assert_eq!(
            pending(&server, "orders", "billing"),
            1000,
            "after {:?}",
            killed.elapsed()
        );
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
        killed.elapsed() < Duration::from_secs(10),
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
    until(Duration::from_secs(10), "the worker", || {
        consumers().items().len() == 1
    });
    let requests = || -> i64 {
        let text = server.redis(&["INFO", "stats"]).text().to_owned();
        let line = text
            .lines()
            .find(|line| line.starts_with("total_commands_processed:"))
            .unwrap();
        line.split(':').nth(1).unwrap().trim().parse().unwrap()
    };
    let (before, window) = (requests(), Duration::from_secs(4));
    std::thread::sleep(window);
    let asked = requests() - before;
    println!("{asked} requests in {window:?} without work");
    assert!(asked <= 40, "{asked} requests in {window:?}");
    let idle_ms = consumers().items()[0].get("idle").unwrap().int();
    assert!(idle_ms < 2500, "the consumer looks idle for {idle_ms} ms");
    let touched = server.redis(&["XPENDING", "orders", "billing"]);
    assert_eq!(touched.items()[0].int(), 0);
    worker.terminate();
}
