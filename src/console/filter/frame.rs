//! What a filter's process and this one tell each other: a tag, a length, and so many bytes.

use std::io::{self, Read, Write};

/// Longer than anything that is told.
const LENGTH_MAX: u64 = 4 << 30;

/// A document to be filtered; the first frame of all is the order itself.
pub(super) const DOCUMENT: u8 = b'd';
/// No more documents for now: they are to be answered.
pub(super) const END: u8 = b'.';
/// What became of a document.
pub(super) const SHOWN: u8 = b'o';
/// Why nothing became of one: a message, and a hint behind a line end.
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
