//! Histories made by hand: one that is good, and the same with one thing wrong.

use super::{Rule, check};
use crate::history::{
    Attempt, Cause, Dead, Event, Gap, GroupState, History, Kept, Outcome, Published, Rules, Said,
    StreamState, Trims, Work,
};
use crate::message::Plan;

pub(super) const WORKER: u32 = 100;
pub(super) const OTHER: u32 = 200;

pub(super) fn kept(key: &str) -> Kept {
    Kept {
        key: key.to_owned(),
        sha: "sha".to_owned(),
    }
}

pub(super) fn published(key: &str, plan: Plan, outcome: Outcome) -> Published {
    Published {
        stream: "s".to_owned(),
        key: key.to_owned(),
        sha: "sha".to_owned(),
        plan,
        at_ms: 1000,
        outcome,
    }
}

pub(super) fn said(said: Said, key: &str, at_ms: u64, deliveries: u64, worker: u32) -> Attempt {
    Attempt {
        said,
        at_ms,
        stream: "s".to_owned(),
        group: "handle".to_owned(),
        key: key.to_owned(),
        id: id_of(key),
        deliveries,
        worker,
        sha: "sha".to_owned(),
        after_ms: 0,
    }
}

pub(super) fn id_of(key: &str) -> String {
    format!("{}-0", key.len())
}

pub(super) fn letter(key: &str, deliveries: u64) -> Dead {
    Dead {
        id: id_of(key),
        message: Some(kept(key)),
        deliveries,
        reason: "much, and at last: poison".to_owned(),
        told: None,
    }
}

fn event(cause: Cause, at_ms: u64, worker: Option<u32>) -> Event {
    Event {
        name: "an event".to_owned(),
        cause,
        from_ms: at_ms,
        until_ms: at_ms,
        worker,
    }
}

fn group(name: &str, work: Work) -> GroupState {
    GroupState {
        stream: "s".to_owned(),
        group: name.to_owned(),
        work,
        workers: 2,
        is_single: false,
        entries_read: Some(3),
        undelivered: 0,
        pending: Vec::new(),
        gaps: Vec::new(),
        dead: Vec::new(),
        copies: Vec::new(),
        counted: 0,
    }
}

/// Three messages: `a` handled, `bb` poison, and `ccc`, of which the publisher never learned, handled too. One group
/// handles, one copies, one counts.
pub(super) fn good() -> History {
    let mut handled = group("handle", Work::Handler);
    handled.dead = vec![letter("bb", 2)];
    let mut copied = group("copy", Work::Copies);
    copied.copies = ["a", "bb", "ccc"].map(kept).to_vec();
    let mut counted = group("count", Work::Counts);
    counted.counted = 3;
    History {
        rules: Rules {
            max_deliveries: 2,
            in_hand: 1,
            ..Rules::default()
        },
        published: vec![
            published("a", Plan::Plain, Outcome::Stored(id_of("a"))),
            published("bb", Plan::Poison, Outcome::Stored(id_of("bb"))),
            published("ccc", Plan::Plain, Outcome::Unknown),
            published("dddd", Plan::Plain, Outcome::Unknown),
            published("eeeee", Plan::Plain, Outcome::Refused),
        ],
        streams: [(
            "s".to_owned(),
            StreamState {
                entries_added: 3,
                // `a` and `bb` were trimmed.
                present: vec![kept("ccc")],
            },
        )]
        .into(),
        groups: vec![handled, copied, counted],
        attempts: vec![
            said(Said::Start, "a", 1100, 1, WORKER),
            said(Said::Done, "a", 1200, 1, WORKER),
            said(Said::Start, "bb", 1100, 1, WORKER),
            said(Said::Fail, "bb", 1200, 1, WORKER),
            said(Said::Start, "bb", 1500, 2, WORKER),
            said(Said::Fail, "bb", 1600, 2, WORKER),
            said(Said::Start, "ccc", 1100, 1, OTHER),
            said(Said::Done, "ccc", 1200, 1, OTHER),
        ],
        peaks_kib: Vec::new(),
        events: Vec::new(),
    }
}

/// `a` again, by another worker.
fn again(history: &mut History, at_ms: u64) {
    history.attempts.extend([
        said(Said::Start, "a", at_ms, 2, OTHER),
        said(Said::Done, "a", at_ms + 100, 2, OTHER),
    ]);
}

/// Breaks the good history; exactly this must be found, of this key.
#[track_caller]
pub(super) fn found(rule: Rule, key: &str, spoil: impl FnOnce(&mut History)) {
    let mut history = good();
    spoil(&mut history);
    let verdict = check(&history);
    let found: Vec<_> = verdict
        .violations
        .iter()
        .map(|it| (it.rule, it.key.as_str()))
        .collect();
    assert_eq!(found, [(rule, key)], "{:#?}", verdict.violations);
}

fn without(history: &mut History, key: &str) {
    history.attempts.retain(|it| it.key != key);
}

#[test]
fn a_good_history_is_good() {
    let verdict = check(&good());
    assert!(verdict.violations.is_empty(), "{:#?}", verdict.violations);
}

