//! The resources that this worker lacks to start attempts: descriptors, processes, memory, a program that is being
//! replaced. This is the worker's own fault, so no attempt counts. It runs as many attempts at a time as it can, and
//! tries more from time to time.

use std::time::{Duration, Instant};

use crate::model::{Backoff, Waits};

/// The waits after failed starts.
const WAITS: Backoff = Backoff::new(WAIT, Duration::from_secs(5));
/// The first of these waits, and also the time after which a new attempt is known not to have failed at once.
const WAIT: Duration = Duration::from_millis(100);
/// The shortest time between two log lines about it.
const SAID_EVERY: Duration = Duration::from_mins(1);

/// How many attempts at a time are possible.
#[derive(Debug)]
pub(in crate::worker) struct Lack {
    /// The number, if it is known; `None` means as many as are wanted.
    limit: Option<usize>,
    waits: Waits,
    /// When more may be tried.
    until: Option<Instant>,
    /// Since when more attempts than that have been running.
    trial: Option<Instant>,
    /// The greatest number since then.
    most: usize,
    /// Since when not a single one could be started.
    stalled: Option<Instant>,
    said: Option<Instant>,
}

impl Default for Lack {
    /// Nothing is lacking.
    fn default() -> Self {
        Self {
            limit: None,
            waits: WAITS.waits(),
            until: None,
            trial: None,
            most: 0,
            stalled: None,
            said: None,
        }
    }
}

impl Lack {
    /// A start failed while this many were running. Returns whether that should be logged.
    pub(in crate::worker) fn failed(&mut self, now: Instant, running: usize) -> bool {
        // Those that were started together count once.
        if self.until.is_none_or(|until| now >= until) {
            self.until = Some(now + self.waits.failed());
        }
        self.limit = Some(running);
        self.trial = None;
        self.most = 0;
        if running == 0 {
            self.stalled.get_or_insert(now);
        }
        let is_news = self.said.is_none_or(|said| now >= said + SAID_EVERY);
        if is_news {
            self.said = Some(now);
        }
        is_news
    }

    /// Whether one more may be started while this many are running. When it is time for a trial, twice the known
    /// number may.
    pub(in crate::worker) fn allows(&self, now: Instant, running: usize) -> bool {
        let Some(limit) = self.limit else {
            return true;
        };
        let is_time = self.until.is_none_or(|until| now >= until);
        running < if is_time { (2 * limit).max(1) } else { limit }
    }

    /// One was started, and now this many are running.
    pub(in crate::worker) fn started(&mut self, now: Instant, running: usize) {
        if self.limit.is_some_and(|limit| running > limit) {
            self.trial.get_or_insert(now);
            self.most = self.most.max(running);
        }
    }

    /// Ends a trial that went well: the limit is raised, or removed when `wanted` are possible. Returns since when
    /// nothing could be started, if that is over now.
    pub(in crate::worker) fn look(&mut self, now: Instant, wanted: usize) -> Option<Instant> {
        self.trial.take_if(|trial| now >= *trial + WAIT)?;
        self.waits.succeeded();
        self.until = None;
        self.limit = Some(std::mem::take(&mut self.most));
        if self.limit.is_some_and(|limit| limit >= wanted) {
            self.limit = None;
        }
        self.stalled.take()
    }

    /// When there is something new to try or to check.
    pub(in crate::worker) fn next_look(&self, now: Instant) -> Option<Instant> {
        let trial = self.trial.map(|trial| trial + WAIT);
        trial.or(self.until.filter(|until| *until > now))
    }

    /// Whether something is lacking.
    pub(in crate::worker) fn is_there(&self) -> bool {
        self.limit.is_some()
    }

    /// Whether not a single attempt could be started for this long.
    pub(in crate::worker) fn has_stalled(&self, now: Instant, long: Duration) -> bool {
        self.stalled.is_some_and(|since| now >= since + long)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_grow_to_seconds_and_are_said_once_a_minute() {
        let (mut lack, mut now) = (Lack::default(), Instant::now());
        let begin = now;
        assert!(lack.allows(now, 1000) && !lack.is_there());
        let (mut said, mut tries) = (0, 0);
        while now < begin + 2 * SAID_EVERY {
            lack.started(now, 1);
            said += u32::from(lack.failed(now, 0));
            tries += 1;
            assert!(!lack.allows(now, 0));
            now = lack.next_look(now).unwrap();
            assert!(lack.allows(now, 0) && !lack.allows(now, 1), "one at a time");
        }
        assert_eq!((said, tries < 40), (2, true), "{tries} tries");
        assert!(lack.has_stalled(now, SAID_EVERY));
        lack.started(now, 1);
        assert_eq!(lack.look(now, 4), None, "it may fail yet");
        now += WAIT;
        assert_eq!(lack.look(now, 4), Some(begin));
        assert!(lack.allows(now, 1) && !lack.allows(now, 2), "twice as many");
    }

    #[test]
    fn as_many_run_as_can_and_more_are_tried_now_and_then() {
        let (mut lack, mut now) = (Lack::default(), Instant::now());
        for running in (9..32).rev() {
            lack.failed(now, running);
        }
        assert!(lack.allows(now, 8) && !lack.allows(now, 9));
        assert!(!lack.has_stalled(now + SECOND, Duration::ZERO));
        // The trial fails: as before, and the next one comes later.
        now = lack.next_look(now).unwrap();
        assert!(lack.allows(now, 9) && !lack.allows(now, 18));
        lack.started(now, 10);
        lack.failed(now, 9);
        assert!(!lack.allows(now + WAIT, 9) && lack.allows(now + 2 * WAIT, 9));
        // There is enough again.
        now += SECOND;
        lack.started(now, 18);
        assert_eq!(lack.look(now + WAIT, 32), None);
        assert!(lack.allows(now + WAIT, 31) && lack.is_there());
        lack.started(now + SECOND, 32);
        lack.look(now + 2 * SECOND, 32);
        assert!(!lack.is_there());
    }
}
