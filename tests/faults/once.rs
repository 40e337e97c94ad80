//! `worker run --once` through an outage: it ends when all that was there at its start was attempted, neither earlier
//! nor never, and what it leaves is there for the next one.

use std::fs;
use std::time::{Duration, Instant};

use crate::scene::{RECOVERY, Scene};
use crate::support::{BUSY, Mode, Proxy, until};

/// Waits in the handler until the file `go` is there.
const WAIT: &str = r#"while ! test -e "$here/go"; do sleep 0.05; done"#;

fn go(scene: &Scene) {
    fs::write(scene.path("go"), "").unwrap();
}

fn proxied() -> (Scene, Proxy) {
    let scene = Scene::new();
    let proxy = Proxy::before(scene.server.socket());
    (scene, proxy)
}

/// Entries that a run for `--once` finds at its start.
const AT_ONCE: u64 = 12;

/// Handled: all that was there at the start, each once, and perhaps what came later, but nothing of it half.
#[track_caller]
fn all_at_once(scene: &Scene, row: &str) {
    let account = scene.closed_account(row);
    let missing: Vec<String> = (1..=AT_ONCE)
        .map(|ms| format!("{ms}-1"))
        .filter(|id| !account.done.contains_key(id))
        .collect();
    assert!(missing.is_empty(), "not attempted: {missing:?}");
    assert_eq!((account.pending.len(), account.repeats()), (0, 0));
    assert!(scene.ledger().iter().all(|line| line.deliveries == 1));
}

#[test]
fn row_08_reply_of_a_read_lost_with_once() {
    // The one read that brings everything there is, so that the next one finds nothing; or one of several.
    for (batch, held) in [("20", 0), ("4", 6)] {
        let (scene, proxy) = proxied();
        scene.publish(1, AT_ONCE);
        scene.group();
        let flags = ["--once", "--claim-idle", "1m", "--concurrency", "2"];
        let flags = [&flags[..], &["--batch", batch]].concat();
        let lose_next = || proxy.drop_replies_to("XREADGROUP");
        if held == 0 {
            lose_next();
        }
        let worker = scene.worker_with(&proxy.url(), "1s", &flags, WAIT).spawn();
        if held > 0 {
            until(RECOVERY, "no more to hold", || {
                scene.pending().len() == held
            });
            lose_next();
        }
        go(&scene);
        until(RECOVERY, "a lost read", || proxy.counts().found == 1);
        let lost = Instant::now();
        scene.publish(AT_ONCE + 1, AT_ONCE + 5);
        worker
            .wait()
            .assert_code(0)
            .stderr_has("delivery was lost with the connection")
            .stderr_lacks("left pending");
        let ended = lost.elapsed();
        println!("row 8: with batches of {batch} ended {ended:?} after the lost read");
        all_at_once(&scene, "8");
        assert!(ended < Duration::from_secs(5) + BUSY, "{ended:?}");
    }
}

#[test]
fn row_07_black_hole_for_longer_than_once_waits() {
    let (scene, proxy) = proxied();
    scene.publish(1, AT_ONCE);
    scene.group();
    proxy.drop_replies_to("XREADGROUP");
    let flags = ["--once", "--connect-for", "1s", "--claim-idle", "3s"];
    let worker = scene.worker_with(&proxy.url(), "500ms", &flags, "").spawn();
    until(RECOVERY, "a lost read", || proxy.counts().found == 1);
    let lost = Instant::now();
    proxy.set(Mode::BlackHole);
    worker
        .wait()
        .assert_code(4)
        .stderr_has("worker of group `g` on `s`");
    let ended = lost.elapsed();
    let account = scene.account();
    println!("row 7: given up after {ended:?}; {account:?}");
    assert_eq!(account.done.len(), 0);
    assert_eq!(
        account.pending.len() + account.undelivered.len(),
        usize::try_from(AT_ONCE).unwrap()
    );
    assert!(ended < Duration::from_secs(5) + BUSY, "{ended:?}");
    // Whoever comes next handles all of it.
    let next = scene.worker(&[], "").spawn();
    scene.await_settled_by(&[&next]);
    next.terminate().assert_code(0);
    let account = scene.closed_account("7");
    assert_eq!((account.done.len() as u64, account.repeats()), (AT_ONCE, 0));
}

#[test]
fn row_03_server_killed_under_a_run_for_once() {
    let mut scene = Scene::durable();
    scene.publish(1, AT_ONCE);
    scene.group();
    let flags = ["--once", "--claim-idle", "1m", "--concurrency", "2"];
    let flags = [&flags[..], &["--batch", "4"]].concat();
    let url = scene.server.url();
    let mut worker = scene.worker_with(&url, "1s", &flags, WAIT).spawn();
    until(RECOVERY, "no more to hold", || scene.pending().len() == 6);
    scene.server.kill();
    // What runs ends while there is nobody to tell it to.
    go(&scene);
    scene.await_count("done", 2);
    worker.await_stderr("the server is unavailable");
    assert!(worker.ended().is_none(), "its work is not done");
    scene.server.restart();
    let back = Instant::now();
    let run = worker.wait();
    run.assert_code(0).stderr_lacks("left pending");
    println!(
        "row 3: ended {:?} after the server was back",
        back.elapsed()
    );
    all_at_once(&scene, "3");
}
