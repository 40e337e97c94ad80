//! The pace of a copy: as fast as it goes, or as the entries were added, some times as fast.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::EntryId;

/// The longest pause without a limit: no clock shows what is after it.
const EVER: Duration = Duration::from_hours(366 * 24);

/// The pace of a copy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// How many times as fast as they were added; `None` is as fast as it goes.
    speed: Option<f64>,
    /// No pause between two entries is longer.
    pause_max: Option<Duration>,
    /// When the last entry was due, and when that was added.
    last: Option<(Instant, u64)>,
}

impl Pace {
    /// So many times as fast as they were added, or as fast as it goes.
    pub fn new(speed: Option<f64>, pause_max: Option<Duration>) -> Self {
        Self {
            speed,
            pause_max,
            last: None,
        }
    }

    /// When the next entry is due, which is asked once for each; `None` is at once.
    pub fn due(&mut self, id: EntryId, now: Instant) -> Option<Instant> {
        let speed = self.speed?;
        let (last, last_ms) = self.last.unwrap_or((now, id.ms));
        let apart = Duration::from_millis(id.ms.saturating_sub(last_ms)).as_secs_f64() / speed;
        let most = self.pause_max.unwrap_or(EVER).min(EVER);
        let due = last + Duration::from_secs_f64(apart.min(most.as_secs_f64()));
        self.last = Some((due, id.ms));
        Some(due).filter(|due| *due > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_as_far_apart_as_they_were_or_nearer() {
        let now = Instant::now();
        let all = |speed, pause_max| {
            let mut pace = Pace::new(speed, pause_max);
            [1000, 5000, 5000, 1000, u64::MAX].map(|ms| {
                let due = pace.due(EntryId::new(ms, 0), now);
                due.map_or(0, |due| (due - now).as_secs())
            })
        };
        let ever = EVER.as_secs();
        assert_eq!(all(Some(2.0), None), [0, 2, 2, 2, 2 + ever]);
        let most = Some(Duration::from_secs(1));
        assert_eq!(all(Some(2.0), most), [0, 1, 1, 1, 2]);
        assert_eq!(all(None, most), [0; 5]);
    }
}
