//! Each attempt at its time: neither early, nor held up by what else the worker waits for.

use std::fs;
use std::time::Duration;

use crate::support::{TestServer, directory};

/// Runs a worker whose handler always fails; the moments of the attempts, in milliseconds.
fn attempts(flags: &[&str]) -> Vec<u64> {
    let server = TestServer::start();
    server.redis(&["XADD", "orders", "*", "n", "1"]);
    let home = directory();
    let ledger = home.path().join("attempts");
    let run = [
        "worker",
        "run",
        "billing",
        "--stream",
        "orders",
        "--backoff-base",
        "100ms",
    ];
    let handler = [
        "--exec",
        "--",
        "sh",
        "-c",
        "date +%s%3N >>\"$ledger\"; exit 1",
    ];
    let mut worker = server
        .command(&[&run[..], flags, &handler].concat())
        .env("ledger", &ledger)
        .spawn();
    worker.await_stderr("moved to the dead-letter stream");
    worker.terminate();
    let text = fs::read_to_string(ledger).unwrap();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn field_c12_a_read_that_waits_holds_up_no_attempt() {
    // Four attempts 100, 200 and 400 ms apart; a read waits 2 s for new entries.
    let usual = attempts(&["--max-deliveries", "4"]);
    let limited = [
        "--concurrency",
        "4",
        "--max-deliveries",
        "4",
        "--max-messages",
        "4",
    ];
    let limited = attempts(&limited);
    for moments in [&usual, &limited] {
        assert_eq!(moments.len(), 4);
        for (attempt, pair) in moments.windows(2).enumerate() {
            let waited_ms = pair[1] - pair[0];
            assert!(waited_ms + 20 >= 100 << attempt, "early: {moments:?}");
        }
    }
    let took = |moments: &[u64]| Duration::from_millis(moments[3] - moments[0]);
    let most = took(&usual) + Duration::from_secs(3);
    assert!(
        took(&limited) < most,
        "{limited:?}, without a limit {usual:?}"
    );
}
