//! Dead letters and tombstones when the server, the worker or the dead-letter stream is not as it should be.

use std::thread;

use ucp_streams::model::EntryId;
use ucp_streams::wire::{Destination, Dialer, Endpoint, Move, redrive};

use crate::scene::{RECOVERY, Scene, field, kill};
use crate::support::{Proxy, until};

#[test]
fn row_24_memory_full() {
    let scene = Scene::new();
    scene.publish(1, 30);
    let body = r"case ${UCP_ID%-*} in 7|13) exit 65;; esac";
    scene.server.redis(&["CONFIG", "SET", "maxmemory", "1"]);
    scene
        .server
        .redis(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    // A group cannot be made under full memory.
    let refused = scene.worker(&["--connect-for", "300ms"], "").run();
    refused.assert_code(4).stderr_has("OOM");
    scene.server.redis(&["CONFIG", "SET", "maxmemory", "0"]);
    scene.group();
    scene.server.redis(&["CONFIG", "SET", "maxmemory", "1"]);
    let mut worker = scene.worker(&["--concurrency", "2"], body).spawn();
    worker.await_stderr("they stay pending");
    scene.await_count("done", 28);
    until(RECOVERY, "acknowledgements", || scene.pending().len() == 2);
    let pending: Vec<String> = scene.pending().into_iter().map(|row| row.id).collect();
    assert_eq!(pending, ["7-1", "13-1"]);
    scene.server.redis(&["CONFIG", "SET", "maxmemory", "0"]);
    scene.await_settled_by(&[&worker]);
    worker.terminate().assert_code(0);
    let account = scene.closed_account("24");
    let attempts = scene.count("start") - 28;
    println!("row 24: {attempts} attempts of the two that fail for good");
    assert_eq!(
        (account.done.len(), account.dead.len(), account.repeats()),
        (28, 2, 0)
    );
    assert_eq!(attempts, 2, "only the move is tried again");
}

#[test]
fn row_24_memory_full_for_longer_than_all_attempts_of_an_output() {
    let scene = Scene::new();
    scene.publish(1, 3);
    scene.group();
    let full = |bytes: &str| scene.server.redis(&["CONFIG", "SET", "maxmemory", bytes]);
    full("1");
    let run = [
        &["worker", "run", "g", "--stream", "s", "--claim-idle", "3s"][..],
        &["--max-deliveries", "2", "--backoff-base", "50ms"],
        &["--backoff-cap", "200ms", "--builtin", "forward:out"],
    ];
    let mut worker = scene.server.command(&run.concat()).spawn();
    // Twenty attempts at three entries, each of which would be a dead letter after two.
    worker.await_stderr("circuit breaker opened");
    let held = scene.pending();
    full("0");
    let going_on = worker.await_stderr("handlers succeed again");
    println!("row 24: {held:?}; {going_on}");
    scene.await_settled_by(&[&worker]);
    worker
        .terminate()
        .assert_code(0)
        .stderr_has("3 handled")
        .stderr_has("(adding to out)")
        .stderr_lacks("moved to the dead-letter stream");
    assert!(held.len() == 3 && held.iter().all(|row| row.deliveries == 1));
    assert_eq!(scene.server.redis(&["XLEN", "out"]).int(), 3);
    assert_eq!(scene.server.redis(&["EXISTS", "{s}:dlq"]).int(), 0);
}

#[test]
fn row_37_the_reply_to_a_tombstone_lost() {
    let scene = Scene::new();
    let proxy = Proxy::before(scene.server.socket());
    scene.publish(1, 3);
    scene.group();
    scene.abandon(1, 2);
    scene.server.redis(&["XTRIM", "s", "MINID", "2-1"]);
    // As the reason of the dead letter says.
    proxy.drop_replies_to("was trimmed before it was handled");
    let run = scene.worker_at(&proxy.url(), &["--once"], "").run();
    assert_eq!(proxy.counts().found, 1, "{run}");
    run.assert_code(9)
        .stderr_has("1 tombstone")
        .stderr_has("2 handled")
        .stderr_lacks("lease lost")
        .stderr_lacks("leases lost");
    let account = scene.account();
    println!("row 37: {} tombstone, its reply lost", account.dead.len());
    assert_eq!(account.dead.len(), 1);
}

#[test]
fn row_37_entry_trimmed_while_pending() {
    let scene = Scene::new();
    scene.publish(1, 5);
    scene.group();
    scene.abandon(1, 3);
    scene.server.redis(&["XTRIM", "s", "MINID", "3-1"]);
    let run = scene.worker(&["--once"], "").run();
    run.assert_code(9)
        .stderr_has("2 tombstones")
        .stderr_has("3 handled");
    let account = scene.account();
    println!(
        "row 37: {} tombstones, {} handled",
        account.dead.len(),
        account.done.len()
    );
    assert_eq!(account.dead.keys().collect::<Vec<_>>(), ["1-1", "2-1"]);
    assert_eq!(
        account.done.keys().collect::<Vec<_>>(),
        ["3-1", "4-1", "5-1"]
    );
    assert!(account.pending.is_empty());
    for letter in scene.dead_letters() {
        assert_eq!(field(&letter, "_dlq_body"), "trimmed");
        assert_eq!(field(&letter, "_dlq_consumer"), "dead");
    }
    scene.worker(&["--once"], "").run().assert_code(0);
}

#[test]
fn row_37_entry_trimmed_while_pending_for_a_claim() {
    let scene = Scene::new();
    scene.publish(1, 3);
    scene.group();
    scene.abandon(1, 3);
    scene
        .server
        .redis(&["XGROUP", "CREATECONSUMER", "s", "g", "c"]);
    scene.server.redis(&["XTRIM", "s", "MINID", "3-1"]);
    let claim = ["claim", "g", "--stream", "s", "--to", "c", "--yes"];
    let run = scene.server.ucp(&claim);
    run.assert_code(9)
        .stderr_has("2 entries had been trimmed before being handled");
    let account = scene.account();
    println!("row 37: {} tombstones by a claim", account.dead.len());
    assert_eq!(account.dead.keys().collect::<Vec<_>>(), ["1-1", "2-1"]);
    for letter in scene.dead_letters() {
        assert_eq!(field(&letter, "_dlq_body"), "trimmed");
        assert_eq!(field(&letter, "_dlq_consumer"), "dead");
    }
    let pending = scene.pending();
    assert_eq!((pending.len(), pending[0].consumer.as_str()), (1, "c"));
}

#[test]
fn row_53_worker_killed_between_dead_letter_and_acknowledgement() {
    let scene = Scene::durable();
    scene.publish(1, 120);
    let mut kills = 0;
    for round in 1..=5 {
        let worker = scene.worker(&["--concurrency", "4"], "exit 65").spawn();
        until(RECOVERY, "dead letters", || {
            scene.server.redis(&["XLEN", "{s}:dlq"]).int() >= round * 20
        });
        kill(worker);
        kills += 1;
        // In one script: an entry is in exactly one of the two.
        let account = scene.account();
        let both: Vec<_> = account
            .dead
            .keys()
            .filter(|id| account.pending.contains(*id))
            .collect();
        assert!(both.is_empty(), "{both:?}");
    }
    let worker = scene.worker(&["--concurrency", "4"], "exit 65").spawn();
    scene.await_settled_by(&[&worker]);
    worker.terminate().assert_code(0);
    let account = scene.closed_account("53");
    println!("row 53: {kills} kills");
    assert_eq!(account.dead.len(), 120);
}

#[test]
fn row_54_two_redrives_at_once() {
    let scene = Scene::new();
    scene.group();
    let mut client = scene.server.client();
    for ms in 1..=50 {
        client.send(&[
            "XADD",
            "{s}:dlq",
            &format!("{ms}-1"),
            "n",
            "1",
            "_dlq_id",
            "0-1",
            "_dlq_body",
            "present",
        ]);
    }
    let url = scene.server.url();
    let redrive_all = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let dialer = Dialer::new(Endpoint::parse(&url).unwrap(), RECOVERY);
            let connection = dialer.connect().await.unwrap();
            let (stream, mut moved) = ("s".into(), 0);
            for ms in 1..=50 {
                let call = redrive(
                    &"{s}:dlq".into(),
                    Destination::OneGroup(&stream),
                    EntryId::new(ms, 1),
                );
                match connection.call(call).await.unwrap() {
                    Move::Done { .. } => moved += 1,
                    Move::Gone => {}
                    other => panic!("{other:?}"),
                }
            }
            moved
        })
    };
    let moved = thread::scope(|scope| {
        let runs = [(); 2].map(|()| scope.spawn(redrive_all));
        runs.map(|run| run.join().unwrap())
    });
    println!("row 54: {moved:?} moved");
    assert_eq!(moved.iter().sum::<i32>(), 50);
    assert_eq!(scene.server.redis(&["XLEN", "s"]).int(), 50);
    assert_eq!(scene.server.redis(&["XLEN", "{s}:dlq"]).int(), 0);
}

