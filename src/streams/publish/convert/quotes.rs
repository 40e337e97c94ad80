//! Quotes of a CSV file, checked as it is read: the reader behind takes a quote that is never closed for the rest of the
//! file being one cell.

use std::io::{self, Read};

use super::broken;

/// A CSV file whose quotes are as RFC 4180 has them. What comes before a failure is given out.
pub(super) struct Quotes<R> {
    input: R,
    place: Place,
    line: u64,
    /// The line in which the last quote opened.
    opened: u64,
    failed: Option<io::Error>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    CellBegins,
    Plain,
    Quoted,
    /// After a quote within quotes: the end, or the first of two.
    AfterQuote,
}

impl<R: Read> Quotes<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            place: Place::CellBegins,
            line: 1,
            opened: 0,
            failed: None,
        }
    }

    fn step(&mut self, byte: u8) -> io::Result<()> {
        self.place = match (self.place, byte) {
            (Place::CellBegins, b'"') => {
                self.opened = self.line;
                Place::Quoted
            }
            (Place::Quoted, b'"') => Place::AfterQuote,
            (Place::Quoted, _) | (Place::AfterQuote, b'"') => Place::Quoted,
            (_, b',' | b'\r' | b'\n') => Place::CellBegins,
            (Place::AfterQuote, _) => {
                return Err(broken(format!(
                    "line {} of the CSV file: there is more after a closing quote; within quotes, a quote is written twice",
                    self.line
                )));
            }
            (Place::CellBegins | Place::Plain, _) => Place::Plain,
        };
        self.line += u64::from(byte == b'\n');
        Ok(())
    }

    fn end(&self) -> io::Result<usize> {
        match self.place {
            Place::Quoted => Err(broken(format!(
                "the quote that opens in line {} of the CSV file is not closed",
                self.opened
            ))),
            _ => Ok(0),
        }
    }
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let length = self.input.read(into)?;
        if length == 0 && !into.is_empty() {
            return self.end();
        }
        for (at, byte) in into[..length].iter().enumerate() {
            if let Err(error) = self.step(*byte) {
                if at == 0 {
                    return Err(error);
                }
                self.failed = Some(error);
                return Ok(at);
            }
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_closed_and_end_their_cells() {
        for whole in [
            "",
            "a,b\n1,2\n",
            "a\n\"\"\n",
            "a\n\"x\"\"y\"\n",
            "\"a\",\"b\"\r\n\"1\r\n2\",3",
            "a\n5\" disc\n",
            "a\n\"x\"",
        ] {
            let mut text = String::new();
            let read = Quotes::new(whole.as_bytes()).read_to_string(&mut text);
            assert_eq!(read.expect(whole), whole.len());
            assert_eq!(text, whole);
        }
        for (bad, why, before) in [
            (
                "a,b\n1,\"x\n2,3\n",
                "the quote that opens in line 2",
                "a,b\n1,\"x\n2,3\n",
            ),
            ("a\n1\n\"x\"y\n", "line 3 of the CSV file", "a\n1\n\"x\""),
            ("\"\"\"", "the quote that opens in line 1", "\"\"\""),
        ] {
            let mut text = Vec::new();
            let error = Quotes::new(bad.as_bytes()).read_to_end(&mut text);
            let error = error.expect_err(bad);
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert!(error.to_string().contains(why), "{error}");
            assert_eq!(text, before.as_bytes());
        }
    }
}
