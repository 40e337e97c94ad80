//! What a worker takes on while nothing can be brought to its end: no more than it can remember.

use std::collections::BTreeSet;

use crate::scene::{RECOVERY, Scene};
use crate::support::{Invocation, Spawned, until};
use ucp_streams::model::with_commas;

/// Entries that may wait for a retry or for their dead letter to be written.
const WAITING_MAX: i64 = 10_000;
const BATCH: i64 = 250;
/// Entries that one look through the pending list may find.
const FOUND_MAX: i64 = 1024;
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

/// The next `count` entries belong to consumer `dead`, were delivered so often, and wait to be taken over.
fn abandon_next(scene: &Scene, count: i64, deliveries: &str) {
    let mut client = scene.server.client();
    let count = count.to_string();
    let read = ["XREADGROUP", "GROUP", "g", "dead", "COUNT", &count];
    let read = client.send(&[&read[..], &["STREAMS", "s", ">"]].concat());
    let entries = read.items()[0].items()[1].items().to_vec();
    let mut claim = vec!["XCLAIM", "s", "g", "dead", "0"];
    claim.extend(entries.iter().map(|entry| entry.items()[0].text()));
    claim.extend(["IDLE", "3600000", "RETRYCOUNT", deliveries, "JUSTID"]);
    assert_eq!(client.send(&claim).items().len(), entries.len());
}

/// Nothing is taken over meanwhile but what was abandoned an hour ago, however slow the machine is.
const LONG: [&str; 2] = ["--claim-idle", "1m"];

/// A worker to which not one entry is an event: each is a dead letter at once.
fn dead_letters_only(scene: &Scene, flags: &[&str]) -> Invocation {
    let batch = BATCH.to_string();
    let run = [
        &["worker", "run", "g", "--stream", "s"][..],
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

/// Awaits two rounds of tries; how many moves they were, and in how many lines they were told of.
fn two_rounds(worker: &Spawned) -> (i64, i64) {
    let before = tries(worker);
    until(RECOVERY, "two rounds of tries", || {
        tries(worker).0 >= before.0 + 2 * WAITING_MAX
    });
    let after = tries(worker);
    (after.0 - before.0, after.1 - before.1)
}

/// Ids that scripts were called with since the log of slow commands was emptied.
fn ids_asked_about(scene: &Scene) -> BTreeSet<String> {
    let log = scene.server.redis(&["SLOWLOG", "GET", "-1"]);
    let mut ids = BTreeSet::new();
    for call in log.items() {
        let args = call.items()[3].texts();
        if args[0] == "EVALSHA" {
            let id = args.iter().find(|arg| arg.ends_with("-1"));
            ids.extend(id.map(|id| (*id).to_owned()));
        }
    }
    ids
}

#[test]
fn row_24_no_more_dead_letters_than_can_be_remembered_while_memory_is_full() {
    let scene = Scene::new();
    scene.publish(1, ENTRIES);
    scene.group();
    set(&scene, "1");
    let mut worker = dead_letters_only(&scene, &LONG).spawn();
    worker.await_stderr("they stay pending");
    // Delivered is not yet given up: until the last of them is, it may look for what others hold.
    until(RECOVERY, "as many as may wait", || {
        let (pending, _) = held(&scene);
        pending >= WAITING_MAX && tries(&worker).0 >= pending
    });
    abandon_next(&scene, ABANDONED, "1");
    // Two more rounds of tries: it has looked for what was abandoned meanwhile, and for new entries.
    let (tried, lines) = two_rounds(&worker);
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
        .stderr_has(&format!("{} dead-lettered", with_commas(ENTRIES)))
        .stderr_has(&format!("{} taken over", with_commas(ABANDONED)));
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
        .stderr_has(&format!("{} left pending", with_commas(pending)));
    let account = scene.closed_account("24");
    let lines = run.stderr().matches("cannot move entries").count();
    println!("row 24: {lines} lines about dead letters");
    assert!((WAITING_MAX..=WAITING_MAX + 2 * BATCH).contains(&pending));
    assert!(account.dead.is_empty());
    // The next one goes on with them.
    set(&scene, "0");
    let next = dead_letters_only(&scene, &["--claim-idle", "3s"]).spawn();
    scene.await_settled_by(&[&next]);
    next.terminate().assert_code(0);
    assert_eq!(scene.closed_account("24").dead.len() as u64, ENTRIES);
}

#[test]
fn row_24_no_more_entries_are_given_up_than_can_be_remembered() {
    let scene = Scene::new();
    scene.publish(1, ENTRIES);
    scene.group();
    // Delivered twice as often as is allowed: given up at sight, without another attempt.
    let entries = i64::try_from(ENTRIES).unwrap();
    abandon_next(&scene, entries, "10");
    set(&scene, "1");
    let worker = dead_letters_only(&scene, &LONG).spawn();
    until(RECOVERY, "as many as may wait", || {
        tries(&worker).0 >= WAITING_MAX
    });
    let set_log = |name: &str, value: &str| {
        scene.server.redis(&["CONFIG", "SET", name, value]);
    };
    set_log("slowlog-max-len", "100000");
    set_log("slowlog-log-slower-than", "0");
    two_rounds(&worker);
    set_log("slowlog-log-slower-than", "-1");
    let asked = ids_asked_about(&scene).len();
    println!("row 24: {asked} of {ENTRIES} entries given up");
    let most = usize::try_from(WAITING_MAX + FOUND_MAX).unwrap();
    assert!(asked >= 5000 && asked <= most, "{asked}");
    assert_eq!(held(&scene), (entries, entries));
    set(&scene, "0");
    scene.await_settled_by(&[&worker]);
    let run = worker.terminate();
    run.assert_code(0)
        .stderr_has(&format!("{} dead-lettered", with_commas(ENTRIES)));
    assert_eq!(scene.closed_account("24").dead.len() as u64, ENTRIES);
}
