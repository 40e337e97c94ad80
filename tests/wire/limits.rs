//! Sizes: a script refuses before its first write what Lua could not hand to one command, and goes up to that; and
//! delivery counts at the edge of what numbers hold.

use std::time::Duration;

use ucp_streams::model::{EntryId, Time};
use ucp_streams::wire::{
    Destination, Effect, ExpectedPending, Move, add_together, dead_letter, publish_and_acknowledge,
    redrive, requeue,
};

use crate::fixture::{ALICE, DEAD, Fixture, GROUP, STREAM, id, seen};
use crate::outputs::output;
use crate::support::Client;

/// Fields whose names and values are more than a script hands over.
const TOO_MANY: usize = 3960;
/// Fields that a move still carries with its own ten.
const MANY: usize = 3900;

fn add(client: &mut Client, stream: &str, count: usize) {
    let mut command = vec!["XADD".to_owned(), stream.to_owned(), "1-1".to_owned()];
    for number in 0..count {
        command.extend([format!("f{number}"), "v".to_owned()]);
    }
    assert_eq!(client.send(&command).text(), "1-1");
}

fn with_fields(count: usize) -> Fixture {
    let fixture = Fixture::new();
    let mut client = fixture.raw();
    add(&mut client, STREAM, count);
    add(&mut client, DEAD, count);
    client.send(&["XGROUP", "CREATE", STREAM, GROUP, "0"]);
    client.send(&["XREADGROUP", "GROUP", GROUP, ALICE, "STREAMS", STREAM, ">"]);
    fixture
}

fn moves(fixture: &Fixture) -> [Move; 3] {
    let names = &fixture.names;
    let at = Time::from_ms(0);
    let to = Destination::OneGroup(&names.stream);
    let back = redrive(&names.dead, to, id(1));
    let again = requeue(fixture.holder(), to, &seen(1), Duration::ZERO);
    let dead = dead_letter(fixture.holder(), &names.dead, &seen(1), b"why", at);
    [back, again, dead].map(|call| fixture.call(call).unwrap())
}

#[test]
fn a_move_of_too_many_fields_is_refused_before_it_begins() {
    let fixture = with_fields(TOO_MANY);
    let before = fixture.state();
    for outcome in moves(&fixture) {
        let Move::Refused(why) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(why.contains("too many fields"), "{why}");
    }
    assert_eq!(fixture.state(), before);
}

#[test]
fn a_move_of_nearly_too_many_fields_is_whole() {
    let fixture = with_fields(MANY);
    let [redriven, requeued, dead] = moves(&fixture);
    assert!(matches!(redriven, Move::Done { .. }), "{redriven:?}");
    assert!(matches!(requeued, Move::Done { .. }), "{requeued:?}");
    assert_eq!(dead, Move::Gone, "requeued before");
}

#[test]
fn an_output_of_too_many_fields_is_refused_before_the_first_is_written() {
    let fixture = Fixture::delivered(1);
    let fields = vec![(&b"f"[..], &b"v"[..]); TOO_MANY];
    let outputs = [
        output("{s}:one", None, &[(b"k", b"v")]),
        output("{s}:two", None, &fields),
    ];
    let before = fixture.state();
    let call = publish_and_acknowledge(fixture.holder(), (id(1), 1), &outputs);
    let effect = fixture.call(call).unwrap();
    assert!(
        matches!(&effect, Effect::Refused(why) if why.contains("too many fields")),
        "{effect:?}"
    );
    let why = fixture.call(add_together(&outputs)).unwrap().unwrap_err();
    assert!(why.contains("too many fields"), "{why}");
    assert_eq!(fixture.state(), before);
}

/// A count that only `RETRYCOUNT` or a server's "fatal" mark makes: Lua's numbers do not hold it exactly.
#[test]
fn a_count_beyond_all_counting_still_becomes_a_dead_letter() {
    for count in [1_000_000_000_000_000_u64, i64::MAX.cast_unsigned()] {
        let fixture = Fixture::delivered(1);
        let text = count.to_string();
        let claim = [
            "XCLAIM",
            STREAM,
            GROUP,
            ALICE,
            "0",
            "1-1",
            "RETRYCOUNT",
            &text,
            "JUSTID",
        ];
        fixture.server.redis(&claim);
        let fatal = ExpectedPending {
            deliveries: Some(count),
            ..seen(1)
        };
        let at = Time::from_ms(0);
        let call = dead_letter(fixture.holder(), &fixture.names.dead, &fatal, b"why", at);
        let moved = fixture.call(call).unwrap();
        assert!(matches!(moved, Move::Done { .. }), "{count}: {moved:?}");
        assert!(fixture.pending().is_empty());
        assert_ne!(id(1), EntryId::MIN);
    }
}
