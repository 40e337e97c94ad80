//! The names of segments, which say when they begin.

use std::ffi::OsStr;

use crate::model::Time;

/// The longest time between the first and the last sample of a segment.
pub(super) const SEGMENT_SPAN_MS: u64 = 60 * 60 * 1000;

const BEGIN: &str = "samples-";
const END: &str = ".rec";

/// The name of a segment: the time of its first sample, and a number that tells apart those that began in the same
/// millisecond. Names sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentName {
    pub(super) start: Time,
    pub(super) number: u32,
}

impl SegmentName {
    /// The name of a file.
    pub(super) fn text(&self) -> String {
        format!("{BEGIN}{:020}-{}{END}", self.start.ms, self.number)
    }

    /// The segment that a file with this name is; `None` for other files.
    pub(super) fn parse(name: &OsStr) -> Option<Self> {
        let text = name.to_str()?.strip_prefix(BEGIN)?.strip_suffix(END)?;
        let (ms, number) = text.split_once('-')?;
        let parsed = Self {
            start: Time::from_ms(ms.parse().ok()?),
            number: number.parse().ok()?,
        };
        // Only as it would be written, so that no two files are one segment.
        (name == OsStr::new(&parsed.text())).then_some(parsed)
    }

    /// The latest time that a sample of it can have.
    pub(super) fn end(&self) -> Time {
        Time::from_ms(self.start.ms.saturating_add(SEGMENT_SPAN_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_sort_by_time() {
        let name = SegmentName {
            start: Time::from_ms(1_764_497_699_123),
            number: 2,
        };
        assert_eq!(name.text(), "samples-00000001764497699123-2.rec");
        assert_eq!(SegmentName::parse(OsStr::new(&name.text())), Some(name));
        for other in [
            "lock",
            "samples-1764497699123-2.rec",
            "samples-00000001764497699123-02.rec",
            "samples-00000001764497699123-2.rec~",
        ] {
            assert_eq!(SegmentName::parse(OsStr::new(other)), None, "{other}");
        }
        let later = SegmentName {
            start: Time::from_ms(1_764_497_699_124),
            number: 0,
        };
        assert!(name < later && name.text() < later.text());
    }
}
