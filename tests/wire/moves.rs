//! Moves of one entry from stream to stream: dead letter, requeue, redrive.

use std::time::Duration;

use ucp_streams::model::{EntryId, Time};
use ucp_streams::wire::{
    Destination, ExpectedPending, Move, ScriptCall, dead_letter, redrive, requeue,
};

use crate::fixture::{ALICE, DEAD, Fixture, GROUP, STREAM, id, only_entry, seen, take_over, value};

fn to_dead(fixture: &Fixture, seen: &ExpectedPending) -> ScriptCall<Move> {
    let at = Time::from_ms(1_700_000_000_123);
    dead_letter(fixture.holder(), &fixture.names.dead, seen, b"why \xff", at)
}

fn again(fixture: &Fixture, seen: &ExpectedPending) -> ScriptCall<Move> {
    let names = &fixture.names;
    let to = Destination::OneGroup(&names.stream);
    requeue(fixture.holder(), to, seen, Duration::ZERO)
}

fn back(fixture: &Fixture, dead: EntryId, others: bool) -> ScriptCall<Move> {
    let stream = &fixture.names.stream;
    let to = if others {
        Destination::AllGroups(stream)
    } else {
        Destination::OneGroup(stream)
    };
    redrive(&fixture.names.dead, to, dead)
}

fn new_id(moved: &Move) -> EntryId {
    match moved {
        Move::Done { new_id, .. } => *new_id,
        other => panic!("not moved: {other:?}"),
    }
}

#[test]
fn a_dead_letter_keeps_the_body_and_says_where_it_comes_from() {
    let fixture = Fixture::delivered(1);
    let moved = fixture.call(to_dead(&fixture, &seen(1))).unwrap();
    assert!(matches!(
        moved,
        Move::Done {
            is_tombstone: false,
            ..
        }
    ));
    let mut client = fixture.raw();
    let fields = only_entry(&mut client, DEAD);
    let expected = [
        ("n", "1"),
        ("_dlq_stream", STREAM),
        ("_dlq_group", GROUP),
        ("_dlq_id", "1-1"),
        ("_dlq_consumer", ALICE),
        ("_dlq_deliveries", "1"),
        ("_dlq_reason", "why \u{fffd}"),
        ("_dlq_time", "2023-11-14T22:13:20.123Z"),
        ("_dlq_body", "present"),
    ];
    for (name, wanted) in expected {
        assert_eq!(value(&fields, name), wanted, "{name}");
    }
    assert!(fixture.pending().is_empty());
    assert_eq!(
        client.send(&["XLEN", STREAM]).int(),
        1,
        "the source keeps its entry"
    );
}

#[test]
fn a_dead_letter_without_a_body_is_a_tombstone() {
    let fixture = Fixture::delivered(1);
    fixture.server.redis(&["XDEL", STREAM, "1-1"]);
    let moved = fixture.call(to_dead(&fixture, &seen(1))).unwrap();
    assert!(matches!(
        moved,
        Move::Done {
            is_tombstone: true,
            ..
        }
    ));
    let fields = only_entry(&mut fixture.raw(), DEAD);
    assert_eq!(value(&fields, "_dlq_body"), "trimmed");
    assert_eq!(value(&fields, "_dlq_id"), "1-1");
    let back = fixture.call(back(&fixture, new_id(&moved), false)).unwrap();
    assert_eq!(
        back,
        Move::Bodiless,
        "a tombstone has nothing to bring back"
    );
}

#[test]
fn what_somebody_else_holds_or_nobody_does_not_move() {
    type Build = fn(&Fixture, &ExpectedPending) -> ScriptCall<Move>;
    for build in [to_dead as Build, again] {
        let fixture = Fixture::delivered(3);
        let mut client = fixture.raw();
        take_over(&mut client, 1);
        client.send(&["XCLAIM", STREAM, GROUP, ALICE, "0", "2-1"]);
        client.send(&["XACK", STREAM, GROUP, "3-1"]);
        let before = fixture.state();
        let moved = |owner: &str| Move::Moved {
            owner: owner.into(),
            deliveries: 2,
        };
        assert_eq!(
            fixture.call(build(&fixture, &seen(1))).unwrap(),
            moved("bob")
        );
        assert_eq!(
            fixture.call(build(&fixture, &seen(2))).unwrap(),
            moved(ALICE)
        );
        assert_eq!(fixture.call(build(&fixture, &seen(3))).unwrap(), Move::Gone);
        assert_eq!(fixture.call(build(&fixture, &seen(9))).unwrap(), Move::Gone);
        assert_eq!(fixture.state(), before);
    }
}

#[test]
fn a_requeue_is_a_copy_at_the_end_that_remembers_its_origin() {
    let fixture = Fixture::delivered(1);
    let first = new_id(&fixture.call(again(&fixture, &seen(1))).unwrap());
    assert!(fixture.pending().is_empty());
    let mut client = fixture.raw();
    client.send(&["XREADGROUP", "GROUP", GROUP, ALICE, "STREAMS", STREAM, ">"]);
    let of_first = ExpectedPending {
        id: first,
        ..seen(1)
    };
    let second = new_id(&fixture.call(again(&fixture, &of_first)).unwrap());
    let id = second.to_string();
    let entry = client.send(&["XRANGE", STREAM, &id, &id]);
    let fields = entry.items()[0].items()[1].clone();
    assert_eq!(
        fields.texts(),
        ["n", "1", "_ucp_origin", "1-1", "_ucp_attempts", "2"]
    );
}

