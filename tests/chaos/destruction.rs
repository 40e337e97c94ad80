//! FLUSHALL, DEL and XGROUP DESTROY under workers that wait and workers that work. Nothing can promise that nothing is
//! lost here; the promise is another: it is said aloud, the workers go on, and they rather repeat than skip.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::fleet::{Fleet, Slot};
use crate::history::Said;
use crate::message::Plan;
use crate::scenarios::{handlers, said, send};
use crate::support::until;
use crate::world::{World, attempts};

const SOON: Duration = Duration::from_mins(1);
const ALOUD: &str = "created again from the beginning of the stream; entries may be handled again";

fn done(world: &World) -> BTreeSet<String> {
    let done = attempts(world.path())
        .0
        .into_iter()
        .filter(|it| it.said == Said::Done);
    done.map(|it| it.key).collect()
}

fn published(world: &World) -> BTreeSet<String> {
    let published = crate::publisher::published(world.path(), "jobs");
    published.into_iter().map(|it| it.key).collect()
}

fn pids(world: &mut World) -> Vec<Option<u32>> {
    world.fleet().slots.iter().map(Slot::pid).collect()
}

/// Workers wait at an empty stream or are at work; then `command`, and more messages. All that is in the stream
/// afterwards is handled by the same processes, which say what happened.
fn goes_on(command: &[&str], in_hand: usize) {
    let mut world = handlers(2);
    world.start_fleet();
    send(&world, "before", &[(Plan::Plain, 20)]);
    until(SOON, "the first messages", || done(&world).len() == 20);
    let workers = pids(&mut world);
    send(&world, "during", &[(Plan::Plain, in_hand)]);
    world.server.redis(command);
    let survive = command[0] == "XGROUP";
    send(&world, "after", &[(Plan::Plain, 50)]);
    let wanted: BTreeSet<String> = published(&world)
        .into_iter()
        .filter(|key| survive || key.starts_with("after"))
        .collect();
    until(SOON, "what is in the stream is handled", || {
        done(&world).is_superset(&wanted)
    });
    until(SOON, "it is said", || said(&world).contains(ALOUD));
    assert!(world.rest(SOON), "nothing is left over");
    assert_eq!(pids(&mut world), workers, "the same workers");
    let deserters = world.fleet.take().map(Fleet::disband).unwrap_or_default();
    assert!(deserters.is_empty(), "{deserters:#?}");
    println!(
        "{command:?}: {} messages of {} handled",
        done(&world).len(),
        published(&world).len()
    );
}

#[test]
fn flushall_while_blocked() {
    goes_on(&["FLUSHALL"], 0);
}

#[test]
fn del_while_blocked() {
    goes_on(&["DEL", "jobs"], 0);
}

#[test]
fn group_destroyed_while_blocked() {
    goes_on(&["XGROUP", "DESTROY", "jobs", "handle"], 0);
}

#[test]
fn flushall_at_work() {
    goes_on(&["FLUSHALL"], 200);
}

#[test]
fn del_at_work() {
    goes_on(&["DEL", "jobs"], 200);
}

#[test]
fn group_destroyed_at_work() {
    goes_on(&["XGROUP", "DESTROY", "jobs", "handle"], 200);
}
