//! Every script that writes, as one call in the same situation (alice holds 1-1 of `s` under count 1, the dead-letter
//! stream has 5-1): what is true of all of them is tested over this list.

use std::time::Duration;

use ucp_streams::model::{EntryId, Time};
use ucp_streams::wire::{
    Connection, CountMode, Destination, Fence, Result, acknowledge, add_together, claim,
    count_and_acknowledge, dead_letter, delete_consumer, delete_group, prune_consumers,
    publish_and_acknowledge, redrive, release, renew, requeue, set_group_id, take_lease,
};

use crate::fixture::{DEAD, Fixture, GROUP, STREAM, id, seen};
use crate::outputs::{output, update};

pub type Call = fn(&Fixture, &Connection, Option<&Fence>) -> Result<String>;

pub struct Case {
    pub name: &'static str,
    /// Keys whose type matters.
    pub keys: &'static [&'static str],
    /// Commands it writes with.
    pub writes: &'static [&'static str],
    /// Whether it is the worker's, under the fence of a single active one.
    pub is_fenced: bool,
    pub call: Call,
}

const FEATURES: [&str; 2] = ["{s}:features:b", "{s}:features:b:p"];

pub const CASES: [Case; 14] = [
    case("ack", &[STREAM], &["xack"], true, |at, on, fence| {
        said(at.call_on(on, acknowledge(at.fenced(fence), &[(id(1), 1)])))
    }),
    case("claim", &[STREAM], &["xclaim"], true, |at, on, fence| {
        let mode = CountMode::Raise;
        let call = claim(at.fenced(fence), mode, |_| Duration::ZERO, &[seen(1)]);
        said(at.call_on(on, call))
    }),
    case("renew", &[STREAM], &["xclaim"], true, |at, on, fence| {
        said(at.call_on(on, renew(at.fenced(fence), &[(id(1), 1)])))
    }),
    case("release", &[STREAM], &["xclaim"], true, |at, on, fence| {
        let leases = [((id(1), 1), Some(0))];
        said(at.call_on(on, release(at.fenced(fence), &leases)))
    }),
    case(
        "delete_consumer",
        &[STREAM],
        &["xgroup|delconsumer"],
        true,
        |at, on, fence| {
            let carol = "carol".into();
            let mut holder = at.fenced(fence);
            holder.consumer = &carol;
            said(at.call_on(on, delete_consumer(holder)))
        },
    ),
    case(
        "dead_letter",
        &[STREAM, DEAD],
        &["xadd", "xack"],
        true,
        |at, on, fence| {
            let call = dead_letter(
                at.fenced(fence),
                &at.names.dead,
                &seen(1),
                b"why",
                Time::from_ms(0),
            );
            said(at.call_on(on, call))
        },
    ),
    case(
        "effect",
        &[STREAM, "{s}:one", "{s}:two"],
        &["xadd", "xack"],
        true,
        |at, on, fence| {
            let outputs =
                ["{s}:one", "{s}:two"].map(|stream| output(stream, None, &[(b"k", b"v")]));
            said(at.call_on(
                on,
                publish_and_acknowledge(at.fenced(fence), (id(1), 1), &outputs),
            ))
        },
    ),
    case(
        "features",
        &[STREAM, FEATURES[0], FEATURES[1]],
        &["hincrby", "hincrbyfloat", "hset", "xack"],
        true,
        |at, on, fence| {
            let event = update(true, Some("1.5"), "2025-01-01T00:00:00.000Z");
            said(at.call_on(
                on,
                count_and_acknowledge(at.fenced(fence), (id(1), 1), &event),
            ))
        },
    ),
    case(
        "requeue",
        &[STREAM, "{s}:retry:g"],
        &["xadd", "xack"],
        false,
        |at, on, _| {
            let retry = "{s}:retry:g".into();
            let to = Destination::RetryStream(&retry);
            let call = requeue(at.holder(), to, &seen(1), Duration::ZERO);
            said(at.call_on(on, call))
        },
    ),
    case(
        "redrive",
        &[STREAM, DEAD],
        &["xadd", "xdel"],
        false,
        |at, on, _| {
            let dead = EntryId::new(5, 1);
            let to = Destination::OneGroup(&at.names.stream);
            said(at.call_on(on, redrive(&at.names.dead, to, dead)))
        },
    ),
    case(
        "ingest",
        &["{s}:one", "{s}:two"],
        &["xadd"],
        false,
        |at, on, _| {
            let outputs =
                ["{s}:one", "{s}:two"].map(|stream| output(stream, None, &[(b"k", b"v")]));
            said(at.call_on(on, add_together(&outputs)))
        },
    ),
    case(
        "set_id",
        &[STREAM],
        &["xgroup|setid"],
        false,
        |at, on, _| {
            let call = set_group_id(at.group_seen(1, 1), EntryId::MIN, None);
            said(at.call_on(on, call))
        },
    ),
    case(
        "delete_group",
        &[STREAM],
        &["xgroup|destroy"],
        false,
        |at, on, _| said(at.call_on(on, delete_group(at.group_seen(1, 1), true))),
    ),
    case(
        "prune_consumers",
        &[STREAM],
        &["xgroup|delconsumer"],
        false,
        |at, on, _| {
            let names = &at.names;
            let carol = ["carol".into()];
            let call = prune_consumers(&names.stream, &names.group, &carol);
            said(at.call_on(on, call))
        },
    ),
];

const fn case(
    name: &'static str,
    keys: &'static [&'static str],
    writes: &'static [&'static str],
    is_fenced: bool,
    call: Call,
) -> Case {
    Case {
        name,
        keys,
        writes,
        is_fenced,
        call,
    }
}

fn said<T: std::fmt::Debug>(outcome: Result<T>) -> Result<String> {
    outcome.map(|value| format!("{value:?}"))
}

/// The situation that every case works in.
pub fn arrange(fixture: &Fixture) {
    fixture.again(1);
    let mut client = fixture.raw();
    client.send(&[
        "XADD",
        DEAD,
        "5-1",
        "n",
        "5",
        "_dlq_id",
        "0-5",
        "_dlq_body",
        "present",
    ]);
    client.send(&["XGROUP", "CREATECONSUMER", STREAM, GROUP, "carol"]);
}

/// The lease of the single active worker, as a case that takes it.
pub fn lease(fixture: &Fixture, on: &Connection, fence: &Fence) -> Result<String> {
    said(fixture.call_on(on, take_lease(fence, Duration::from_mins(1))))
}
