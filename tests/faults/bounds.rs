//! What a worker takes on while nothing can be brought to its end: no more than it can remember.

use crate::scene::{RECOVERY, Scene};
use crate::support::{Invocation, Spawned, until};

/// Entries that may wait for a retry or for their dead letter to be written.
const WAITING_MAX: i64 = 10_000;
const BATCH: i64 = 250;
/// Entries in the stream: more than are taken on.
const ENTRIES: u64 = 12_000;
/// The last of them that another consumer abandons while no more are taken on.
const ABANDONED: i64 = 100;

fn set(scene: &Scene, maxmemory: &str) {
    let set = ["CONFIG", "SET", "maxmemory", maxmemory];
    scene.server.redis(&set);
}

/// Pending entries: all, and those of consumer `dead`.
fn held(scene: &Scene) -> (i64, i64) {
    let summary = scene.server.redis(&["XPENDING", "s", "g"]);
    let [count, _, _, consumers] = summary.items() else {
        panic!("{summary:?}");
    };
    let of_dead = consumers
        .items()
        .iter()
        .find(|row| row.items()[0].text() == "dead")
        .map_or(0, |row| row.items()[1].text().parse().unwrap());
    (count.int(), of_dead)
}

/// The next entries belong to consumer `dead`, and wait to be taken over.
fn abandon_next(scene: &Scene) {
    let mut client = scene.server.client();
    let count = ABANDONED.to_string();
    let read = ["XREADGROUP", "GROUP", "g", "dead", "COUNT", &count];
    let read = client.send(&[&read[..], &["STREAMS", "s", ">"]].concat());
    let entries = read.items()[0].items()[1].items().to_vec();
    let mut claim = vec!["XCLAIM", "s", "g", "dead", "0"];
    claim.extend(entries.iter().map(|entry| entry.items()[0].text()));
    claim.extend(["IDLE", "3600000", "RETRYCOUNT", "1", "JUSTID"]);
    assert_eq!(client.send(&claim).items().len(), entries.len());
}

/// A worker to which not one entry is an event: each is a dead letter at once.
fn dead_letters_only(scene: &Scene, flags: &[&str]) -> Invocation {
    let batch = BATCH.to_string();
    let run = [
        &["worker", "run", "g", "--stream", "s", "--claim-idle", "3s"][..],
        &["--backoff-base", "2s", "--backoff-cap", "2s"],
        &["--batch", &batch, "--builtin", "normalize"],
        flags,
    ];
    scene.server.command(&run.concat())
}

/// Moves that the worker says could not be made, and in how many lines.
fn tries(worker: &Spawned) -> (i64, i64) {
    let said = worker.so_far();
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("cannot move entries"))
        .collect();
    let entries = |line: &&str| -> i64 {
        let entries = line.split(" entries=").nth(1).unwrap();
        entries.split(' ').next().unwrap().parse().unwrap()
    };
    (
        lines.iter().map(entries).sum(),
        i64::try_from(lines.len()).unwrap(),
    )
}

#[test]
fn row_24_no_more_dead_letters_than_can_be_remembered_while_memory_is_full() {
    let scene = Scene::new();
    scene.publish(1, ENTRIES);
    scene.group();
    set(&scene, "1");
    let mut worker = dead_letters_only(&scene, &[]).spawn();
    worker.await_stderr("they stay pending");
    until(RECOVERY, "as many as may wait", || {
        held(&scene).0 >= WAITING_MAX
    });
    abandon_next(&scene);
    // Two more rounds of tries: it has looked for what was abandoned meanwhile, and for new entries.
    let (before, lines_before) = tries(&worker);
    until(RECOVERY, "two rounds of tries", || {
        tries(&worker).0 >= before + 2 * WAITING_MAX
    });
    let (tried, lines) = tries(&worker);
    let (tried, lines) = (tried - before, lines - lines_before);
    println!("row 24: {tried} tries in {lines} lines");
    assert!(lines <= tried / 100, "{lines} lines about {tried} tries");
    let (pending, abandoned) = held(&scene);
    println!("row 24: {pending} pending, {abandoned} of them abandoned and not taken over");
    assert_eq!(abandoned, ABANDONED, "nothing is taken over");
    assert!(
        (WAITING_MAX..=WAITING_MAX + 2 * BATCH).contains(&(pending - abandoned)),
        "{pending}"
    );
    assert!(worker.ended().is_none());
    set(&scene, "0");
    scene.await_settled_by(&[&worker]);
    worker
        .terminate()
        .assert_code(0)
        .stderr_has(&format!("{ENTRIES} dead-lettered"))
        .stderr_has(&format!("{ABANDONED} taken over"));
    assert_eq!(scene.closed_account("24").dead.len() as u64, ENTRIES);
}

#[test]
fn row_24_once_ends_when_no_more_dead_letters_can_be_remembered() {
    let scene = Scene::new();
    scene.publish(1, ENTRIES);
    scene.group();
    set(&scene, "1");
    let run = dead_letters_only(&scene, &["--once"]).run();
    let (pending, _) = held(&scene);
    run.assert_code(7)
        .stderr_has(&format!("{pending} left pending"));
    let account = scene.closed_account("24");
    let lines = run.stderr().matches("cannot move entries").count();
    println!("row 24: {lines} lines about dead letters");
    assert!((WAITING_MAX..=WAITING_MAX + 2 * BATCH).contains(&pending));
    assert!(account.dead.is_empty());
    // The next one goes on with them.
    set(&scene, "0");
    let next = dead_letters_only(&scene, &[]).spawn();
    scene.await_settled_by(&[&next]);
    next.terminate().assert_code(0);
    assert_eq!(scene.closed_account("24").dead.len() as u64, ENTRIES);
}
