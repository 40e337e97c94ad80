//! Timestamps in fields: ISO 8601 is accepted; RFC 3339 in UTC with milliseconds is written.

use crate::model::Written;

/// A timestamp that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadTimestamp {
    /// The text already has the written form, and is kept byte for byte.
    AsWritten,
    /// The text must be rewritten to this form.
    Rewritten(String),
    /// The text must be rewritten to this form; it had no offset, so UTC was assumed.
    WithoutOffset(String),
}

/// Parses a date and time of the years 0 to 9999; `None` when it is not one.
///
/// A fraction finer than a millisecond is kept, so that no information is lost.
pub fn read_timestamp(text: &[u8]) -> Option<ReadTimestamp> {
    if is_canonical(text) {
        return Some(ReadTimestamp::AsWritten);
    }
    match Written::parse(std::str::from_utf8(text).ok()?.trim())? {
        Written::Instant(instant) => Some(ReadTimestamp::Rewritten(instant.rfc3339())),
        Written::WithoutOffset(instant) => Some(ReadTimestamp::WithoutOffset(instant.rfc3339())),
        Written::Day => None,
    }
}

/// Whether it is `YYYY-MM-DDTHH:MM:SS.mmmZ` with a day that exists and up to nine digits in the fraction. A leap
/// second is left to the calendar library.
fn is_canonical(text: &[u8]) -> bool {
    const SHAPE: &[u8; 20] = b"0000-00-00T00:00:00.";
    let (Some((head, tail)), 24..=30) = (text.split_at_checked(SHAPE.len()), text.len()) else {
        return false;
    };
    let shaped = head.iter().zip(SHAPE).all(|(byte, shape)| match shape {
        b'0' => byte.is_ascii_digit(),
        other => byte == other,
    });
    let Some((b'Z', fraction)) = tail.split_last() else {
        return false;
    };
    if !shaped || !fraction.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let pair = |at: usize| (head[at] - b'0') * 10 + (head[at + 1] - b'0');
    let (month, day) = (pair(5), pair(8));
    (1..=days_in(pair(0), pair(2), month)).contains(&day)
        && pair(11) < 24
        && pair(14) < 60
        && pair(17) < 60
}

/// The number of days in a month of the year `century * 100 + of_century`; 0 for a month that does not exist.
fn days_in(century: u8, of_century: u8, month: u8) -> u8 {
    let leap = if of_century == 0 {
        century.is_multiple_of(4)
    } else {
        of_century.is_multiple_of(4)
    };
    match month {
        2 => 28 + u8::from(leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_iso_8601_and_writes_rfc_3339() {
        for (text, expected) in [
            ("2024-12-01T10:00:00+02:00", "2024-12-01T08:00:00.000Z"),
            ("2024-12-01T10:00:00Z", "2024-12-01T10:00:00.000Z"),
            ("2024-12-01 10:00Z", "2024-12-01T10:00:00.000Z"),
            ("20241201T100000Z", "2024-12-01T10:00:00.000Z"),
            ("2024-12-01T10:00:00.5+00:00", "2024-12-01T10:00:00.500Z"),
            (
                "2024-12-01T10:00:00.1234567+01:00",
                "2024-12-01T09:00:00.1234567Z",
            ),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(
                read_timestamp(text.as_bytes()),
                Some(ReadTimestamp::Rewritten(expected.to_owned())),
                "{text}"
            );
        }
    }

    #[test]
    fn keeps_what_is_written_right() {
        for text in [
            "2024-12-01T10:00:00.000Z",
            "2024-02-29T23:59:59.999999999Z",
            "2000-02-29T00:00:00.000Z",
        ] {
            assert_eq!(
                read_timestamp(text.as_bytes()),
                Some(ReadTimestamp::AsWritten),
                "{text}"
            );
        }
    }

    #[test]
    fn takes_utc_for_a_missing_offset_and_says_so() {
        assert_eq!(
            read_timestamp(b"2024-12-01T10:00:00"),
            Some(ReadTimestamp::WithoutOffset(
                "2024-12-01T10:00:00.000Z".into()
            ))
        );
    }

    #[test]
    fn refuses_what_is_no_moment() {
        for text in [
            "",
            "now",
            "2024-12-01",
            "1733047200",
            "2023-02-29T10:00:00.000Z",
            "1900-02-29T10:00:00.000Z",
            "2024-13-01T10:00:00.000Z",
            "2024-12-01T24:00:00.000Z",
            "2024-12-01T10:60:00.000Z",
            "-000001-12-01T10:00:00Z",
        ] {
            assert_eq!(read_timestamp(text.as_bytes()), None, "{text}");
        }
        assert_eq!(read_timestamp(b"2024-12-01T10:00:00.\xff00Z"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_kept_and_agrees(ms in -62_167_219_200_000i64..253_402_300_799_999) {
            let moment = jiff::Timestamp::from_millisecond(ms.min(253_402_207_200_000)).expect("in range");
            let text = format!("{moment:.3}");
            prop_assert_eq!(read_timestamp(text.as_bytes()), Some(ReadTimestamp::AsWritten));
        }

        #[test]
        fn what_is_taken_as_written_is_a_moment(
            text in "[0-2][0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]\\.[0-9]{3,9}Z"
        ) {
            if is_canonical(text.as_bytes()) {
                prop_assert!(text.parse::<jiff::Timestamp>().is_ok());
            }
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = read_timestamp(&bytes);
        }
    }
}
