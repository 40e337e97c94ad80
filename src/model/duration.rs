//! Durations in the form in which they are typed and shown: whole numbers with units, greatest unit first (`1h30m`,
//! `500ms`). Flags, positions and files share this grammar; in JSON, durations are milliseconds.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serializer;

/// Units and their milliseconds, greatest first.
const UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// A text that is not a duration, and what to type instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Digits alone.
    #[error("`{0}` has no unit: add one, as in {0}s, {0}m or {0}ms")]
    NoUnit(String),
    /// Anything else.
    #[error("`{0}` is not a duration (examples: 90s, 5m, 1h30m, 500ms; units w d h m s ms)")]
    Malformed(String),
    /// More milliseconds than 64 bits hold.
    #[error("`{0}` is too long a duration")]
    TooLong(String),
}

/// Parses a duration of whole milliseconds.
///
/// # Errors
/// [`DurationError`] for a number without a unit, an unknown unit, units out of order, or overflow.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DurationError::NoUnit(text.to_owned()));
    }
    let malformed = || DurationError::Malformed(text.to_owned());
    let too_long = || DurationError::TooLong(text.to_owned());
    let (mut rest, mut units, mut total_ms) = (text, &UNITS[..], 0_u64);
    if rest.is_empty() {
        return Err(malformed());
    }
    while !rest.is_empty() {
        let (number, after_number) = split_while(rest, |byte| byte.is_ascii_digit());
        let (unit, after_unit) = split_while(after_number, |byte| byte.is_ascii_alphabetic());
        if number.is_empty() {
            return Err(malformed());
        }
        let place = units
            .iter()
            .position(|(name, _)| *name == unit)
            .ok_or_else(malformed)?;
        let part_ms = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(units[place].1));
        total_ms = part_ms
            .and_then(|part_ms| total_ms.checked_add(part_ms))
            .ok_or_else(too_long)?;
        units = &units[place + 1..];
        rest = after_unit;
    }
    Ok(Duration::from_millis(total_ms))
}

/// `length` in full, to the millisecond: `1d2h`, `1m30s250ms`, `0s`. Parsing it gives the same duration.
pub fn format_duration(length: Duration) -> String {
    written(length, UNITS.len())
}

/// `length` for people: its greatest unit and the next smaller one, `3d4h`, `12m5s`, `1s250ms`.
pub fn format_duration_short(length: Duration) -> String {
    written(length, 2)
}

fn written(length: Duration, units_max: usize) -> String {
    let mut rest_ms = length.as_millis();
    // Weeks are read, not written: nobody counts an idle time in them.
    let units = &UNITS[1..];
    let Some(greatest) = units
        .iter()
        .position(|(_, unit_ms)| rest_ms >= u128::from(*unit_ms))
    else {
        return "0s".to_owned();
    };
    let mut text = String::new();
    for (unit, unit_ms) in units.iter().skip(greatest).take(units_max) {
        let unit_ms = u128::from(*unit_ms);
        let count = rest_ms / unit_ms;
        rest_ms %= unit_ms;
        if count > 0 {
            let _ = write!(text, "{count}{unit}");
        }
    }
    text
}

fn split_while(text: &str, keep: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text
        .bytes()
        .position(|byte| !keep(byte))
        .unwrap_or(text.len());
    text.split_at(end)
}

/// A duration in whole milliseconds, limited to the range of the type.
pub fn whole_ms(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// Serializes a duration as milliseconds, for keys that end in `_ms`.
///
/// # Errors
/// Errors of the serializer.
pub fn as_ms<S: Serializer>(length: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(whole_ms(*length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_type() {
        for (text, ms) in [
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("90s", 90_000),
            ("0s", 0),
            ("2d", 172_800_000),
            ("1w1d1h1m1s1ms", 694_861_001),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(ms)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_bare_number_asks_for_a_unit() {
        let error = parse_duration("15").expect_err("no unit");
        assert_eq!(
            error.to_string(),
            "`15` has no unit: add one, as in 15s, 15m or 15ms"
        );
        assert!(matches!(parse_duration("0"), Err(DurationError::NoUnit(_))));
    }

    #[test]
    fn refuses_everything_else() {
        for bad in [
            "", "m", "-5m", "5 m", "5M", "1m1h", "1m1m", "5min", "1.5s", "5m3", "é", "5µs",
        ] {
            let result = parse_duration(bad);
            assert!(
                matches!(result, Err(DurationError::Malformed(_))),
                "{bad}: {result:?}"
            );
        }
        for long in ["99999999999999999999s", "18446744073709551615s"] {
            let result = parse_duration(long);
            assert!(
                matches!(result, Err(DurationError::TooLong(_))),
                "{long}: {result:?}"
            );
        }
    }

    #[test]
    fn short_form_keeps_two_units() {
        let length = Duration::from_millis(3 * 86_400_000 + 4 * 3_600_000 + 5);
        assert_eq!(format_duration_short(length), "3d4h");
        assert_eq!(format_duration(length), "3d4h5ms");
        assert_eq!(format_duration(Duration::ZERO), "0s");
    }

    proptest! {
        #[test]
        fn the_full_form_reads_back(ms in 0_u64..10_000_000_000_000) {
            let length = Duration::from_millis(ms);
            prop_assert_eq!(parse_duration(&format_duration(length)), Ok(length));
        }

        #[test]
        fn what_is_written_is_read_back(h in 0_u64..1000, m in 0_u64..60, s in 0_u64..60, ms in 0_u64..1000) {
            let text = format!("{h}h{m}m{s}s{ms}ms");
            let total = ((h * 60 + m) * 60 + s) * 1000 + ms;
            prop_assert_eq!(parse_duration(&text), Ok(Duration::from_millis(total)));
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = parse_duration(&text);
        }
    }
}
