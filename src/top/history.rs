//! How the lag of each group went in the last two minutes: its picture, and whether it grows or shrinks.

use std::collections::{HashMap, VecDeque};

use crate::model::{Lag, Time};
use crate::streams::inspect::{GroupReport, GroupState};
use crate::streams::target::Target;

/// How far back it goes.
const BACK_MS: u64 = 120_000;
/// The least time over which it is said which way the lag goes.
const WAY_MIN_MS: u64 = 30_000;
/// Looks that are closer together than this are one.
const APART_MS: u64 = 900;
/// How many looks are kept: with one a second, all that go so far back.
const KEPT_MAX: usize = 150;
/// How many columns the picture has.
pub(super) const COLUMNS: u64 = 6;
/// The heights of a column. The lowest is for zero.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// A column of which nothing is known.
const NOTHING: char = ' ';
/// A change by less than this part of the lag is none.
const STEADY_PART: u64 = 20;

/// Which way a lag goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Growing,
    Steady,
    Shrinking,
}

impl Way {
    pub(super) const fn arrow(self) -> char {
        match self {
            Self::Growing => '↑',
            Self::Steady => '→',
            Self::Shrinking => '↓',
        }
    }
}

/// The lags of all groups.
#[derive(Clone, Debug, Default)]
pub(super) struct Histories(HashMap<Target, Lags>);

/// The lags of one group, the oldest first.
type Lags = VecDeque<(Time, u64)>;

impl Histories {
    /// Adds what was seen of the groups. Those that were not seen are forgotten.
    pub(super) fn add<'g>(&mut self, at: Time, groups: impl Iterator<Item = &'g GroupReport>) {
        let mut before = std::mem::take(&mut self.0);
        for group in groups.filter(|it| it.state == GroupState::Ready) {
            let key = Target::from(group);
            let mut lags = before.remove(&key).unwrap_or_default();
            // A clock that went back begins anew.
            if lags.back().is_some_and(|(last, _)| *last > at) {
                lags.clear();
            }
            let is_due = |(last, _): &(Time, u64)| at.ms - last.ms >= APART_MS;
            if let Some(entries) = group.lag.and_then(Lag::entries)
                && lags.back().is_none_or(is_due)
            {
                lags.push_back((at, entries));
            }
            while lags.len() > KEPT_MAX
                || lags
                    .front()
                    .is_some_and(|(first, _)| at.ms - first.ms > BACK_MS)
            {
                lags.pop_front();
            }
            self.0.insert(key, lags);
        }
    }

    /// Which way the lag of a group goes; `None` where it was not seen for long enough.
    pub(super) fn way(&self, target: &Target) -> Option<Way> {
        let lags = self.0.get(target)?;
        let ((first, then), (last, now)) = (lags.front()?, lags.back()?);
        if last.ms - first.ms < WAY_MIN_MS {
            return None;
        }
        let change_min = (*now).max(*then).div_ceil(STEADY_PART).max(1);
        Some(match (now.abs_diff(*then) >= change_min, now > then) {
            (false, _) => Way::Steady,
            (true, true) => Way::Growing,
            (true, false) => Way::Shrinking,
        })
    }

    /// The picture of a lag until `now`, one character for each part of the time.
    pub(super) fn picture(&self, target: &Target, now: Time) -> String {
        let Some(lags) = self.0.get(target) else {
            return String::new();
        };
        let most = lags.iter().map(|(_, lag)| *lag).max().unwrap_or_default();
        let part_ms = BACK_MS / COLUMNS;
        let column = |back: u64| {
            let is_in = |at: Time| now.ms.saturating_sub(at.ms) / part_ms == back;
            let last = lags.iter().rev().find(|(at, _)| is_in(*at));
            last.map_or(NOTHING, |(_, lag)| height(*lag, most))
        };
        (0..COLUMNS).rev().map(column).collect()
    }
}

/// The height of a lag where the greatest is `most`.
fn height(lag: u64, most: u64) -> char {
    let steps = HEIGHTS.len() as u64 - 1;
    let step = if most == 0 {
        0
    } else {
        u64::try_from(u128::from(lag) * u128::from(steps) / u128::from(most)).unwrap_or(steps)
    };
    // What is little is more than nothing.
    let step = step.max(u64::from(lag > 0)).min(steps);
    HEIGHTS[usize::try_from(step).unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(lag: Lag) -> GroupReport {
        GroupReport {
            group: "g".into(),
            stream: "s".into(),
            state: GroupState::Ready,
            lag: Some(lag),
            ..GroupReport::default()
        }
    }

    /// The history of a lag that is seen once a second.
    fn seen(lags: impl IntoIterator<Item = Lag>) -> (Histories, Time) {
        let (mut histories, mut at) = (Histories::default(), Time::from_ms(1_000_000));
        for lag in lags {
            at = Time::from_ms(at.ms + 1000);
            histories.add(at, [group(lag)].iter());
        }
        (histories, at)
    }

    fn target() -> Target {
        Target::from(&group(Lag::Unknown))
    }

    #[test]
    fn it_is_said_which_way_a_lag_goes_once_that_is_known() {
        let way = |lags: Vec<u64>| seen(lags.into_iter().map(Lag::Known)).0.way(&target());
        assert_eq!(way((0..20).collect()), None);
        assert_eq!(way((0..60).collect()), Some(Way::Growing));
        assert_eq!(way((0..60).rev().collect()), Some(Way::Shrinking));
        assert_eq!(way(vec![0; 60]), Some(Way::Steady));
        assert_eq!(way((1000..1040).collect()), Some(Way::Steady), "4 %");
        let (unknown, _) = seen([Lag::Unknown; 60]);
        assert_eq!(unknown.way(&target()), None, "never a made-up zero");
    }

    #[test]
    fn the_picture_is_of_the_last_two_minutes() {
        let (histories, now) = seen((0..240).map(Lag::Known));
        let picture = histories.picture(&target(), now);
        assert_eq!(picture.chars().count(), 6);
        assert_eq!(picture, "▅▅▆▆▇█");
        let (few, now) = seen([Lag::Known(0), Lag::Known(0)]);
        assert_eq!(few.picture(&target(), now), "     ▁");
        assert_eq!(height(1, 1_000_000), '▂', "more than nothing");
        assert_eq!(height(u64::MAX, u64::MAX), '█');
    }

    #[test]
    fn it_is_bounded_and_forgets_groups_that_are_gone() {
        let (mut histories, now) = seen((0..1000).map(Lag::Known));
        assert!(histories.0.values().all(|it| it.len() <= 121));
        histories.add(now, [].iter());
        assert!(histories.0.is_empty());
    }
}