#[test]
fn a_stored_message_that_nothing_became_of_is_lost() {
    found(Rule::Lost, "a", |history| without(history, "a"));
    found(Rule::Lost, "a", |history| {
        history
            .attempts
            .retain(|it| !(it.key == "a" && it.said == Said::Done));
    });
    found(Rule::Lost, "bb", |history| history.groups[0].dead.clear());
    found(Rule::Lost, "a", |history| {
        drop(history.groups[1].copies.remove(0));
    });
    found(Rule::Lost, "-", |history| history.groups[2].counted = 2);
}

#[test]
fn a_message_that_turned_up_somewhere_must_be_everywhere() {
    found(Rule::Lost, "ccc", |history| without(history, "ccc"));
}

#[test]
fn what_nobody_sent_or_the_server_refused_is_invented() {
    found(Rule::Invented, "x", |history| {
        history.groups[0].dead.push(letter("x", 2));
        history.attempts.extend([
            said(Said::Fail, "x", 1, 1, WORKER),
            said(Said::Fail, "x", 2, 2, WORKER),
        ]);
        history.groups[1].copies.push(kept("x"));
        history.groups[1].group.clear();
        history.groups.truncate(1);
        history.streams.get_mut("s").unwrap().entries_added = 4;
        history.groups[0].entries_read = Some(4);
    });
    found(Rule::Invented, "eeeee", |history| {
        history.groups.truncate(1);
        history
            .attempts
            .push(said(Said::Done, "eeeee", 1200, 1, WORKER));
        history.streams.get_mut("s").unwrap().entries_added = 4;
        history.groups[0].entries_read = Some(4);
    });
}

#[test]
fn another_body_is_altered() {
    found(Rule::Altered, "a", |history| {
        history.groups[1].copies[0].sha = "other".to_owned();
    });
}

#[test]
fn poison_belongs_in_the_dead_letter_stream_once_and_nothing_else_does() {
    found(Rule::PoisonNotDead, "bb", |history| {
        history
            .attempts
            .push(said(Said::Done, "bb", 1700, 2, WORKER));
    });
    found(Rule::DeadTwice, "bb", |history| {
        history.groups[0].dead.push(letter("bb", 2));
    });
    found(Rule::WronglyDead, "a", |history| {
        history.groups[0].dead.push(letter("a", 1));
    });
}

#[test]
fn an_output_is_there_once() {
    found(Rule::OutputTwice, "a", |history| {
        history.groups[1].copies.push(kept("a"));
    });
    found(Rule::OutputTwice, "-", |history| {
        history.groups[2].counted = 4;
    });
}

#[test]
fn a_duplicate_without_an_event_is_found() {
    found(Rule::Duplicate, "a", |history| again(history, 5000));
}

#[test]
fn only_an_event_of_the_worker_that_had_it_then_explains_a_duplicate() {
    let mut history = good();
    again(&mut history, 5000);
    history.events = vec![event(Cause::Death, 1250, Some(WORKER))];
    let verdict = check(&history);
    assert!(verdict.violations.is_empty(), "{:#?}", verdict.violations);
    assert_eq!(verdict.duplicates["an event"], 1);
    for other in [
        event(Cause::Death, 1250, Some(OTHER)),
        event(Cause::Blip, 1250, Some(WORKER)),
        // Long after it must have been acknowledged, and before it was done.
        event(Cause::Death, 4000, Some(WORKER)),
        event(Cause::Death, 1150, Some(WORKER)),
    ] {
        found(Rule::Duplicate, "a", |history| {
            again(history, 5000);
            history.events = vec![other];
        });
    }
}

#[test]
fn one_that_was_away_and_had_the_earlier_delivery_may_come_second() {
    // Another worker took `a` over and handled it, while the one that had begun it stood still.
    let late = |history: &mut History| {
        for it in history.attempts.iter_mut().filter(|it| it.key == "a") {
            (it.deliveries, it.worker) = (2, OTHER);
        }
        history
            .attempts
            .extend([Said::Start, Said::Done].map(|it| said(it, "a", 1700, 1, WORKER)));
    };
    let away = |from_ms, until_ms, worker| Event {
        until_ms,
        ..event(Cause::Absence, from_ms, Some(worker))
    };
    let mut history = good();
    late(&mut history);
    history.events = vec![away(1050, 1690, WORKER)];
    let verdict = check(&history);
    assert!(verdict.violations.is_empty(), "{:#?}", verdict.violations);
    for other in [
        away(1050, 1690, OTHER),
        // Long back, and away only after the other had handled it.
        away(900, 1150, WORKER),
        away(1650, 1690, WORKER),
    ] {
        let mut history = good();
        late(&mut history);
        history.events = vec![other];
        assert!(check(&history).breaks(Rule::Duplicate));
    }
}

