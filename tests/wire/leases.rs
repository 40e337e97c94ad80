//! What a worker does under its leases: acknowledge, claim, renew, release, delete its consumer, and the lease of a
//! single active worker.

use std::time::Duration;

use ucp_streams::wire::{
    Claim, CountMode, ExpectedPending, Fence, LeaseHolder,
    LeaseState::{Done, Ghost, Gone, Lost},
    TakenBack, acknowledge, claim, delete_consumer, drop_lease, release, renew, take_back,
    take_lease,
};

use crate::fixture::{ALICE, Fixture, GROUP, STREAM, id, seen, take_over};

const NOW: Duration = Duration::ZERO;

#[test]
fn an_acknowledgement_counts_only_what_is_held() {
    let fixture = Fixture::delivered(4);
    let mut client = fixture.raw();
    take_over(&mut client, 2);
    client.send(&["XACK", STREAM, GROUP, "3-1"]);
    // 4-1 was delivered again to the same consumer meanwhile.
    client.send(&["XCLAIM", STREAM, GROUP, ALICE, "0", "4-1"]);
    let leases = [(id(1), 1), (id(2), 1), (id(3), 1), (id(4), 1), (id(9), 1)];
    let outcome = fixture.call(acknowledge(fixture.holder(), &leases));
    assert_eq!(outcome.unwrap(), [true, false, false, false, false]);
    assert_eq!(fixture.pending(), ["2-1 bob 2", "4-1 alice 2"]);
}

#[test]
fn acknowledged_in_any_order_far_apart_and_named_twice_each_counts_once() {
    const ALL: u64 = 3_000;
    let fixture = Fixture::delivered(ALL);
    take_over(&mut fixture.raw(), 1_500);
    // More of this consumer lies between these than is looked at together.
    let few: Vec<(_, u64)> = [2_990, 7, 1_500, 7, 400, 2_000, 5_000]
        .map(|n| (id(n), 1))
        .to_vec();
    let outcome = fixture.call(acknowledge(fixture.holder(), &few)).unwrap();
    assert_eq!(outcome, [true, true, false, false, true, true, false]);
    // All of them, from the last to the first.
    let every: Vec<(_, u64)> = (1..=ALL).rev().map(|n| (id(n), 1)).collect();
    let outcome = fixture.call(acknowledge(fixture.holder(), &every)).unwrap();
    let gone = [7, 400, 1_500, 2_000, 2_990];
    for (n, acknowledged) in (1..=ALL).rev().zip(outcome) {
        assert_eq!(acknowledged, !gone.contains(&n), "{n}");
    }
    assert_eq!(fixture.pending(), ["1500-1 bob 2"]);
}

#[test]
fn an_acknowledgement_needs_no_body() {
    let fixture = Fixture::delivered(1);
    fixture.server.redis(&["XDEL", STREAM, "1-1"]);
    let outcome = fixture.call(acknowledge(fixture.holder(), &[(id(1), 1)]));
    assert_eq!(outcome.unwrap(), [true]);
    assert!(fixture.pending().is_empty());
}

#[test]
fn a_claim_wins_only_what_is_as_it_was_seen() {
    let fixture = Fixture::delivered(5);
    let mut client = fixture.raw();
    take_over(&mut client, 2);
    client.send(&["XACK", STREAM, GROUP, "3-1"]);
    client.send(&["XDEL", STREAM, "4-1"]);
    let anyones = ExpectedPending {
        owner: None,
        deliveries: None,
        ..seen(5)
    };
    let wanted = [seen(1), seen(2), seen(3), seen(4), anyones];
    let outcome = fixture.call(claim(fixture.holder(), CountMode::Raise, |_| NOW, &wanted));
    let held = |n: &str| Claim::Held {
        deliveries: 2,
        fields: vec![(b"n".to_vec(), n.as_bytes().to_vec())],
    };
    let expected = [
        held("1"),
        Claim::Moved {
            owner: "bob".into(),
            deliveries: 2,
        },
        Claim::Gone,
        Claim::Ghost {
            owner: ALICE.into(),
            deliveries: 1,
        },
        held("5"),
    ];
    assert_eq!(outcome.unwrap(), expected);
    let pending = ["1-1 alice 2", "2-1 bob 2", "4-1 alice 1", "5-1 alice 2"];
    assert_eq!(fixture.pending(), pending, "the ghost stays pending");
}

#[test]
fn a_claim_that_keeps_the_count_is_no_delivery() {
    let fixture = Fixture::delivered(1);
    let mut client = fixture.raw();
    take_over(&mut client, 1);
    let bobs = ExpectedPending {
        owner: Some("bob".into()),
        deliveries: Some(2),
        ..seen(1)
    };
    let outcome = fixture.call(claim(fixture.holder(), CountMode::Keep, |_| NOW, &[bobs]));
    assert!(matches!(
        &outcome.unwrap()[..],
        [Claim::Held { deliveries: 2, .. }]
    ));
    assert_eq!(fixture.pending(), ["1-1 alice 2"]);
}

#[test]
fn a_claim_leaves_what_was_delivered_too_recently() {
    let fixture = Fixture::delivered(1);
    let hour = Duration::from_hours(1);
    let outcome = fixture.call(claim(
        fixture.holder(),
        CountMode::Raise,
        |_| hour,
        &[seen(1)],
    ));
    let fresh = Claim::Fresh {
        owner: ALICE.into(),
        deliveries: 1,
    };
    assert_eq!(outcome.unwrap(), [fresh]);
    assert_eq!(fixture.pending(), ["1-1 alice 1"]);
}

