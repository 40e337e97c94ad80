//! The thresholds of a group: what they measure, their stages, and their defaults.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

/// What a threshold measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Entries not delivered yet.
    MaxLag,
    /// Entries delivered and not acknowledged.
    MaxPending,
    /// Idle time of a pending entry.
    MaxIdle,
    /// Age of the oldest entry that is not delivered or not acknowledged, by its id.
    MaxAge,
    /// Entries that were trimmed or deleted before they were delivered.
    MaxLost,
    /// The time until the group loses entries to the stream's limit.
    MinRoom,
    /// Live consumers while there is work.
    MinLive,
    /// Entries in the stream's dead-letter stream.
    MaxDeadLetters,
}

impl Measure {
    /// All thresholds, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::MaxLag,
        Self::MaxPending,
        Self::MaxIdle,
        Self::MaxAge,
        Self::MaxLost,
        Self::MinRoom,
        Self::MinLive,
        Self::MaxDeadLetters,
    ];

    /// The key of the threshold in the topology file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::MaxLag => "max_lag",
            Self::MaxPending => "max_pending",
            Self::MaxIdle => "max_idle",
            Self::MaxAge => "max_age",
            Self::MaxLost => "max_lost",
            Self::MinRoom => "min_room",
            Self::MinLive => "min_live",
            Self::MaxDeadLetters => "max_dead_letters",
        }
    }

    /// Its key in JSON.
    const fn json_key(self) -> &'static str {
        match self {
            Self::MaxIdle => "max_idle_ms",
            Self::MaxAge => "max_age_ms",
            Self::MinRoom => "min_room_ms",
            other => other.word(),
        }
    }

    /// Whether the values of the threshold are milliseconds; otherwise they are entries or consumers.
    pub const fn is_time(self) -> bool {
        matches!(self, Self::MaxIdle | Self::MaxAge | Self::MinRoom)
    }

    /// Whether a value that is too small is the problem, instead of one that is too large.
    pub const fn is_least(self) -> bool {
        matches!(self, Self::MinRoom | Self::MinLive)
    }
}

/// The severity of an alert.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Needs attention.
    Warning,
    /// Needs action.
    Critical,
}

/// The limits of a value; the limit itself is still acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// The limit for a warning; `None` when there is no such stage.
    pub warning: Option<u64>,
    /// The limit for a critical alert.
    pub critical: u64,
}

impl Threshold {
    /// With a critical stage only.
    pub const fn critical(critical: u64) -> Self {
        Self {
            warning: None,
            critical,
        }
    }

    /// With both stages.
    pub const fn staged(warning: u64, critical: u64) -> Self {
        Self {
            warning: Some(warning),
            critical,
        }
    }

    /// The stage that is reached first.
    pub fn first(self) -> u64 {
        self.warning.unwrap_or(self.critical)
    }

    /// The limit beyond which the alert has this level.
    pub fn at(self, level: Level) -> u64 {
        match level {
            Level::Warning => self.first(),
            Level::Critical => self.critical,
        }
    }

    pub(super) fn over(self, value: u64) -> Option<Level> {
        self.level(|threshold| value > threshold)
    }

    pub(super) fn under(self, value: u64) -> Option<Level> {
        self.level(|threshold| value < threshold)
    }

    fn level(self, is_beyond: impl Fn(u64) -> bool) -> Option<Level> {
        if is_beyond(self.critical) {
            Some(Level::Critical)
        } else {
            self.warning
                .filter(|warning| is_beyond(*warning))
                .map(|_| Level::Warning)
        }
    }
}

/// The form of the topology file: a number, or `[warning, critical]`.
impl Serialize for Threshold {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.warning {
            None => serializer.serialize_u64(self.critical),
            Some(warning) => [warning, self.critical].serialize(serializer),
        }
    }
}

/// The thresholds of a group; `None` for one that is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds([Option<Threshold>; Measure::ALL.len()]);

const MINUTE_MS: u64 = 60_000;

impl Default for Thresholds {
    /// The default thresholds.
    fn default() -> Self {
        let mut thresholds = Self::NONE;
        for (measure, threshold) in [
            (Measure::MaxLag, Threshold::critical(1000)),
            (Measure::MaxIdle, Threshold::critical(5 * MINUTE_MS)),
            (Measure::MaxAge, Threshold::critical(15 * MINUTE_MS)),
            (Measure::MaxLost, Threshold::critical(0)),
            (
                Measure::MinRoom,
                Threshold::staged(60 * MINUTE_MS, 10 * MINUTE_MS),
            ),
            (Measure::MinLive, Threshold::critical(1)),
            (Measure::MaxDeadLetters, Threshold::staged(0, 1000)),
        ] {
            thresholds.set(measure, Some(threshold));
        }
        thresholds
    }
}

impl Thresholds {
    /// No threshold at all.
    pub const NONE: Self = Self([None; Measure::ALL.len()]);

    /// The threshold for `measure`.
    pub const fn of(&self, measure: Measure) -> Option<Threshold> {
        self.0[measure as usize]
    }

    /// Replaces the threshold for `measure`.
    pub const fn set(&mut self, measure: Measure, threshold: Option<Threshold>) {
        self.0[measure as usize] = threshold;
    }
}

impl JsonSchema for Thresholds {
    fn schema_name() -> Cow<'static, str> {
        "Thresholds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let keys = Measure::ALL.map(Measure::json_key);
        let each = |key: &str| {
            let threshold = json!({
                "description": "The critical limit, or [warning, critical]; null when it is off",
                "type": ["integer", "array", "null"],
                "items": { "type": "integer" },
            });
            (key.to_owned(), threshold)
        };
        let properties: Map<String, Value> = keys.into_iter().map(each).collect();
        json_schema!({ "type": "object", "properties": properties, "required": keys })
    }
}

impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Kept {
            One(u64),
            Both([u64; 2]),
        }
        Ok(match Kept::deserialize(deserializer)? {
            Kept::One(critical) => Self::critical(critical),
            Kept::Both([warning, critical]) => Self::staged(warning, critical),
        })
    }
}

/// A threshold that is not among the keys is off.
impl<'de> Deserialize<'de> for Thresholds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut thresholds = Self([None; Measure::ALL.len()]);
        for (key, value) in Map::deserialize(deserializer)? {
            let measure = Measure::ALL.into_iter().find(|it| it.json_key() == key);
            if let Some(measure) = measure {
                let value = serde_json::from_value(value).map_err(D::Error::custom)?;
                thresholds.set(measure, value);
            }
        }
        Ok(thresholds)
    }
}

/// `max_lag` and the others; the names of those that are times end with `_ms`.
impl Serialize for Thresholds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for measure in Measure::ALL {
            map.serialize_entry(measure.json_key(), &self.of(measure))?;
        }
        map.end()
    }
}
