//! Handlers that fail, hang, or are slow.

use std::time::{Duration, Instant};

use crate::scene::{CLAIM_IDLE, RECOVERY, Scene, field};
use crate::support::{is_alive, until};

#[test]
fn row_39_poison_messages() {
    let scene = Scene::new();
    scene.publish(1, 100);
    let body = r#"case ${UCP_ID%-*} in *0) echo "poison $UCP_ID" >&2; exit 1;; esac"#;
    let flags = ["--concurrency", "4", "--max-deliveries", "3"];
    let worker = scene.worker(&flags, body).spawn();
    scene.await_settled_by(&[&worker]);
    let run = worker.terminate();
    run.assert_code(0)
        .stderr_has("90 handled")
        .stderr_has("10 dead-lettered");
    let account = scene.closed_account("39");
    assert_eq!(
        (account.done.len(), account.dead.len(), account.repeats()),
        (90, 10, 0)
    );
    for letter in scene.dead_letters() {
        let id = field(&letter, "_dlq_id");
        let attempts: Vec<u64> = scene
            .ledger()
            .iter()
            .filter(|line| line.id == id)
            .map(|line| line.deliveries)
            .collect();
        assert_eq!(attempts, [1, 2, 3], "{id}");
        assert_eq!(field(&letter, "_dlq_deliveries"), "3");
        assert_eq!(field(&letter, "_dlq_reason"), format!("poison {id}"));
    }
}

#[test]
fn row_40_handler_that_hangs() {
    let scene = Scene::new();
    scene.publish(1, 1);
    let body = r#"sleep 999 & echo "start $UCP_ID $UCP_DELIVERIES $!" >>"$here/ledger"; wait"#;
    let flags = ["--handler-timeout", "500ms", "--max-deliveries", "2"];
    let worker = scene.worker(&flags, body).spawn();
    until(RECOVERY, "a dead letter", || {
        scene.server.redis(&["EXISTS", "{s}:dlq"]).int() == 1
    });
    let lines = scene.ledger();
    println!("row 40: {} processes started", lines.len());
    assert_eq!(lines.len(), 4, "two attempts, each with a child");
    // They were killed before the dead letter, and are gone when the system comes to it.
    until(RECOVERY, "the handlers' end", || {
        !lines.iter().any(|line| is_alive(line.pid))
    });
    let letter = &scene.dead_letters()[0];
    assert!(
        field(letter, "_dlq_reason").contains("did not finish within 500ms"),
        "{letter:?}"
    );
    worker.terminate().assert_code(0);
    scene.closed_account("40");
}

#[test]
fn row_41_handlers_slower_than_the_claim_idle() {
    let scene = Scene::new();
    scene.publish(1, 6);
    let flags = ["--concurrency", "2", "--batch", "2"];
    let workers = [(); 2].map(|()| scene.worker(&flags, "sleep 7").spawn());
    let started = Instant::now();
    scene.await_count("done", 6);
    scene.await_settled();
    for worker in workers {
        worker
            .terminate()
            .assert_code(0)
            .stderr_lacks("lease lost")
            .stderr_lacks("leases lost")
            .stderr_lacks("taken over");
    }
    let account = scene.closed_account("41");
    println!(
        "row 41: handlers of 7 s, claim idle {CLAIM_IDLE:?}, all done after {:?}",
        started.elapsed()
    );
    assert_eq!((account.done.len(), account.repeats()), (6, 0));
    assert!(scene.ledger().iter().all(|line| line.deliveries == 1));
    assert!(started.elapsed() > 2 * CLAIM_IDLE + Duration::from_secs(1));
}

#[test]
fn row_39_more_poison_than_opens_the_breaker_does_not_hold_up_the_others() {
    let scene = Scene::new();
    scene.publish(1, 22);
    let body = r"test ${UCP_ID%-*} -le 22 && exit 1";
    let flags = ["--concurrency", "4", "--max-deliveries", "2"];
    let mut worker = scene.worker(&flags, body).spawn();
    worker.await_stderr("circuit breaker opened");
    scene.publish(23, 60);
    worker.await_stderr("handlers succeed again");
    scene.await_settled_by(&[&worker]);
    worker.terminate().assert_code(0);
    let account = scene.closed_account("39");
    assert_eq!(
        (account.done.len(), account.dead.len(), account.repeats()),
        (38, 22, 0)
    );
}

#[test]
fn row_39_an_outage_dead_letters_nothing() {
    let scene = Scene::new();
    scene.publish(1, 60);
    std::fs::write(scene.path("down"), "").unwrap();
    let body = r#"test -e "$here/down" && exit 1"#;
    let flags = ["--concurrency", "4", "--max-deliveries", "5"];
    let mut worker = scene.worker(&flags, body).spawn();
    worker.await_stderr("circuit breaker opened");
    let attempts = scene.count("start");
    // Probes, one at a time, that old messages and new ones take in turn.
    scene.await_count("start", attempts + 6);
    std::fs::remove_file(scene.path("down")).unwrap();
    scene.await_settled_by(&[&worker]);
    worker.terminate().assert_code(0);
    let account = scene.closed_account("39");
    println!("row 39: {attempts} attempts opened the breaker");
    assert_eq!(
        (account.done.len(), account.dead.len(), account.repeats()),
        (60, 0, 0)
    );
}

#[test]
fn row_39_an_entry_whose_deliveries_are_used_up_gets_its_turn_beside_a_backlog() {
    let scene = Scene::new();
    scene.publish(1, 3000);
    scene.group();
    scene.abandon(1, 1);
    // Due when the others have been at work for a while.
    let used_up = ["XCLAIM", "s", "g", "dead", "0", "1-1", "IDLE", "1500"];
    let used_up = [&used_up[..], &["RETRYCOUNT", "5", "JUSTID"]].concat();
    scene.server.redis(&used_up);
    let mut worker = scene.worker(&["--rate", "50"], "").spawn();
    let alone = worker.await_stderr("trying it once more, alone");
    until(RECOVERY, "its attempt", || {
        scene.ledger().iter().any(|line| line.id == "1-1")
    });
    let account = scene.account();
    println!(
        "row 39: {} handled and {} undelivered at the attempt alone: {alone}",
        account.done.len(),
        account.undelivered.len()
    );
    assert!(account.undelivered.len() > 1000);
    worker.terminate().assert_code(0);
}

#[test]
fn row_39_the_last_message_asked_for_ends_the_worker() {
    let scene = Scene::new();
    scene.publish(1, 1);
    // The first attempt at the first one fails, and its retry comes while a read waits.
    let body = r#"test "$UCP_ID$UCP_DELIVERIES" = 1-11 && exit 1"#;
    let worker = scene.worker(&["--max-messages", "2"], body).spawn();
    scene.await_count("start", 1);
    scene.publish(2, 4);
    let run = worker.wait();
    println!("row 39: {run}");
    assert_eq!(scene.count("start"), 2);
    let account = scene.account();
    let left = account.pending.len() + account.undelivered.len();
    assert_eq!(account.done.len() + left, 4, "the rest is there for others");
}
