//! Short runs for what is promised of attempts beside their outcome: their order, their delays, what runs alone, what is
//! kept of a handler's words, and how much memory a worker takes.

use crate::check::Verdict;
use crate::events::now;
use crate::fleet::Job;
use crate::fleet::PLANTED;
use crate::history::{Cause, Event, Rules, Said, Trims, Work};
use crate::ledger::now_ms;
use crate::message::{Message, Plan};
use crate::publisher::publish;
use crate::rng::Rng;
use crate::scenarios::{
    SOON, abandon_after, dead_letters, handlers, holds, pending, said, send, successor, undelivered,
};
use crate::service::Service;
use crate::support::until;
use crate::world::{World, attempts};

/// The backoff that every worker of the suite has.
const BACKOFF_MS: (u64, u64) = (200, 1000);

/// One stream and one group, whose messages a service handles.
pub fn the_service() -> World {
    let mut world = World::new(vec![Job::new("jobs", "handle", Work::Handler, 1)]);
    let service = Service::start(world.path());
    world.jobs[0].service = Some(service.url().to_owned());
    world.service = Some(service);
    world
}

/// One stream and one group whose only slot handles a message at a time.
pub fn one_at_a_time() -> World {
    let mut job = Job::new("jobs", "handle", Work::Handler, 1);
    job.concurrency = 1;
    // Several wait for the slot, so that their order is the worker's to keep.
    job.flags = ["--batch", "10"].map(str::to_owned).to_vec();
    World::new(vec![job])
}

fn start(world: &mut World) {
    let pid = world.start_fleet().slots[0].pid().unwrap_or_default();
    if let Some(service) = &world.service {
        service.is_asked_by(pid);
    }
}

fn never_early() -> Rules {
    Rules {
        backoff_ms: Some(BACKOFF_MS),
        ..Rules::default()
    }
}

/// A service that asks to be left alone.
pub fn busy_service(world: &mut World) -> Verdict {
    start(world);
    send(world, "b", &[(Plan::Plain, 10), (Plan::Busy, 3)]);
    world.judge(never_early()).1
}

/// Failures among successes, which no circuit breaker opens for.
pub fn slow_backoff(world: &mut World) -> Verdict {
    start(world);
    let plans = [(Plan::Plain, 40), (Plan::Flaky, 8), (Plan::Poison, 1)];
    send(world, "w", &plans);
    world.judge(never_early()).1
}

/// Entries whose deliveries are used up, and others that come meanwhile.
pub fn isolation(world: &mut World) -> Verdict {
    send(world, "lone", &[(Plan::Brief, 3)]);
    abandon_after(world, 3, Rules::default().max_deliveries);
    start(world);
    for round in 0..6 {
        send(world, &format!("beside{round}"), &[(Plan::Brief, 12)]);
        until(SOON, "most of them begun", || undelivered(world) < 6);
    }
    world.judge(Rules::default()).1
}

/// Handlers that say more than is kept.
pub fn long_reasons(world: &mut World) -> Verdict {
    start(world);
    let plans = [(Plan::Plain, 20), (Plan::Permanent, 2), (Plan::Poison, 1)];
    send(world, "l", &plans);
    world.judge(Rules::default()).1
}

/// Messages in the order of their entries.
pub fn ordered(world: &mut World) -> Verdict {
    send(world, "o", &[(Plan::Plain, 60), (Plan::Flaky, 5)]);
    start(world);
    let rules = Rules {
        is_ordered: true,
        ..Rules::default()
    };
    world.judge(rules).1
}

/// Messages of a megabyte among small ones.
pub fn big_bodies(world: &mut World) -> Verdict {
    let mut rng = Rng::new(1);
    let messages: Vec<Message> = (0..30)
        .map(|number| {
            let message = Message::new(format!("big-{number}"), Plan::Plain, &mut rng);
            match number % 3 {
                0 => message.of_size(1 << 20),
                _ => message,
            }
        })
        .collect();
    publish(world.path(), &mut world.server.client(), "jobs", &messages);
    start(world);
    world.judge(Rules::default()).1
}

