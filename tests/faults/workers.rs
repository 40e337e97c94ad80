//! Workers that are stopped, killed, told to end, or share what they must not share.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use crate::scene::{CLAIM_IDLE, RECOVERY, Scene, kill};
use crate::support::{BUSY, Mode, Proxy, Signal, is_alive, until};

/// Waits in the handler until the file `go` is there.
const WAIT: &str = r#"while ! test -e "$here/go"; do sleep 0.05; done"#;

fn go(scene: &Scene) {
    fs::write(scene.path("go"), "").unwrap();
}

#[test]
fn row_42_worker_stopped_for_longer_than_the_claim_idle() {
    let scene = Scene::new();
    scene.publish(1, 1);
    // The first attempt ends while its worker is stopped, the second when it is told to.
    let body = format!(r"test $UCP_DELIVERIES = 1 && exit 0; {WAIT}");
    let mut first = scene.worker(&["--consumer", "first"], "sleep 1").spawn();
    scene.await_count("start", 1);
    first.signal(Signal::STOP);
    let second = scene.worker(&["--consumer", "second"], &body).spawn();
    scene.await_count("start", 2);
    until(RECOVERY, "the first handler's end", || {
        scene.count("done") == 1
    });
    first.signal(Signal::CONT);
    first.await_stderr("lease lost");
    let pending = scene.pending();
    assert_eq!(
        (pending.len(), pending[0].consumer.as_str()),
        (1, "second"),
        "the loser acknowledged nothing"
    );
    go(&scene);
    scene.await_settled();
    let run = first.terminate();
    run.assert_code(0)
        .stderr_has("0 handled")
        .stderr_has("1 lease lost");
    second
        .terminate()
        .assert_code(0)
        .stderr_has("1 handled")
        .stderr_has("1 taken over");
    let account = scene.closed_account("42");
    assert_eq!(
        account.repeats(),
        1,
        "its work, not its acknowledgement, was done twice"
    );
}

#[test]
fn row_42_what_was_renewed_since_it_was_seen_is_not_taken_over() {
    let scene = Scene::new();
    scene.publish(1, 6);
    let flags = ["--consumer", "first", "--concurrency", "6"];
    let mut first = scene.worker(&flags, WAIT).spawn();
    scene.await_count("start", 6);
    first.signal(Signal::STOP);
    // It sees all six, and has a slot for one and one that waits.
    let wait = r#"while ! test -e "$here/next"; do sleep 0.05; done"#;
    let mut second = scene.worker(&["--consumer", "second"], wait).spawn();
    scene.await_count("start", 7);
    let seen_at = scene.pending();
    first.signal(Signal::CONT);
    until(RECOVERY, "renewed leases", || {
        let is_fresh = |row: &crate::scene::Pending| row.idle_ms < 1000;
        scene.pending().iter().all(is_fresh)
    });
    fs::write(scene.path("next"), "").unwrap();
    second.await_stderr("claimed pending entries from dead consumers");
    until(RECOVERY, "the second one's end", || {
        scene.count("done") == 2
    });
    // A renewal later it has had every chance.
    let renewed = Instant::now();
    until(RECOVERY, "a renewal", || renewed.elapsed() > CLAIM_IDLE / 2);
    go(&scene);
    scene.await_settled_by(&[&first, &second]);
    second
        .terminate()
        .assert_code(0)
        .stderr_has("2 handled")
        .stderr_has("2 taken over");
    first.terminate().assert_code(0).stderr_has("4 handled");
    let account = scene.closed_account("42");
    println!("row 42: {} seen stale, 2 taken over", seen_at.len());
    assert_eq!((account.done.len(), scene.count("start")), (6, 8));
}

