//! Compares the figures with a model of a stream and its groups, step by step.

use proptest::prelude::*;

use super::*;
use crate::model::{Entry, Losses, Name};

/// A stream with one group that counts as Redis 7.0 and Valkey do, and also knows the true figures.
#[derive(Clone, Debug, Default)]
struct Model {
    ids: Vec<u64>,
    last: u64,
    added: u64,
    max_deleted: u64,
    position: u64,
    read: Option<u64>,
    missed: u64,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Add(u64),
    Read(usize),
    Trim(usize),
    Delete(usize),
    SetId(u64),
}

impl Model {
    fn run(&mut self, step: Step) {
        match step {
            Step::Add(count) => {
                for _ in 0..count {
                    self.last += 1;
                    self.added += 1;
                    self.ids.push(self.last);
                }
            }
            Step::Read(count) => {
                let unread = self.ids.iter().filter(|id| **id > self.position);
                for id in unread.copied().take(count).collect::<Vec<_>>() {
                    self.deliver(id);
                }
            }
            Step::Trim(keep) => {
                let cut = self.ids.len().saturating_sub(keep);
                let gone = self.ids.drain(..cut);
                self.missed += gone.filter(|id| *id > self.position).count() as u64;
            }
            Step::Delete(at) if at < self.ids.len() => {
                let id = self.ids.remove(at);
                self.max_deleted = self.max_deleted.max(id);
            }
            Step::Delete(_) => {}
            Step::SetId(id) => {
                self.position = id.min(self.last);
                self.read = None;
            }
        }
    }

    fn deliver(&mut self, id: u64) {
        let counts_on = self.max_deleted <= self.position;
        self.read = match self.read {
            Some(read) if counts_on => Some(read + 1),
            _ => self.estimate(id),
        };
        self.position = id;
    }

    /// The logical number of an entry, where the server can tell it.
    fn estimate(&self, id: u64) -> Option<u64> {
        let first = self.ids.first().copied().unwrap_or(u64::MAX);
        if id == self.last {
            Some(self.added)
        } else if self.max_deleted >= first {
            None
        } else if id < first {
            Some(self.added - self.ids.len() as u64)
        } else {
            (id == first).then(|| self.added - self.ids.len() as u64 + 1)
        }
    }

    fn server_lag(&self) -> Option<i64> {
        if self.position >= self.last {
            return Some(0);
        }
        let read = match self.read {
            Some(read) if self.max_deleted <= self.position => Some(read),
            _ => self.estimate(self.position),
        }?;
        Some(self.added.cast_signed() - read.cast_signed())
    }

    fn truth(&self) -> u64 {
        self.ids.iter().filter(|id| **id > self.position).count() as u64
    }

    /// Entries lost beyond the position.
    fn ahead(&self) -> u64 {
        let first = self.ids.first().copied().unwrap_or(self.last + 1);
        first.saturating_sub(self.position + 1)
    }

    fn stream(&self) -> StreamInfo {
        let entry = |id: &u64| Entry {
            id: EntryId::new(*id, 0),
            fields: Vec::new(),
        };
        StreamInfo {
            length: self.ids.len() as u64,
            last_generated_id: EntryId::new(self.last, 0),
            max_deleted_id: Some(EntryId::new(self.max_deleted, 0)),
            entries_added: Some(self.added),
            first: self.ids.first().map(entry),
            last: self.ids.last().map(entry),
        }
    }

    fn group(&self) -> GroupInfo {
        GroupInfo {
            name: Name::from("g"),
            consumers: 1,
            pending: 0,
            last_delivered_id: EntryId::new(self.position, 0),
            entries_read: self.read,
            server_lag: self.server_lag(),
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u64..20).prop_map(Step::Add),
        4 => (1_usize..15).prop_map(Step::Read),
        2 => (0_usize..30).prop_map(Step::Trim),
        1 => (0_usize..30).prop_map(Step::Delete),
        1 => (0_u64..60).prop_map(Step::SetId),
    ]
}

fn step_without_deletes() -> impl Strategy<Value = Step> {
    step().prop_filter("neither deletes nor moves a position", |step| {
        matches!(step, Step::Add(_) | Step::Read(_) | Step::Trim(_))
    })
}

