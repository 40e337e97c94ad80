//! Times to look back to, in the grammar of positions, and as a time of day.

use std::str::FromStr;

use super::{Position, PositionError};
use crate::model::Time;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A time to look back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// A position that is a time.
    At(Position),
    /// A time of day in UTC, in milliseconds: the last one that is not to come.
    OfDay(u64),
}

/// A text that is not a time to look back to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhenError {
    /// A position that is not a time.
    #[error("`{0}` is not a time")]
    NoTime(String),
    /// Anything else.
    #[error(
        "`{0}` is not a time (03:10 in UTC, 15m or -15m for that long ago, a time such as 2026-01-31T09:00:00Z, unix \
         seconds or ms, an entry id)"
    )]
    Malformed(String),
    /// As for positions.
    #[error(transparent)]
    Position(PositionError),
}

impl When {
    /// The time, seen from `now`.
    pub fn resolve(self, now: Time) -> Time {
        let ms = match self {
            Self::At(Position::Id(id)) => id.ms,
            Self::At(Position::Time(ms)) => ms,
            Self::At(Position::Ago(ago)) => {
                let ago_ms = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
                now.ms.saturating_sub(ago_ms)
            }
            Self::At(Position::Start) => 0,
            Self::At(Position::End | Position::FromEnd(_)) => now.ms,
            Self::OfDay(of_day_ms) => {
                let today = now.ms / DAY_MS * DAY_MS;
                let time = today.saturating_add(of_day_ms);
                if time > now.ms {
                    time.saturating_sub(DAY_MS)
                } else {
                    time
                }
            }
        };
        Time::from_ms(ms)
    }
}

impl FromStr for When {
    type Err = WhenError;

    fn from_str(text: &str) -> Result<Self, WhenError> {
        if let Some(of_day_ms) = of_day_ms(text) {
            return Ok(Self::OfDay(of_day_ms));
        }
        match text.parse() {
            Ok(Position::FromEnd(_)) => Err(WhenError::NoTime(text.to_owned())),
            Ok(position) => Ok(Self::At(position)),
            Err(PositionError::Malformed(text)) => Err(WhenError::Malformed(text)),
            Err(other) => Err(WhenError::Position(other)),
        }
    }
}

/// The milliseconds of `HH:MM` or `HH:MM:SS`.
fn of_day_ms(text: &str) -> Option<u64> {
    let parts: Vec<&str> = text.split(':').collect();
    let number = |part: &str, below: u64| -> Option<u64> {
        let is_two_digits = part.len() == 2 && part.bytes().all(|it| it.is_ascii_digit());
        let value: u64 = part.parse().ok()?;
        (is_two_digits && value < below).then_some(value)
    };
    let (hours, minutes, seconds) = match parts[..] {
        [hours, minutes] => (hours, minutes, "00"),
        [hours, minutes, seconds] => (hours, minutes, seconds),
        _ => return None,
    };
    let minutes = number(hours, 24)? * 60 + number(minutes, 60)?;
    Some((minutes * 60 + number(seconds, 60)?) * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_the_last_one() {
        let now: u64 = 20_000 * DAY_MS + 4 * 3_600_000;
        let resolved = |text: &str| {
            let when: When = text.parse().expect(text);
            when.resolve(Time::from_ms(now)).ms
        };
        assert_eq!(resolved("03:10"), now - 50 * 60_000);
        assert_eq!(resolved("04:00"), now);
        assert_eq!(resolved("04:00:01"), now - DAY_MS + 1000);
        assert_eq!(resolved("15m"), now - 15 * 60_000);
        assert_eq!(resolved("-15m"), now - 15 * 60_000);
        assert_eq!(resolved("1700000000000-7"), 1_700_000_000_000);
        assert_eq!(resolved("1700000000"), 1_700_000_000_000);
        assert_eq!(resolved("2026-01-31T09:00:00Z"), 1_769_850_000_000);
        assert_eq!((resolved("start"), resolved("end")), (0, now));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "24:00",
            "3:10",
            "03:60",
            "03:10:60",
            "03:10:",
            "noon",
            "-7",
            "2026-01-31",
        ] {
            assert!(text.parse::<When>().is_err(), "{text}");
        }
    }
}