#[test]
fn row_43_worker_killed_with_messages_in_hand() {
    let scene = Scene::new();
    scene.publish(1, 100);
    let flags = ["--concurrency", "4", "--batch", "30"];
    let started = Instant::now();
    let worker = scene.worker(&flags, "sleep 60").spawn();
    scene.await_count("start", 4);
    until(RECOVERY, "a batch in hand", || scene.pending().len() >= 30);
    let held = scene.pending().len();
    // A renewal of its leases: by then the guard knows of every handler.
    until(RECOVERY, "renewed leases", || {
        scene.pending().iter().all(|row| row.idle_ms < 500) && started.elapsed() > CLAIM_IDLE / 3
    });
    let orphans: Vec<i32> = scene.ledger().iter().map(|line| line.pid).collect();
    kill(worker);
    let killed = Instant::now();
    until(RECOVERY, "the handlers' end", || {
        !orphans.iter().any(|pid| is_alive(*pid))
    });
    let ended = killed.elapsed();
    let other = scene.worker(&flags, "").spawn();
    scene.await_settled_by(&[&other]);
    let handled = killed.elapsed();
    other
        .terminate()
        .assert_code(0)
        .stderr_has(&format!("{held} taken over"));
    let account = scene.closed_account("43");
    println!(
        "row 43: {held} in hand; handlers ended after {ended:?}, all handled after {handled:?}"
    );
    assert_eq!((account.done.len(), account.repeats()), (100, 0));
    assert!(
        handled <= CLAIM_IDLE + Duration::from_secs(4) + BUSY,
        "{handled:?}"
    );
    assert!(ended < BUSY, "{ended:?}");
}

#[test]
fn row_44_what_was_started_keeps_its_delivery_when_the_grace_is_over() {
    let scene = Scene::new();
    scene.publish(1, 6);
    let flags = ["--concurrency", "2", "--batch", "4", "--grace", "500ms"];
    let mut worker = scene.worker(&flags, "sleep 60").spawn();
    scene.await_count("start", 2);
    until(RECOVERY, "a batch in hand", || scene.pending().len() == 6);
    worker.signal(Signal::TERM);
    worker
        .wait()
        .assert_code(0)
        .stderr_has("4 given back")
        .stderr_has("2 left pending");
    let started: BTreeSet<String> = scene.ledger().into_iter().map(|line| line.id).collect();
    let pending = scene.pending();
    println!("row 44: {pending:?}");
    assert_eq!(pending.len(), 6);
    for row in &pending {
        let was_started = started.contains(&row.id);
        assert_eq!(row.deliveries, i64::from(was_started), "{row:?}");
        assert_eq!(row.idle_ms < 60_000, was_started, "{row:?}");
    }
}

#[test]
fn row_44_worker_told_to_end_with_messages_in_hand() {
    let scene = Scene::new();
    scene.publish(1, 20);
    let mut worker = scene
        .worker(&["--concurrency", "2", "--batch", "8"], WAIT)
        .spawn();
    scene.await_count("start", 2);
    until(RECOVERY, "a batch in hand", || scene.pending().len() >= 8);
    let held = scene.pending().len();
    let before = connections(&scene);
    worker.signal(Signal::TERM);
    // It closes the connection that it reads new entries by, and goes on with what runs.
    until(RECOVERY, "it reads no more", || {
        connections(&scene) < before
    });
    assert!(worker.ended().is_none());
    go(&scene);
    let run = worker.wait();
    run.assert_code(0)
        .stderr_has("2 handled")
        .stderr_has(&format!("{} given back", held - 2));
    let pending = scene.pending();
    assert_eq!(pending.len(), held - 2);
    for row in &pending {
        assert_eq!(row.deliveries, 0, "its delivery is taken back: {row:?}");
        assert!(row.idle_ms > 60_000, "claimable at once: {row:?}");
    }
    let started = Instant::now();
    // With a claim idle that is much longer than all of this takes.
    let url = scene.server.url();
    let flags = ["--concurrency", "2", "--claim-idle", "1m"];
    let other = scene.worker_with(&url, "1s", &flags, "").spawn();
    scene.await_settled_by(&[&other]);
    let taken = started.elapsed();
    other.terminate().assert_code(0);
    let account = scene.closed_account("44");
    println!(
        "row 44: {held} in hand, {} given back, all handled {taken:?} later",
        pending.len()
    );
    assert_eq!((account.done.len(), account.repeats()), (20, 0));
    assert!(scene.ledger().iter().all(|line| line.deliveries == 1));
    assert!(
        taken < Duration::from_mins(1),
        "{taken:?}: what was given back need not rest"
    );
    assert!(scene.consumers().len() <= 1, "{:?}", scene.consumers());
}

#[test]
fn row_44_idle_worker_told_to_end_leaves_no_consumer() {
    let scene = Scene::new();
    scene.publish(1, 5);
    let worker = scene.worker(&[], "").spawn();
    scene.await_settled_by(&[&worker]);
    worker.terminate().assert_code(0).stderr_has("5 handled");
    assert!(scene.consumers().is_empty(), "{:?}", scene.consumers());
    println!("row 44: {} consumers left", scene.consumers().len());
}

