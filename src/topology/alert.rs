//! When a group is in trouble: the thresholds, and which of them it is over.

use std::time::Duration;

use serde::Serialize;

use crate::model::{Lag, as_ms};

/// The thresholds of a group; at them all is still well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// Entries not delivered yet.
    pub max_lag: u64,
    /// Entries delivered and not acknowledged.
    pub max_pending: u64,
    /// How long a pending entry may rest.
    #[serde(rename = "max_idle_ms", serialize_with = "as_ms")]
    pub max_idle: Duration,
}

/// A threshold that a group is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// [`Alert::max_lag`].
    MaxLag,
    /// [`Alert::max_pending`].
    MaxPending,
    /// [`Alert::max_idle`].
    MaxIdle,
}

impl Over {
    /// The threshold's name in the topology file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::MaxLag => "max_lag",
            Self::MaxPending => "max_pending",
            Self::MaxIdle => "max_idle",
        }
    }
}

impl Alert {
    /// What a group is over for certain: a lag that is at most so much, or unknown, is over nothing.
    pub fn over(&self, lag: Option<Lag>, pending: Option<u64>, idle_ms: Option<u64>) -> Vec<Over> {
        let least_lag = match lag {
            Some(Lag::Known(entries) | Lag::AtLeast(entries)) => entries,
            Some(Lag::AtMost(_) | Lag::Unknown) | None => 0,
        };
        let is_idle =
            idle_ms.is_some_and(|idle_ms| u128::from(idle_ms) > self.max_idle.as_millis());
        [
            (least_lag > self.max_lag, Over::MaxLag),
            (
                pending.is_some_and(|it| it > self.max_pending),
                Over::MaxPending,
            ),
            (is_idle, Over::MaxIdle),
        ]
        .into_iter()
        .filter_map(|(is_over, which)| is_over.then_some(which))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALERT: Alert = Alert {
        max_lag: 10,
        max_pending: 5,
        max_idle: Duration::from_secs(1),
    };

    #[test]
    fn only_what_is_certain_is_over() {
        for (lag, expected) in [
            (Lag::Known(10), vec![]),
            (Lag::Known(11), vec![Over::MaxLag]),
            (Lag::AtLeast(11), vec![Over::MaxLag]),
            (Lag::AtMost(99), vec![]),
            (Lag::Unknown, vec![]),
        ] {
            assert_eq!(
                ALERT.over(Some(lag), Some(5), Some(1000)),
                expected,
                "{lag:?}"
            );
        }
        assert_eq!(
            ALERT.over(None, Some(6), Some(1001)),
            [Over::MaxPending, Over::MaxIdle]
        );
        assert_eq!(ALERT.over(None, None, None), []);
    }
}