/// A stream and a group of copies that may be many at a time.
pub fn wide_copies() -> World {
    let mut job = Job::new("events", "copy", Work::Copies, 1);
    job.concurrency = 64;
    World::new(vec![job])
}

/// A hundred megabytes in entries of one, for a worker with room for many.
pub fn heavy(world: &mut World) -> Verdict {
    let mut rng = Rng::new(1);
    let messages: Vec<Message> = (0..100)
        .map(|number| {
            Message::new(format!("heavy-{number}"), Plan::Plain, &mut rng).of_size(1 << 20)
        })
        .collect();
    publish(
        world.path(),
        &mut world.server.client(),
        "events",
        &messages,
    );
    start(world);
    let rules = Rules {
        memory_kib_max: Some(MEMORY_KIB),
        ..Rules::default()
    };
    world.judge(rules).1
}

/// What a worker takes whose entries are of a megabyte.
const MEMORY_KIB: u64 = 96 << 10;

/// Workers of one group whose claim idle differs by ten times.
pub fn unlike() -> World {
    let mut job = Job::new("jobs", "handle", Work::Handler, 2);
    job.claim_idles = vec!["30s"];
    World::new(vec![job])
}

/// Handlers that take longer than the shorter claim idle, with a worker that renews its leases by the longer one.
pub fn unlike_policies(world: &mut World) -> Verdict {
    start(world);
    until(SOON, "both at work", || {
        let waiting = world.server.redis(&["INFO", "clients"]);
        waiting.text().contains("blocked_clients:2")
    });
    // The one that renews seldom gets all of them, and the other one has room.
    world.fleet().stop(1);
    send(world, "u", &[(Plan::Slow, 3)]);
    until(SOON, "all of them in its hands", || {
        undelivered(world) == 0 && attempts_begun(world) == 3
    });
    world.fleet().go_on(1);
    let rules = Rules {
        is_undisturbed: true,
        ..Rules::default()
    };
    world.judge(rules).1
}

fn attempts_begun(world: &World) -> usize {
    let (attempts, _) = attempts(world.path());
    attempts.iter().filter(|it| it.said == Said::Start).count()
}

/// Entries are trimmed away before anybody has read them: before the worker starts, and while it stands still.
pub fn trimmed_unread(world: &mut World) -> Verdict {
    let trim = |world: &World, keep: &str| {
        world.server.redis(&["XTRIM", "jobs", "MAXLEN", "=", keep]);
    };
    send(world, "early", &[(Plan::Plain, 50)]);
    trim(world, "20");
    start(world);
    until(SOON, "what is left", || {
        undelivered(world) == 0 && pending(world) == 0
    });
    world.fleet().stop(0);
    send(world, "late", &[(Plan::Plain, 40)]);
    trim(world, "10");
    world.fleet().go_on(0);
    let rules = Rules {
        trims: Trims::Unread,
        ..Rules::default()
    };
    world.judge(rules).1
}

/// One stream and a group of which one worker is active, whose only slot handles a message at a time.
pub fn single() -> World {
    let mut job = Job::new("jobs", "handle", Work::Handler, 2).one_active();
    job.concurrency = 1;
    job.flags = ["--batch", "10"].map(str::to_owned).to_vec();
    // Longer than the lease: a successor that waits for it begins with what is new.
    job.claim_idles = vec!["20s"; 2];
    World::new(vec![job])
}

/// The active worker is killed with entries in hand, and others come before its successor is the active one.
pub fn succession(world: &mut World) -> Verdict {
    send(world, "held", &[(Plan::Brief, 12)]);
    start(world);
    let (first, slot) = successor(world, None);
    until(SOON, "entries in its hand", || pending(world) > 3);
    world.fleet().kill(slot);
    send(world, "new", &[(Plan::Brief, 12)]);
    successor(world, Some(first));
    let rules = Rules {
        is_ordered: true,
        ..Rules::default()
    };
    world.judge(rules).1
}

