//! The table cells of a group's figures. A figure beyond its threshold is marked, with and without colour.

use super::pace::FORECAST_MIN_MS;
use super::{GroupReport, GroupState};
use crate::model::{Cell, Lag, Tone};
use crate::topology::{Alert, AlertName, Level};

impl GroupReport {
    /// A count that is empty where nothing is in the retry stream.
    pub(super) fn retry_cell(&self, count: Option<u64>) -> Cell {
        match count.filter(|count| *count > 0) {
            None => Cell::Nothing,
            Some(count) if self.is_retry_read == Some(false) => Cell::Count(count).toned(Tone::Bad),
            Some(count) => Cell::Count(count),
        }
    }

    /// What waits in the retry stream, delivered or not.
    pub fn retries_cell(&self) -> Cell {
        self.retry_cell(self.retries_waiting())
    }

    /// The name, marked.
    pub(super) fn name_cell(&self) -> Cell {
        self.marked(Cell::from(self.group.clone()))
    }

    /// What names the group; one that is not in the topology is marked, and so is one that is there only for a replay.
    pub fn marked(&self, name: Cell) -> Cell {
        if self.is_temporary {
            name.noted(Tone::Plain, "temporary")
        } else if self.is_extra {
            name.noted(Tone::Warn, "extra")
        } else {
            name
        }
    }

    /// The lag; marked when it is beyond its threshold, or unknown and possibly beyond it.
    pub(super) fn lag_cell(&self) -> Cell {
        let Some(lag) = self.lag else {
            return Cell::Nothing.shown_as(Tone::Warn, "missing");
        };
        let is = |name| self.alerts.iter().any(|alert| alert.name == name);
        if is(AlertName::Ahead) {
            return Cell::from(lag).shown_as(Tone::Bad, "ahead!");
        }
        let name = if is(AlertName::MaxLag) {
            AlertName::MaxLag
        } else {
            AlertName::LagUnknown
        };
        self.alarmed(lag, name)
    }

    /// The age of the oldest undelivered or of the oldest unacknowledged entry; the greater of the two is the one
    /// that can be too old.
    pub(super) fn age_cell(&self, age_ms: Option<u64>) -> Cell {
        let greatest = self.undelivered_age_ms.max(self.oldest_pending_age_ms);
        let age = Cell::from(age_ms.map(Cell::Millis));
        if age_ms.is_some() && age_ms == greatest {
            self.alarmed(age, AlertName::MaxAge)
        } else {
            age
        }
    }

    pub(super) fn idle_cell(&self) -> Cell {
        let idle = Cell::from(self.oldest_pending_idle_ms.map(Cell::Millis));
        match self.oldest_pending_is_trimmed {
            Some(true) => idle.shown_as(Tone::Bad, "trimmed"),
            _ => self.alarmed(idle, AlertName::MaxIdle),
        }
    }

    pub(super) fn deliveries_cell(&self) -> Cell {
        let is_fatal = self.oldest_pending_is_fatal.unwrap_or_default();
        deliveries_cell(self.oldest_pending_deliveries, is_fatal)
    }

    pub(super) fn live_cell(&self) -> Cell {
        match (self.state, self.live) {
            (GroupState::Missing, _) => Cell::Nothing,
            (GroupState::Ready, None) => Cell::Unknown,
            (GroupState::Ready, Some(live)) => {
                let consumers = self.consumers.len() as u64;
                self.alarmed(Cell::Part(live, consumers), AlertName::MinLive)
            }
        }
    }

    pub(super) fn consumers_cell(&self) -> Cell {
        match self.state {
            GroupState::Ready => self.consumers.len().into(),
            GroupState::Missing => Cell::Nothing,
        }
    }

    pub(super) fn lost_cell(&self, lost: Option<Lag>) -> Cell {
        let lost = lost.map(|lost| lost_cell(lost, &self.alerts));
        lost.unwrap_or(Cell::Nothing)
    }

    /// When it will have caught up; never, where it falls behind or reads nothing.
    pub(super) fn catch_up_cell(&self) -> Cell {
        let is_measured = self.pace_window_ms >= Some(FORECAST_MIN_MS);
        let is_stuck = self.delivered_per_minute == Some(0.0);
        let falls_behind = is_stuck || self.gained_per_minute.is_some_and(|it| it < 0.0);
        let has_work =
            matches!(self.lag, Some(Lag::Known(entries) | Lag::AtLeast(entries)) if entries > 0);
        if is_measured && falls_behind && has_work {
            return Cell::Nothing.shown_as(Tone::Warn, "never");
        }
        self.catch_up_ms.map(Cell::Millis).into()
    }

    /// The names of the alerts.
    pub(super) fn alerts_cell(&self) -> Cell {
        let words = self.alerts.iter().map(|alert| alert.name.word().to_owned());
        words.collect::<Vec<_>>().into()
    }

    /// The reason of an open circuit breaker.
    pub(super) fn breaker_cell(&self) -> Cell {
        let breaker = self.circuit_breaker.as_ref();
        breaker.map_or(Cell::Nothing, |open| {
            Cell::from(open.reason.as_str()).toned(Tone::Bad)
        })
    }

    /// Since when it is paused, until when, by whom and why.
    pub(super) fn paused_cell(&self) -> Cell {
        let paused = self.paused.as_ref();
        paused.map_or(Cell::Nothing, |it| {
            Cell::from(it.told().as_str()).toned(Tone::Warn)
        })
    }

    /// Marks the value, with and without colour, when its threshold is among the alerts.
    pub fn alarmed(&self, value: impl Into<Cell>, name: AlertName) -> Cell {
        alarmed(value.into(), &self.alerts, name)
    }
}

fn alarmed(cell: Cell, alerts: &[Alert], name: AlertName) -> Cell {
    match alerts.iter().find(|alert| alert.name == name) {
        Some(alert) => cell.over(tone_of(alert.level)),
        None => cell,
    }
}

const fn tone_of(level: Level) -> Tone {
    match level {
        Level::Warning => Tone::Warn,
        Level::Critical => Tone::Bad,
    }
}

/// Marks known losses.
pub(in crate::streams) fn lost_cell(lost: Lag, alerts: &[Alert]) -> Cell {
    match lost {
        _ if alerts.iter().any(|it| it.name == AlertName::Lost) => {
            alarmed(lost.into(), alerts, AlertName::Lost)
        }
        Lag::Known(entries) | Lag::AtLeast(entries) if entries > 0 => {
            Cell::from(lost).toned(Tone::Bad)
        }
        other => other.into(),
    }
}

/// A delivery count for people; for scripts it is empty when the entry was given up for good.
pub fn deliveries_cell(deliveries: Option<u64>, is_fatal: bool) -> Cell {
    if is_fatal {
        Cell::Nothing.shown_as(Tone::Bad, "fatal")
    } else {
        deliveries.into()
    }
}
