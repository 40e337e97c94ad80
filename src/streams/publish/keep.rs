//! Checks an input that can be read only once line by line as it arrives, and keeps it until all lines have been
//! checked.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::blocks::{Block, Blocks};
use super::check::{Checked, part, unreadable};
use crate::model::{Kind, Problem};
use crate::topology::validate::{Checker, Invalid, Pair, Warning};

/// Where an input is kept, and how much of it.
#[derive(Debug)]
pub struct Keep<'f> {
    /// A file without a name.
    pub file: &'f mut File,
    /// The greatest number of bytes that are kept.
    pub bytes_max: u64,
    /// The error for an input that is longer.
    pub too_long: Problem,
    /// Whether reading continues after an invalid entry.
    pub goes_on: bool,
}

/// How many blocks are read ahead.
const READY_MAX: usize = 2;
/// After an invalid entry, this many more bytes are checked if they arrive within this time. Most inputs end by then,
/// so that all of their errors are reported at once.
const MORE_BYTES_MAX: usize = 1 << 20;
const MORE_WITHIN: Duration = Duration::from_millis(500);

/// Checks every line of `input` as it arrives, and keeps it. `further` checks an entry that is valid by its schema;
/// `each` is told how many more entries were checked.
///
/// # Errors
/// When the input cannot be read or kept, or is too long to be kept.
pub fn check_and_keep<R: Read + Send + 'static>(
    input: Blocks<R>,
    keep: Keep<'_>,
    checker: &Checker<'_>,
    further: impl Fn(&[Pair<'_>]) -> Result<Vec<Warning>, Vec<Invalid>>,
    each: impl Fn(u64),
) -> Result<Checked> {
    let unit = input.unit();
    let blocks = read_ahead(input)?;
    let mut whole = Checked::default();
    let (mut left, mut more) = (keep.bytes_max, None);
    loop {
        let block = match next(&blocks, more.as_ref())? {
            Next::Block(block) => block,
            Next::Cut => {
                whole.is_cut = true;
                return Ok(whole);
            }
            Next::End => return Ok(whole),
        };
        let found = part(&block, unit, checker, &further);
        each(found.entries + found.bad.count);
        whole.add(found);
        let bytes = block.as_bytes();
        if whole.bad.count > 0 && !keep.goes_on {
            let more = more.get_or_insert_with(More::new);
            more.bytes_left = more.bytes_left.saturating_sub(bytes.len());
            continue;
        }
        left = match left.checked_sub(bytes.len() as u64) {
            Some(left) => left,
            None => return Err(keep.too_long.into()),
        };
        keep.file
            .write_all(bytes)
            .map_err(|error| not_kept(&error, &keep.too_long))?;
    }
}

/// The limit on what is checked after an invalid entry.
struct More {
    until: Instant,
    bytes_left: usize,
}

impl More {
    fn new() -> Self {
        Self {
            until: Instant::now() + MORE_WITHIN,
            bytes_left: MORE_BYTES_MAX,
        }
    }
}

/// What the reading thread sends: a block, or the end of the input.
type Ahead = io::Result<Option<Block>>;

/// Reads on a thread of its own that nobody waits for, because an input that brings nothing may stay open for ever.
fn read_ahead<R: Read + Send + 'static>(mut input: Blocks<R>) -> Result<Receiver<Ahead>> {
    let (sender, receiver) = sync_channel(READY_MAX);
    thread::Builder::new()
        .name("input".to_owned())
        .spawn(move || {
            loop {
                let read = input.next();
                let is_over = !matches!(read, Ok(Some(_)));
                if sender.send(read).is_err() || is_over {
                    return;
                }
            }
        })
        .context("cannot start a thread")?;
    Ok(receiver)
}

/// The next step of reading.
enum Next {
    Block(Block),
    End,
    /// No more entries are to be checked.
    Cut,
}

fn next(blocks: &Receiver<Ahead>, more: Option<&More>) -> Result<Next> {
    let read = match more {
        None => blocks.recv().map_err(|_| RecvTimeoutError::Disconnected),
        Some(More { bytes_left: 0, .. }) => return Ok(Next::Cut),
        Some(more) => blocks.recv_timeout(more.until.saturating_duration_since(Instant::now())),
    };
    match read {
        Ok(Ok(Some(block))) => Ok(Next::Block(block)),
        Ok(Ok(None)) => Ok(Next::End),
        // What is wrong further on is not what came first.
        Ok(Err(_)) if more.is_some() => Ok(Next::Cut),
        Ok(Err(error)) => Err(unreadable(error)),
        Err(RecvTimeoutError::Timeout) => Ok(Next::Cut),
        Err(RecvTimeoutError::Disconnected) => {
            let text = "the thread that reads the input ended early";
            Err(Problem::new(Kind::Bug, text).into())
        }
    }
}

fn not_kept(error: &io::Error, too_long: &Problem) -> Problem {
    Problem {
        kind: Kind::Local,
        message: format!("cannot keep the input in a temporary file: {error}; nothing was sent"),
        hint: too_long.hint.clone(),
        mistyped: None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Seek as _;

    use super::*;

    fn kept(
        input: impl Read + Send + 'static,
        bytes_max: u64,
        goes_on: bool,
    ) -> (Result<Checked>, String) {
        let mut file = tempfile::tempfile().expect("a file");
        let keep = Keep {
            file: &mut file,
            bytes_max,
            too_long: Problem::usage("too long"),
            goes_on,
        };
        let anything = Checker::new(None);
        let input = Blocks::new(input);
        let checked = check_and_keep(input, keep, &anything, |_| Ok(Vec::new()), |_| ());
        let mut text = String::new();
        file.rewind().expect("at its beginning");
        file.read_to_string(&mut text).expect("read");
        (checked, text)
    }

    /// A line again and again.
    fn endless(line: &'static [u8]) -> impl Read + Send {
        struct Endless(std::iter::Cycle<std::slice::Iter<'static, u8>>);
        impl Read for Endless {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                for (to, byte) in into.iter_mut().zip(&mut self.0) {
                    *to = *byte;
                }
                Ok(into.len())
            }
        }
        Endless(line.iter().cycle())
    }

    #[test]
    fn an_input_is_kept_as_it_is() {
        let text = "{\"a\":1}\n\n{\"a\":2}";
        let (checked, kept) = kept(text.as_bytes(), 100, false);
        let checked = checked.expect("valid");
        assert_eq!((checked.entries, checked.is_cut), (2, false));
        assert_eq!(kept, text);
    }

    #[test]
    fn an_input_without_end_is_read_to_the_first_fault_or_the_limit() {
        let (checked, text) = kept(endless(b"y\n"), u64::MAX, false);
        let checked = checked.expect("read");
        assert!(checked.is_cut && checked.bad.count > 0);
        assert_eq!(text, "");
        for (line, goes_on) in [(&b"{\"a\":1}\n"[..], false), (b"y\n", true)] {
            let (checked, text) = kept(endless(line), 1 << 20, goes_on);
            let error = checked.expect_err("too long").to_string();
            assert_eq!(error, "too long");
            assert!(text.len() <= 1 << 20);
        }
    }
}
