//! Lengths of time as an operator writes and reads them: `250ms`, `60s`, `1h30m`, `2 days`.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// A text that is not a length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a duration: {reason} (write 250ms, 60s, 5m, 1h30m, 2d)")]
pub struct DurationError {
    /// The text, escaped.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Reads a length of time: numbers with units from weeks to nanoseconds, a day being 24 hours.
/// `0` needs no unit, every other number does.
///
/// # Errors
/// [`DurationError`] for anything else: negative, without a unit, months and years (of no fixed
/// length).
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let bad = |reason| DurationError {
        text: super::escaped(text.as_bytes()),
        reason,
    };
    let trimmed = text.trim();
    if trimmed.bytes().all(|byte| byte.is_ascii_digit()) {
        return match trimmed {
            "" => Err(bad("it is empty")),
            "0" => Ok(Duration::ZERO),
            _ => Err(bad("it has no unit")),
        };
    }
    let span: Span = trimmed
        .parse()
        .map_err(|_| bad("not a number with a unit"))?;
    if span.is_negative() {
        return Err(bad("it is negative"));
    }
    let length = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| bad("months and years have no fixed length"))?;
    Duration::try_from(length).map_err(|_| bad("it is out of range"))
}

const UNITS: [(u128, &str); 5] = [
    (86_400_000, "d"),
    (3_600_000, "h"),
    (60_000, "m"),
    (1000, "s"),
    (1, "ms"),
];

/// `length` in full, to the millisecond: `1d2h`, `1m30s250ms`, `0s`. Reads back as itself.
pub fn format_duration(length: Duration) -> String {
    written(length, UNITS.len())
}

/// `length` for the eye: its greatest unit and the one below, `3d4h`, `12m5s`, `1s250ms`.
pub fn format_duration_short(length: Duration) -> String {
    written(length, 2)
}

fn written(length: Duration, units_max: usize) -> String {
    let mut rest_ms = length.as_millis();
    let Some(greatest) = UNITS.iter().position(|(unit_ms, _)| rest_ms >= *unit_ms) else {
        return "0s".to_owned();
    };
    let mut text = String::new();
    for (unit_ms, unit) in UNITS.iter().skip(greatest).take(units_max) {
        let count = rest_ms / unit_ms;
        rest_ms %= unit_ms;
        if count > 0 {
            let _ = write!(text, "{count}{unit}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, ms) in [
            ("250ms", 250),
            ("60s", 60_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("2 days", 172_800_000),
            ("1w", 604_800_000),
            ("1.5s", 1500),
            ("0", 0),
            (" 5s ", 5000),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(ms)),
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_the_rest_and_says_why() {
        for (text, reason) in [
            ("", "empty"),
            ("5", "no unit"),
            ("-5s", "negative"),
            ("1mo", "months"),
            ("5s ago", "negative"),
            ("soon", "number"),
            ("5 parsecs", "number"),
        ] {
            let error = parse_duration(text).expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn short_form_keeps_two_units() {
        let length = Duration::from_millis(3 * 86_400_000 + 4 * 3_600_000 + 5);
        assert_eq!(format_duration_short(length), "3d4h");
        assert_eq!(format_duration(length), "3d4h5ms");
    }

    proptest! {
        #[test]
        fn the_full_form_reads_back(ms in 0u64..10_000_000_000_000) {
            let length = Duration::from_millis(ms);
            prop_assert_eq!(parse_duration(&format_duration(length)), Ok(length));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = parse_duration(&text);
        }
    }
}
