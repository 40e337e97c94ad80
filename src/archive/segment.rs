//! A segment: lines of entries in zstd frames, as it is built and as it is read again.

use std::io::{self, Read as _};

use tokio::task::JoinHandle;

use super::destination::in_background;
use super::line::{parse_line, push_line};
use super::manifest::{Frame, Manifest, sha256};
use super::name::SegmentName;
use crate::model::{Entry, EntryId, Kind, Name, Problem};

/// How many bytes of lines make a frame.
const FRAME_BYTES: usize = 4 << 20;
/// The size at which a segment ends, compressed and expanded.
const SEGMENT_BYTES: usize = 16 << 20;
const EXPANDED_BYTES: u64 = 128 << 20;
const LEVEL: i32 = 3;
/// The greatest window of a frame, as a power of two: what a reader needs in memory.
const WINDOW_LOG_MAX: u32 = 24;

/// Lines that are not compressed yet.
#[derive(Debug)]
struct Lines {
    bytes: Vec<u8>,
    entries: u64,
    first: EntryId,
    last: EntryId,
}

/// A segment that is being built.
#[derive(Debug)]
pub(super) struct Building {
    pub(super) name: SegmentName,
    lines: Lines,
    /// The frame that is being compressed.
    compressing: Option<(Lines, JoinHandle<io::Result<Vec<u8>>>)>,
    frames: Vec<Frame>,
    bytes: Vec<u8>,
    expanded: u64,
}

/// A segment that is whole.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) name: SegmentName,
    pub(super) frames: Vec<Frame>,
    pub(super) bytes: Vec<u8>,
}

impl Building {
    pub(super) fn new(stream: &Name, first: EntryId) -> Self {
        Self {
            name: SegmentName::new(stream, first),
            lines: Lines::empty(first),
            compressing: None,
            frames: Vec::new(),
            bytes: Vec::new(),
            expanded: 0,
        }
    }

    pub(super) fn push(&mut self, id: EntryId, fields: &[(&[u8], &[u8])]) {
        let lines = &mut self.lines;
        let before = lines.bytes.len();
        push_line(&mut lines.bytes, &self.name.stream, id, fields);
        if lines.entries == 0 {
            lines.first = id;
        }
        lines.last = id;
        lines.entries += 1;
        self.expanded += (lines.bytes.len() - before) as u64;
    }

    /// Begins to compress what makes a frame. Whether the segment is as large as one may be.
    ///
    /// # Errors
    /// A bug: the compression failed.
    pub(super) async fn settle(&mut self) -> Result<bool, Problem> {
        if self.lines.bytes.len() >= FRAME_BYTES {
            self.compress().await?;
        }
        Ok(self.bytes.len() >= SEGMENT_BYTES || self.expanded >= EXPANDED_BYTES)
    }

    /// Compresses the lines on another thread, after those before them.
    async fn compress(&mut self) -> Result<(), Problem> {
        self.compressed().await?;
        let empty = Lines::empty(self.lines.last);
        let mut lines = std::mem::replace(&mut self.lines, empty);
        let bytes = std::mem::take(&mut lines.bytes);
        let expanded = bytes.len() as u64;
        let job = tokio::task::spawn_blocking(move || compressed(&bytes));
        self.compressing = Some((lines, job));
        self.frames.push(Frame {
            at: 0,
            bytes: 0,
            expanded_bytes: expanded,
            entries: 0,
            first_id: EntryId::MIN,
            last_id: EntryId::MIN,
            sha256: String::new(),
        });
        Ok(())
    }

