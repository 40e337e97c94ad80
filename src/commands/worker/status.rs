//! One line that shows what the workers of this process are doing, updated while they work.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::model::{Name, counted};
use crate::view::human_count;
use crate::worker::{Counters, Summary};

/// How often the line is updated.
pub(super) const EVERY: Duration = Duration::from_millis(500);
/// The time over which the rate is measured.
const WINDOW: Duration = Duration::from_secs(10);

/// The status line, and the earlier figures it needs.
#[derive(Debug, Default)]
pub(super) struct StatusLine {
    /// How many entries had been handled, and when.
    handled: VecDeque<(Instant, u64)>,
}

impl StatusLine {
    /// The present text of the line, for the workers of these groups.
    pub(super) fn text<'a>(
        &mut self,
        workers: impl Iterator<Item = (&'a Name, &'a Counters)>,
        is_stopping: bool,
        now: Instant,
    ) -> String {
        let (mut groups, mut total, mut figures) =
            (Vec::new(), Total::default(), [0; FIGURES.len()]);
        for (group, counters) in workers {
            groups.push(group);
            total.add(&counters.summary());
            for (name, _, value) in counters.now.each() {
                if let Some(at) = FIGURES.iter().position(|(figure, ..)| *figure == name) {
                    figures[at] += value;
                }
            }
        }
        let who = match groups[..] {
            [group] => group.to_string(),
            _ => counted(groups.len(), "group", "groups"),
        };
        let mut parts = vec![
            format!("{} handled", human_count(total.handled)),
            format!("{}/s", human_count(self.rate(total.handled, now))),
        ];
        for ((_, one, many), count) in FIGURES.iter().zip(figures) {
            match count {
                0 => {}
                1 => parts.push(one.replace('#', "1")),
                _ => parts.push(many.replace('#', &human_count(count))),
            }
        }
        for (count, one, many) in [
            (total.failed_attempts, "failed attempt", "failed attempts"),
            (total.dead_letters, "dead letter", "dead letters"),
        ] {
            if count > 0 {
                let what = if count == 1 { one } else { many };
                parts.push(format!("{} {what}", human_count(count)));
            }
        }
        let state = if is_stopping { "stopping: " } else { "" };
        format!("{who}: {state}{}", parts.join(", "))
    }

    /// How many entries per second were handled recently.
    fn rate(&mut self, handled: u64, now: Instant) -> u64 {
        self.handled.push_back((now, handled));
        while self.handled.len() > 2
            && self
                .handled
                .get(1)
                .is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW)
        {
            self.handled.pop_front();
        }
        let Some((since, before)) = self.handled.front() else {
            return 0;
        };
        let millis = u64::try_from(now.duration_since(*since).as_millis()).unwrap_or(u64::MAX);
        (handled.saturating_sub(*before) * 1000)
            .checked_div(millis)
            .unwrap_or(0)
    }
}

/// Present figures: the name in JSON, the singular and the plural.
const FIGURES: [(&str, &str, &str); 6] = [
    ("running", "# running", "# running"),
    ("waiting", "# waits for a retry", "# wait for a retry"),
    (
        "unwritten",
        "# dead letter cannot be written",
        "# dead letters cannot be written",
    ),
    (
        "paused",
        "paused: the circuit breaker is open",
        "# paused: the circuit breaker is open",
    ),
    ("standing_by", "standing by", "# standing by"),
    (
        "on_hold",
        "on hold: the group is paused",
        "# on hold: their groups are paused",
    ),
];

#[derive(Debug, Default)]
struct Total {
    handled: u64,
    failed_attempts: u64,
    dead_letters: u64,
}

impl Total {
    fn add(&mut self, summary: &Summary) {
        self.handled += summary.handled;
        self.failed_attempts += summary.failed_attempts;
        self.dead_letters += summary.dead_lettered + summary.tombstones;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn it_says_what_is_and_nothing_that_is_not() {
        let (group, counters) = (Name::from("billing"), Counters::default());
        let (mut line, start) = (StatusLine::default(), Instant::now());
        let mut text = |seconds, counters: &Counters, is_stopping| {
            let now = start + Duration::from_secs(seconds);
            line.text([(&group, counters)].into_iter(), is_stopping, now)
        };
        assert_eq!(text(0, &counters, false), "billing: 0 handled, 0/s");
        counters.handled.store(12_000, Ordering::Relaxed);
        counters.dead_lettered.store(1, Ordering::Relaxed);
        assert_eq!(
            text(4, &counters, false),
            "billing: 12,000 handled, 3,000/s, 1 dead letter"
        );
        // Nothing more for long: that is what the rate says.
        for seconds in 5..=20 {
            text(seconds, &counters, false);
        }
        counters.failed_attempts.store(2, Ordering::Relaxed);
        assert_eq!(
            text(21, &counters, true),
            "billing: stopping: 12,000 handled, 0/s, 2 failed attempts, 1 dead letter"
        );
        let other = Name::from("audit");
        let both = [(&group, &counters), (&other, &counters)];
        let text = StatusLine::default().text(both.into_iter(), false, start);
        assert_eq!(
            text,
            "2 groups: 24,000 handled, 0/s, 4 failed attempts, 2 dead letters"
        );
    }
}
