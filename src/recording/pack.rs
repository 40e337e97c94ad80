//! Compresses samples, and expands them. The first sample of a segment is the dictionary of the others, from which they
//! differ in some numbers.

use std::io;

use zstd::bulk::{Compressor, Decompressor};

use super::frame::{Frame, FrameKind, SAMPLE_BYTES_MAX, framed};
use crate::model::Time;

/// The compression level: a sample comes every few seconds.
const LEVEL: i32 = 9;

/// Compresses the samples of one segment.
pub(super) struct Packer {
    compressor: Compressor<'static>,
    next: FrameKind,
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Packer({:?})", self.next)
    }
}

impl Packer {
    /// For a new segment.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            compressor: Compressor::new(LEVEL)?,
            next: FrameKind::Key,
        })
    }

    /// For a segment whose first sample is `key`.
    pub(super) fn after(key: &[u8]) -> io::Result<Self> {
        Ok(Self {
            compressor: Compressor::with_dictionary(LEVEL, key)?,
            next: FrameKind::After,
        })
    }

    /// The frame of a sample.
    ///
    /// # Errors
    /// When the sample is larger than a frame may be.
    pub(super) fn pack(&mut self, at: Time, sample: &[u8]) -> io::Result<Vec<u8>> {
        let too_large = || {
            let text = format!("a sample of {} bytes is too large to record", sample.len());
            io::Error::new(io::ErrorKind::InvalidInput, text)
        };
        if sample.len() > SAMPLE_BYTES_MAX {
            return Err(too_large());
        }
        let payload = self.compressor.compress(sample)?;
        let frame = framed(self.next, at, sample.len(), &payload).ok_or_else(too_large)?;
        if self.next == FrameKind::Key {
            *self = Self::after(sample)?;
        }
        Ok(frame)
    }
}

/// Expands the samples of one segment.
pub(super) struct Unpacker {
    after: Decompressor<'static>,
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Unpacker")
    }
}

impl Unpacker {
    /// For a segment whose first sample is `key`.
    pub(super) fn after(key: &[u8]) -> io::Result<Self> {
        Ok(Self {
            after: Decompressor::with_dictionary(key)?,
        })
    }

    /// The sample of a frame, whose segment has these `bytes`.
    pub(super) fn unpack(&mut self, frame: &Frame, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match frame.kind {
            FrameKind::Key => Self::key(frame, bytes),
            FrameKind::After => expand(&mut self.after, frame, bytes),
        }
    }

    /// The sample of a frame that is a key.
    pub(super) fn key(frame: &Frame, bytes: &[u8]) -> io::Result<Vec<u8>> {
        expand(&mut Decompressor::new()?, frame, bytes)
    }
}

fn expand(decompressor: &mut Decompressor<'_>, frame: &Frame, bytes: &[u8]) -> io::Result<Vec<u8>> {
    decompressor.decompress(&bytes[frame.payload.clone()], frame.sample_bytes)
}
