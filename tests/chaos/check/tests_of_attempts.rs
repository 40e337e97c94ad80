//! Histories made by hand in which one thing that is promised of attempts is wrong.

use super::tests::{OTHER, WORKER, found, good, letter, said};
use super::{Rule, check};
use crate::history::{History, Said};

/// `a` failed once and was attempted again, so many milliseconds later.
fn again_after(history: &mut History, wait_ms: u64, asked_ms: u64) {
    history.rules.backoff_ms = Some((200, 1000));
    history.attempts.retain(|it| it.key != "a");
    let mut failed = said(Said::Fail, "a", 1200, 1, WORKER);
    failed.after_ms = asked_ms;
    history.attempts.extend([
        said(Said::Start, "a", 1100, 1, WORKER),
        failed,
        said(Said::Start, "a", 1200 + wait_ms, 2, WORKER),
        said(Said::Done, "a", 1200 + wait_ms, 2, WORKER),
    ]);
}

#[test]
fn an_attempt_before_its_time_is_early() {
    found(Rule::Early, "a", |history| again_after(history, 190, 0));
    found(Rule::Early, "a", |history| again_after(history, 400, 500));
    for (wait_ms, asked_ms) in [(200, 0), (500, 500), (250, 100)] {
        let mut history = good();
        again_after(&mut history, wait_ms, asked_ms);
        let verdict = check(&history);
        assert!(!verdict.breaks(Rule::Early), "{:#?}", verdict.violations);
    }
}

#[test]
fn a_message_that_was_overtaken_is_in_disorder() {
    found(Rule::Disorder, "bb", |history| {
        history.rules.is_ordered = true;
        for line in &mut history.attempts {
            match line.key.as_str() {
                "a" => line.at_ms = 1040,
                "ccc" => line.at_ms = 1050,
                _ => {}
            }
        }
    });
}

#[test]
fn an_entry_that_a_worker_is_at_work_on_is_begun_with_by_no_other() {
    let again = |history: &mut History, at_ms| {
        history.rules.is_undisturbed = true;
        history.attempts.retain(|it| it.key != "a");
        history.attempts.extend([
            said(Said::Start, "a", 1100, 1, WORKER),
            said(Said::Start, "a", at_ms, 2, OTHER),
            said(Said::Done, "a", 1300, 1, WORKER),
        ]);
    };
    found(Rule::Shared, "a", |history| again(history, 1200));
    let mut history = good();
    again(&mut history, 1400);
    assert!(!check(&history).breaks(Rule::Shared));
}

/// `bb`, which has two deliveries at most, is attempted a third time, from 3000 to 3100.
fn a_lone_attempt(history: &mut History) {
    history.attempts.extend([
        said(Said::Start, "bb", 3000, 3, WORKER),
        said(Said::Fail, "bb", 3100, 3, WORKER),
    ]);
}

#[test]
fn beside_an_attempt_that_must_be_alone_its_worker_runs_nothing() {
    let beside = |history: &mut History, worker| {
        a_lone_attempt(history);
        for line in history.attempts.iter_mut().filter(|it| it.key == "ccc") {
            line.worker = worker;
            line.at_ms = if line.said == Said::Start { 3050 } else { 3080 };
        }
    };
    found(Rule::NotAlone, "bb", |history| beside(history, WORKER));
    let mut history = good();
    beside(&mut history, OTHER);
    let verdict = check(&history);
    assert!(!verdict.breaks(Rule::NotAlone), "{:#?}", verdict.violations);
}

#[test]
fn a_dead_letter_has_what_its_handler_said_last() {
    found(Rule::WrongReason, "bb", |history| {
        let mut cut = letter("bb", 2);
        cut.reason = "poison, and then much else".to_owned();
        history.groups[0].dead = vec![cut];
    });
}

#[test]
fn what_is_told_of_a_dead_letter_is_what_it_is() {
    found(Rule::Mistold, "bb", |history| {
        let letter = &mut history.groups[0].dead[0];
        letter.told = Some((letter.reason.clone(), "0-7".to_owned()));
    });
}

#[test]
fn what_runs_on_after_its_attempt_was_stopped_has_outlived_it() {
    found(Rule::Outlived, "a", |history| {
        history
            .attempts
            .push(said(Said::Late, "a", 1250, 1, WORKER));
    });
}

#[test]
fn a_worker_with_more_memory_than_it_may_have_is_found() {
    found(Rule::Memory, "-", |history| {
        history.rules.memory_kib_max = Some(1000);
        history.peaks_kib = vec![1000, 1001];
    });
}
