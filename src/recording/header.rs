//! The first line of a segment: the format, and what its samples are of.

use serde::{Deserialize, Serialize};

/// The version of the format that is written here, and the only one that is read.
pub(super) const FORMAT: u32 = 1;

/// What every segment begins with, of any version.
const MAGIC: &[u8] = b"ucp-streams recording ";
/// The greatest length of the line in bytes.
const LINE_MAX: usize = 4096;

/// What the samples of a segment are of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    /// The server's address, without credentials.
    pub(super) server: String,
    /// How often it is looked at, in milliseconds.
    pub(super) every_ms: u64,
}

/// Why there is no header.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoHeader {
    /// The file ends before the header does: a recorder was stopped while it began the segment.
    Torn,
    /// The file is no segment, or its beginning is damaged.
    Damaged,
    /// The segment is of another version.
    OtherFormat(u32),
}

impl Header {
    /// The line, with its end.
    pub(super) fn line(&self) -> Vec<u8> {
        let about = serde_json::to_string(self).unwrap_or_default();
        let mut line = MAGIC.to_vec();
        line.extend_from_slice(format!("{FORMAT} {about}\n").as_bytes());
        line
    }

    /// The header of the segment with these `bytes`, and how long it is.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn parse(bytes: &[u8]) -> Result<(Self, usize), NoHeader> {
        let begun = &bytes[..bytes.len().min(LINE_MAX)];
        let Some(rest) = begun.strip_prefix(MAGIC) else {
            let is_torn = MAGIC.starts_with(begun);
            return Err(if is_torn {
                NoHeader::Torn
            } else {
                NoHeader::Damaged
            });
        };
        let Some(end) = memchr::memchr(b'\n', rest) else {
            return Err(if bytes.len() < LINE_MAX {
                NoHeader::Torn
            } else {
                NoHeader::Damaged
            });
        };
        let line = std::str::from_utf8(&rest[..end]).map_err(|_| NoHeader::Damaged)?;
        let (format, about) = line.split_once(' ').unwrap_or((line, ""));
        match format.parse() {
            Ok(FORMAT) => {}
            Ok(other) => return Err(NoHeader::OtherFormat(other)),
            Err(_) => return Err(NoHeader::Damaged),
        }
        let header = serde_json::from_str(about).map_err(|_| NoHeader::Damaged)?;
        Ok((header, MAGIC.len() + end + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_torn_or_of_another_version() {
        let header = Header {
            server: "127.0.0.1:6379/0".to_owned(),
            every_ms: 10_000,
        };
        let line = header.line();
        assert_eq!(Header::parse(&line), Ok((header, line.len())));
        for length in 0..line.len() {
            assert_eq!(Header::parse(&line[..length]), Err(NoHeader::Torn));
        }
        let parse = |text: &str| Header::parse(text.as_bytes());
        assert_eq!(parse("something else\n"), Err(NoHeader::Damaged));
        assert_eq!(
            parse("ucp-streams recording x {}\n"),
            Err(NoHeader::Damaged)
        );
        assert_eq!(
            parse("ucp-streams recording 1 {}\n"),
            Err(NoHeader::Damaged)
        );
        let other = parse("ucp-streams recording 2 anything\n");
        assert_eq!(other, Err(NoHeader::OtherFormat(2)));
        let endless = [MAGIC, &[b'x'; LINE_MAX]].concat();
        assert_eq!(Header::parse(&endless), Err(NoHeader::Damaged));
    }
}
