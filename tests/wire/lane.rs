//! The lane: pages, direction, bounds, early stops, group reads whose acknowledgements ride along.

use std::time::Duration;

use ucp_streams::model::EntryId;
use ucp_streams::wire::{GroupRead, Lane, Scan, Stop};

use crate::fixture::{ALICE, Fixture, GROUP, STREAM, id};

/// Entries 1-1 to 25-1.
fn filled() -> Fixture {
    let fixture = Fixture::new();
    let commands: Vec<Vec<String>> = (1..=25)
        .map(|ms: u64| {
            ["XADD", STREAM, &format!("{ms}-1"), "n", &ms.to_string()]
                .map(str::to_owned)
                .to_vec()
        })
        .collect();
    fixture.raw().pipeline(&commands);
    fixture
}

fn scanned(fixture: &Fixture, lane: &mut Lane, scan: Scan) -> Vec<u64> {
    let mut seen = Vec::new();
    let scanning = lane.scan(&fixture.names.stream, scan, |id, fields| {
        assert_eq!(fields.len(), 1);
        assert_eq!(
            (fields[0].0, fields[0].1),
            (&b"n"[..], id.ms.to_string().as_bytes())
        );
        seen.push(id.ms);
        Ok(())
    });
    fixture.block_on(scanning).unwrap();
    seen
}

#[test]
fn every_page_size_gives_the_same_entries_in_both_directions() {
    let fixture = filled();
    for protocol in ["protocol=resp2", "protocol=resp3"] {
        let mut lane = fixture.lane(protocol);
        for page in [1, 2, 5, 24, 25, 26, 1000] {
            let scan = Scan { page, ..Scan::ALL };
            assert_eq!(
                scanned(&fixture, &mut lane, scan),
                (1..=25).collect::<Vec<_>>(),
                "{page}"
            );
            let scan = Scan {
                reverse: true,
                ..scan
            };
            assert_eq!(
                scanned(&fixture, &mut lane, scan),
                (1..=25).rev().collect::<Vec<_>>(),
                "{page}"
            );
        }
    }
}

#[test]
fn bounds_are_included_and_counts_are_kept() {
    let fixture = filled();
    let mut lane = fixture.lane("");
    let scan = |start: u64, end: u64, reverse, count_max| Scan {
        start: id(start),
        end: id(end),
        reverse,
        count_max,
        page: 3,
    };
    let all = usize::MAX;
    for (scan, expected) in [
        (scan(3, 7, false, all), vec![3, 4, 5, 6, 7]),
        (scan(3, 7, true, all), vec![7, 6, 5, 4, 3]),
        (scan(3, 7, false, 4), vec![3, 4, 5, 6]),
        (scan(3, 7, true, 1), vec![7]),
        (scan(3, 7, false, 0), vec![]),
        (scan(7, 3, false, all), vec![]),
        (scan(25, 99, false, all), vec![25]),
        (scan(26, 99, false, all), vec![]),
        (scan(3, 3, true, all), vec![3]),
    ] {
        assert_eq!(scanned(&fixture, &mut lane, scan), expected, "{scan:?}");
    }
    let nothing = Scan {
        start: EntryId::new(3, 2),
        end: EntryId::new(3, 9),
        ..Scan::ALL
    };
    assert!(scanned(&fixture, &mut lane, nothing).is_empty());
}

#[test]
fn a_scan_of_no_stream_is_empty_and_of_a_string_an_error() {
    let fixture = Fixture::new();
    let mut lane = fixture.lane("");
    assert!(scanned(&fixture, &mut lane, Scan::ALL).is_empty());
    fixture.server.redis(&["SET", STREAM, "text"]);
    let outcome = fixture.block_on(lane.scan(&fixture.names.stream, Scan::ALL, |_, _| Ok(())));
    assert!(outcome.unwrap_err().to_string().contains("WRONGTYPE"));
}

#[test]
fn whoever_takes_the_entries_may_stop() {
    let fixture = filled();
    let mut lane = fixture.lane("");
    let mut count = 0;
    let outcome = fixture.block_on(lane.scan(
        &fixture.names.stream,
        Scan {
            page: 5,
            ..Scan::ALL
        },
        |_, _| {
            count += 1;
            if count == 7 {
                return Err(Stop::Sink(std::io::Error::other("enough").into()));
            }
            Ok(())
        },
    ));
    assert_eq!(
        (count, outcome.unwrap_err().to_string().as_str()),
        (7, "enough")
    );
}

#[test]
fn a_group_read_carries_acknowledgements_and_delivers_once() {
    for protocol in ["protocol=resp2", "protocol=resp3"] {
        let fixture = filled();
        fixture
            .server
            .redis(&["XGROUP", "CREATE", STREAM, GROUP, "0"]);
        let mut lane = fixture.lane(protocol);
        let names = &fixture.names;
        let read = GroupRead {
            stream: &names.stream,
            group: &names.group,
            consumer: &names.consumer,
            count_max: 10,
            block: None,
            deleted: None,
        };
        let first = fixture.block_on(lane.read_group(read, &[])).unwrap();
        assert_eq!(
            (first.acknowledged, first.batch.len(), first.batch.id(0)),
            (0, 10, id(1))
        );
        // Three of the four are pending.
        fixture.server.redis(&["XACK", STREAM, GROUP, "4-1"]);
        let acks = [id(1), id(2), id(3), id(4)];
        let second = fixture.block_on(lane.read_group(read, &acks)).unwrap();
        assert_eq!(
            (second.acknowledged, second.batch.len(), second.batch.id(9)),
            (3, 10, id(20))
        );
        assert_eq!(second.batch.fields(9).next(), Some((&b"n"[..], &b"20"[..])));
        assert_eq!(fixture.pending().len(), 16);
        let third = fixture.block_on(lane.read_group(read, &[])).unwrap();
        assert_eq!(third.batch.len(), 5);
        let waiting = GroupRead {
            block: Some(Duration::from_millis(20)),
            ..read
        };
        let none = fixture
            .block_on(lane.read_group(waiting, &[id(25)]))
            .unwrap();
        assert_eq!((none.acknowledged, none.batch.len()), (1, 0));
        assert!(
            fixture
                .pending()
                .iter()
                .all(|row| row.ends_with(&format!("{ALICE} 1")))
        );
    }
}

#[test]
fn the_acknowledgement_has_run_while_the_read_still_waits() {
    let fixture = Fixture::delivered(1);
    let mut lane = fixture.lane("");
    let names = &fixture.names;
    let read = GroupRead {
        stream: &names.stream,
        group: &names.group,
        consumer: &names.consumer,
        count_max: 1,
        block: Some(Duration::from_secs(10)),
        deleted: None,
    };
    let mut client = fixture.raw();
    let watcher = std::thread::scope(|scope| {
        let reading = scope.spawn(|| fixture.block_on(lane.read_group(read, &[id(1)])));
        crate::support::until(crate::support::PATIENCE, "the acknowledgement", || {
            client.send(&["XPENDING", STREAM, GROUP]).items()[0].int() == 0
        });
        client.send(&["XADD", STREAM, "9-1", "n", "9"]);
        reading.join().unwrap()
    });
    assert_eq!(watcher.unwrap().batch.id(0), id(9));
}