proptest! {
    #[test]
    fn a_lag_is_true_or_says_that_it_is_not(steps in prop::collection::vec(step(), 1..40)) {
        let mut model = Model::default();
        for step in steps {
            model.run(step);
            let truth = model.truth();
            match lag(&model.stream(), &model.group(), Counters::Plain) {
                Lag::Known(entries) => prop_assert_eq!(entries, truth, "{:?}", model),
                Lag::AtMost(entries) => prop_assert!(entries >= truth, "{entries} < {truth}: {:?}", model),
                Lag::AtLeast(_) => prop_assert!(false, "a server's figures bound from above only"),
                Lag::Unknown => {}
            }
        }
    }

    #[test]
    fn a_loss_is_true_or_says_that_it_is_not(steps in prop::collection::vec(step_without_deletes(), 1..40)) {
        let mut model = Model::default();
        for step in steps {
            model.run(step);
            // Since it last read on: what the position has passed is not in a known figure.
            match lost(&model.stream(), &model.group(), Counters::Plain, None) {
                Lag::Known(0) => prop_assert_eq!(model.missed, 0, "{:?}", model),
                Lag::Known(entries) => prop_assert!(entries <= model.missed, "{entries} > {:?}", model),
                Lag::AtLeast(entries) => prop_assert!(entries > 0 && entries <= model.missed, "{entries}: {:?}", model),
                Lag::AtMost(entries) => prop_assert!(entries >= model.ahead(), "{entries}: {:?}", model),
                Lag::Unknown => {}
            }
        }
    }

    #[test]
    fn a_loss_by_trimming_is_never_understated(keep in 0_usize..30, adds in 1_u64..60, reads in 1_usize..60) {
        let mut model = Model::default();
        for step in [Step::Add(adds), Step::Read(reads), Step::Trim(keep)] {
            model.run(step);
        }
        let said = lost(&model.stream(), &model.group(), Counters::Plain, None);
        if reads as u64 >= adds && model.ids.len() < usize::try_from(adds).unwrap() {
            // All was read before it was cut, which is not to be told from a hole that was passed.
            prop_assert_eq!(said, Lag::Unknown, "{:?}", model);
        } else if model.missed > 0 {
            prop_assert_eq!(said, Lag::Known(model.missed), "{:?}", model);
        } else {
            prop_assert!(matches!(said, Lag::Known(0) | Lag::Unknown), "{said:?}: {:?}", model);
        }
    }
}

fn row(position: u64, read: Option<u64>, server_lag: Option<i64>) -> GroupInfo {
    GroupInfo {
        name: Name::from("g"),
        consumers: 0,
        pending: 0,
        last_delivered_id: EntryId::new(position, 0),
        entries_read: read,
        server_lag,
    }
}

fn ten() -> Model {
    let mut model = Model::default();
    model.run(Step::Add(10));
    model
}

#[test]
fn what_servers_were_seen_to_say_of_ten_entries() {
    let whole = ten().stream();
    let mut cut = ten();
    cut.run(Step::Trim(5));
    let cut = cut.stream();
    for (stream, group, counters, expected) in [
        // Fresh groups: at 0, at the end, in the middle.
        (
            &whole,
            row(0, None, Some(10)),
            Counters::Plain,
            Lag::Known(10),
        ),
        (
            &whole,
            row(10, None, Some(0)),
            Counters::Plain,
            Lag::Known(0),
        ),
        (&whole, row(5, None, None), Counters::Plain, Lag::Unknown),
        (
            &whole,
            row(5, Some(5), Some(5)),
            Counters::Plain,
            Lag::Known(5),
        ),
        // A counter set too high by hand: negative, or clamped to a zero that is not true.
        (
            &whole,
            row(5, Some(99), Some(-89)),
            Counters::Plain,
            Lag::AtMost(9),
        ),
        (
            &whole,
            row(5, Some(10), Some(0)),
            Counters::Corrected,
            Lag::AtMost(9),
        ),
        // Undelivered entries trimmed, then read on: 7.0 says 6 of 5, 8.2 the truth.
        (
            &cut,
            row(7, Some(4), Some(6)),
            Counters::Plain,
            Lag::AtMost(4),
        ),
        (
            &cut,
            row(7, Some(7), Some(3)),
            Counters::Corrected,
            Lag::Known(3),
        ),
        (
            &cut,
            row(7, Some(7), Some(3)),
            Counters::Plain,
            Lag::AtMost(3),
        ),
        // Reads since the last rewrite of an append-only file are forgotten at a restart, before 7.2.
        (
            &whole,
            row(5, Some(2), Some(8)),
            Counters::Forgetful,
            Lag::AtMost(8),
        ),
        // Only one can be left.
        (&whole, row(9, None, None), Counters::Plain, Lag::Unknown),
    ] {
        assert_eq!(lag(stream, &group, counters), expected, "{group:?}");
    }
}

