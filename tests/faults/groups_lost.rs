//! The stream or the group goes away under a worker that waits on it: said aloud, going on, at a bounded rate, repeating
//! rather than skipping.

use std::time::{Duration, Instant};

use crate::scene::{RATE_MAX, Scene};
use crate::support::BUSY;

fn lost_by(row: &str, commands: &[&[&str]], keeps_entries: bool) {
    let scene = Scene::new();
    scene.publish(1, 10);
    let mut worker = scene.worker(&["--concurrency", "4"], "").spawn();
    scene.await_count("done", 10);
    scene.await_settled_by(&[&worker]);
    scene.await_reading();
    let lost = Instant::now();
    for command in commands {
        scene.server.redis(command);
    }
    worker.await_stderr("created again from the beginning");
    let again = lost.elapsed();
    scene.publish(11, 20);
    let repeats = if keeps_entries { 10 } else { 0 };
    scene.await_count("done", 20 + repeats);
    scene.await_settled_by(&[&worker]);
    let run = worker.terminate();
    run.assert_code(0);
    let account = scene.account();
    println!(
        "row {row}: {commands:?}: noticed after {again:?}, {} entries handled, {} repeats",
        account.done.len(),
        account.repeats()
    );
    assert_eq!(
        (account.done.len(), account.repeats()),
        (20, repeats),
        "{run}"
    );
    assert!(
        again < Duration::from_secs(2) + BUSY,
        "a read's wait is 2 s"
    );
}

#[test]
fn row_36_stream_deleted_while_a_read_waits() {
    lost_by("36", &[&["DEL", "s"]], false);
}

#[test]
fn row_36_everything_flushed_while_a_read_waits() {
    lost_by("36", &[&["FLUSHALL"]], false);
}

#[test]
fn row_36_group_destroyed_while_a_read_waits() {
    lost_by("36", &[&["XGROUP", "DESTROY", "s", "g"]], true);
}

#[test]
fn row_36_group_that_may_not_be_created_again_costs_few_requests() {
    let scene = Scene::new();
    scene.publish(1, 5);
    scene.group();
    let url = scene.server.add_user("limited", "~* +@all -xgroup|create");
    let worker = scene.worker_at(&url, &[], "").spawn();
    scene.await_count("done", 5);
    scene.await_settled_by(&[&worker]);
    scene.await_reading();
    let before = scene.requests();
    scene.server.redis(&["DEL", "s"]);
    let run = worker.wait();
    run.assert_code(5)
        .stderr_has("create_group s")
        .stderr_has("+xgroup|create");
    let requests = scene.requests() - before;
    println!(
        "row 36: ended with {:?} after {requests} requests",
        run.code()
    );
    assert!(requests <= 20, "{requests} requests");
}

#[test]
fn row_36_group_lost_again_and_again_costs_few_requests() {
    let scene = Scene::new();
    let mut worker = scene.worker(&[], "").spawn();
    scene.await_reading();
    let (started, before) = (Instant::now(), scene.requests());
    let mut destroyed = 0;
    let mut client = scene.server.client();
    let mut own = 0;
    while started.elapsed().as_secs() < 5 {
        own += 1;
        destroyed += client.send(&["XGROUP", "DESTROY", "s", "g"]).int();
        std::thread::sleep(Duration::from_millis(20));
    }
    let requests = scene.requests() - before - own;
    let rate = f64::from(u32::try_from(requests).unwrap()) / started.elapsed().as_secs_f64();
    println!("row 36: destroyed {destroyed} times in 5 s, {rate:.1} requests a second");
    assert!(destroyed >= 2, "{destroyed}");
    assert!(rate <= RATE_MAX, "{rate:.1} requests a second");
    scene.publish(1, 5);
    scene.await_settled_by(&[&worker]);
    assert!(worker.ended().is_none());
    worker.terminate().assert_code(0);
    assert_eq!(scene.closed_account("36").done.len(), 5);
}
