//! The server is well and the connection is not: black holes, lost replies, resets, drips.

use std::time::{Duration, Instant};

use crate::scene::{RECOVERY, Scene};
use crate::support::{BUSY, End, Mode, Proxy, until};

fn proxied() -> (Scene, Proxy) {
    let scene = Scene::new();
    let proxy = Proxy::before(scene.server.socket());
    (scene, proxy)
}

#[test]
fn row_07_black_hole_after_connecting() {
    let (scene, proxy) = proxied();
    scene.publish(1, 10);
    let worker = scene.worker_at(&proxy.url(), &[], "").spawn();
    scene.await_count("done", 10);
    scene.await_settled_by(&[&worker]);
    let connections = proxy.counts().accepted;
    proxy.set_present(Mode::BlackHole);
    let began = Instant::now();
    scene.publish(11, 20);
    until(RECOVERY, "new connections", || {
        proxy.counts().accepted >= connections + 2
    });
    let anew = began.elapsed();
    scene.await_settled_by(&[&worker]);
    worker.terminate().assert_code(0);
    let account = scene.closed_account("7");
    println!(
        "row 7: connected anew after {anew:?}, {} bytes swallowed",
        proxy.counts().swallowed
    );
    assert_eq!((account.done.len(), account.repeats()), (20, 0));
    // Twice the timeout of 1 s.
    assert!(anew < Duration::from_secs(2) + BUSY, "{anew:?}");
}

#[test]
fn row_08_reply_of_a_waiting_read_lost() {
    let (scene, proxy) = proxied();
    let url = proxy.url();
    // Found by its owner, long before anybody might take it over.
    let worker = scene
        .worker_with(&url, "1s", &["--claim-idle", "1m"], "")
        .spawn();
    scene.await_worker();
    proxy.drop_replies_to("BLOCK");
    until(RECOVERY, "a read whose reply will be lost", || {
        proxy.counts().found == 1
    });
    scene.publish(1, 1);
    until(RECOVERY, "a delivery to nobody", || {
        scene.pending().len() == 1
    });
    let stranded = Instant::now();
    scene.await_count("done", 1);
    let found = stranded.elapsed();
    scene.await_settled_by(&[&worker]);
    let run = worker.terminate();
    run.assert_code(0)
        .stderr_has("delivery was lost with the connection");
    let account = scene.closed_account("8");
    println!("row 8: found again after {found:?}");
    assert_eq!(account.repeats(), 0);
    assert_eq!(
        scene.ledger()[0].deliveries,
        1,
        "it was delivered once, and found, not claimed"
    );
}

#[test]
fn row_11_reply_of_an_acknowledgement_lost() {
    let (scene, proxy) = proxied();
    let worker = scene
        .worker_at(&proxy.url(), &["--concurrency", "4"], "")
        .spawn();
    scene.await_worker();
    let mut lost = 0;
    for round in 0..3 {
        proxy.drop_replies_to("XACK");
        scene.publish(round * 20 + 1, round * 20 + 20);
        scene.await_settled_by(&[&worker]);
        lost += 1;
        until(RECOVERY, "a lost reply", || proxy.counts().found == lost);
    }
    let run = worker.terminate();
    run.assert_code(0)
        .stderr_has("60 handled")
        .stderr_lacks("lease lost")
        .stderr_lacks("leases lost");
    let account = scene.closed_account("11");
    println!("row 11: {lost} replies of acknowledgements lost");
    assert_eq!((account.done.len(), account.repeats()), (60, 0));
}

#[test]
fn row_12_connections_reset_again_and_again() {
    let (scene, proxy) = proxied();
    scene.publish(1, 150);
    let worker = scene
        .worker_at(&proxy.url(), &["--concurrency", "4"], "")
        .spawn();
    let mut reset = 0;
    for round in 1..=5 {
        scene.await_count("done", round * 20);
        reset += proxy.end_all(End::Reset);
    }
    scene.await_settled_by(&[&worker]);
    worker.terminate().assert_code(0);
    let account = scene.closed_account("12");
    println!("row 12: {reset} connections reset");
    assert!(reset >= 5, "{reset}");
    assert_eq!(account.done.len(), 150);
    assert_eq!(
        account.repeats(),
        0,
        "what runs through a disconnect is not run again"
    );
}

#[test]
fn row_13_slow_drip() {
    let (scene, proxy) = proxied();
    scene.publish(1, 10);
    proxy.set(Mode::Drip(Duration::from_secs(1)));
    let asked = Instant::now();
    let ping = crate::support::Invocation::new(&["ping", "--timeout", "1s", "--url", &proxy.url()]);
    ping.run().assert_code(4);
    let gave_up = asked.elapsed();
    assert!(gave_up < Duration::from_secs(1) + BUSY, "{gave_up:?}");
    // A reply that comes in pieces is a reply.
    proxy.set(Mode::Drip(Duration::from_micros(100)));
    let worker = scene.worker_at(&proxy.url(), &[], "").spawn();
    scene.await_count("done", 10);
    scene.await_settled_by(&[&worker]);
    worker.terminate().assert_code(0);
    let account = scene.closed_account("13");
    println!("row 13: 1 B/s was given up after {gave_up:?}");
    assert_eq!(account.repeats(), 0);
}

#[test]
fn row_13_replies_cut_in_the_middle() {
    let (scene, proxy) = proxied();
    scene.publish(1, 100);
    let worker = scene
        .worker_at(&proxy.url(), &["--concurrency", "4"], "")
        .spawn();
    for (round, limit) in [1, 7, 50, 333].into_iter().enumerate() {
        scene.await_count("done", (round + 1) * 15);
        proxy.set_present(Mode::CutAfter(limit));
    }
    scene.await_settled_by(&[&worker]);
    worker.terminate().assert_code(0);
    let account = scene.closed_account("13");
    println!(
        "row 13: {} connections cut within a reply",
        proxy.counts().ended
    );
    assert!(proxy.counts().ended >= 4);
    assert_eq!((account.done.len(), account.repeats()), (100, 0));
}

#[test]
fn row_13_bodies_that_do_not_come_through_in_time_all_at_once() {
    let (scene, proxy) = proxied();
    let body = "x".repeat(1 << 20);
    let mut client = scene.server.client();
    for ms in 1..=12 {
        client.send(&["XADD", "s", &format!("{ms}-1"), "n", &body]);
    }
    // Twelve megabytes at about five a second, and a reply has a second.
    proxy.set(Mode::Slow {
        bytes: 16 << 10,
        pause: Duration::from_millis(3),
    });
    let flags = ["--batch", "12", "--claim-idle", "1m"];
    let worker = scene.worker_with(&proxy.url(), "1s", &flags, "").spawn();
    scene.await_settled_by(&[&worker]);
    let run = worker.terminate();
    println!("row 13: {run}");
    let account = scene.closed_account("13");
    assert_eq!((account.done.len(), account.repeats()), (12, 0));
}