#[test]
fn a_requeue_of_a_trimmed_entry_changes_nothing() {
    let fixture = Fixture::delivered(1);
    fixture.server.redis(&["XDEL", STREAM, "1-1"]);
    let before = fixture.state();
    assert_eq!(
        fixture.call(again(&fixture, &seen(1))).unwrap(),
        Move::Bodiless
    );
    assert_eq!(fixture.state(), before);
}

#[test]
fn a_redrive_happens_once_and_drops_the_provenance() {
    let fixture = Fixture::delivered(1);
    let dead = new_id(&fixture.call(to_dead(&fixture, &seen(1))).unwrap());
    let moved = fixture.call(back(&fixture, dead, false)).unwrap();
    let at = new_id(&moved).to_string();
    let mut client = fixture.raw();
    let entry = client.send(&["XRANGE", STREAM, &at, &at]);
    let fields = entry.items()[0].items()[1].clone();
    assert_eq!(
        fields.texts(),
        ["n", "1", "_ucp_origin", "1-1", "_ucp_redrives", "1"]
    );
    assert_eq!(client.send(&["XLEN", DEAD]).int(), 0);
    let before = fixture.state();
    assert_eq!(
        fixture.call(back(&fixture, dead, false)).unwrap(),
        Move::Gone
    );
    assert_eq!(fixture.state(), before, "the second redrive found nothing");
}

#[test]
fn a_redrive_creates_no_stream() {
    let fixture = Fixture::delivered(1);
    let dead = new_id(&fixture.call(to_dead(&fixture, &seen(1))).unwrap());
    fixture.server.redis(&["DEL", STREAM]);
    let before = fixture.state();
    assert_eq!(
        fixture.call(back(&fixture, dead, false)).unwrap(),
        Move::NoDestination
    );
    assert_eq!(fixture.state(), before);
}

#[test]
fn other_groups_do_not_see_a_message_twice_unasked() {
    let fixture = Fixture::delivered(2);
    let dead = new_id(&fixture.call(to_dead(&fixture, &seen(2))).unwrap());
    let mut client = fixture.raw();
    client.send(&["XGROUP", "CREATE", STREAM, "other", "0"]);
    let before = fixture.state();
    for refused in [
        fixture.call(again(&fixture, &seen(1))).unwrap(),
        fixture.call(back(&fixture, dead, false)).unwrap(),
    ] {
        let Move::Refused(why) = refused else {
            panic!("{refused:?}");
        };
        assert!(why.contains("other groups"), "{why}");
    }
    assert_eq!(fixture.state(), before);
    new_id(&fixture.call(back(&fixture, dead, true)).unwrap());
    let names = &fixture.names;
    let to = Destination::AllGroups(&names.stream);
    let asked = requeue(fixture.holder(), to, &seen(1), Duration::ZERO);
    new_id(&fixture.call(asked).unwrap());
    assert!(fixture.pending().is_empty());
}

#[test]
fn a_retry_stream_is_seen_by_one_group_and_needs_no_leave() {
    let fixture = Fixture::delivered(1);
    let mut client = fixture.raw();
    client.send(&["XGROUP", "CREATE", STREAM, "other", "0"]);
    let retry = "{s}:retry:g".into();
    let to = Destination::RetryStream(&retry);
    let call = requeue(fixture.holder(), to, &seen(1), Duration::ZERO);
    new_id(&fixture.call(call).unwrap());
    let fields = only_entry(&mut client, "{s}:retry:g");
    assert_eq!(value(&fields, "_ucp_origin"), "1-1");
    assert_eq!(client.send(&["XLEN", STREAM]).int(), 1);
}

#[test]
fn order_duplicates_and_bytes_survive_every_move() {
    let fixture = Fixture::new();
    let mut client = fixture.raw();
    let body: [&[u8]; 8] = [
        b"b",
        b"\0\xff\r\n",
        b"a",
        b"",
        b"b",
        b"2",
        b"\x80",
        b"$-1\r\n",
    ];
    let add: Vec<&[u8]> = [b"XADD".as_slice(), b"s", b"1-1"]
        .into_iter()
        .chain(body)
        .collect();
    client.send(&add);
    client.send(&["XGROUP", "CREATE", STREAM, GROUP, "0"]);
    client.send(&["XREADGROUP", "GROUP", GROUP, ALICE, "STREAMS", STREAM, ">"]);
    let dead = new_id(&fixture.call(to_dead(&fixture, &seen(1))).unwrap());
    let back = new_id(&fixture.call(back(&fixture, dead, false)).unwrap());
    client.send(&["XREADGROUP", "GROUP", GROUP, ALICE, "STREAMS", STREAM, ">"]);
    let of_back = ExpectedPending {
        id: back,
        ..seen(1)
    };
    let last = new_id(&fixture.call(again(&fixture, &of_back)).unwrap()).to_string();
    let entry = client.send(&["XRANGE", STREAM, &last, &last]);
    let fields = entry.items()[0].items()[1].clone();
    let survived: Vec<&[u8]> = fields.items()[..8]
        .iter()
        .map(|part| part.bytes())
        .collect();
    assert_eq!(survived, body);
    assert_eq!(
        fields.items().len(),
        14,
        "origin, redrives, attempts: {fields:?}"
    );
    assert_ne!(id(1).to_string(), last);
}
