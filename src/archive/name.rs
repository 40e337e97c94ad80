//! The names of what an archive has, as keys whose parts are joined by `/`.
//!
//! ```text
//! stream=S/dt=2026-11-28/hour=17/FIRSTID.ndjson.zst      a segment
//! stream=S/dt=2026-11-28/hour=17/FIRSTID.manifest.json   its manifest
//! stream=S/groups/dt=2026-11-28/MS-N.ndjson.zst           a snapshot of the stream's groups
//! ```
//!
//! A stream's name is written with `%XX` for each byte that is no letter, digit, `.`, `_` or `-`. Every name follows from
//! the stream and the first id, so that nothing is read from a place that a name does not belong to.

use std::fmt::Write as _;

use crate::model::{EntryId, Name, Problem};

/// The longest name of a folder.
const FOLDER_MAX: usize = 240;

const STREAM: &str = "stream=";
const SEGMENT: &str = ".ndjson.zst";
const MANIFEST: &str = ".manifest.json";
/// The folder with the snapshots of groups, below that of the stream.
const GROUPS: &str = "groups";
/// The day and the hour of ids whose time cannot be written.
const NO_TIME: &str = "none";

/// The folder of a stream.
///
/// # Errors
/// Usage when the name is too long for a folder.
pub(super) fn stream_folder(stream: &Name) -> Result<String, Problem> {
    let folder = written(stream);
    if folder.len() <= FOLDER_MAX {
        return Ok(folder);
    }
    let text = format!("the name of stream `{stream}` is too long for the name of a folder");
    Err(Problem::usage(text))
}

fn written(stream: &Name) -> String {
    let mut folder = STREAM.to_owned();
    for byte in stream.as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => {
                folder.push(char::from(*byte));
            }
            _ => {
                let _ = write!(folder, "%{byte:02X}");
            }
        }
    }
    folder
}

/// The stream whose folder has this name; `None` for other folders, and for a name that would be written otherwise.
pub(super) fn stream_of(folder: &str) -> Option<Name> {
    let mut rest = folder.strip_prefix(STREAM)?.as_bytes();
    let mut bytes = Vec::with_capacity(rest.len());
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    let stream = Name::new(bytes);
    (written(&stream) == folder).then_some(stream)
}

/// A segment of a stream, by its first id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentName {
    /// The stream.
    pub stream: Name,
    /// The id of its first entry.
    pub first: EntryId,
}

impl SegmentName {
    /// The segment of `stream` that begins with `first`.
    pub fn new(stream: &Name, first: EntryId) -> Self {
        let stream = stream.clone();
        Self { stream, first }
    }

    /// The key of the segment.
    pub fn segment(&self) -> String {
        format!("{}/{}{SEGMENT}", self.folder(), self.first)
    }

    /// The key of its manifest.
    pub fn manifest(&self) -> String {
        format!("{}/{}{MANIFEST}", self.folder(), self.first)
    }

    /// The folder of both.
    pub(super) fn folder(&self) -> String {
        let (day, hour) = folders(self.first);
        format!("{}/{day}/{hour}", written(&self.stream))
    }
}

/// The folder of a day and that of an hour in it, for the segments with this first id.
pub(super) fn folders(id: EntryId) -> (String, String) {
    let Some(time) = id.time() else {
        return (format!("dt={NO_TIME}"), format!("hour={NO_TIME}"));
    };
    let time = time.to_string();
    (
        format!("dt={}", &time[..10]),
        format!("hour={}", &time[11..13]),
    )
}

/// Whether both ids are of one hour, so that one segment may have both.
pub(super) fn are_of_one_hour(one: EntryId, other: EntryId) -> bool {
    const HOUR_MS: u64 = 60 * 60 * 1000;
    match (one.time(), other.time()) {
        (None, None) => true,
        (Some(one), Some(other)) => one.ms / HOUR_MS == other.ms / HOUR_MS,
        _ => false,
    }
}

/// What a file beside segments is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum File {
    Segment(EntryId),
    Manifest(EntryId),
}

impl File {
    /// `None` for other files.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let id = |text: &str| {
            let id = EntryId::parse(text.as_bytes()).ok()?;
            // Only as it would be written, so that no two files are one segment.
            (id.to_string() == text).then_some(id)
        };
        if let Some(text) = name.strip_suffix(SEGMENT) {
            return id(text).map(Self::Segment);
        }
        id(name.strip_suffix(MANIFEST)?).map(Self::Manifest)
    }
}

/// The folder with the snapshots of the groups of a stream.
pub(super) fn groups_folder(stream: &Name) -> String {
    format!("{}/{GROUPS}", written(stream))
}

/// The key of a snapshot of the groups.
pub(super) fn groups_key(stream: &Name, taken: EntryId) -> String {
    format!(
        "{}/{}/{taken}{SEGMENT}",
        groups_folder(stream),
        folders(taken).0
    )
}

/// The key of the file that the one who writes the archive of a stream in a directory has locked.
pub(super) fn lock_key(stream: &Name) -> String {
    format!("{}/lock", written(stream))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_follow_from_the_stream_and_the_first_id() {
        let name = SegmentName::new(
            &Name::from("{events}:raw/1"),
            EntryId::new(1_764_497_699_123, 2),
        );
        assert_eq!(
            name.segment(),
            "stream=%7Bevents%7D%3Araw%2F1/dt=2025-11-30/hour=10/1764497699123-2.ndjson.zst"
        );
        assert_eq!(
            name.manifest(),
            "stream=%7Bevents%7D%3Araw%2F1/dt=2025-11-30/hour=10/1764497699123-2.manifest.json"
        );
        let made_up = SegmentName::new(&Name::from("s"), EntryId::MAX);
        assert!(made_up.segment().starts_with("stream=s/dt=none/hour=none/"));
    }

    #[test]
    fn only_names_as_they_are_written_are_read() {
        for other in [
            "s",
            "stream=a/b",
            "stream=%2f",
            "stream=%",
            "stream=%4",
            "stream=%41",
            "Stream=a",
        ] {
            assert_eq!(stream_of(other), None, "{other}");
        }
        for other in [
            "1.ndjson.zst",
            "01-1.ndjson.zst",
            "1-1.ndjson",
            "lock",
            ".1-1.ndjson.zst.partial",
        ] {
            assert_eq!(File::parse(other), None, "{other}");
        }
        assert_eq!(
            File::parse("1-1.ndjson.zst"),
            Some(File::Segment(EntryId::new(1, 1)))
        );
        assert_eq!(
            File::parse("1-1.manifest.json"),
            Some(File::Manifest(EntryId::new(1, 1)))
        );
        assert!(stream_folder(&Name::new(vec![0xff; 100])).is_err());
    }

    proptest! {
        #[test]
        fn a_stream_is_read_back_and_leads_nowhere_else(stream in any::<Vec<u8>>()) {
            let stream = Name::new(stream);
            let folder = written(&stream);
            prop_assert!(!folder.contains('/'));
            prop_assert_eq!(stream_of(&folder), Some(stream));
        }
    }
}