#[test]
fn row_55_dead_letter_stream_of_the_wrong_type() {
    let scene = Scene::new();
    scene.server.redis(&["SET", "{s}:dlq", "text"]);
    scene.publish(1, 10);
    let body = r"case ${UCP_ID%-*} in 5) exit 65;; esac";
    let mut worker = scene.worker(&[], body).spawn();
    let line = worker.await_stderr("they stay pending");
    assert!(
        line.contains("{s}:dlq is a string") && line.contains("5-1"),
        "{line}"
    );
    scene.await_count("done", 9);
    until(RECOVERY, "acknowledgements", || scene.pending().len() == 1);
    let tries = || worker.so_far().matches("cannot move entries").count();
    // For longer than the claim idle: the lease of what waits for its dead letter is kept up, too.
    let other = scene.worker(&[], body).spawn();
    until(RECOVERY, "several tries", || tries() >= 6);
    let tries_made = tries();
    scene.server.redis(&["DEL", "{s}:dlq"]);
    scene.await_settled_by(&[&worker]);
    other.terminate().assert_code(0).stderr_lacks("taken over");
    worker.terminate().assert_code(0);
    let account = scene.closed_account("55");
    println!(
        "row 55: {tries_made} tries to write it, {} attempts in all",
        scene.count("start")
    );
    assert_eq!((account.done.len(), account.dead.len()), (9, 1));
    assert_eq!(scene.count("start"), 10, "the handler ran once an entry");
}

#[test]
fn row_55_dead_letter_stream_of_the_wrong_type_for_once() {
    let scene = Scene::new();
    scene.server.redis(&["SET", "{s}:dlq", "text"]);
    scene.publish(1, 1);
    let run = scene.worker(&["--once"], "exit 65").run();
    run.assert_code(7)
        .stderr_has("they stay pending")
        .stderr_has("1 left pending");
    let account = scene.closed_account("55");
    assert_eq!((account.pending.len(), scene.count("start")), (1, 1));
}
