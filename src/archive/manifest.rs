//! The manifest of a segment: how many entries it has, from which id to which, and the checksums. It is written after the
//! segment, so that a segment with a manifest is whole.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::name::SegmentName;
use crate::model::{EntryId, Kind, Name, Problem};

/// The format of archives.
pub(super) const FORMAT: u32 = 1;
/// The greatest size of a manifest that is read.
pub(super) const MANIFEST_BYTES_MAX: u64 = 8 << 20;

/// What is known of a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of the archive.
    format: u32,
    /// The stream.
    pub stream: Name,
    /// The key of the segment.
    pub segment: String,
    /// The id of its first entry.
    pub first_id: EntryId,
    /// The id of its last entry.
    pub last_id: EntryId,
    /// The last id of the segment before it; `None` for the first one.
    pub follows: Option<EntryId>,
    /// Its entries.
    pub entries: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its size in bytes when it is expanded.
    pub expanded_bytes: u64,
    /// The checksum of the segment.
    pub sha256: String,
    /// Its parts, each of which can be expanded without the others.
    pub frames: Vec<Frame>,
}

/// A part of a segment: one zstd frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Where it begins in the segment.
    pub at: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its size in bytes when it is expanded.
    pub expanded_bytes: u64,
    /// Its entries.
    pub entries: u64,
    /// The id of its first entry.
    pub first_id: EntryId,
    /// The id of its last entry.
    pub last_id: EntryId,
    /// The checksum of its bytes.
    pub sha256: String,
}

impl Manifest {
    /// The manifest of the segment with these bytes and frames, of which there is at least one.
    pub(super) fn of(
        name: &SegmentName,
        follows: Option<EntryId>,
        bytes: &[u8],
        frames: Vec<Frame>,
    ) -> Self {
        Self {
            format: FORMAT,
            stream: name.stream.clone(),
            segment: name.segment(),
            first_id: name.first,
            last_id: frames.last().map_or(name.first, |it| it.last_id),
            follows,
            entries: frames.iter().map(|it| it.entries).sum(),
            bytes: bytes.len() as u64,
            expanded_bytes: frames.iter().map(|it| it.expanded_bytes).sum(),
            sha256: sha256(bytes),
            frames,
        }
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, Problem> {
        let mut bytes = serde_json::to_vec(self).map_err(|error| {
            Problem::new(Kind::Bug, format!("a manifest cannot be written: {error}"))
        })?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The manifest in `bytes`, of the segment called `name`; `Err` says what is wrong with it.
    ///
    /// # Errors
    /// Local when it is of a newer format.
    pub(super) fn parse(bytes: &[u8], name: &SegmentName) -> Result<Result<Self, String>, Problem> {
        require_format(bytes, &name.manifest())?;
        let manifest = serde_json::from_slice::<Self>(bytes);
        let manifest = manifest.map_err(|_| "its manifest is no manifest".to_owned());
        Ok(manifest.and_then(|it| it.checked(name)))
    }

    /// It is other people's data: its parts must agree with each other and with the name.
    fn checked(self, name: &SegmentName) -> Result<Self, String> {
        let wrong = |what: &str| Err(format!("its manifest is wrong: {what}"));
        if self.stream != name.stream
            || self.segment != name.segment()
            || self.first_id != name.first
        {
            return wrong("it is of another segment");
        }
        let (mut at, mut entries, mut expanded) = (0_u64, 0_u64, 0_u64);
        let mut last = None;
        for frame in &self.frames {
            let is_next = frame.at == at && frame.entries > 0 && frame.bytes > 0;
            if !is_next
                || frame.first_id > frame.last_id
                || last.is_some_and(|it| frame.first_id <= it)
            {
                return wrong("its frames do not follow each other");
            }
            last = Some(frame.last_id);
            at = at.saturating_add(frame.bytes);
            entries = entries.saturating_add(frame.entries);
            expanded = expanded.saturating_add(frame.expanded_bytes);
        }
        let first = self.frames.first().map(|it| it.first_id);
        if first != Some(self.first_id) || last != Some(self.last_id) {
            return wrong("its ids are not those of its frames");
        }
        if (at, entries, expanded) != (self.bytes, self.entries, self.expanded_bytes) {
            return wrong("its sizes are not those of its frames");
        }
        if self.follows.is_some_and(|it| it >= self.first_id) {
            return wrong("it follows a segment that begins later");
        }
        Ok(self)
    }
}

/// Refuses what is of a newer format.
pub(super) fn require_format(bytes: &[u8], key: &str) -> Result<(), Problem> {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    match serde_json::from_slice(bytes) {
        Ok(Version { format }) if format > FORMAT => {
            let text = format!(
                "{key} in the archive is of format {format}, and this ucp-streams reads format {FORMAT}"
            );
            Err(Problem::new(Kind::Local, text)
                .hint("use the ucp-streams that wrote it, or a newer one"))
        }
        _ => Ok(()),
    }
}

/// The checksum of bytes, in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> (SegmentName, Manifest) {
        let name = SegmentName::new(&Name::from("s"), EntryId::new(1, 1));
        let frame = |at, first, last| Frame {
            at,
            bytes: 10,
            expanded_bytes: 100,
            entries: 2,
            first_id: EntryId::new(first, 1),
            last_id: EntryId::new(last, 1),
            sha256: String::new(),
        };
        let frames = vec![frame(0, 1, 2), frame(10, 3, 4)];
        let manifest = Manifest::of(&name, Some(EntryId::new(0, 5)), &[0; 20], frames);
        (name, manifest)
    }

    #[test]
    fn a_manifest_is_read_back() {
        let (name, manifest) = manifest();
        let bytes = manifest.to_bytes().expect("writes");
        assert_eq!(
            Manifest::parse(&bytes, &name).expect("our format"),
            Ok(manifest)
        );
    }

    #[test]
    fn a_manifest_that_contradicts_itself_or_its_name_is_refused() {
        type Break = fn(&mut Manifest);
        let breaks: [Break; 9] = [
            |it| it.stream = Name::from("t"),
            |it| it.segment = "../s".to_owned(),
            |it| it.first_id = EntryId::new(0, 9),
            |it| it.last_id = EntryId::new(9, 9),
            |it| it.entries = 5,
            |it| it.bytes = u64::MAX,
            |it| it.expanded_bytes = 0,
            |it| it.follows = Some(EntryId::new(1, 1)),
            |it| it.frames[1].first_id = EntryId::new(2, 1),
        ];
        for change in breaks {
            let (name, mut manifest) = manifest();
            change(&mut manifest);
            let bytes = manifest.to_bytes().expect("writes");
            assert!(Manifest::parse(&bytes, &name).expect("our format").is_err());
        }
        let (name, _) = manifest();
        assert!(Manifest::parse(b"{", &name).expect("no format").is_err());
        assert!(Manifest::parse(b"{\"format\":2}", &name).is_err());
    }
}
