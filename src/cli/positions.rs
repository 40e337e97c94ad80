//! Positions in a stream, in the one grammar that all flags and arguments share.
//!
//! `<ms>-<seq>` an entry id · `start` or `-` · `end`, `+` or `$` · an RFC 3339 time · unix seconds (below 10^11) or
//! milliseconds · `-15m` or `15m`, that long ago · `-N`, N entries from the end. An argument that takes a position
//! needs clap's `allow_hyphen_values`.

use std::str::FromStr;
use std::time::Duration;

use super::parse_duration;
use crate::model::{Edge, EntryId, Written};

/// Smaller numbers are seconds, others are milliseconds: 10^11 s is in the year 5138, 10^11 ms is in 1973.
const FIRST_MILLISECONDS: u64 = 100_000_000_000;

/// A place in a stream, in the form in which it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Before the first entry.
    Start,
    /// After the last entry.
    End,
    /// An entry id.
    Id(EntryId),
    /// Milliseconds since the Unix epoch.
    Time(u64),
    /// This long before now.
    Ago(Duration),
    /// This many entries from the end; only the server can say where that is.
    FromEnd(u64),
}

/// A text that is not a position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PositionError {
    /// A time of day without an offset from UTC.
    #[error("`{0}` has no time zone: add Z or an offset, as in 2026-01-31T09:00:00Z")]
    NoZone(String),
    /// An option that the command does not have, in a place where a position may begin with a hyphen.
    #[error("`{0}` is neither an option of this command nor a position")]
    Option(String),
    /// A time before 1970, which no entry id can have.
    #[error("`{0}` is before 1970")]
    TooEarly(String),
    /// Anything else.
    #[error(
        "`{0}` is not a position (an entry id such as 1700000000000-0, start, end, a time such as 2026-01-31T09:00:00Z, \
         unix seconds or ms, -15m for that long ago, -100 for entries from the end)"
    )]
    Malformed(String),
}

impl Position {
    /// The first id of a range that begins here. For `End` it is the greatest id, so nothing follows.
    pub fn range_start(self, now_ms: u64) -> Edge {
        match self {
            Self::Start => Edge::Id(EntryId::MIN),
            Self::End => Edge::Id(EntryId::MAX),
            Self::Id(id) => Edge::Id(id),
            Self::Time(ms) => Edge::Id(EntryId::new(ms, 0)),
            Self::Ago(ago) => Edge::Id(EntryId::new(before(now_ms, ago), 0)),
            Self::FromEnd(entries) => Edge::FromEnd(entries),
        }
    }

    /// The last id of a range that ends here; a time includes its whole millisecond.
    pub fn range_end(self, now_ms: u64) -> Edge {
        match self {
            Self::Time(ms) => Edge::Id(EntryId::new(ms, u64::MAX)),
            Self::Ago(ago) => Edge::Id(EntryId::new(before(now_ms, ago), u64::MAX)),
            other => other.range_start(now_ms),
        }
    }
}

fn before(now_ms: u64, ago: Duration) -> u64 {
    now_ms.saturating_sub(u64::try_from(ago.as_millis()).unwrap_or(u64::MAX))
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        match text {
            "-" | "start" => return Ok(Self::Start),
            "+" | "$" | "end" => return Ok(Self::End),
            _ => {}
        }
        let option = text.strip_prefix("--").unwrap_or_default();
        if option.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Err(PositionError::Option(text.to_owned()));
        }
        if all_digits(text) {
            return number(text).map(of_number);
        }
        if let Ok(id) = EntryId::parse(text.as_bytes()) {
            return Ok(Self::Id(id));
        }
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        if all_digits(unsigned) {
            return number(unsigned).map(Self::FromEnd);
        }
        if let Ok(ago) = parse_duration(unsigned) {
            return Ok(Self::Ago(ago));
        }
        of_rfc3339(text)
    }
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(digits: &str) -> Result<u64, PositionError> {
    digits
        .parse()
        .map_err(|_| PositionError::Malformed(digits.to_owned()))
}