    /// Awaits the frame that is being compressed.
    async fn compressed(&mut self) -> Result<(), Problem> {
        let Some((lines, job)) = self.compressing.take() else {
            return Ok(());
        };
        let failed =
            |error: io::Error| Problem::new(Kind::Bug, format!("cannot compress a frame: {error}"));
        let bytes = job.await.map_err(|error| failed(io::Error::other(error)))?;
        let bytes = bytes.map_err(failed)?;
        if let Some(frame) = self.frames.last_mut() {
            frame.at = self.bytes.len() as u64;
            frame.bytes = bytes.len() as u64;
            frame.entries = lines.entries;
            frame.first_id = lines.first;
            frame.last_id = lines.last;
            frame.sha256 = sha256(&bytes);
        }
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    /// The whole segment, which has at least one entry.
    ///
    /// # Errors
    /// As [`Building::settle`].
    pub(super) async fn end(mut self) -> Result<Built, Problem> {
        if self.lines.entries > 0 {
            self.compress().await?;
        }
        self.compressed().await?;
        Ok(Built {
            name: self.name,
            frames: self.frames,
            bytes: self.bytes,
        })
    }
}

impl Lines {
    const fn empty(at: EntryId) -> Self {
        Self {
            bytes: Vec::new(),
            entries: 0,
            first: at,
            last: at,
        }
    }
}

/// One frame with its checksum and the size of what it has.
pub(super) fn compressed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
    compressor.include_checksum(true)?;
    compressor.compress(bytes)
}

/// What a frame has; `None` when it is damaged or has more than `expanded_max` bytes.
pub(super) fn expanded(frame: &[u8], expanded_max: u64) -> Option<Vec<u8>> {
    let mut decoder = zstd::Decoder::with_buffer(frame).ok()?.single_frame();
    decoder.window_log_max(WINDOW_LOG_MAX).ok()?;
    let mut bytes = Vec::new();
    let read = decoder
        .take(expanded_max.saturating_add(1))
        .read_to_end(&mut bytes)
        .ok()?;
    (read as u64 <= expanded_max).then_some(bytes)
}

/// A segment that was read, with its manifest. Its frames need not be whole.
#[derive(Debug)]
pub struct Segment {
    /// Its manifest.
    pub manifest: Manifest,
    bytes: Vec<u8>,
}

impl Segment {
    /// `bytes` are those that were found under the name of the segment.
    pub(super) const fn new(manifest: Manifest, bytes: Vec<u8>) -> Self {
        Self { manifest, bytes }
    }

    /// The segment of these bytes as it describes itself, with a manifest that follows from it.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn described(
        name: &SegmentName,
        follows: Option<EntryId>,
        bytes: Vec<u8>,
        expanded_max: u64,
    ) -> Result<Self, String> {
        let (mut frames, mut at) = (Vec::<Frame>::new(), 0);
        let mut left = expanded_max;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let size = zstd::zstd_safe::find_frame_compressed_size(rest);
            let size = size.ok().filter(|it| (1..=rest.len()).contains(it));
            let size = size.ok_or("it is cut short, or no segment")?;
            let frame = &rest[..size];
            let lines = expanded(frame, left).ok_or("a frame cannot be expanded")?;
            left -= (lines.len() as u64).min(left);
            let entries = entries_of(&lines, &name.stream)?;
            let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
                return Err("a frame is empty".to_owned());
            };
            if frames.last().is_some_and(|it| it.last_id >= first.id) {
                return Err("its ids do not rise".to_owned());
            }
            frames.push(Frame {
                at: at as u64,
                bytes: size as u64,
                expanded_bytes: lines.len() as u64,
                entries: entries.len() as u64,
                first_id: first.id,
                last_id: last.id,
                sha256: sha256(frame),
            });
            at += size;
        }
        if frames.first().map(|it| it.first_id) != Some(name.first) {
            return Err("it does not begin with the id in its name".to_owned());
        }
        let manifest = Manifest::of(name, follows, &bytes, frames);
        Ok(Self { manifest, bytes })
    }

    /// Whether it is as long as its manifest says and has its checksum.
    pub(super) fn is_whole(&self) -> bool {
        self.bytes.len() as u64 == self.manifest.bytes
            && sha256(&self.bytes) == self.manifest.sha256
    }

    /// The entries of a frame, if the frame is as the manifest says.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn entries(&self, frame: &Frame) -> Result<Vec<Entry>, String> {
        let place = |it: u64| usize::try_from(it).unwrap_or(usize::MAX);
        let (at, end) = (place(frame.at), place(frame.at.saturating_add(frame.bytes)));
        let bytes = self.bytes.get(at..end).ok_or("it is cut short")?;
        if sha256(bytes) != frame.sha256 {
            return Err("its checksum is wrong".to_owned());
        }
        let lines = expanded(bytes, frame.expanded_bytes).ok_or("a frame cannot be expanded")?;
        let entries = entries_of(&lines, &self.manifest.stream)?;
        let ends = (
            entries.first().map(|it| it.id),
            entries.last().map(|it| it.id),
        );
        if lines.len() as u64 != frame.expanded_bytes
            || entries.len() as u64 != frame.entries
            || ends != (Some(frame.first_id), Some(frame.last_id))
        {
            return Err("it has other entries than its manifest says".to_owned());
        }
        Ok(entries)
    }

    /// As [`Segment::entries`], on a thread of its own.
    ///
    /// # Errors
    /// A bug when that thread ended; what is wrong with the frame, in words.
    pub async fn unpacked(
        self: &std::sync::Arc<Self>,
        frame: Frame,
    ) -> Result<Result<Vec<Entry>, String>, Problem> {
        let segment = std::sync::Arc::clone(self);
        in_background(move || segment.entries(&frame)).await
    }
}

