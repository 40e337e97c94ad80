//! A file of entries, one JSON object a line: checked as a whole, then sent in chunks with two under way.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Read, Seek};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;

use super::{Lines, Target, Warnings};
use crate::model::{EntryId, Name, Problem};
use crate::topology::validate::{Checker, Findings, Invalid, Pair, recycle};
use crate::wire::{Error, Lane, Stop};

/// Entries in a chunk; the replies to two chunks always fit what a socket holds, so that nobody waits for nobody.
const CHUNK_ENTRIES_MAX: usize = 500;
/// A chunk of large entries ends after so many bytes.
const CHUNK_BYTES: usize = 256 * 1024;
/// Chunks under way at a time.
const UNDER_WAY: usize = 2;
/// Lines whose faults are told; of the rest only the number.
const TOLD_MAX: usize = 10;

/// A file in which every line is good.
#[derive(Debug)]
pub struct Checked {
    /// Its entries.
    pub entries: u64,
    /// What is odd in it.
    pub warnings: Warnings,
}

/// Checks every line, for `stream`. `further` looks at an entry that keeps to its schema; `each` is told of progress:
/// so many more lines.
///
/// # Errors
/// Usage, with the first lines that are not valid and what is wrong with each; when the file cannot be read.
pub fn check<F: Read + Seek>(
    lines: &mut Lines<F>,
    checker: &Checker<'_>,
    stream: &Name,
    mut further: impl FnMut(&[Pair<'_>]) -> Result<(), Vec<Invalid>>,
    mut each: impl FnMut(u64),
) -> Result<Checked> {
    let (mut entries, mut bad) = (0, 0);
    let mut told = String::new();
    let mut warnings = Warnings::default();
    let (mut pairs, mut findings) = (Vec::new(), Findings::default());
    while let Some((number, line)) = next(lines)? {
        let mut fields = recycle(pairs);
        findings.clear();
        checker.check_line(line, &mut fields, &mut findings);
        if findings.invalid.is_empty() {
            findings.invalid = further(&fields).err().unwrap_or_default();
        }
        pairs = recycle(fields);
        entries += 1;
        if entries % 1000 == 0 {
            each(1000);
        }
        if findings.invalid.is_empty() {
            warnings.add(&findings.warnings, Some(number));
            continue;
        }
        bad += 1;
        if bad <= TOLD_MAX {
            for invalid in &findings.invalid {
                let _ = write!(told, "\nline {number}: {invalid}");
            }
        }
    }
    match bad {
        0 => Ok(Checked { entries, warnings }),
        bad => Err(rejected(stream, bad, &told).into()),
    }
}

fn rejected(stream: &Name, bad: usize, told: &str) -> Problem {
    let count = if bad == 1 {
        "1 line is".to_owned()
    } else {
        format!("{bad} lines are")
    };
    let more = match bad.saturating_sub(TOLD_MAX) {
        0 => String::new(),
        more => format!("\nand {more} more lines"),
    };
    Problem::usage(format!(
        "{count} not valid for `{stream}`, nothing was sent{told}{more}"
    ))
    .hint("correct the lines and publish the file again")
}

/// The next line. One that is too long is the input's fault, not the system's.
pub(in crate::streams) fn next<F: Read + Seek>(
    lines: &mut Lines<F>,
) -> Result<Option<(u64, &[u8])>> {
    lines.next_line().map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => Problem::usage(error.to_string()).into(),
        _ => anyhow::Error::new(error).context("cannot read the entries"),
    })
}

/// What became of a file that was being sent.
#[derive(Debug, Default)]
pub struct Sent {
    /// Entries the server has acknowledged.
    pub stored: u64,
    /// The line of the last of them.
    pub last_line: u64,
    /// The first line the server refused, and why.
    pub refused: Option<(u64, Error)>,
    /// Lines the server refused.
    pub refused_count: u64,
    /// First and last of the lines whose replies were lost, and how.
    pub lost: Option<(u64, u64, Error)>,
    /// What was wrong with the file when it was read again.
    pub input: Option<anyhow::Error>,
    /// It was told to stop before the end.
    pub stopped: bool,
}

