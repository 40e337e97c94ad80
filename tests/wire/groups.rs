//! Changes of groups and of their consumers: made only while they are as they were seen.

use ucp_streams::model::EntryId;
use ucp_streams::wire::{
    GroupChange, GroupSeen, Pruned, delete_group, prune_consumers, set_group_id,
};

use crate::fixture::{ALICE, Fixture, GROUP, STREAM, id};

fn last_delivered(fixture: &Fixture) -> String {
    let groups = fixture.server.redis(&["XINFO", "GROUPS", STREAM]);
    groups.items()[0]
        .field("last-delivered-id")
        .text()
        .to_owned()
}

#[test]
fn a_group_moves_only_from_where_it_was_seen() {
    let fixture = Fixture::delivered(3);
    let to = |seen: GroupSeen<'_>, to| fixture.call(set_group_id(seen, to, None)).unwrap();
    let seen = fixture.group_seen(3, 3);
    assert_eq!(to(seen, id(1)), GroupChange::Done);
    assert_eq!(last_delivered(&fixture), "1-1");
    let before = fixture.state();
    let changed = GroupChange::Changed {
        last_delivered_id: id(1),
        pending: 3,
    };
    assert_eq!(to(seen, id(2)), changed, "it moved");
    assert_eq!(
        to(fixture.group_seen(1, 2), id(2)),
        changed,
        "more is pending"
    );
    let other = "other".into();
    let gone = GroupSeen {
        group: &other,
        ..fixture.group_seen(1, 3)
    };
    assert_eq!(to(gone, id(2)), GroupChange::Gone);
    let nowhere = GroupSeen {
        stream: &other,
        ..fixture.group_seen(1, 3)
    };
    assert_eq!(to(nowhere, id(2)), GroupChange::Gone);
    assert_eq!(fixture.state(), before);
}

#[test]
fn a_group_goes_only_when_it_has_nothing_left_to_do() {
    let fixture = Fixture::delivered(2);
    let delete = |pending, forced| {
        fixture
            .call(delete_group(fixture.group_seen(2, pending), forced))
            .unwrap()
    };
    let before = fixture.state();
    assert_eq!(delete(2, false), GroupChange::Pending(2));
    let changed = GroupChange::Changed {
        last_delivered_id: id(2),
        pending: 2,
    };
    assert_eq!(delete(0, false), changed);
    assert_eq!(
        delete(0, true),
        changed,
        "force is no reason to destroy something else"
    );
    assert_eq!(fixture.state(), before);
    fixture.server.redis(&["XACK", STREAM, GROUP, "1-1", "2-1"]);
    fixture.server.redis(&["XADD", STREAM, "3-1", "n", "3"]);
    assert_eq!(delete(0, false), GroupChange::Undelivered(id(3)));
    // Not an entry any more, and neither is the last one that was delivered.
    fixture.server.redis(&["XDEL", STREAM, "3-1", "2-1"]);
    assert_eq!(delete(0, false), GroupChange::Done);
    assert_eq!(delete(0, false), GroupChange::Gone);
}

#[test]
fn force_deletes_what_is_pending_and_the_greatest_position_is_no_obstacle() {
    let fixture = Fixture::delivered(2);
    let forced = fixture.call(delete_group(fixture.group_seen(2, 2), true));
    assert_eq!(forced.unwrap(), GroupChange::Done);
    let max = EntryId::MAX.to_string();
    fixture
        .server
        .redis(&["XGROUP", "CREATE", STREAM, GROUP, &max]);
    let seen = GroupSeen {
        last_delivered_id: EntryId::MAX,
        ..fixture.group_seen(2, 0)
    };
    assert_eq!(
        fixture.call(delete_group(seen, false)).unwrap(),
        GroupChange::Done
    );
}

#[test]
fn consumers_are_pruned_when_they_hold_nothing() {
    let fixture = Fixture::delivered(1);
    let mut client = fixture.raw();
    for consumer in ["bob", "carol"] {
        client.send(&["XGROUP", "CREATECONSUMER", STREAM, GROUP, consumer]);
    }
    let names = &fixture.names;
    let prune = |consumers: &[&str]| {
        let consumers: Vec<_> = consumers.iter().map(|it| (*it).into()).collect();
        let call = prune_consumers(&names.stream, &names.group, &consumers);
        fixture.call(call).unwrap()
    };
    // One that is not there is gone.
    let all = prune(&[ALICE, "bob", "dave"]);
    assert_eq!(all, [Pruned::Held, Pruned::Done, Pruned::Done]);
    let left = client.send(&["XINFO", "CONSUMERS", STREAM, GROUP]);
    let left: Vec<_> = left
        .items()
        .iter()
        .map(|it| it.field("name").text())
        .collect();
    assert_eq!(left, [ALICE, "carol"]);
}