/// Connections that the server has now.
fn connections(scene: &Scene) -> usize {
    let clients = scene.server.redis(&["CLIENT", "LIST"]);
    clients.text().lines().count()
}

#[test]
fn row_42_reply_that_comes_after_the_claim_idle() {
    let scene = Scene::new();
    let proxy = Proxy::before(scene.server.socket());
    scene.group();
    // The scripts are known to the server from here on: one request is one claim.
    scene.publish(1, 1);
    scene.abandon(1, 1);
    scene.worker(&["--once"], "").run().assert_code(0);
    scene.publish(2, 4);
    scene.abandon(2, 4);

    let flags = ["--claim-idle", "3s", "--concurrency", "3"];
    proxy.hold_replies_to("raise");
    let mut late = scene.worker_with(&proxy.url(), "20s", &flags, "").spawn();
    until(RECOVERY, "the late worker's claim", || {
        proxy.counts().found == 1
    });
    let other = scene.worker(&["--concurrency", "3"], "").spawn();
    scene.await_count("done", 4);
    scene.await_settled_by(&[&other]);
    proxy.set(Mode::Pass);
    late.await_stderr("lease lost");
    for worker in [late, other] {
        worker.terminate().assert_code(0);
    }
    let account = scene.closed_account("42");
    let starts = scene.count("start");
    println!("row 42: {starts} starts of {} entries", account.done.len());
    assert_eq!((starts, account.repeats()), (4, 0));
}

#[test]
fn row_45_second_signal_ends_at_once() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let scene = Scene::new();
        scene.publish(1, 6);
        let mut worker = scene
            .worker(&["--concurrency", "2", "--batch", "4"], WAIT)
            .spawn();
        scene.await_count("start", 2);
        until(RECOVERY, "a batch in hand", || scene.pending().len() >= 4);
        let before = connections(&scene);
        worker.signal(signal);
        // The first signal has arrived when the connection that it reads new entries by is closed.
        until(RECOVERY, "it reads no more", || {
            connections(&scene) < before
        });
        assert!(worker.ended().is_none(), "it finishes what runs");
        worker.signal(signal);
        let ending = Instant::now();
        let run = worker.wait();
        run.assert_code(code);
        let handlers: BTreeSet<i32> = scene.ledger().iter().map(|line| line.pid).collect();
        until(RECOVERY, "the handlers' end", || {
            !handlers.iter().any(|pid| is_alive(*pid))
        });
        let account = scene.closed_account("45");
        println!(
            "row 45: ended {:?} after the second signal",
            ending.elapsed()
        );
        assert_eq!(
            (
                account.done.len(),
                account.pending.len() + account.undelivered.len()
            ),
            (0, 6)
        );
        assert!(ending.elapsed() < Duration::from_secs(1) + BUSY);
    }
}

#[test]
fn row_48_two_workers_with_one_name() {
    let scene = Scene::new();
    scene.publish(1, 60);
    let flags = ["--consumer", "same", "--concurrency", "2"];
    let first = scene.worker(&flags, "sleep 0.05").spawn();
    scene.await_count("done", 5);
    let mut second = scene.worker(&flags, "sleep 0.05").spawn();
    let warning = second.await_stderr("a consumer of this name was active recently");
    assert!(warning.contains("same"), "{warning}");
    scene.await_count("done", 20);
    // The end of one must not take from the other what it holds.
    first.terminate().assert_code(0);
    scene.await_settled();
    let run = second.terminate();
    run.assert_code(0);
    let account = scene.closed_account("48");
    println!("row 48: {warning}");
    assert_eq!(account.done.len(), 60);
    assert!(
        account.repeats() <= 4,
        "{} repeats: {run}",
        account.repeats()
    );
}

#[test]
fn row_50_consumer_deleted_while_its_read_waits() {
    let scene = Scene::new();
    let worker = scene.worker(&["--consumer", "gone"], "").spawn();
    scene.await_reading();
    scene
        .server
        .redis(&["XGROUP", "DELCONSUMER", "s", "g", "gone"]);
    scene.publish(1, 10);
    scene.await_settled_by(&[&worker]);
    worker.terminate().assert_code(0).stderr_has("10 handled");
    assert_eq!(scene.closed_account("50").repeats(), 0);
}
