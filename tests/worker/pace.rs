//! `--rate`: no more attempts a second than asked for.

use std::time::{Duration, Instant};

use crate::pending;
use crate::support::TestServer;

#[test]
fn attempts_start_no_faster_than_asked_for() {
    let server = TestServer::start();
    for n in 0..30 {
        server.redis(&["XADD", "orders", "*", "n", &n.to_string()]);
    }
    let run = ["worker", "run", "billing", "--stream", "orders", "--once"];
    let run = [&run[..], &["--builtin", "null", "--rate", "20"]].concat();
    let started = Instant::now();
    server.ucp(&run).assert_code(0).stderr_has("30 handled");
    let took = started.elapsed();
    println!("30 entries at 20 a second took {took:?}");
    // The first at once, a tenth of a second's worth of unused pace besides.
    assert!(took >= Duration::from_millis(1350), "{took:?}");
    assert_eq!(pending(&server, "orders", "billing"), 0);
    server
        .ucp(&[&run[..run.len() - 1], &["0"]].concat())
        .assert_code(2)
        .stderr_has("rate is 0");
}
