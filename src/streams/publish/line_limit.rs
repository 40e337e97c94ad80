//! The limit on the length of a line, which bounds memory. A line that is too long to become an entry is refused
//! before its end arrives.

use std::fmt;

use crate::topology::validate::may_be_printed;

/// The longest line of an event: its largest value, with every byte escaped.
const EVENT_BYTES_MAX: usize = 8 << 20;
/// The longest line of a whole entry: as long as the longest reply that it can be printed from.
const ENTRY_BYTES_MAX: usize = 1 << 30;

/// The limit of one line that is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LineLimit(usize);

/// The error for a line that is longer than its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong(usize);

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "is longer than {} bytes", self.0)
    }
}

impl Default for LineLimit {
    fn default() -> Self {
        Self(EVENT_BYTES_MAX)
    }
}

impl LineLimit {
    /// The limit for whole entries.
    pub(super) const ENTRY: Self = Self(ENTRY_BYTES_MAX);

    /// # Errors
    /// When the line, of which `begin` was read, is too long already.
    pub(super) fn check(&mut self, begin: &[u8]) -> Result<(), TooLong> {
        if begin.len() > self.0 && *self != Self::ENTRY && may_be_printed(begin) {
            *self = Self::ENTRY;
        }
        self.check_length(begin.len())
    }

    /// As [`LineLimit::check`], for a number of bytes.
    pub(super) fn check_length(self, bytes: usize) -> Result<(), TooLong> {
        if bytes > self.0 {
            return Err(TooLong(self.0));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_entry_may_be_longer_than_an_event() {
        let padded = |begin: &str| begin.to_owned() + &"x".repeat(EVENT_BYTES_MAX);
        for (begin, is_allowed) in [
            (r#"{"stream":"s","id":"1-1","fields":{"a":""#, true),
            (r#" [["a",""#, true),
            (r#"{"a":""#, false),
            (r#"["a",""#, false),
            ("y y ", false),
        ] {
            let mut limit = LineLimit::default();
            let found = limit.check(padded(begin).as_bytes());
            assert_eq!(found.is_ok(), is_allowed, "{begin}");
        }
        assert_eq!(
            LineLimit::ENTRY.check_length(ENTRY_BYTES_MAX + 1),
            Err(TooLong(ENTRY_BYTES_MAX))
        );
    }
}