/// A service that is away, on a stream so quiet that no circuit breaker opens.
pub fn outage(world: &mut World) -> Verdict {
    start(world);
    send(world, "before", &[(Plan::Plain, 3)]);
    until(SOON, "a success", || {
        undelivered(world) == 0 && pending(world) == 0
    });
    world.service().be_away(true);
    let from_ms = now_ms();
    send(world, "during", &[(Plan::Plain, 3)]);
    let wanted = 3 * (Rules::default().max_deliveries + 1);
    until(SOON, "more failures than deliveries", || {
        let failed = said(world).matches("attempt failed").count() as u64;
        failed >= wanted || dead_letters(world) == 3
    });
    world.service().be_away(false);
    // Attempts that the service was not there to write down.
    world.log.event(Event {
        from_ms,
        ..now("the service was away", Cause::Absence, None)
    });
    world.judge(Rules::default()).1
}

/// Handlers that take too long, and have left their work to a process out of reach of a signal to their group.
pub fn escapes(world: &mut World) -> Verdict {
    start(world);
    send(world, "e", &[(Plan::Plain, 10), (Plan::Escapes, 2)]);
    world.judge(Rules::default()).1
}

/// One stream and one group whose handlers have little time.
pub fn hurried() -> World {
    let mut job = Job::new("jobs", "handle", Work::Handler, 1);
    job.handler_timeout = "1s";
    World::new(vec![job])
}

/// Dead letters of messages that have such fields of their own, and what the tool tells of them.
pub fn lookalikes(world: &mut World) -> Verdict {
    start(world);
    send(world, "k", &[(Plan::Plain, 10), (Plan::Lookalike, 3)]);
    until(SOON, "their dead letters", || dead_letters(world) == 3);
    let mut list = world.server.command(&["dlq", "list", "jobs", "-o", "json"]);
    if let Some(bug) = world.planted {
        list = list.env(PLANTED, bug);
    }
    for letter in list.run().stdout_json().as_array().unwrap() {
        let text = |key: &str| letter[key].as_str().unwrap_or_default().to_owned();
        let told = (text("reason"), text("origin_id"));
        world.told.insert(text("id"), told);
    }
    assert_eq!(world.told.len(), 3);
    world.judge(Rules::default()).1
}

#[test]
fn an_outage_of_the_service_is_not_the_messages_fault() {
    holds(the_service(), outage);
}

#[test]
fn nothing_of_an_attempt_outlives_it() {
    holds(hurried(), escapes);
}

#[test]
fn fields_that_look_like_the_tools_own_mislead_nobody() {
    holds(handlers(1), lookalikes);
}

#[test]
fn a_service_that_asks_to_be_left_alone_is() {
    holds(the_service(), busy_service);
}

#[test]
fn no_attempt_comes_before_its_time() {
    holds(handlers(2), slow_backoff);
}

#[test]
fn what_may_kill_its_worker_runs_alone() {
    holds(handlers(1), isolation);
}

#[test]
fn dead_letters_keep_the_end_of_what_was_said() {
    holds(handlers(1), long_reasons);
}

#[test]
fn a_slot_begins_with_messages_in_their_order() {
    holds(one_at_a_time(), ordered);
}

#[test]
fn a_worker_takes_no_more_memory_for_big_messages() {
    holds(wide_copies(), heavy);
}

#[test]
fn the_longest_claim_idle_of_the_live_workers_counts() {
    holds(unlike(), unlike_policies);
}

#[test]
fn what_is_trimmed_unread_is_recorded_exactly() {
    holds(handlers(1), trimmed_unread);
}

#[test]
fn a_successor_begins_with_what_its_predecessor_held() {
    holds(single(), succession);
}

#[test]
fn big_messages_are_handled_whole() {
    holds(handlers(2), big_bodies);
}
