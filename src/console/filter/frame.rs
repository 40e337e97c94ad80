//! The messages between a filter's process and this one: a tag, a length, and that many bytes.

use std::io::{self, Read, Write};

/// Longer than any message.
const LENGTH_MAX: u64 = 4 << 30;

/// A document to be filtered; the very first frame describes the filter.
pub(super) const DOCUMENT: u8 = b'd';
/// There are no more documents for now, so the answers are expected.
pub(super) const END: u8 = b'.';
/// The result for a document.
pub(super) const SHOWN: u8 = b'o';
/// Why there is no result for a document: a message, then a line end and a hint.
pub(super) const FAILED: u8 = b'e';

/// Writes a frame.
pub(super) fn write(out: &mut impl Write, tag: u8, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&[tag])?;
    out.write_all(&(bytes.len() as u64).to_le_bytes())?;
    out.write_all(bytes)
}

/// Reads a frame's bytes into `bytes` and returns its tag; `None` at the end.
pub(super) fn read(input: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<Option<u8>> {
    let mut tag = [0];
    loop {
        match input.read(&mut tag) {
            Ok(0) => return Ok(None),
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let mut length = [0; 8];
    input.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    bytes.clear();
    if length > LENGTH_MAX || input.take(length).read_to_end(bytes)? as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(tag[0]))
}
