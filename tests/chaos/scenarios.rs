//! Short runs, each made for one way of going wrong. The checker finds nothing here; with the bug that it was made for
//! planted, it does.

use std::time::Duration;

use crate::check::Verdict;
use crate::events::{death, now};
use crate::fleet::Job;
use crate::history::{Cause, Rules, Trims, Work};
use crate::ledger::now_ms;
use crate::message::{Message, Plan};
use crate::publisher::publish;
use crate::rng::Rng;
use crate::support::{End, until};
use crate::world::World;

pub const SOON: Duration = Duration::from_mins(1);
const DEAD_LETTERS: &str = "{jobs}:dlq";

/// A run that ends with a verdict.
pub type Scenario = fn(&mut World) -> Verdict;

/// One stream and one group of handlers.
pub fn handlers(workers: usize) -> World {
    World::new(vec![Job::new("jobs", "handle", Work::Handler, workers)])
}

/// Publishes so many messages of each plan.
pub fn send(world: &World, prefix: &str, plans: &[(Plan, usize)]) {
    let mut rng = Rng::new(1);
    let mut messages = Vec::new();
    for (plan, count) in plans {
        for number in 0..*count {
            let key = format!("{prefix}-{plan}-{number}");
            messages.push(Message::new(key, *plan, &mut rng));
        }
    }
    rng.shuffle(&mut messages);
    let stream = world.jobs[0].stream;
    publish(world.path(), &mut world.server.client(), stream, &messages);
}

/// What the workers have said so far.
pub fn said(world: &World) -> String {
    let files = std::fs::read_dir(world.path()).unwrap().flatten();
    let logs = files.filter(|file| file.file_name().to_string_lossy().starts_with("worker."));
    logs.map(|file| std::fs::read_to_string(file.path()).unwrap_or_default())
        .collect()
}

pub fn pending(world: &World) -> i64 {
    world.server.redis(&["XPENDING", "jobs", "handle"]).items()[0].int()
}

pub fn undelivered(world: &World) -> i64 {
    let groups = world.server.redis(&["XINFO", "GROUPS", "jobs"]);
    groups.items()[0].field("lag").int()
}

pub fn dead_letters(world: &World) -> i64 {
    world.server.redis(&["XLEN", DEAD_LETTERS]).int()
}

/// A consumer outside the fleet takes `count` entries and is never heard of again, long ago.
pub fn abandon(world: &World, count: usize) {
    abandon_after(world, count, 1);
}

/// The same, each delivered so often.
pub fn abandon_after(world: &World, count: usize, deliveries: u64) {
    let mut client = world.server.client();
    let (count, deliveries) = (count.to_string(), deliveries.to_string());
    let read = [
        "XREADGROUP",
        "GROUP",
        "handle",
        "gone",
        "COUNT",
        &count,
        "STREAMS",
        "jobs",
        ">",
    ];
    let reply = client.send(&read);
    let entries = reply.items()[0].items()[1].items().to_vec();
    let ids = entries.iter().map(|entry| entry.items()[0].text());
    let claim = ["XCLAIM", "jobs", "handle", "gone", "0"]
        .into_iter()
        .chain(ids);
    let rest = ["IDLE", "600000", "RETRYCOUNT", &deliveries, "JUSTID"];
    let claim: Vec<&str> = claim.chain(rest).collect();
    client.send(&claim);
    world
        .log
        .event(death("a consumer was gone from the start", now_ms(), 0));
}

/// Messages that fail, crash and succeed.
pub fn failures(world: &mut World) -> Verdict {
    world.start_fleet();
    let plans = [
        (Plan::Plain, 40),
        (Plan::Flaky, 20),
        (Plan::Crash, 5),
        (Plan::Poison, 3),
        (Plan::Permanent, 2),
    ];
    send(world, "f", &plans);
    world.judge(Rules::default()).1
}

