//! A segment whose bytes were read, and its samples.

use std::fmt;

use super::directory::Directory;
use super::frame::{Frame, FrameKind, Frames, frames};
use super::header::{FORMAT, Header, NoHeader};
use super::name::SegmentName;
use super::pack::Unpacker;
use super::sample::{Look, Sample};
use crate::model::{Kind, Problem};

/// A segment that was read.
pub(super) struct Segment {
    pub(super) header: Header,
    bytes: Vec<u8>,
    pub(super) frames: Frames,
    unpacker: Option<Unpacker>,
}

impl fmt::Debug for Segment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Segment({} frames)", self.frames.list.len())
    }
}

/// What reading a segment came to.
#[derive(Debug)]
pub(super) enum Read {
    Whole(Segment),
    /// The file is gone, or was only begun.
    Nothing,
    /// It is no segment any more.
    Damaged,
}

impl Segment {
    /// Reads the segment `name` of `directory`.
    ///
    /// # Errors
    /// Local, also when the segment is of another version.
    pub(super) fn read(directory: &Directory, name: &SegmentName) -> Result<Read, Problem> {
        let Some(bytes) = directory.read(name)? else {
            return Ok(Read::Nothing);
        };
        let (header, start) = match Header::parse(&bytes) {
            Ok(parsed) => parsed,
            Err(NoHeader::Torn) => return Ok(Read::Nothing),
            Err(NoHeader::Damaged) => return Ok(Read::Damaged),
            Err(NoHeader::OtherFormat(other)) => {
                let text = format!(
                    "the recording in {} is of format {other}, and this ucp-streams has format {FORMAT}",
                    directory.shown()
                );
                return Err(Problem::new(Kind::Local, text)
                    .hint("use the ucp-streams that wrote it, or another directory"));
            }
        };
        let frames = frames(&bytes, start);
        Ok(Read::Whole(Self {
            header,
            bytes,
            frames,
            unpacker: None,
        }))
    }

    /// How many bytes of it are whole.
    pub(super) fn whole_bytes(&self) -> u64 {
        self.frames.end as u64
    }

    /// Its size in bytes, with what is torn.
    pub(super) fn all_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The bytes of its first sample, which the others need; `None` when that is lost.
    pub(super) fn key(&self) -> Option<Vec<u8>> {
        let first = self.frames.list.first()?;
        if first.kind != FrameKind::Key {
            return None;
        }
        Unpacker::key(first, &self.bytes).ok()
    }

    /// The sample of a frame; `None` when it cannot be read any more.
    pub(super) fn sample(&mut self, frame: &Frame) -> Option<Sample> {
        let look = Look::of_bytes(&self.stored(frame)?).ok()?;
        Some(Sample { at: frame.at, look })
    }

    /// The sample of a frame as it is stored; `None` when it cannot be read any more.
    pub(super) fn stored(&mut self, frame: &Frame) -> Option<Vec<u8>> {
        if self.unpacker.is_none() {
            self.unpacker = Some(Unpacker::after(&self.key()?).ok()?);
        }
        self.unpacker.as_mut()?.unpack(frame, &self.bytes).ok()
    }
}
