//! Decides when a group needs attention: the figures that its thresholds are compared with, and the alerts that
//! follow. Every command uses this one place; pure.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::threshold::{Level, Measure, Thresholds};
use crate::model::Lag;

impl Measure {
    /// The word for the alert beyond this threshold, which is also the rule's name.
    pub const fn rule(self) -> &'static str {
        self.alert().word()
    }

    /// The alert of a group beyond this threshold.
    const fn alert(self) -> AlertName {
        match self {
            Self::MaxLag => AlertName::MaxLag,
            Self::MaxPending => AlertName::MaxPending,
            Self::MaxIdle => AlertName::MaxIdle,
            Self::MaxAge => AlertName::MaxAge,
            Self::MaxLost => AlertName::Lost,
            Self::MinRoom => AlertName::MinRoom,
            Self::MinLive => AlertName::MinLive,
            Self::MaxDeadLetters => AlertName::MaxDeadLetters,
        }
    }
}

/// The subject of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertName {
    /// The topology names the group and the server does not have it.
    Missing,
    /// The group is ahead of the last id of its stream: entries added with ids up to its position are never
    /// delivered.
    Ahead,
    /// [`Measure::MaxLost`].
    Lost,
    /// [`Measure::MaxLag`].
    MaxLag,
    /// It is unknown whether the lag is beyond its threshold.
    LagUnknown,
    /// [`Measure::MaxPending`].
    MaxPending,
    /// [`Measure::MaxIdle`].
    MaxIdle,
    /// [`Measure::MaxAge`].
    MaxAge,
    /// [`Measure::MinRoom`].
    MinRoom,
    /// [`Measure::MinLive`].
    MinLive,
    /// [`Measure::MaxDeadLetters`].
    MaxDeadLetters,
}

impl AlertName {
    /// All alerts.
    const ALL: [Self; 11] = [
        Self::Missing,
        Self::Ahead,
        Self::Lost,
        Self::MaxLag,
        Self::LagUnknown,
        Self::MaxPending,
        Self::MaxIdle,
        Self::MaxAge,
        Self::MinRoom,
        Self::MinLive,
        Self::MaxDeadLetters,
    ];

    /// The word for the alert, which is also used in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Ahead => "ahead",
            Self::Lost => "lost",
            Self::MaxLag => "max_lag",
            Self::LagUnknown => "lag_unknown",
            Self::MaxPending => "max_pending",
            Self::MaxIdle => "max_idle",
            Self::MaxAge => "max_age",
            Self::MinRoom => "min_room",
            Self::MinLive => "min_live",
            Self::MaxDeadLetters => "max_dead_letters",
        }
    }
}

/// A problem of a group. In JSON it is its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Its subject.
    pub name: AlertName,
    /// The severity of the alert.
    pub level: Level,
}

impl Alert {
    const fn new(name: AlertName, level: Level) -> Self {
        Self { name, level }
    }
}

impl Serialize for Alert {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name.word())
    }
}

/// The JSON does not have the level, so that it is a warning until the group is judged again.
impl<'de> Deserialize<'de> for Alert {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let name = AlertName::ALL.into_iter().find(|it| it.word() == word);
        let unknown = || D::Error::custom(format!("there is no alert `{word}`"));
        name.map(|name| Self::new(name, Level::Warning))
            .ok_or_else(unknown)
    }
}

impl schemars::JsonSchema for Alert {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Alert".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

/// The figures that alerts are decided from. `None` is a figure that was not looked at or does not apply, which
/// causes no alert; a lag that was looked at and is not known is [`Lag::Unknown`].
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Whether the topology names the group and the server does not have it.
    pub is_missing: bool,
    /// Whether the group is ahead of the last id of its stream.
    pub is_ahead: bool,
    /// Undelivered entries; counted when the server's figure is not reliable.
    pub lag: Option<Lag>,
    /// Entries delivered and not acknowledged.
    pub pending: Option<u64>,
    /// The idle time of the oldest pending entry.
    pub idle_ms: Option<u64>,
    /// Age of the oldest entry that is not delivered or not acknowledged.
    pub age_ms: Option<u64>,
    /// Entries that were trimmed or deleted before they were delivered and were not accepted as lost.
    pub lost: Option<Lag>,
    /// How many entries can be added before the group loses one.
    pub room: Option<Lag>,
    /// The shortest time in which that can happen.
    pub room_ms: Option<u64>,
    /// Live consumers; `None` also while the group has no work or is paused.
    pub live: Option<u64>,
    /// Entries in the stream's dead-letter stream.
    pub dead_letters: Option<u64>,
}

impl Thresholds {
    /// The alerts that are certain by these thresholds, and the alert that a lag is unknown and may be beyond its
    /// threshold.
    pub fn alerts(&self, figures: &Figures) -> Vec<Alert> {
        if figures.is_missing {
            return vec![Alert::new(AlertName::Missing, Level::Critical)];
        }
        let mut alerts = Vec::new();
        if figures.is_ahead {
            alerts.push(Alert::new(AlertName::Ahead, Level::Critical));
        }
        if let Some(lost) = figures.lost {
            alerts.extend(self.check(Measure::MaxLost, least(lost)));
        }
        alerts.extend(self.of_lag(figures));
        for (measure, value) in [
            (Measure::MaxPending, figures.pending),
            (Measure::MaxIdle, figures.idle_ms),
            (Measure::MaxAge, figures.age_ms),
            (Measure::MinRoom, room_ms(figures)),
            (Measure::MinLive, figures.live),
            (Measure::MaxDeadLetters, figures.dead_letters),
        ] {
            alerts.extend(value.and_then(|value| self.check(measure, value)));
        }
        alerts
    }

