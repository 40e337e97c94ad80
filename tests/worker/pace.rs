//! `--rate`: no more attempts a second than asked for.

use std::time::{Duration, Instant};

use crate::pending;
use crate::support::{BUSY, TestServer};

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
        .stderr_has("a rate is a number per second, 1 or more");
}

#[test]
fn a_fast_pace_is_kept_too() {
    let server = TestServer::start();
    let entries: Vec<[&str; 5]> = vec![["XADD", "orders", "*", "n", "1"]; 1500];
    server.client().pipeline(&entries);
    let run = ["worker", "run", "billing", "--stream", "orders", "--once"];
    let run = [&run[..], &["--builtin", "null", "--rate", "500/s"]].concat();
    let started = Instant::now();
    server.ucp(&run).assert_code(0).stderr_has("1,500 handled");
    let took = started.elapsed();
    println!("1500 entries at 500 a second took {took:?}");
    assert!(took >= Duration::from_millis(2800), "{took:?}");
    // One start for each of its looks at the pending list, once a second, would take half a minute.
    assert!(took < Duration::from_secs(10) + BUSY, "{took:?}");
}