#[test]
fn what_was_lost() {
    let mut cut = ten();
    cut.run(Step::Trim(5));
    let stream = cut.stream();
    let plainly =
        |stream: &StreamInfo, group: &GroupInfo| lost(stream, group, Counters::Plain, None);
    assert_eq!(
        plainly(&ten().stream(), &row(0, None, Some(10))),
        Lag::Known(0)
    );
    // A group at 0 that never read has lost what left; one that may have been moved back there has lost that at most.
    assert_eq!(plainly(&stream, &row(0, None, Some(10))), Lag::Known(5));
    let with_consumer = GroupInfo {
        consumers: 1,
        ..row(0, None, Some(10))
    };
    assert_eq!(plainly(&stream, &with_consumer), Lag::AtMost(5));
    let with_traces = lost(
        &stream,
        &row(0, None, Some(10)),
        Counters::Plain,
        Some(&Losses::default()),
    );
    assert_eq!(with_traces, Lag::AtMost(5));
    assert_eq!(plainly(&stream, &row(2, None, None)), Lag::Unknown);
    // Read on: a counter that was corrected hides the hole, one that goes on from before it shows its least size.
    assert_eq!(plainly(&stream, &row(6, Some(6), Some(4))), Lag::Unknown);
    assert_eq!(plainly(&stream, &row(6, Some(3), Some(7))), Lag::AtLeast(3));
    assert_eq!(plainly(&stream, &row(8, Some(3), Some(7))), Lag::AtLeast(3));
    assert_eq!(
        plainly(&stream, &row(10, Some(7), Some(0))),
        Lag::AtLeast(3)
    );
    assert_eq!(plainly(&stream, &row(10, Some(10), Some(0))), Lag::Unknown);
    assert_eq!(plainly(&stream, &row(6, None, None)), Lag::Unknown);
    assert_eq!(
        lost(
            &stream,
            &row(6, Some(3), Some(7)),
            Counters::Forgetful,
            None
        ),
        Lag::Unknown
    );
    // All cut after it was read, or before: nobody knows.
    let mut empty = ten();
    empty.run(Step::Trim(0));
    assert_eq!(
        plainly(&empty.stream(), &row(10, Some(10), Some(0))),
        Lag::Unknown
    );
    // A server may have forgotten reads: then nobody knows, unless there was nothing to forget.
    let read_two = row(2, Some(2), Some(8));
    assert_eq!(plainly(&stream, &read_two), Lag::Known(3));
    assert_eq!(
        lost(&stream, &read_two, Counters::Forgetful, None),
        Lag::Unknown
    );
    assert_eq!(
        lost(
            &stream,
            &row(0, Some(0), Some(10)),
            Counters::Forgetful,
            None
        ),
        Lag::Known(5)
    );
    let mut holed = cut.clone();
    holed.run(Step::Delete(3));
    let holed = holed.stream();
    assert_eq!(plainly(&holed, &row(2, Some(2), None)), Lag::AtMost(4));
    assert_eq!(plainly(&holed, &row(6, Some(6), None)), Lag::Unknown);
}

#[test]
fn room_is_bounded_the_other_way_round() {
    assert_eq!(headroom(100, Lag::Known(30)), Lag::Known(70));
    assert_eq!(headroom(100, Lag::Known(300)), Lag::Known(0));
    assert_eq!(headroom(100, Lag::AtMost(30)), Lag::AtLeast(70));
    assert_eq!(headroom(100, Lag::Unknown), Lag::Unknown);
}