/// Sends every line. `each` is given the ids of entries as the server acknowledges them, in the order of the file.
/// Ends early, and says how in what it returns, once something goes wrong or `stop` is set.
pub async fn send<F: Read + Seek>(
    lane: &mut Lane,
    lines: &mut Lines<F>,
    checker: &Checker<'_>,
    target: &Target,
    stop: &AtomicBool,
    mut each: impl FnMut(&[EntryId]),
) -> Sent {
    let mut sent = Sent::default();
    let mut under_way: VecDeque<Vec<u64>> = VecDeque::new();
    let mut pairs = Vec::new();
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_ENTRIES_MAX);
        sent.stopped = sent.stopped || stop.load(Ordering::Relaxed);
        if !sent.stopped && sent.refused.is_none() && sent.input.is_none() {
            let pushed = push_chunk(lane, lines, checker, target, &mut pairs, &mut chunk);
            sent.input = pushed.err();
        }
        let is_over = chunk.is_empty();
        if !is_over {
            under_way.push_back(chunk);
            if let Err(error) = lane.flush().await {
                sent.lose(&under_way, error);
                return sent;
            }
        }
        while under_way.len() >= UNDER_WAY || (is_over && !under_way.is_empty()) {
            if let Err(error) = receive(lane, target, &mut under_way, &mut sent, &mut each).await {
                sent.lose(&under_way, error);
                return sent;
            }
        }
        if is_over {
            return sent;
        }
    }
}

/// Appends the next entries to what the lane writes, and their lines to `chunk`.
fn push_chunk<F: Read + Seek>(
    lane: &mut Lane,
    lines: &mut Lines<F>,
    checker: &Checker<'_>,
    target: &Target,
    pairs: &mut Vec<Pair<'static>>,
    chunk: &mut Vec<u64>,
) -> Result<()> {
    let mut findings = Findings::default();
    while chunk.len() < CHUNK_ENTRIES_MAX && lane.unwritten() < CHUNK_BYTES {
        let Some((number, json)) = next(lines)? else {
            return Ok(());
        };
        let mut fields = recycle(std::mem::take(pairs));
        findings.clear();
        checker.check_line(json, &mut fields, &mut findings);
        if let Some(invalid) = findings.invalid.first() {
            let changed =
                format!("the file was changed while it was sent: line {number}: {invalid}");
            return Err(Problem::usage(changed).into());
        }
        lane.push_add(&target.stream, target.maxlen, &fields);
        *pairs = recycle(fields);
        chunk.push(number);
    }
    Ok(())
}

/// Reads the replies to the oldest chunk under way. What is left of it when the connection is lost stays there.
async fn receive(
    lane: &mut Lane,
    target: &Target,
    under_way: &mut VecDeque<Vec<u64>>,
    sent: &mut Sent,
    each: &mut impl FnMut(&[EntryId]),
) -> Result<(), Error> {
    let Some(chunk) = under_way.front_mut() else {
        return Ok(());
    };
    let mut ids = Vec::with_capacity(chunk.len());
    let mut replies = 0;
    let received = lane
        .added(chunk.len(), |reply| {
            let place = chunk[replies];
            replies += 1;
            match reply {
                Ok(id) => {
                    ids.push(id);
                    sent.stored += 1;
                    sent.last_line = place;
                }
                Err(mut error) => {
                    sent.refused_count += 1;
                    if sent.refused.is_none() {
                        error.command = format!("XADD {}", target.stream);
                        sent.refused = Some((place, error));
                    }
                }
            }
            Ok(())
        })
        .await;
    each(&ids);
    chunk.drain(..replies);
    match received {
        Ok(()) => {
            under_way.pop_front();
            Ok(())
        }
        Err(Stop::Wire(error)) => Err(error),
        Err(Stop::Sink(error)) => {
            sent.input = Some(error);
            Ok(())
        }
    }
}

impl Sent {
    fn lose(&mut self, under_way: &VecDeque<Vec<u64>>, error: Error) {
        let first = under_way.iter().flatten().next();
        let last = under_way.iter().flatten().last();
        if let (Some(first), Some(last)) = (first, last) {
            self.lost = Some((*first, *last, error));
        }
    }
}
