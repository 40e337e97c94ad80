//! The private Kafka broker itself: what the tests of bridges rely on.

use crate::support::{Broker, End, Planted};

fn planted(value: &[u8]) -> Planted<'_> {
    Planted {
        partition: 1,
        key: Some(b"k"),
        value: Some(value),
        headers: &[("a", b"1"), ("a", b"\xff")],
        timestamp_ms: 17,
    }
}

#[test]
fn it_keeps_what_it_confirmed_and_is_reached_through_a_proxy() {
    let mut broker = Broker::start();
    broker.topic("t", 2);
    let tombstone = Planted {
        value: None,
        ..planted(b"")
    };
    broker.write("t", &[planted(b"one"), planted(b"two"), tombstone]);
    broker.restart();
    let records = broker.records("t");
    let values: Vec<_> = records.iter().map(|it| it.value.as_deref()).collect();
    assert_eq!(values, [Some(&b"one"[..]), Some(b"two"), None]);
    let first = &records[0];
    assert_eq!((first.partition, first.offset), (1, 0));
    assert_eq!(
        (first.key.as_deref(), first.timestamp_ms),
        (Some(&b"k"[..]), 17)
    );
    let header = |value: &[u8]| ("a".to_owned(), Some(value.to_vec()));
    assert_eq!(first.headers, [header(b"1"), header(b"\xff")]);

    let proxy = broker.proxy();
    assert_eq!(broker.records_through(proxy.address(), "t"), records);
    let counts = proxy.counts();
    assert!(counts.accepted > 0 && counts.replies > 0, "{counts:?}");
    proxy.end_all(End::Reset);
    assert_eq!(broker.records_through(proxy.address(), "t"), records);

    broker.forget("t", 1, 2);
    assert_eq!(broker.records("t"), records[2..]);
    broker.grow("t", 3);
    broker.write(
        "t",
        &[Planted {
            partition: 2,
            ..planted(b"grown")
        }],
    );
    assert_eq!(broker.records("t").len(), 2);
}