fn of_number(number: u64) -> Position {
    Position::Time(if number < FIRST_MILLISECONDS {
        number * 1000
    } else {
        number
    })
}

fn of_rfc3339(text: &str) -> Result<Position, PositionError> {
    match Written::parse(text) {
        // Rounded down: an id's millisecond is the one the moment lies in.
        Some(Written::Instant(instant)) => u64::try_from(instant.unix_ms())
            .map(Position::Time)
            .map_err(|_| PositionError::TooEarly(text.to_owned())),
        Some(Written::WithoutOffset(_) | Written::Day) => {
            Err(PositionError::NoZone(text.to_owned()))
        }
        None => Err(PositionError::Malformed(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Position {
        text.parse().expect(text)
    }

    #[test]
    fn reads_the_whole_grammar() {
        for (text, position) in [
            ("-", Position::Start),
            ("start", Position::Start),
            ("+", Position::End),
            ("$", Position::End),
            ("end", Position::End),
            ("5-7", Position::Id(EntryId::new(5, 7))),
            ("1700000000", Position::Time(1_700_000_000_000)),
            ("99999999999", Position::Time(99_999_999_999_000)),
            ("100000000000", Position::Time(100_000_000_000)),
            ("15", Position::Time(15_000)),
            ("1700000000123", Position::Time(1_700_000_000_123)),
            ("-15m", Position::Ago(Duration::from_mins(15))),
            ("10m", Position::Ago(Duration::from_mins(10))),
            ("-1h30m", Position::Ago(Duration::from_mins(90))),
            ("-100", Position::FromEnd(100)),
            ("-0", Position::FromEnd(0)),
            ("2023-11-14T22:13:20Z", Position::Time(1_700_000_000_000)),
            (
                "2023-11-14T23:13:20.1239+01:00",
                Position::Time(1_700_000_000_123),
            ),
        ] {
            assert_eq!(read(text), position, "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_and_says_why() {
        for bad in ["", "--5", "abc", "5-", "-15x", "99999999999999999999"] {
            let result = bad.parse::<Position>();
            assert!(
                matches!(result, Err(PositionError::Malformed(_))),
                "{bad}: {result:?}"
            );
        }
        assert!(matches!(
            "2026-01-31T09:00:00".parse::<Position>(),
            Err(PositionError::NoZone(_))
        ));
        assert!(matches!(
            "1969-12-31T23:59:59Z".parse::<Position>(),
            Err(PositionError::TooEarly(_))
        ));
    }

    #[test]
    fn a_range_includes_the_whole_last_millisecond() {
        let time = Position::Time(1000);
        assert_eq!(time.range_start(0), Edge::Id(EntryId::new(1000, 0)));
        assert_eq!(time.range_end(0), Edge::Id(EntryId::new(1000, u64::MAX)));
        let ago = Position::Ago(Duration::from_secs(1));
        assert_eq!(ago.range_start(5000), Edge::Id(EntryId::new(4000, 0)));
        assert_eq!(ago.range_end(5000), Edge::Id(EntryId::new(4000, u64::MAX)));
        assert_eq!(ago.range_start(10), Edge::Id(EntryId::new(0, 0)));
        let id = Position::Id(EntryId::new(3, 4));
        assert_eq!(id.range_end(0), Edge::Id(EntryId::new(3, 4)));
        assert_eq!(Position::FromEnd(3).range_end(0), Edge::FromEnd(3));
    }

    proptest! {
        #[test]
        fn every_id_reads_back(ms in any::<u64>(), seq in any::<u64>()) {
            let id = EntryId::new(ms, seq);
            prop_assert_eq!(read(&id.to_string()), Position::Id(id));
        }

        #[test]
        fn every_shown_time_reads_back(ms in 0_u64..=253_402_300_799_999) {
            let text = crate::model::Time::from_ms(ms).to_string();
            prop_assert_eq!(read(&text), Position::Time(ms));
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = text.parse::<Position>();
        }
    }
}
