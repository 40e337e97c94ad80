//! The lines of a file, borrowed from one buffer: memory does not grow with the file, and no line is longer than
//! what an entry can need.

use std::fs::File;
use std::io::{self, Read, Seek};

use super::blocks::LINE_BYTES_MAX;
use super::text::MARK;

/// Bytes read at a time.
const READ: usize = 256 * 1024;

/// A file that is read line by line, more than once.
#[derive(Debug)]
pub struct Lines<F = File> {
    file: F,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    number: u64,
}

impl<F: Read + Seek> Lines<F> {
    /// The lines of `file` from its beginning.
    ///
    /// # Errors
    /// When the file has no beginning to go to.
    pub fn new(mut file: F) -> io::Result<Self> {
        file.rewind()?;
        Ok(Self {
            file,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            number: 0,
        })
    }

    /// The file, wherever it was read to.
    pub fn file(&mut self) -> &mut F {
        &mut self.file
    }

    /// Back to the first line.
    ///
    /// # Errors
    /// What the system says.
    pub fn rewind(&mut self) -> io::Result<()> {
        (self.start, self.end, self.number) = (0, 0, 0);
        self.file.rewind()
    }

    /// The next line that is not blank, without its end, and its number from 1.
    ///
    /// # Errors
    /// What the system says; a line that is too long.
    pub fn next_line(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        loop {
            let Some((start, end)) = self.next_range()? else {
                return Ok(None);
            };
            let is_marked = self.number == 1 && self.buffer[start..end].starts_with(MARK);
            let start = start + if is_marked { MARK.len() } else { 0 };
            if !self.buffer[start..end].trim_ascii().is_empty() {
                return Ok(Some((self.number, &self.buffer[start..end])));
            }
        }
    }

    /// Where in the buffer the next line is.
    fn next_range(&mut self) -> io::Result<Option<(usize, usize)>> {
        let mut searched = self.start;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[searched..self.end]) {
                return Ok(Some(self.take(searched + at, 1)));
            }
            let unfinished = self.end - self.start;
            if unfinished > LINE_BYTES_MAX {
                let number = self.number + 1;
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("line {number} is longer than {LINE_BYTES_MAX} bytes"),
                ));
            }
            if self.fill()? == 0 {
                return Ok((unfinished > 0).then(|| self.take(self.end, 0)));
            }
            searched = self.start + unfinished;
        }
    }

    /// The line that ends before `end`, with `mark` bytes of line end after it.
    fn take(&mut self, end: usize, mark: usize) -> (usize, usize) {
        let start = self.start;
        self.start = end + mark;
        self.number += 1;
        (start, end)
    }

    /// Moves what is left to the front and reads on; 0 at the end of the file.
    fn fill(&mut self) -> io::Result<usize> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < self.end + READ {
            self.buffer.resize(self.end + READ, 0);
        }
        loop {
            match self.file.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => {
                    let read = read?;
                    self.end += read;
                    return Ok(read);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn all(lines: &mut Lines<Cursor<Vec<u8>>>) -> Vec<(u64, Vec<u8>)> {
        let mut found = Vec::new();
        while let Some((number, line)) = lines.next_line().expect("reads") {
            found.push((number, line.to_vec()));
        }
        found
    }

    #[test]
    fn blank_lines_count_and_are_passed_over() {
        let mut lines =
            Lines::new(Cursor::new(b"\xef\xbb\xbfa\n\n \r\nb\r\nc".to_vec())).expect("reads");
        let expected = [(1, b"a".to_vec()), (4, b"b\r".to_vec()), (5, b"c".to_vec())];
        assert_eq!(all(&mut lines), expected);
        lines.rewind().expect("rewinds");
        assert_eq!(all(&mut lines), expected);
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut lines =
            Lines::new(Cursor::new(vec![b'x'; LINE_BYTES_MAX + READ + 1])).expect("reads");
        let error = lines.next_line().map(drop).expect_err("too long");
        assert!(error.to_string().starts_with("line 1 is longer than"));
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_whole_text(texts in prop::collection::vec("[a-z]{1,9}", 0..50), pad in 0_usize..3) {
            let text = texts.join("\n") + &"\n".repeat(pad);
            // So long that lines stand across the borders of reads.
            let long: Vec<String> = texts.iter().map(|line| line.repeat(9000)).collect();
            for (texts, text) in [(texts.clone(), text), (long.clone(), long.join("\n"))] {
                let mut lines = Lines::new(Cursor::new(text.into_bytes())).expect("reads");
                let found: Vec<_> = all(&mut lines).into_iter().map(|(_, line)| line).collect();
                let expected: Vec<_> = texts.into_iter().map(String::into_bytes).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