/// The entries of the lines of a frame, whose ids rise.
fn entries_of(lines: &[u8], stream: &Name) -> Result<Vec<Entry>, String> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in lines.split_inclusive(|it| *it == b'\n') {
        let entry = line
            .strip_suffix(b"\n")
            .and_then(|line| parse_line(line, stream));
        let entry = entry.filter(|it| !it.fields.is_empty() && it.id > EntryId::MIN);
        let entry = entry.ok_or("a line is no entry of this stream")?;
        if entries.last().is_some_and(|it| it.id >= entry.id) {
            return Err("its ids do not rise".to_owned());
        }
        entries.push(entry);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn built(entries: u64) -> Built {
        let stream = Name::from("s");
        let mut building = Building::new(&stream, EntryId::new(1, 0));
        for ms in 1..=entries {
            let value = vec![b'a' + (ms % 26) as u8; 3 << 20];
            building.push(EntryId::new(ms, 0), &[(b"f", &value)]);
            building.settle().await.expect("compresses");
        }
        building.end().await.expect("ends")
    }

    #[tokio::test]
    async fn a_segment_describes_itself_as_its_writer_did() {
        let Built {
            name,
            frames,
            bytes,
        } = built(5).await;
        assert_eq!(frames.len(), 3, "two entries make a frame");
        let manifest = Manifest::of(&name, None, &bytes, frames);
        let described = Segment::described(&name, None, bytes, u64::MAX).expect("is whole");
        assert_eq!(described.manifest, manifest);
        assert!(described.is_whole());
        let read: Vec<u64> = manifest
            .frames
            .iter()
            .flat_map(|frame| described.entries(frame).expect("is whole"))
            .map(|it| it.id.ms)
            .collect();
        assert_eq!(read, [1, 2, 3, 4, 5]);
    }

    #[tokio::test]
    async fn damage_costs_a_frame_and_what_expands_too_far_is_refused() {
        let Built {
            name,
            frames,
            mut bytes,
        } = built(5).await;
        let manifest = Manifest::of(&name, None, &bytes, frames);
        let limit = manifest.expanded_bytes - 1;
        assert!(Segment::described(&name, None, bytes.clone(), limit).is_err());
        let middle = usize::try_from(manifest.frames[1].at).expect("is small") + 20;
        bytes[middle] ^= 1;
        bytes.truncate(bytes.len() - 1);
        assert!(Segment::described(&name, None, bytes.clone(), u64::MAX).is_err());
        let segment = Segment::new(manifest.clone(), bytes);
        assert!(!segment.is_whole());
        let whole: Vec<bool> = manifest
            .frames
            .iter()
            .map(|it| segment.entries(it).is_ok())
            .collect();
        assert_eq!(whole, [true, false, false]);
        let mut lying = manifest.frames[0].clone();
        lying.expanded_bytes = 1000;
        assert!(
            segment.entries(&lying).is_err(),
            "it expands further than it says"
        );
    }
}