    fn check(&self, measure: Measure, value: u64) -> Option<Alert> {
        let threshold = self.of(measure)?;
        let level = if measure.is_least() {
            threshold.under(value)
        } else {
            threshold.over(value)
        };
        Some(Alert::new(measure.alert(), level?))
    }

    /// The alert that the lag is beyond its threshold, or may be. There is neither when the group is ahead, because
    /// it has no lag.
    fn of_lag(&self, figures: &Figures) -> Vec<Alert> {
        let (Some(threshold), Some(lag)) = (self.of(Measure::MaxLag), figures.lag) else {
            return Vec::new();
        };
        if figures.is_ahead {
            return Vec::new();
        }
        let over = self.check(Measure::MaxLag, least(lag));
        let may_be_worse = match lag {
            Lag::Known(_) => false,
            Lag::AtMost(most) => threshold.over(most).is_some(),
            Lag::AtLeast(entries) => threshold.over(entries) != Some(Level::Critical),
            Lag::Unknown => true,
        };
        let unknown = may_be_worse.then_some(Alert::new(AlertName::LagUnknown, Level::Warning));
        over.into_iter().chain(unknown).collect()
    }
}

/// The least value that the figure can have.
fn least(count: Lag) -> u64 {
    match count {
        Lag::Known(entries) | Lag::AtLeast(entries) => entries,
        Lag::AtMost(_) | Lag::Unknown => 0,
    }
}

/// The time until the group loses entries: zero when it certainly has no room left, whatever the rate.
fn room_ms(figures: &Figures) -> Option<u64> {
    match figures.room {
        Some(Lag::Known(0) | Lag::AtMost(0)) => Some(0),
        _ => figures.room_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::super::threshold::Threshold;
    use super::*;

    fn names(thresholds: &Thresholds, figures: &Figures) -> Vec<(&'static str, Level)> {
        let alerts = thresholds.alerts(figures);
        alerts.iter().map(|it| (it.name.word(), it.level)).collect()
    }

    #[test]
    fn a_lag_is_over_or_within_or_nobody_knows() {
        use Level::{Critical, Warning};
        let mut thresholds = Thresholds::default();
        thresholds.set(Measure::MaxLag, Some(Threshold::staged(5, 10)));
        for (lag, expected) in [
            (Lag::Known(5), vec![]),
            (Lag::Known(6), vec![("max_lag", Warning)]),
            (Lag::Known(11), vec![("max_lag", Critical)]),
            (Lag::AtLeast(11), vec![("max_lag", Critical)]),
            (
                Lag::AtLeast(10),
                vec![("max_lag", Warning), ("lag_unknown", Warning)],
            ),
            (Lag::AtLeast(5), vec![("lag_unknown", Warning)]),
            (Lag::AtMost(5), vec![]),
            (Lag::AtMost(6), vec![("lag_unknown", Warning)]),
            (Lag::Unknown, vec![("lag_unknown", Warning)]),
        ] {
            let figures = Figures {
                lag: Some(lag),
                ..Figures::default()
            };
            assert_eq!(names(&thresholds, &figures), expected, "{lag:?}");
            let ahead = Figures {
                is_ahead: true,
                ..figures
            };
            assert_eq!(names(&thresholds, &ahead), [("ahead", Critical)], "{lag:?}");
        }
    }

    #[test]
    fn each_figure_has_its_threshold() {
        use Level::{Critical, Warning};
        let at = Figures {
            lag: Some(Lag::Known(1000)),
            pending: Some(u64::MAX),
            idle_ms: Some(300_000),
            age_ms: Some(900_000),
            lost: Some(Lag::Known(0)),
            room: Some(Lag::Known(5)),
            room_ms: Some(3_600_000),
            live: Some(1),
            dead_letters: Some(0),
            ..Figures::default()
        };
        let thresholds = Thresholds::default();
        assert_eq!(names(&thresholds, &at), []);
        let beyond = Figures {
            lag: Some(Lag::Known(1001)),
            idle_ms: Some(300_001),
            age_ms: Some(900_001),
            lost: Some(Lag::AtLeast(1)),
            room_ms: Some(3_599_999),
            live: Some(0),
            dead_letters: Some(1),
            ..at
        };
        assert_eq!(
            names(&thresholds, &beyond),
            [
                ("lost", Critical),
                ("max_lag", Critical),
                ("max_idle", Critical),
                ("max_age", Critical),
                ("min_room", Warning),
                ("min_live", Critical),
                ("max_dead_letters", Warning),
            ]
        );
        assert_eq!(
            names(
                &thresholds,
                &Figures {
                    is_missing: true,
                    ..beyond
                }
            ),
            [("missing", Critical)]
        );
        let mut off = Thresholds::default();
        for measure in Measure::ALL {
            off.set(measure, None);
        }
        assert_eq!(names(&off, &beyond), []);
    }

    #[test]
    fn an_unknown_loss_is_none_and_no_room_is_none_at_any_rate() {
        let thresholds = Thresholds::default();
        for lost in [Lag::Unknown, Lag::AtMost(7)] {
            let figures = Figures {
                lost: Some(lost),
                ..Figures::default()
            };
            assert_eq!(names(&thresholds, &figures), []);
        }
        for (room, room_ms, expected) in [
            (Lag::Known(0), None, vec![("min_room", Level::Critical)]),
            (Lag::Known(1), None, vec![]),
            (Lag::AtLeast(0), None, vec![]),
            (
                Lag::AtLeast(9),
                Some(7),
                vec![("min_room", Level::Critical)],
            ),
            (Lag::Unknown, None, vec![]),
        ] {
            let figures = Figures {
                room: Some(room),
                room_ms,
                ..Figures::default()
            };
            assert_eq!(names(&thresholds, &figures), expected, "{room:?}");
        }
    }
}
