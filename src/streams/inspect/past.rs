//! Some earlier observations, by which the pace of groups is told: for whoever looks again and again.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::StreamReport;
use super::pace::FORECAST_MIN_MS;
use crate::model::{Name, Time, whole_ms};

/// How far apart those are that are kept.
const APART_MS: u64 = 15_000;
/// How old an observation should be to tell a pace by, and how old it may be.
const OLD_MS: u64 = FORECAST_MIN_MS;
const TOO_OLD_MS: u64 = 90_000;
/// How many are kept.
const KEPT_MAX: usize = 4;

/// What was observed in the last minute and a half.
#[derive(Debug)]
pub struct Past {
    kept: VecDeque<(Time, Vec<StreamReport>)>,
    least_ms: u64,
}

impl Default for Past {
    fn default() -> Self {
        Self::from(Duration::from_millis(OLD_MS))
    }
}

impl Past {
    /// Tells paces from observations that are this far apart, for as long as there are none that are half a minute
    /// apart.
    pub fn from(least: Duration) -> Self {
        Self {
            kept: VecDeque::new(),
            least_ms: whole_ms(least),
        }
    }

    /// Adds how fast entries are added and groups read, by what was observed before, and keeps what is observed `now`.
    pub fn tell_paces(&mut self, now: Time, streams: &mut [StreamReport]) {
        self.forget_later_than(now);
        if let Some(before) = self.before(now) {
            for stream in streams.iter_mut() {
                if let Some(then) = before.get(&stream.stream) {
                    stream.add_paces(then);
                }
            }
        }
        self.keep(now, streams);
    }

    /// Begins anew where the clock was put back: how long ago that was nobody knows.
    fn forget_later_than(&mut self, now: Time) {
        self.kept.retain(|(at, _)| *at <= now);
    }

    /// The observation to compare one of now with: the youngest that is old enough, else the oldest.
    fn before(&self, now: Time) -> Option<HashMap<&Name, &StreamReport>> {
        let age = |at: Time| now.ms.saturating_sub(at.ms);
        let old = self.kept.iter().rev().find(|(at, _)| age(*at) >= OLD_MS);
        let (at, streams) = old.or(self.kept.front())?;
        (self.least_ms..=TOO_OLD_MS)
            .contains(&age(*at))
            .then(|| streams.iter().map(|it| (&it.stream, it)).collect())
    }

    fn keep(&mut self, now: Time, streams: &[StreamReport]) {
        let newest = self.kept.back().map(|(at, _)| at.ms);
        if newest.is_some_and(|it| now.ms.saturating_sub(it) < APART_MS) {
            return;
        }
        self.kept.push_back((now, streams.to_vec()));
        while self.kept.len() > KEPT_MAX {
            self.kept.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether there is an observation to compare one of `now` with, where some were made at these seconds.
    fn is_compared(mut past: Past, seconds: &[u64], now: u64) -> bool {
        for at in seconds {
            past.keep(Time::from_ms(at * 1000), &[]);
        }
        past.before(Time::from_ms(now * 1000)).is_some()
    }

    #[test]
    fn one_of_the_last_minute_and_a_half_that_is_old_enough_is_compared_with() {
        for (now, is) in [
            (29, false),
            (30, true),
            (44, true),
            (134, true),
            (136, false),
        ] {
            assert_eq!(
                is_compared(Past::default(), &[0, 15, 30, 45], now),
                is,
                "{now}"
            );
        }
    }

    #[test]
    fn a_clock_that_was_put_back_begins_anew() {
        let mut past = Past::default();
        for seconds in [1000, 1015, 10, 45] {
            past.tell_paces(Time::from_ms(seconds * 1000), &mut []);
        }
        assert!(past.before(Time::from_ms(45_000)).is_some());
        assert!(past.kept.iter().all(|(at, _)| at.ms <= 45_000));
    }

    #[test]
    fn where_there_is_none_the_oldest_will_do() {
        let soon = || Past::from(Duration::from_secs(5));
        assert!(!is_compared(soon(), &[0, 1, 2], 4));
        assert!(is_compared(soon(), &[0, 1, 2], 5));
    }
}
