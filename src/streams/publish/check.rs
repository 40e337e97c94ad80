//! Checks a whole file before its first entry is sent, on several threads.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::Result;

use super::Warnings;
use super::blocks::{Block, Blocks};
use super::place::Unit;
use super::rejections::Rejections;
use crate::model::{Name, Problem};
use crate::topology::validate::{Checker, Findings, Invalid, Pair, Warning, recycle};

/// More threads than this would only wait for the disk.
const THREADS_MAX: usize = 4;
/// A block of more bytes than this is checked before the next one is read.
const LARGE_BYTES: usize = 4 << 20;

/// The result of checking a file.
#[derive(Debug, Default)]
pub struct Checked {
    /// Entries that are valid.
    pub entries: u64,
    /// The warnings about them.
    pub warnings: Warnings,
    /// The invalid entries.
    pub bad: Rejections,
    /// Whether there may be more invalid lines, because the rest was not read.
    pub is_cut: bool,
}

impl Checked {
    /// The result itself, when every line is valid.
    ///
    /// # Errors
    /// A usage error with the first invalid lines, what is wrong with each, and `hint`.
    pub fn all_valid(self, stream: &Name, hint: &str) -> Result<Self, Problem> {
        if self.bad.count == 0 {
            return Ok(self);
        }
        let what = format!("not valid for `{stream}`, nothing was sent");
        let mut text = self.bad.text(&what);
        if self.is_cut {
            text.push_str("\nthe input after that was not read");
        }
        Err(Problem::usage(text).hint(hint))
    }

    pub(super) fn add(&mut self, part: Self) {
        self.entries += part.entries;
        self.warnings.merge(part.warnings);
        self.bad.merge(part.bad);
    }
}

/// The part of a file that one block covers, by its place in the file.
type Part = (u64, Checked);

/// Checks every line. `further` checks an entry that is valid by its schema; `each` is told how many more entries
/// were checked.
///
/// # Errors
/// When the input cannot be read.
pub fn check<R: Read + Send>(
    input: Blocks<R>,
    checker: &Checker<'_>,
    further: impl Fn(&[Pair<'_>]) -> Result<Vec<Warning>, Vec<Invalid>> + Sync,
    mut each: impl FnMut(u64),
) -> Result<Checked> {
    let unit = input.unit();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(THREADS_MAX);
    let source = Mutex::new((0, input, false));
    let (sender, parts) = sync_channel::<io::Result<Part>>(threads);
    let mut whole = Checked::default();
    thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, source, further) = (sender.clone(), &source, &further);
            scope.spawn(move || work(source, &sender, |block| part(block, unit, checker, further)));
        }
        drop(sender);
        let (mut waiting, mut next) = (BTreeMap::new(), 0);
        for part in parts {
            let (place, part) = part.map_err(unreadable)?;
            each(part.entries + part.bad.count);
            waiting.insert(place, part);
            while let Some(part) = waiting.remove(&next) {
                whole.add(part);
                next += 1;
            }
        }
        Ok(whole)
    })
}

/// Takes block after block and sends what `check` finds in each, until there is none left or the receiver is gone.
fn work<R: Read>(
    source: &Mutex<(u64, Blocks<R>, bool)>,
    sender: &SyncSender<io::Result<Part>>,
    check: impl Fn(&Block) -> Checked,
) {
    loop {
        let taken = {
            let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
            let (place, blocks, has_failed) = &mut *source;
            if *has_failed {
                return;
            }
            *place += 1;
            let place = *place - 1;
            let taken = blocks.next();
            // What comes after a failure is not what the input has.
            *has_failed = taken.is_err();
            taken.map(|block| block.map(|block| (place, Work::begin(block, &check))))
        };
        let sent = match taken {
            Ok(Some((place, work))) => sender.send(Ok((place, work.end(&check)))),
            Ok(None) => return,
            Err(error) => {
                let _ = sender.send(Err(error));
                return;
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

/// How a block is processed: a very large one is processed while no other is read, so that only one at a time needs
/// memory.
enum Work {
    Done(Checked),
    ToDo(Block),
}

impl Work {
    fn begin(block: Block, check: impl Fn(&Block) -> Checked) -> Self {
        if block.as_bytes().len() > LARGE_BYTES {
            Self::Done(check(&block))
        } else {
            Self::ToDo(block)
        }
    }

    fn end(self, check: impl Fn(&Block) -> Checked) -> Checked {
        match self {
            Self::Done(checked) => checked,
            Self::ToDo(block) => check(&block),
        }
    }
}

/// The result of checking the lines of a block.
pub(super) fn part(
    block: &Block,
    unit: Unit,
    checker: &Checker<'_>,
    further: impl Fn(&[Pair<'_>]) -> Result<Vec<Warning>, Vec<Invalid>>,
) -> Checked {
    let mut found = Checked {
        bad: Rejections::new(unit),
        ..Checked::default()
    };
    let (mut pairs, mut findings) = (Vec::new(), Findings::default());
    for line in block.lines() {
        let mut fields = recycle(pairs);
        line.check(checker, &mut fields, &mut findings);
        if findings.invalid.is_empty() {
            match further(&fields) {
                Ok(warnings) => findings.warnings.extend(warnings),
                Err(invalid) => findings.invalid = invalid,
            }
        }
        if findings.invalid.is_empty() {
            found.entries += 1;
            found.warnings.add(&findings.warnings, Some(line.place));
        } else {
            found.bad.add(line.place, &findings.invalid);
        }
        pairs = recycle(fields);
    }
    found
}

/// The error for an input that cannot be read. A line that is too long and a broken format are faults of the input,
/// not of the system.
pub(in crate::streams) fn unreadable(error: io::Error) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::InvalidData => Problem::usage(error.to_string()).into(),
        _ => anyhow::Error::new(error).context("cannot read the entries"),
    }
}