#[test]
fn an_event_explains_no_more_than_its_worker_had_in_hand() {
    found(Rule::Duplicate, "a", |history| {
        again(history, 5000);
        again(history, 9000);
        history.attempts.last_mut().unwrap().deliveries = 3;
        history.attempts[10].deliveries = 3;
        let at = |at_ms, worker| event(Cause::Death, at_ms, Some(worker));
        history.events = vec![at(1250, WORKER)];
    });
}

#[test]
fn a_failure_after_the_work_was_done_is_a_planned_duplicate() {
    let mut history = good();
    history.published[0].plan = Plan::DoneAndFails;
    again(&mut history, 1500);
    let verdict = check(&history);
    assert!(verdict.violations.is_empty(), "{:#?}", verdict.violations);
    assert_eq!(verdict.duplicates["its plan"], 1);
}

#[test]
fn a_delivery_without_an_attempt_needs_an_event() {
    let waste = |history: &mut History| {
        for it in history.attempts.iter_mut().filter(|it| it.key == "a") {
            it.deliveries = 2;
        }
    };
    found(Rule::NoAttempt, "a", waste);
    let mut history = good();
    waste(&mut history);
    history.events = vec![event(Cause::Death, 1050, Some(OTHER))];
    assert!(check(&history).violations.is_empty());
}

#[test]
fn nothing_is_left_over() {
    found(Rule::LeftOver, "1-0", |history| {
        history.groups[0].pending = vec!["1-0".to_owned()];
    });
    found(Rule::LeftOver, "-", |history| {
        history.groups[0].undelivered = 1;
    });
}

#[test]
fn the_servers_counts_are_ours() {
    found(Rule::Counts, "-", |history| {
        history.groups[0].entries_read = Some(2);
    });
    let mut history = good();
    history.streams.get_mut("s").unwrap().entries_added = 4;
    assert!(check(&history).breaks(Rule::Counts));
}

#[test]
fn a_lost_body_is_accounted_for_only_where_that_may_be() {
    let lose = |history: &mut History| {
        without(history, "a");
        history.groups.truncate(1);
        history.groups[0].dead.push(Dead {
            reason: String::new(),
            told: None,
            id: id_of("a"),
            message: None,
            deliveries: 1,
        });
    };
    found(Rule::Tombstone, "1-0", lose);
    let mut history = good();
    lose(&mut history);
    history.rules.trims = Trims::Bodies;
    let verdict = check(&history);
    assert!(verdict.violations.is_empty(), "{:#?}", verdict.violations);
}

#[test]
fn what_was_lost_unread_is_accounted_for_where_that_may_be_and_exactly() {
    let lose = |count: u64| {
        move |history: &mut History| {
            without(history, "a");
            history.groups.truncate(1);
            history.groups[0].gaps.push(Gap {
                from: "0-0".to_owned(),
                to: id_of("a"),
                count,
            });
        }
    };
    found(Rule::Tombstone, "0-0", lose(1));
    for (count, is_right) in [(0, false), (1, true), (2, false)] {
        let mut history = good();
        lose(count)(&mut history);
        history.rules.trims = Trims::Unread;
        let verdict = check(&history);
        assert_eq!(
            verdict.violations.is_empty(),
            is_right,
            "{:#?}",
            verdict.violations
        );
        assert_eq!(verdict.breaks(Rule::Gap), !is_right);
    }
}

/// One active worker, and `ccc` handled by another from `from_ms` on.
fn by_another(history: &mut History, from_ms: u64) {
    history.groups[0].is_single = true;
    without(history, "ccc");
    history.attempts.extend([
        said(Said::Start, "ccc", from_ms, 1, OTHER),
        said(Said::Done, "ccc", from_ms + 20, 1, OTHER),
    ]);
}

#[test]
fn two_workers_at_work_are_one_too_many_where_one_is_to_be_active() {
    found(Rule::TwoActive, "ccc", |history| by_another(history, 1150));
    found(Rule::TwoActive, "ccc", |history| {
        by_another(history, 1150);
        // Too short to cost a lease, or somebody else's.
        history.events = vec![
            event(Cause::Absence, 1100, Some(WORKER)),
            event(Cause::Death, 1100, Some(WORKER)),
            absence(OTHER),
        ];
    });
    for spoil in [
        |history: &mut History| by_another(history, 1300),
        |history: &mut History| {
            by_another(history, 1150);
            history.events = vec![absence(WORKER)];
        },
    ] {
        let mut history = good();
        spoil(&mut history);
        let verdict = check(&history);
        assert!(verdict.violations.is_empty(), "{:#?}", verdict.violations);
    }
}

/// So long that it costs the lease.
fn absence(worker: u32) -> Event {
    Event {
        until_ms: 12_000,
        ..event(Cause::Absence, 1000, Some(worker))
    }
}

#[test]
fn a_violation_tells_all_that_is_known_of_its_key() {
    let mut history = good();
    again(&mut history, 5000);
    history.events = vec![event(Cause::Blip, 3000, Some(WORKER))];
    let text = check(&history).violations[0].to_string();
    for part in [
        "Duplicate: a of handle on s",
        "published as plain",
        "Done of 1-0 under count 2",
        "an event",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}
