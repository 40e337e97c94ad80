//! The circuit breaker: when every attempt fails, the messages are not the cause. The worker then stops trying all of
//! them, probes with one at a time, and counts no deliveries against the others.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::model::{Backoff, EntryId};

/// How many attempts in a row must fail.
const IN_A_ROW: usize = 20;
/// How many messages are remembered as failing on their own.
const SUSPECTS_MAX: usize = 1000;
/// How many recent attempts are considered, and how many of them must have failed.
const WINDOW: usize = 100;
const WINDOW_FAILED: u32 = 95;

/// Watches attempts; open while every attempt fails.
#[derive(Debug)]
pub struct Breaker {
    backoff: Backoff,
    /// The messages of the attempts that failed since the last success.
    failed_in_a_row: Vec<EntryId>,
    /// When the first of those failures was.
    failing_since: Option<Instant>,
    /// Messages that failed while others succeeded. These are themselves the cause, so their failures say nothing
    /// about the others. Otherwise a few bad messages at the end of a stream, tried again and again, would look as if
    /// every attempt failed.
    suspects: VecDeque<EntryId>,
    /// The latest attempts in a ring buffer; `true` is a failure.
    window: Vec<bool>,
    at: usize,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    probes: u64,
    next_probe: Instant,
}

impl Breaker {
    /// A closed breaker whose probes are `backoff` apart.
    pub fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            failed_in_a_row: Vec::with_capacity(IN_A_ROW),
            failing_since: None,
            suspects: VecDeque::new(),
            window: Vec::with_capacity(WINDOW),
            at: 0,
            open: None,
        }
    }

    /// Whether attempts are stopped.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// When the next probe is due; `None` while closed.
    pub fn next_probe(&self) -> Option<Instant> {
        self.open.as_ref().map(|open| open.next_probe)
    }

    /// Records a success. Returns `true` when it closed the breaker.
    pub fn succeeded(&mut self) -> bool {
        self.failing_since = None;
        if self.open.take().is_some() {
            // What failed meanwhile is not to blame.
            self.failed_in_a_row.clear();
            self.window.clear();
            self.at = 0;
            return true;
        }
        self.note(false);
        self.suspects.extend(self.failed_in_a_row.drain(..));
        let excess = self.suspects.len().saturating_sub(SUSPECTS_MAX);
        self.suspects.drain(..excess);
        false
    }

    /// Records a failed attempt at a message. Returns `true` when it opened the breaker.
    pub fn failed(&mut self, now: Instant, id: EntryId) -> bool {
        if self.open.is_some() || self.suspects.contains(&id) {
            return false;
        }
        self.failed_in_a_row.push(id);
        self.failing_since.get_or_insert(now);
        self.note(true);
        let failed_of_window = self.window.iter().filter(|failed| **failed).count();
        let window_is_bad =
            self.window.len() == WINDOW && failed_of_window >= WINDOW_FAILED as usize;
        if self.failed_in_a_row.len() < IN_A_ROW && !window_is_bad {
            return false;
        }
        self.open = Some(Open {
            probes: 0,
            next_probe: now + self.backoff.delay(1),
        });
        true
    }

    /// How long ago the first failure after the last success was; `None` for a message that failed while others
    /// succeeded.
    pub fn failing_for(&self, now: Instant, id: EntryId) -> Option<Duration> {
        let since = self
            .failing_since
            .filter(|_| !self.suspects.contains(&id))?;
        Some(now.saturating_duration_since(since))
    }

    /// Whether the next probe should be a new message. Every other probe is, because waiting messages have failed
    /// before and may themselves be the cause.
    pub fn is_for_a_new_one(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.probes % 2 == 1)
    }

    /// There was no new message to probe with, so the next probe is due as soon as a waiting one is.
    pub fn probe_by(&mut self, waiting: Option<Instant>) {
        if let (Some(open), Some(at)) = (&mut self.open, waiting) {
            open.next_probe = open.next_probe.min(at);
        }
    }

    /// Nothing may be attempted before `at`.
    pub fn probe_not_before(&mut self, at: Instant) {
        if let Some(open) = &mut self.open {
            open.next_probe = open.next_probe.max(at);
        }
    }

    /// Records that a probe starts; the next one is due after twice the delay.
    pub fn probing(&mut self, now: Instant) {
        let backoff = self.backoff;
        if let Some(open) = &mut self.open {
            open.probes += 1;
            open.next_probe = now + backoff.delay(open.probes + 1);
        }
    }

    fn note(&mut self, failed: bool) {
        if self.window.len() < WINDOW {
            self.window.push(failed);
        } else {
            self.window[self.at] = failed;
        }
        self.at = (self.at + 1) % WINDOW;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(Backoff {
            base: Duration::from_secs(1),
            cap: Duration::from_mins(1),
        })
    }

    fn id(ms: u64) -> EntryId {
        EntryId::new(ms, 0)
    }

    #[test]
    fn twenty_failures_in_a_row_open_it_and_one_success_closes_it() {
        let (mut breaker, now) = (breaker(), Instant::now());
        for ms in 1..20 {
            assert!(!breaker.failed(now, id(ms)));
        }
        assert!(breaker.failed(now, id(20)) && breaker.is_open());
        assert_eq!(breaker.next_probe(), Some(now + Duration::from_secs(1)));
        breaker.probing(now);
        assert_eq!(breaker.next_probe(), Some(now + Duration::from_secs(2)));
        assert!(breaker.is_for_a_new_one(), "the first was one that waits");
        let soon = now + Duration::from_millis(500);
        breaker.probe_by(Some(soon));
        assert_eq!(breaker.next_probe(), Some(soon));
        breaker.probe_by(Some(now + Duration::from_mins(1)));
        assert_eq!(breaker.next_probe(), Some(soon));
        breaker.probing(now);
        assert!(!breaker.is_for_a_new_one());
        breaker.probe_not_before(now + Duration::from_mins(1));
        assert_eq!(
            breaker.next_probe(),
            Some(now + Duration::from_mins(1)),
            "no attempt comes early"
        );
        assert!(breaker.succeeded() && !breaker.is_open());
        assert!(!breaker.failed(now, id(21)), "it starts afresh");
    }

    #[test]
    fn a_message_that_failed_while_others_succeeded_says_nothing_of_the_rest() {
        let (mut breaker, now) = (breaker(), Instant::now());
        assert!(!breaker.failed(now, id(1)));
        assert!(!breaker.succeeded());
        for _ in 0..200 {
            assert!(!breaker.failed(now, id(1)));
        }
        // One that has not met a success counts with every attempt.
        for _ in 0..19 {
            assert!(!breaker.failed(now, id(2)));
        }
        assert!(breaker.failed(now, id(2)));
    }

    #[test]
    fn it_knows_since_when_nothing_has_succeeded_and_whom_that_concerns() {
        let (mut breaker, now) = (breaker(), Instant::now());
        let later = now + Duration::from_secs(9);
        assert_eq!(breaker.failing_for(now, id(1)), None);
        breaker.failed(now, id(1));
        breaker.failed(later, id(2));
        assert_eq!(breaker.failing_for(later, id(2)), Some(later - now));
        breaker.succeeded();
        assert_eq!(breaker.failing_for(later, id(2)), None);
        breaker.failed(later, id(2));
        breaker.failed(later, id(3));
        assert_eq!(breaker.failing_for(later, id(2)), None, "others succeeded");
        assert_eq!(breaker.failing_for(later, id(3)), Some(Duration::ZERO));
    }

    #[test]
    fn what_failed_while_everything_did_is_no_suspect() {
        let (mut breaker, now) = (breaker(), Instant::now());
        for _ in 0..2 {
            for ms in 1..20 {
                assert!(!breaker.failed(now, id(ms)));
            }
            assert!(breaker.failed(now, id(20)));
            assert!(breaker.succeeded());
        }
    }

    #[test]
    fn ninety_five_of_a_hundred_open_it() {
        let (mut breaker, now) = (breaker(), Instant::now());
        let mut opened_at = None;
        for attempt in 0..200 {
            // One success in every twenty: never twenty failures in a row.
            if attempt % 20 == 19 {
                breaker.succeeded();
            } else if breaker.failed(now, id(attempt)) {
                opened_at = Some(attempt);
                break;
            }
        }
        assert_eq!(opened_at, Some(100), "a full window with 95 failures");
    }

    #[test]
    fn half_failing_never_opens_it() {
        let (mut breaker, now) = (breaker(), Instant::now());
        for ms in 0..1000 {
            assert!(!breaker.failed(now, id(ms)));
            breaker.succeeded();
        }
    }
}
