//! A moment written in ISO 8601, in the form of RFC 3339 or RFC 9557 (`2026-07-01T10:00:00+02:00`,
//! `2026-07-01T10:00:00[Europe/Berlin]`). A text that does not name a single moment is refused, never guessed.

use std::fmt::Write as _;

use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::temporal::Pieces;
use jiff::{SignedDuration, Unit, ZonedDateTime};

/// RFC 3339 has no offset of a day or more.
const OFFSET_SECONDS_MAX: i32 = 24 * 60 * 60 - 1;
const MS_PER_DAY: i64 = 86_400_000;

/// A moment of the years 0 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant {
    utc: DateTime,
}

/// What a text says about a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The moment that it names.
    Instant(Instant),
    /// A date and a time of day without an offset or a zone: the moment that this would be in UTC.
    WithoutOffset(Instant),
    /// Only a day.
    Day,
}

impl Written {
    /// Parses `text`. `None` when it is not in ISO 8601; there is no such day or time of day; its offset is a day or
    /// more; its zone is unknown, or contradicts its offset; or it is a leap second where there is none.
    pub fn parse(text: &str) -> Option<Self> {
        let written = Self::resolved(text)?;
        match written {
            // The library takes a 60th second for the one before it, wherever it is.
            Self::Instant(instant) | Self::WithoutOffset(instant)
                if has_leap_second(text) && !instant.may_be_leap_second() =>
            {
                None
            }
            written => Some(written),
        }
    }

    fn resolved(text: &str) -> Option<Self> {
        let pieces = Pieces::parse(text).ok()?;
        let Some(time) = pieces.time() else {
            return Some(Self::Day);
        };
        if pieces.time_zone_annotation().is_some() {
            // The zone's own rules decide, and must agree with an offset that is given as well.
            let zoned: ZonedDateTime = text.parse().ok()?;
            let utc = zoned.with_time_zone(jiff::tz::TimeZone::UTC).datetime();
            return Instant::of_utc(utc).map(Self::Instant);
        }
        let local = DateTime::from_parts(pieces.date(), time);
        let Some(offset) = pieces.to_numeric_offset() else {
            return Instant::of_utc(local).map(Self::WithoutOffset);
        };
        if offset.seconds().abs() > OFFSET_SECONDS_MAX {
            return None;
        }
        // Not by a timestamp of the library's: those end some hours before the year 9999 does.
        let ahead = SignedDuration::from_secs(offset.seconds().into());
        let utc = local.checked_sub(ahead).ok()?;
        Instant::of_utc(utc).map(Self::Instant)
    }
}

/// Whether the seconds of the time in `text` are 60.
fn has_leap_second(text: &str) -> bool {
    let time = text
        .split_once(['T', 't', ' '])
        .map_or("", |(_, time)| time);
    let time = time.split(['Z', 'z', '+', '-', '[', '.', ',']).next();
    let digits = time.unwrap_or_default().bytes().filter(u8::is_ascii_digit);
    digits.skip(4).eq(*b"60")
}

impl Instant {
    /// Leap seconds occur only at the end of June and December.
    fn may_be_leap_second(self) -> bool {
        let (date, time) = (self.utc.date(), self.utc.time());
        matches!((date.month(), date.day()), (6, 30) | (12, 31))
            && (time.hour(), time.minute(), time.second()) == (23, 59, 59)
    }

    fn of_utc(utc: DateTime) -> Option<Self> {
        (utc.year() >= 0).then_some(Self { utc })
    }

    /// Milliseconds since the Unix epoch, rounded down; negative before 1970.
    pub fn unix_ms(self) -> i64 {
        let epoch = Date::constant(1970, 1, 1);
        let days = epoch
            .until((Unit::Day, self.utc.date()))
            .map_or(0, |span| i64::from(span.get_days()));
        let of_day = Time::midnight().duration_until(self.utc.time());
        let of_day_ms = i64::try_from(of_day.as_millis()).unwrap_or(0);
        days * MS_PER_DAY + of_day_ms
    }