#[test]
fn what_a_deleted_consumer_held_is_taken_back_and_nothing_else() {
    let fixture = Fixture::delivered(4);
    let mut client = fixture.raw();
    take_over(&mut client, 2);
    client.send(&["XDEL", STREAM, "3-1"]);
    let leases = [(id(1), 3), (id(2), 1), (id(3), 1), (id(4), 1), (id(9), 1)];
    let ask = |is_known| fixture.call(take_back(fixture.holder(), is_known, &leases));
    assert_eq!(ask(false).unwrap(), None, "the consumer is there");
    client.send(&["XGROUP", "DELCONSUMER", STREAM, GROUP, ALICE]);
    client.send(&["XADD", STREAM, "9-1", "n", "9"]);
    let outcomes = [
        TakenBack::Done,
        TakenBack::Held,
        TakenBack::Ghost,
        TakenBack::Done,
        TakenBack::Unread,
    ];
    assert_eq!(ask(false).unwrap(), Some(outcomes.to_vec()));
    assert_eq!(
        fixture.pending(),
        ["1-1 alice 3", "2-1 bob 2", "4-1 alice 1"]
    );
    // It is there again, and what is known does not change by that.
    assert_eq!(ask(false).unwrap(), None);
    assert_eq!(ask(true).unwrap().map(|it| it[0]), Some(TakenBack::Held));
}

#[test]
fn a_renewal_resets_the_idle_time_of_what_is_held_and_of_nothing_else() {
    let fixture = Fixture::delivered(3);
    let mut client = fixture.raw();
    for (number, consumer) in [("1-1", ALICE), ("2-1", "bob"), ("3-1", ALICE)] {
        let idle = ["IDLE", "60000", "RETRYCOUNT", "1", "JUSTID"];
        let claim = ["XCLAIM", STREAM, GROUP, consumer, "0", number];
        client.send(&[&claim[..], &idle[..]].concat());
    }
    client.send(&["XDEL", STREAM, "3-1"]);
    let leases = [(id(1), 1), (id(2), 1), (id(3), 1), (id(9), 1)];
    let states = fixture.call(renew(fixture.holder(), &leases)).unwrap();
    assert_eq!(states, [Done, Lost, Ghost, Gone]);
    let idle = client.send(&["XPENDING", STREAM, GROUP, "IDLE", "50000", "-", "+", "10"]);
    let still_idle: Vec<&str> = idle
        .items()
        .iter()
        .map(|row| row.items()[0].text())
        .collect();
    assert_eq!(still_idle, ["2-1", "3-1"]);
    assert_eq!(fixture.pending().len(), 3, "counts and owners stay");
}

#[test]
fn a_release_makes_an_entry_claimable_at_once_and_takes_the_delivery_back() {
    let fixture = Fixture::delivered(4);
    let mut client = fixture.raw();
    take_over(&mut client, 2);
    client.send(&["XDEL", STREAM, "3-1"]);
    let leases = [
        ((id(1), 1), Some(0)),
        ((id(2), 1), Some(0)),
        ((id(3), 1), Some(0)),
        ((id(4), 1), None),
    ];
    let states = fixture.call(release(fixture.holder(), &leases)).unwrap();
    assert_eq!(states, [Done, Lost, Ghost, Done]);
    let pending = ["1-1 alice 0", "2-1 bob 2", "3-1 alice 1", "4-1 alice 1"];
    assert_eq!(fixture.pending(), pending);
    let day = "86400000";
    let free = client.send(&["XPENDING", STREAM, GROUP, "IDLE", day, "-", "+", "10"]);
    let free: Vec<&str> = free
        .items()
        .iter()
        .map(|row| row.items()[0].text())
        .collect();
    assert_eq!(free, ["1-1", "4-1"]);
}

#[test]
fn a_consumer_goes_only_when_it_holds_nothing() {
    let fixture = Fixture::delivered(2);
    let refused = fixture.call(delete_consumer(fixture.holder())).unwrap();
    assert_eq!(refused, Err(id(1)));
    assert_eq!(fixture.pending().len(), 2);
    fixture.server.redis(&["XACK", STREAM, GROUP, "1-1", "2-1"]);
    let deleted = fixture.call(delete_consumer(fixture.holder())).unwrap();
    assert_eq!(deleted, Ok(()));
    let consumers = fixture.server.redis(&["XINFO", "CONSUMERS", STREAM, GROUP]);
    assert!(consumers.items().is_empty());
    let again = fixture.call(delete_consumer(fixture.holder())).unwrap();
    assert_eq!(again, Ok(()), "there was none");
}

#[test]
fn the_lease_has_one_holder_until_it_is_dropped_or_runs_out() {
    let fixture = Fixture::new();
    let fence = |token: &str| Fence {
        key: "{s}:lease:g".into(),
        token: token.into(),
    };
    let (ours, theirs) = (fence("us"), fence("them"));
    let minute = Duration::from_mins(1);
    let take = |fence| fixture.call(take_lease(fence, minute)).unwrap();
    assert_eq!(take(&ours), LeaseHolder::Us);
    assert_eq!(take(&ours), LeaseHolder::Us, "a renewal");
    let LeaseHolder::Other { token, left } = take(&theirs) else {
        panic!("it was not ours");
    };
    assert_eq!(token, "us");
    let left = left.expect("it ends by itself");
    assert!(left > Duration::from_secs(50) && left <= minute);
    let dropped = fixture.call(drop_lease(&theirs)).unwrap();
    assert!(
        matches!(dropped, LeaseHolder::Other { .. }),
        "not theirs to drop"
    );
    assert_eq!(
        fixture.call(drop_lease(&ours)).unwrap(),
        LeaseHolder::Nobody
    );
    assert_eq!(take(&theirs), LeaseHolder::Us);
    fixture.server.redis(&["PEXPIRE", "{s}:lease:g", "0"]);
    assert_eq!(take(&ours), LeaseHolder::Us, "theirs ran out");
}
