//! Splits a JSON array into its elements. Whoever reads the resulting lines decides whether an element is valid.

use std::io::{self, BufRead, BufReader, Read};

use super::super::line_limit::LineLimit;
use super::{Entries, Head, broken};

/// An array, read as it arrives.
pub(super) struct Array<R> {
    input: BufReader<R>,
    /// The number of elements begun so far.
    elements: u64,
    /// The line that is being read.
    line: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    Within,
    After,
}

impl<R: Read> Array<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input: BufReader::with_capacity(64 * 1024, input),
            elements: 0,
            line: 1,
            state: State::Before,
        }
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.input.fill_buf()?.first().copied();
        if let Some(byte) = byte {
            self.input.consume(1);
            self.line += u64::from(byte == b'\n');
        }
        Ok(byte)
    }

    fn past_space(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.byte()? {
                Some(b' ' | b'\t' | b'\r' | b'\n') => {}
                other => return Ok(other),
            }
        }
    }

    fn open(&mut self) -> io::Result<()> {
        match self.past_space()? {
            Some(b'[') => {}
            None => return Err(broken("not a JSON array: it is empty".to_owned())),
            Some(other) => {
                let shown = other.escape_ascii();
                let hint = if other == b'{' {
                    "; for objects, one per line, use --format ndjson"
                } else {
                    ""
                };
                return Err(broken(format!(
                    "not a JSON array: it begins with `{shown}`{hint}"
                )));
            }
        }
        self.state = State::Within;
        Ok(())
    }

    /// Appends the element that begins with `first`. Returns whether the array continues after it.
    fn element(&mut self, first: Option<u8>, out: &mut Vec<u8>) -> io::Result<bool> {
        self.elements += 1;
        let element = self.elements;
        let head = Head {
            line: self.line,
            misfit: None,
        };
        head.write(out)?;
        let start = out.len();
        let (mut depth, mut in_string, mut is_escaped) = (0_u32, false, false);
        let (mut next, mut limit) = (first, LineLimit::default());
        loop {
            let Some(byte) = next else {
                let what = "the JSON array is not closed: it ends within element";
                return Err(broken(format!("{what} {element}")));
            };
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if in_string => is_escaped = true,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'{' | b'[' => depth += 1,
                b',' | b']' if depth == 0 => {
                    if out[start..].trim_ascii().is_empty() {
                        let what = format!("element {element} of the JSON array is empty");
                        return Err(broken(what));
                    }
                    out.truncate(start + out[start..].trim_ascii_end().len());
                    return Ok(byte == b',');
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1).ok_or_else(|| {
                        broken(format!(
                            "element {element} of the JSON array has one `}}` too many"
                        ))
                    })?;
                }
                _ => {}
            }
            // Outside of texts a line end is space, within them it is not allowed.
            out.push(if matches!(byte, b'\n' | b'\r') {
                b' '
            } else {
                byte
            });
            if let Err(too_long) = limit.check(&out[start..]) {
                return Err(broken(format!("element {element} {too_long}")));
            }
            next = self.byte()?;
        }
    }

    fn close(&mut self) -> io::Result<()> {
        self.state = State::After;
        match self.past_space()? {
            None => Ok(()),
            Some(other) => {
                let shown = other.escape_ascii();
                Err(broken(format!(
                    "there is more after the JSON array: `{shown}`"
                )))
            }
        }
    }
}

impl<R: Read> Entries for Array<R> {
    fn next(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let is_first = self.state == State::Before;
        if is_first {
            self.open()?;
        }
        if self.state == State::After {
            return Ok(false);
        }
        let first = self.past_space()?;
        if is_first && first == Some(b']') {
            self.close()?;
            return Ok(false);
        }
        if !self.element(first, out)? {
            self.close()?;
        }
        Ok(true)
    }
}
