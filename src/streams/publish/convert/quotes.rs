//! Checks the quotes of a CSV file while it is read, because the CSV reader would take everything after an unclosed
//! quote for one cell. It also records where each record begins.

use std::collections::VecDeque;
use std::io::{self, Read};

use super::super::line_limit::LineLimit;
use super::broken;
use super::delimiter::{self, COMMA};

/// Reads a CSV file whose quotes follow RFC 4180. What comes before a failure is still returned.
pub(super) struct Quotes<R> {
    input: R,
    delimiter: u8,
    /// Whether no delimiter was given and no comma has been seen so far.
    is_guess: bool,
    place: Place,
    /// The line that is being read, and whether its last byte was a carriage return.
    line: u64,
    is_after_return: bool,
    /// Whether a record has begun and not ended.
    is_in_record: bool,
    /// The lines where records begin and that have not been asked for yet; these are at most those of one read.
    begun: VecDeque<u64>,
    /// The limit on the length of a record, and the length of the present one so far.
    limit: LineLimit,
    length: usize,
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
    pub(super) fn new(input: R, delimiter: Option<u8>) -> Self {
        Self {
            input,
            delimiter: delimiter.unwrap_or(COMMA),
            is_guess: delimiter.is_none(),
            place: Place::CellBegins,
            line: 1,
            is_after_return: false,
            is_in_record: false,
            begun: VecDeque::new(),
            limit: LineLimit::default(),
            length: 0,
            opened: 0,
            failed: None,
        }
    }

    /// The line where the next record begins, in order. Blank lines are not records.
    pub(super) fn next_begin(&mut self) -> u64 {
        self.begun.pop_front().unwrap_or(self.line)
    }

    /// Raises the limit, because the records are whole entries.
    pub(super) fn has_entries(&mut self) {
        self.limit = LineLimit::ENTRY;
    }

    fn step(&mut self, byte: u8) -> io::Result<()> {
        let ends_line = matches!(byte, b'\r' | b'\n');
        if !self.is_in_record && !ends_line {
            self.begun.push_back(self.line);
            self.is_in_record = true;
            self.length = 0;
        }
        self.length += 1;
        if let Err(too_long) = self.limit.check_length(self.length) {
            let what = "of the CSV file: the record";
            return Err(broken(format!("line {} {what} {too_long}", self.line)));
        }
        self.place = match (self.place, byte) {
            (Place::CellBegins, b'"') => {
                self.opened = self.line;
                Place::Quoted
            }
            (Place::Quoted, b'"') => Place::AfterQuote,
            (Place::Quoted, _) | (Place::AfterQuote, b'"') => Place::Quoted,
            (_, byte) if ends_line || byte == self.delimiter => {
                self.is_guess &= byte != self.delimiter;
                Place::CellBegins
            }
            (Place::AfterQuote, byte) => {
                let other = delimiter::after_quote(byte, self.line);
                if let Some(error) = other.filter(|_| self.is_guess) {
                    return Err(error);
                }
                return Err(broken(format!(
                    "line {} of the CSV file: there is more text after a closing quote; inside quotes, a quote must \
                        be written twice",
                    self.line
                )));
            }
            (Place::CellBegins | Place::Plain, _) => Place::Plain,
        };
        self.is_in_record &= !ends_line || self.place == Place::Quoted;
        // The two of a CRLF are one end.
        self.line += u64::from(ends_line && !(byte == b'\n' && self.is_after_return));
        self.is_after_return = byte == b'\r';
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
    fn records_begin_where_they_do() {
        for (text, begin) in [
            ("", vec![]),
            ("a\nb\n", vec![1, 2]),
            ("\n\na\r\n\r\nb", vec![3, 5]),
            ("a\rb\r\rc", vec![1, 2, 4]),
            ("\"a\r\nb\nc\"\n\"d\"\ne", vec![1, 4, 5]),
        ] {
            let mut quotes = Quotes::new(text.as_bytes(), None);
            io::copy(&mut quotes, &mut io::sink()).expect(text);
            assert_eq!(quotes.begun, begin, "{text}");
        }
    }

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
            let read = Quotes::new(whole.as_bytes(), None).read_to_string(&mut text);
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
            let error = Quotes::new(bad.as_bytes(), None).read_to_end(&mut text);
            let error = error.expect_err(bad);
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert!(error.to_string().contains(why), "{error}");
            assert_eq!(text, before.as_bytes());
        }
    }
}