/// Several workers find the entries of a dead one at the same moment.
pub fn contention(world: &mut World) -> Verdict {
    send(world, "c", &[(Plan::Plain, 300)]);
    abandon(world, 300);
    world.start_fleet();
    world.judge(Rules::default()).1
}

/// Entries are delivered in replies that never arrive, and the connection is lost.
pub fn lost_deliveries(world: &mut World) -> Verdict {
    world.start_fleet();
    for round in 0..4 {
        until(SOON, "a read that waits", || {
            let clients = world.server.redis(&["INFO", "clients"]);
            clients.text().contains("blocked_clients:1")
        });
        let found = world.fleet().slots[0].proxy.counts().found;
        world.fleet().slots[0].proxy.drop_replies_to("XREADGROUP");
        // The read that waits already gets this one; the next read is the one that is lost.
        send(world, &format!("r{round}-seen"), &[(Plan::Plain, 1)]);
        until(SOON, "the read whose reply is lost", || {
            world.fleet().slots[0].proxy.counts().found > found && pending(world) == 0
        });
        send(world, &format!("r{round}-lost"), &[(Plan::Plain, 4)]);
        until(SOON, "entries delivered to it", || pending(world) > 0);
        let pid = world.fleet().slots[0].pid();
        world.log.event(now("connections reset", Cause::Blip, pid));
        world.fleet().slots[0].proxy.end_all(End::Reset);
        until(SOON, "all of them handled", || pending(world) == 0);
    }
    world.judge(Rules::default()).1
}

/// The dead-letter stream takes nothing for a while.
pub fn full_dead_letters(world: &mut World) -> Verdict {
    let last_id = format!("{0}-{0}", u64::MAX);
    world
        .server
        .redis(&["XADD", DEAD_LETTERS, &last_id, "f", "v"]);
    world.start_fleet();
    send(
        world,
        "d",
        &[(Plan::Plain, 10), (Plan::Permanent, 3), (Plan::Poison, 2)],
    );
    until(SOON, "a dead letter that cannot be written", || {
        let are_decided = undelivered(world) == 0 && pending(world) <= 5;
        are_decided && (pending(world) == 0 || said(world).contains("cannot move entries"))
    });
    world.server.redis(&["DEL", DEAD_LETTERS]);
    world.judge(Rules::default()).1
}

/// The reply to a dead letter is lost.
pub fn unanswered_dead_letter(world: &mut World) -> Verdict {
    world.start_fleet();
    // The script is known to the server after the first.
    send(world, "first", &[(Plan::Permanent, 1)]);
    until(SOON, "the first dead letter", || dead_letters(world) == 1);
    // Its reason is in no other request; the name of its stream is in those that look for losses.
    world.fleet().slots[0]
        .proxy
        .drop_replies_to("of what led to it");
    send(world, "second", &[(Plan::Permanent, 1)]);
    until(SOON, "the dead letter whose reply is lost", || {
        world.fleet().slots[0].proxy.counts().found == 1 && dead_letters(world) >= 2
    });
    let pid = world.fleet().slots[0].pid();
    world.log.event(now("connections reset", Cause::Blip, pid));
    world.fleet().slots[0].proxy.end_all(End::Reset);
    world.judge(Rules::default()).1
}

/// More outputs than any limit that nobody asked for.
pub fn many_copies(world: &mut World) -> Verdict {
    world.start_fleet();
    send(world, "m", &[(Plan::Plain, 500)]);
    world.judge(Rules::default()).1
}

/// One stream, and groups of which one worker is active at a time: one of handlers, one that copies.
pub fn one_active() -> World {
    World::new(vec![
        Job::new("jobs", "handle", Work::Handler, 2).one_active(),
        Job::new("jobs", "copy", Work::Copies, 2).one_active(),
    ])
}

