//! Splits a file or pipe into blocks of whole lines, one for each worker thread, so that memory does not grow with
//! the input. A line longer than any entry can need is an error.

use std::io::{self, Read};

use super::convert;
use super::line_limit::LineLimit;
use super::place::{Place, Unit};
use super::text::Text;
use crate::topology::validate::{Checker, Findings, Invalid, Pair};

/// How many bytes are read at a time.
const READ: usize = 256 * 1024;
/// An input that is read once, from its present position.
#[derive(Debug)]
pub struct Blocks<R> {
    input: Text<R>,
    /// The buffer for one read.
    room: Vec<u8>,
    /// The beginning of a line whose end has not been read yet.
    unfinished: Vec<u8>,
    /// The number of lines returned so far.
    lines: u64,
    is_over: bool,
    /// Whether the lines were converted from another format.
    is_converted: bool,
}

/// Whole lines.
#[derive(Debug)]
pub(in crate::streams) struct Block {
    /// The number of the block's first line, from 1.
    first: u64,
    bytes: Vec<u8>,
    is_converted: bool,
}

/// One line of an input, or an entry that was converted to one.
#[derive(Debug)]
pub(in crate::streams) struct Line<'b> {
    /// Its place in the input.
    pub(in crate::streams) place: Place,
    /// The entry as JSON, if it is one.
    pub(in crate::streams) json: &'b [u8],
    /// What is wrong with it according to its format.
    fault: Option<Invalid>,
}

impl<R: Read> Blocks<R> {
    /// The blocks of `input`, which has one entry per line.
    pub fn new(input: R) -> Self {
        Self {
            input: Text::new(input),
            room: Vec::new(),
            unfinished: Vec::new(),
            lines: 0,
            is_over: false,
            is_converted: false,
        }
    }

    /// The blocks of what [`super::convert`] made of another format, when `is_converted`.
    pub fn of(input: R, is_converted: bool) -> Self {
        Self {
            is_converted,
            ..Self::new(input)
        }
    }

    /// The next lines, as many as one read brings and at least one.
    ///
    /// # Errors
    /// Errors of the system; a line that is too long.
    pub(in crate::streams) fn next(&mut self) -> io::Result<Option<Block>> {
        let mut bytes = std::mem::take(&mut self.unfinished);
        let (mut searched, mut limit) = (0, LineLimit::default());
        while !self.is_over {
            let read = self.read()?;
            bytes.extend_from_slice(&self.room[..read]);
            self.is_over = read == 0;
            if let Some(end) = memchr::memrchr(b'\n', &bytes[searched..]) {
                self.unfinished = bytes.split_off(searched + end + 1);
                break;
            }
            searched = bytes.len();
            limit.check(self.json_of(&bytes)).map_err(|too_long| {
                let (unit, number) = (self.unit(), self.lines + 1);
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("{unit} {number} {too_long}"),
                )
            })?;
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let first = self.lines + 1;
        self.lines += memchr::memchr_iter(b'\n', &bytes).count() as u64;
        Ok(Some(Block {
            first,
            bytes,
            is_converted: self.is_converted,
        }))
    }

    /// The unit in which its entries are counted.
    pub fn unit(&self) -> Unit {
        if self.is_converted {
            Unit::Entry
        } else {
            Unit::Line
        }
    }

    /// The JSON of a line, without the head that its conversion wrote in front of it.
    fn json_of<'l>(&self, line: &'l [u8]) -> &'l [u8] {
        if self.is_converted {
            convert::split(line).1
        } else {
            line
        }
    }

    /// The number of bytes that were read into the buffer.
    fn read(&mut self) -> io::Result<usize> {
        self.room.resize(READ, 0);
        loop {
            match self.input.read(&mut self.room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

impl Block {
    /// The block's lines, including blank ones and line ends.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The block's lines that are not blank, without their ends.
    pub(in crate::streams) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.texts().map(|(number, text)| {
            if !self.is_converted {
                return Line {
                    place: Place::Line(number),
                    json: text,
                    fault: None,
                };
            }
            let (head, json) = convert::split(text);
            Line {
                place: Place::Entry {
                    number,
                    line: head.line,
                },
                json,
                fault: head.fault(),
            }
        })
    }

    fn texts(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut rest = self.bytes.as_slice();
        let mut number = self.first;
        std::iter::from_fn(move || {
            while !rest.is_empty() {
                let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                let line = (number, &rest[..end]);
                rest = rest.get(end + 1..).unwrap_or_default();
                number += 1;
                if !line.1.trim_ascii().is_empty() {
                    return Some(line);
                }
            }
            None
        })
    }
}

impl<'b> Line<'b> {
    /// Parses the line into `fields` (which is emptied first) and checks the entry.
    pub(super) fn check<'s: 'b>(
        &self,
        checker: &Checker<'s>,
        fields: &mut Vec<Pair<'b>>,
        findings: &mut Findings,
    ) {
        findings.clear();
        match &self.fault {
            Some(fault) => {
                fields.clear();
                findings.invalid.push(fault.clone());
            }
            None => checker.check_line(self.json, fields, findings),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives a few bytes at a time, as a pipe may.
    struct Slow<'t>(&'t [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(into.len());
            into[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn all(input: impl Read) -> io::Result<Vec<(u64, Vec<u8>)>> {
        let mut blocks = Blocks::new(input);
        let mut found = Vec::new();
        while let Some(block) = blocks.next()? {
            found.extend(block.texts().map(|(number, line)| (number, line.to_vec())));
        }
        Ok(found)
    }

    #[test]
    fn blank_lines_count_and_are_passed_over() {
        let expected = [(1, b"a".to_vec()), (4, b"b\r".to_vec()), (5, b"c".to_vec())];
        for step in [1, 2, 3, 100] {
            let found = all(Slow(b"a\n\n \r\nb\r\nc", step)).expect("reads");
            assert_eq!(found, expected, "{step}");
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let error = all(io::repeat(b'x')).expect_err("too long");
        assert!(error.to_string().starts_with("line 1 is longer than"));
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_whole_text(texts in prop::collection::vec("[a-z]{1,9}", 0..50), pad in 0_usize..3, step in 1_usize..20) {
            let text = texts.join("\n") + &"\n".repeat(pad);
            // So long that lines stand across the borders of reads.
            let long: Vec<String> = texts.iter().map(|line| line.repeat(9000)).collect();
            for (texts, text, step) in [(texts.clone(), text, step), (long.clone(), long.join("\n"), READ)] {
                let found = all(Slow(text.as_bytes(), step)).expect("reads");
                let found: Vec<_> = found.into_iter().map(|(_, line)| line).collect();
                let expected: Vec<_> = texts.into_iter().map(String::into_bytes).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
