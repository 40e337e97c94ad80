//! A point in time as the tool shows it.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

/// Milliseconds since the Unix epoch, shown as RFC 3339 in UTC with milliseconds.
///
/// Times past the year 9999, which a made-up entry id can name, are shown as the end of that year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Milliseconds since the Unix epoch.
    pub ms: u64,
}

const LAST_SHOWN_MS: u64 = 253_402_300_799_999;

impl Time {
    /// The time `ms` milliseconds after the Unix epoch.
    pub const fn from_ms(ms: u64) -> Self {
        Self { ms }
    }

    /// Whether it can be written: the year has four digits.
    pub const fn is_shown(self) -> bool {
        self.ms <= LAST_SHOWN_MS
    }

    /// Now, by this machine's clock.
    pub fn now() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// `YYYY-MM-DDTHH:MM:SS.mmmZ`, 24 ASCII bytes.
    pub fn rfc3339(self) -> [u8; 24] {
        let ms = self.ms.min(LAST_SHOWN_MS);
        let (days, of_day) = (ms / 86_400_000, ms % 86_400_000);
        let (year, month, day) = civil(days);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        put(&mut text[0..4], year);
        put(&mut text[5..7], month);
        put(&mut text[8..10], day);
        put(&mut text[11..13], of_day / 3_600_000);
        put(&mut text[14..16], of_day / 60_000 % 60);
        put(&mut text[17..19], of_day / 1000 % 60);
        put(&mut text[20..23], of_day % 1000);
        text
    }
}

/// Year, month and day of the proleptic Gregorian calendar, `days` after 1970-01-01
/// (the year is counted from March, so that the leap day comes last).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

fn put(slot: &mut [u8], mut value: u64) {
    for digit in slot.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.rfc3339()).unwrap_or(""))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_calendar_library() {
        for ms in [
            0,
            1,
            951_782_399_999,
            951_868_799_123,
            1_700_000_000_000,
            4_102_444_799_999,
        ] {
            let jiff = jiff::Timestamp::from_millisecond(i64::try_from(ms).expect("fits"))
                .expect("in range");
            assert_eq!(Time::from_ms(ms).to_string(), format!("{jiff:.3}"), "{ms}");
        }
    }

    #[test]
    fn the_far_future_is_clamped() {
        assert_eq!(
            Time::from_ms(u64::MAX).to_string(),
            "9999-12-31T23:59:59.999Z"
        );
    }
}