    /// `YYYY-MM-DDTHH:MM:SS.mmmZ`; a fraction finer than a millisecond is kept.
    pub fn rfc3339(self) -> String {
        let mut text = String::with_capacity(30);
        let is_finer_than_ms = self.utc.subsec_nanosecond() % 1_000_000 != 0;
        let _ = if is_finer_than_ms {
            write!(text, "{}Z", self.utc)
        } else {
            write!(text, "{:.3}Z", self.utc)
        };
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Option<String> {
        match Written::parse(text)? {
            Written::Instant(instant) => Some(instant.rfc3339()),
            Written::WithoutOffset(instant) => Some(format!("local {}", instant.rfc3339())),
            Written::Day => Some("a day".to_owned()),
        }
    }

    #[test]
    fn what_names_one_moment_is_read_and_the_rest_refused() {
        for (text, expected) in [
            ("2016-12-31T23:59:60Z", Some("2016-12-31T23:59:59.000Z")),
            (
                "2017-01-01T00:59:60.25+01:00",
                Some("2016-12-31T23:59:59.250Z"),
            ),
            (
                "2017-01-01T00:59:60[Europe/Berlin]",
                Some("2016-12-31T23:59:59.000Z"),
            ),
            ("2016-12-31T12:00:60Z", None),
            ("2016-11-30T23:59:60Z", None),
            ("20161130T235960Z", None),
            ("2026-07-01T00:00:00Z", Some("2026-07-01T00:00:00.000Z")),
            (
                "2026-07-01T00:00:00+02:00",
                Some("2026-06-30T22:00:00.000Z"),
            ),
            (
                "2026-07-01T00:00:00-23:59",
                Some("2026-07-01T23:59:00.000Z"),
            ),
            (
                "2026-07-01T00:00:00[America/New_York]",
                Some("2026-07-01T04:00:00.000Z"),
            ),
            (
                "2026-07-01T00:00:00-04:00[America/New_York]",
                Some("2026-07-01T04:00:00.000Z"),
            ),
            ("9999-12-31T23:59:59Z", Some("9999-12-31T23:59:59.000Z")),
            ("0000-01-01T00:00:00Z", Some("0000-01-01T00:00:00.000Z")),
            (
                "2026-07-01T00:00:00",
                Some("local 2026-07-01T00:00:00.000Z"),
            ),
            ("2026-07-01", Some("a day")),
            ("2026-07-01T00:00:00-03:00[America/New_York]", None),
            ("2026-07-01T00:00:00Z[Bogus/Zone]", None),
            ("2026-07-01T00:00:00[Bogus/Zone]", None),
            ("2026-07-01T00:00:00+24:00", None),
            ("2026-07-01T00:00:00-25:30", None),
            ("9999-12-31T23:59:59-00:01", None),
            ("0000-01-01T00:00:00+00:01", None),
            ("2026-02-29T00:00:00Z", None),
            ("2026-07-01T24:00:00Z", None),
        ] {
            assert_eq!(utc(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn milliseconds_are_counted_from_1970_and_rounded_down() {
        for (text, expected_ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59.9999Z", -1),
            ("2023-11-14T23:13:20.1239+01:00", 1_700_000_000_123),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000),
        ] {
            let Some(Written::Instant(instant)) = Written::parse(text) else {
                panic!("{text}");
            };
            assert_eq!(instant.unix_ms(), expected_ms, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_the_calendar_library(
            ms in -62_167_219_200_000i64..253_402_207_200_000, offset_minutes in -1439i32..=1439,
        ) {
            let moment = jiff::Timestamp::from_millisecond(ms).expect("in range");
            let offset = jiff::tz::Offset::from_seconds(offset_minutes * 60).expect("in range");
            let local = offset.to_datetime(moment);
            proptest::prop_assume!(local.year() >= 0);
            let sign = if offset_minutes < 0 { '-' } else { '+' };
            let minutes = offset_minutes.abs();
            let text = format!("{local:.3}{sign}{:02}:{:02}", minutes / 60, minutes % 60);
            let Some(Written::Instant(instant)) = Written::parse(&text) else {
                panic!("{text}");
            };
            proptest::prop_assert_eq!(instant.unix_ms(), ms);
            proptest::prop_assert_eq!(instant.rfc3339(), format!("{moment:.3}"));
        }
    }
}
