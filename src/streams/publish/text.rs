//! Text as other programs write it: a byte order mark for UTF-8 is skipped, and one for another encoding is an error
//! that names the encoding.

use std::io::{self, Read};

use crate::model::{MARK, without_mark};

/// An input without its byte order mark.
#[derive(Debug)]
pub(super) struct Text<R> {
    input: R,
    /// Bytes that were read to look for a byte order mark, and that are part of the text.
    head: Vec<u8>,
    at: usize,
    is_begun: bool,
}

impl<R: Read> Text<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            head: Vec::new(),
            at: 0,
            is_begun: false,
        }
    }

    fn begin(&mut self) -> io::Result<()> {
        let mut head = Vec::with_capacity(MARK.len());
        // What cannot be a mark any more is waited for no longer.
        while head.len() < MARK.len() && matches!(head.first(), None | Some(0xef | 0xfe | 0xff)) {
            let mut next = self.input.by_ref().take(1);
            if next.read_to_end(&mut head)? == 0 {
                break;
            }
        }
        self.is_begun = true;
        let head = without_mark(&head).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("the input is {error}"))
        })?;
        self.head = head.to_vec();
        Ok(())
    }
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if !self.is_begun {
            self.begin()?;
        }
        let left = &self.head[self.at..];
        if left.is_empty() {
            return self.input.read(into);
        }
        let length = left.len().min(into.len());
        into[..length].copy_from_slice(&left[..length]);
        self.at += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_mark_at_the_beginning_is_passed_over() {
        for (input, expected) in [
            (&b""[..], &b""[..]),
            (b"a", b"a"),
            (b"\xef\xbb\xbf", b""),
            (b"\xef\xbb\xbfabc", b"abc"),
            (b"\xef\xbbabc", b"\xef\xbbabc"),
            (b"ab\xef\xbb\xbf", b"ab\xef\xbb\xbf"),
            (b"\xef\xbb\xbf\xef\xbb\xbf", b"\xef\xbb\xbf"),
        ] {
            let mut found = Vec::new();
            Text::new(input).read_to_end(&mut found).expect("reads");
            assert_eq!(found, expected);
        }
        for other in [&b"\xff\xfea\0"[..], b"\xfe\xff\0a"] {
            let error = Text::new(other).read_to_end(&mut Vec::new());
            let error = error.expect_err("another encoding").to_string();
            assert!(error.contains("UTF-16"), "{error}");
        }
    }
}