/// The process of the worker that has the lease of the first job; `None` while nobody has.
pub fn active(world: &World) -> Option<u32> {
    let lease = world.server.redis(&["GET", &world.jobs[0].lease()]);
    if lease.is_nil() {
        return None;
    }
    // A consumer is called host-pid-random.
    let consumer = lease.text().split(' ').next()?;
    consumer.rsplit('-').nth(1)?.parse().ok()
}

/// Waits until a worker other than this one is the active one; its process and its slot.
pub fn successor(world: &mut World, of: Option<u32>) -> (u32, usize) {
    until(SOON, "another active worker", || {
        active(world).is_some_and(|pid| Some(pid) != of)
    });
    let pid = active(world).unwrap();
    let mut slots = world.fleet().slots.iter();
    (pid, slots.position(|slot| slot.pid() == Some(pid)).unwrap())
}

/// More than one worker has something to do at a time.
pub fn shared_work(world: &mut World) -> Verdict {
    world.start_fleet();
    send(world, "s", &[(Plan::Plain, 60), (Plan::Slow, 4)]);
    world.judge(Rules::default()).1
}

/// The active worker is killed, and its successor stopped for longer than its lease.
fn successions(world: &mut World) -> Verdict {
    let some = [(Plan::Plain, 20), (Plan::Flaky, 4), (Plan::Poison, 1)];
    world.start_fleet();
    send(world, "first", &some);
    let (first, slot) = successor(world, None);
    until(SOON, "work", || pending(world) > 0);
    world.fleet().kill(slot);
    send(world, "second", &some);
    let (second, slot) = successor(world, Some(first));
    world.fleet().stop(slot);
    send(world, "third", &some);
    let (third, _) = successor(world, Some(second));
    world.fleet().go_on(slot);
    send(world, "fourth", &some);
    println!("active, one after the other: workers {first}, {second} and {third}");
    world.judge(Rules::default()).1
}

/// Every scenario that is good without more ado, with its world.
pub fn holds(mut world: World, scenario: Scenario) {
    let verdict = scenario(&mut world);
    world.demand_good(&verdict);
}

#[test]
fn what_fails_is_tried_again_or_set_aside() {
    holds(handlers(2), failures);
}

#[test]
fn a_dead_workers_entries_go_to_one_worker_each() {
    holds(handlers(4), contention);
}

#[test]
fn what_was_delivered_to_a_lost_connection_is_found_again_without_a_count() {
    holds(handlers(1), lost_deliveries);
}

#[test]
fn poison_stays_pending_while_the_dead_letter_stream_takes_nothing() {
    holds(handlers(1), full_dead_letters);
}

#[test]
fn a_dead_letter_whose_reply_was_lost_is_there_once() {
    holds(handlers(1), unanswered_dead_letter);
}

#[test]
fn one_worker_at_a_time_is_active_through_a_kill_and_a_stop() {
    holds(one_active(), successions);
}

#[test]
fn one_worker_at_a_time_is_active_while_another_stands_by() {
    holds(one_active(), shared_work);
}

#[test]
fn outputs_are_not_cut() {
    holds(copies(), many_copies);
}

/// One stream and one group that copies.
pub fn copies() -> World {
    World::new(vec![Job::new("events", "copy", Work::Copies, 1)])
}

#[test]
fn bodies_trimmed_away_become_tombstones_each_once() {
    let mut world = handlers(2);
    send(&world, "t", &[(Plan::Plain, 60)]);
    abandon(&world, 60);
    world.server.redis(&["XTRIM", "jobs", "MAXLEN", "=", "20"]);
    world.start_fleet();
    let rules = Rules {
        trims: Trims::Bodies,
        ..Rules::default()
    };
    let (history, verdict) = world.judge(rules);
    world.demand_good(&verdict);
    let tombstones = history.groups[0]
        .dead
        .iter()
        .filter(|it| it.message.is_none());
    assert_eq!(tombstones.count(), 40, "entries whose bodies were trimmed");
    println!("40 bodies trimmed away: 40 tombstones, 20 handled");
}
