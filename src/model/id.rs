//! The id of a stream entry: milliseconds and sequence, ordered as the server orders them.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::Time;

/// An entry id (`<ms>-<seq>`), both parts unsigned 64-bit, compared numerically.
///
/// Source: Redis streams introduction, "Entry IDs".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// Milliseconds since the Unix epoch, by the server's clock when the id was generated.
    pub ms: u64,
    /// Position among the entries of the same millisecond.
    pub seq: u64,
}

/// A text that is not an entry id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an entry id (expected <ms>-<seq>, such as 1700000000000-0)")]
pub struct IdError(pub String);

impl EntryId {
    /// The least id, `0-0`; no entry can have it.
    pub const MIN: Self = Self { ms: 0, seq: 0 };
    /// The greatest id.
    pub const MAX: Self = Self {
        ms: u64::MAX,
        seq: u64::MAX,
    };

    /// An id from its two parts.
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// When the entry was added, by its id; `None` past the year 9999, which occurs only in made-up ids.
    pub fn time(self) -> Option<Time> {
        Some(Time::from_ms(self.ms)).filter(|time| time.is_shown())
    }

    /// The next greater id; `None` after [`EntryId::MAX`].
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self { ms: self.ms, seq }),
            None => Some(Self {
                ms: self.ms.checked_add(1)?,
                seq: 0,
            }),
        }
    }

    /// The next smaller id; `None` before [`EntryId::MIN`].
    pub fn previous(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self { ms: self.ms, seq }),
            None => Some(Self {
                ms: self.ms.checked_sub(1)?,
                seq: u64::MAX,
            }),
        }
    }

    /// Parses `<ms>-<seq>` or `<ms>` (sequence 0) from bytes, digits only.
    ///
    /// # Errors
    /// [`IdError`] with the offending text.
    pub fn parse(text: &[u8]) -> Result<Self, IdError> {
        let bad = || IdError(String::from_utf8_lossy(text).into_owned());
        let (ms, seq) = match memchr::memchr(b'-', text) {
            Some(dash) => (&text[..dash], &text[dash + 1..]),
            None => (text, &b"0"[..]),
        };
        Ok(Self {
            ms: digits(ms).ok_or_else(bad)?,
            seq: digits(seq).ok_or_else(bad)?,
        })
    }
}

/// Decimal digits as a `u64`; `None` when empty, not a digit, or too large.
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    let mut value: u64 = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

impl FromStr for EntryId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `pad` keeps width and alignment working for callers that ask for them.
        if f.width().is_some() {
            f.pad(&format!("{}-{}", self.ms, self.seq))
        } else {
            write!(f, "{}-{}", self.ms, self.seq)
        }
    }
}

impl Serialize for EntryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_full_and_short_ids() {
        assert_eq!(EntryId::parse(b"5-7"), Ok(EntryId::new(5, 7)));
        assert_eq!(EntryId::parse(b"5"), Ok(EntryId::new(5, 0)));
        assert_eq!(
            EntryId::parse(b"18446744073709551615-18446744073709551615"),
            Ok(EntryId::MAX)
        );
    }

    #[test]
    fn refuses_everything_else() {
        for bad in [
            "",
            "-",
            "abc",
            "1-",
            "-1",
            "1-2-3",
            "+1-0",
            "18446744073709551616-0",
            " 1-0",
        ] {
            assert!(EntryId::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn neighbours_carry_over_the_millisecond() {
        assert_eq!(EntryId::new(1, u64::MAX).next(), Some(EntryId::new(2, 0)));
        assert_eq!(
            EntryId::new(2, 0).previous(),
            Some(EntryId::new(1, u64::MAX))
        );
        assert_eq!(EntryId::MAX.next(), None);
        assert_eq!(EntryId::MIN.previous(), None);
    }
}
