//! Entries over time, in intervals of equal width. The width grows with the time that the entries span, so that there
//! are few intervals. Pure.

use std::collections::BTreeMap;

use crate::model::{Time, report};

/// The greatest number of intervals.
const BARS_MAX: u64 = 30;
/// The widths in milliseconds; each is a multiple of the one before.
const WIDTHS: [u64; 20] = [
    1,
    10,
    100,
    SECOND,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    7 * DAY,
    28 * DAY,
    364 * DAY,
    3640 * DAY,
];
const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// The factor from one width to the next beyond the end of the list.
const GROWTH: u64 = 10;

report! {
    /// Entries that were added within one interval of time, by their ids.
    #[derive(Clone, Debug, PartialEq)]
    pub struct TimelineRow {
        /// When the interval begins.
        pub time: Time => whole("FROM"),
        /// The length of the interval; all intervals of a report have the same length.
        pub width_ms: u64 => millis("LENGTH", wide),
        /// The number of entries in the interval.
        pub entries: u64 => number("ENTRIES"),
        /// The total size of their names and values.
        pub bytes: u64 => bytes("BYTES"),
    }
}

/// Entries over time.
#[derive(Debug)]
pub(super) struct Timeline {
    width_ms: u64,
    /// The number and the bytes of the entries in each interval, by the number of widths from the Unix epoch to its
    /// start.
    bars: BTreeMap<u64, (u64, u64)>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            width_ms: WIDTHS[0],
            bars: BTreeMap::new(),
        }
    }
}

impl Timeline {
    pub(super) fn count(&mut self, ms: u64, bytes: u64) {
        let bar = self.bars.entry(ms / self.width_ms).or_default();
        bar.0 += 1;
        bar.1 += bytes;
        while self.span() > BARS_MAX {
            self.widen();
        }
    }

    /// The number of intervals, including empty ones.
    fn span(&self) -> u64 {
        match (self.bars.first_key_value(), self.bars.last_key_value()) {
            (Some((first, _)), Some((last, _))) => (last - first).saturating_add(1),
            _ => 0,
        }
    }

    fn widen(&mut self) {
        let next = WIDTHS.iter().find(|width| **width > self.width_ms);
        let width_ms = next.map_or(self.width_ms.saturating_mul(GROWTH), |width| *width);
        let factor = width_ms / self.width_ms;
        for (place, (entries, bytes)) in std::mem::take(&mut self.bars) {
            let bar = self.bars.entry(place / factor).or_default();
            bar.0 += entries;
            bar.1 += bytes;
        }
        self.width_ms = width_ms;
    }

    /// The intervals from the first to the last, including empty ones.
    pub(super) fn rows(&self) -> Vec<TimelineRow> {
        let Some((first, _)) = self.bars.first_key_value() else {
            return Vec::new();
        };
        let row = |place| {
            let (entries, bytes) = self.bars.get(&place).copied().unwrap_or_default();
            TimelineRow {
                time: Time::from_ms(place.saturating_mul(self.width_ms)),
                width_ms: self.width_ms,
                entries,
                bytes,
            }
        };
        (*first..first.saturating_add(self.span()))
            .map(row)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_width_is_a_multiple_of_the_one_before() {
        for pair in WIDTHS.windows(2) {
            assert_eq!(pair[1] % pair[0], 0, "{pair:?}");
        }
    }

    #[test]
    fn an_hour_is_in_bars_of_a_few_minutes() {
        let mut timeline = Timeline::default();
        for minute in (0..60).rev() {
            timeline.count(1_700_000_000_000 + minute * MINUTE, 10);
        }
        let rows = timeline.rows();
        assert_eq!(rows[0].width_ms, 5 * MINUTE);
        assert!(rows.len() == 12 || rows.len() == 13);
        assert_eq!(rows[3].entries, 5);
        assert_eq!(rows[3].bytes, 50);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_bars_stay_few(
            moments in prop::collection::vec(prop_oneof![0..100_u64, 0..1_u64 << 42, any::<u64>()], 1..100),
        ) {
            let mut timeline = Timeline::default();
            for ms in &moments {
                timeline.count(*ms, 3);
            }
            let rows = timeline.rows();
            prop_assert!(rows.len() as u64 <= BARS_MAX);
            prop_assert_eq!(rows.iter().map(|it| it.entries).sum::<u64>(), moments.len() as u64);
            prop_assert_eq!(rows.iter().map(|it| it.bytes).sum::<u64>(), moments.len() as u64 * 3);
            let width = rows[0].width_ms;
            for row in &rows {
                let within = |ms: &&u64| **ms / width == row.time.ms / width;
                prop_assert_eq!(moments.iter().filter(within).count() as u64, row.entries);
            }
        }
    }
}
