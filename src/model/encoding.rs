//! The encoding of texts from other programs: some begin with a byte order mark, and some are not UTF-8.

use std::io;

/// The byte order mark of UTF-8.
pub const MARK: &[u8] = b"\xef\xbb\xbf";

/// Why a text is not UTF-8, in words that follow "it is".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotUtf8 {
    /// The text begins with the byte order mark of UTF-16, as PowerShell writes it.
    #[error("UTF-16, not UTF-8: convert it, for example with `iconv -f UTF-16 -t UTF-8`")]
    Utf16,
    /// Anything else.
    #[error("not UTF-8")]
    Other,
}

/// `bytes` without a UTF-8 byte order mark at the beginning.
///
/// # Errors
/// When they begin with the byte order mark of UTF-16.
pub fn without_mark(bytes: &[u8]) -> Result<&[u8], NotUtf8> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(NotUtf8::Utf16);
    }
    Ok(bytes.strip_prefix(MARK).unwrap_or(bytes))
}

/// `bytes` as text, without a byte order mark at the beginning.
///
/// # Errors
/// When they are not UTF-8.
pub fn text_of(bytes: &[u8]) -> Result<&str, NotUtf8> {
    std::str::from_utf8(without_mark(bytes)?).map_err(|_| NotUtf8::Other)
}

impl From<NotUtf8> for io::Error {
    fn from(what: NotUtf8) -> Self {
        Self::new(io::ErrorKind::InvalidData, format!("it is {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_no_part_of_the_text() {
        for (bytes, text) in [
            (&b"a"[..], Ok("a")),
            (b"\xef\xbb\xbfa\xef\xbb\xbf", Ok("a\u{feff}")),
            (b"\xff\xfea\0", Err(NotUtf8::Utf16)),
            (b"\xfe\xff\0a", Err(NotUtf8::Utf16)),
            (b"a\xff", Err(NotUtf8::Other)),
        ] {
            assert_eq!(text_of(bytes), text);
        }
    }
}
