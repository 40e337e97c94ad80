//! The entries of a file, read once to check them and again to send them. An input that can be read only once is kept
//! in between.

use std::fs::File;
use std::io::{self, Read, Seek as _};

use anyhow::{Context as _, Result};

use super::bulk::Input;
use crate::cli::MaxExpanded;
use crate::console::free_bytes;
use crate::model::{Problem, escaped};
use crate::streams::publish::{Blocks, Checked, Expanded, Keep, check, check_and_keep, unpacked};
use crate::topology::validate::{Checker, Invalid, Pair, Warning};
use crate::view::human_bytes;

/// How much of an input that can be read only once is kept; it is also never more than half of the free space.
const KEPT_BYTES_MAX: u64 = 4 << 30;

/// The input that is read.
pub(in crate::commands) type Reading = Box<dyn Read + Send>;

/// How the bytes of an input become lines.
pub(in crate::commands) trait Lines {
    /// Whether the lines are converted from another format.
    fn are_converted(&self) -> bool;
    /// The lines.
    fn of(&self, input: Reading) -> Reading;
}

/// Lines as they are, or as they come out of a compressed file.
#[derive(Debug)]
pub(in crate::commands) struct AsTheyAre(pub(in crate::commands) MaxExpanded);

impl Lines for AsTheyAre {
    fn are_converted(&self) -> bool {
        false
    }

    fn of(&self, input: Reading) -> Reading {
        unpack(input, self.0)
    }
}

/// The text of an input, whatever its compression.
pub(in crate::commands) fn unpack(input: Reading, max: MaxExpanded) -> Reading {
    let bytes_max = max.bytes();
    let text = human_bytes(bytes_max);
    unpacked(input, Expanded { bytes_max, text })
}

/// How entries are checked.
pub(in crate::commands) struct Checking<'c> {
    pub(in crate::commands) checker: &'c Checker<'c>,
    /// Whether checking goes on after an invalid entry.
    pub(in crate::commands) goes_on: bool,
    /// What to do about an input that is too long to be kept.
    pub(in crate::commands) hint: &'static str,
}

/// An input that was checked.
pub(in crate::commands) struct Again<L> {
    file: File,
    /// Whether the file is a temporary one that already contains lines.
    is_kept: bool,
    lines: L,
}

impl<L: Lines> Again<L> {
    /// Its entries from the beginning.
    ///
    /// # Errors
    /// Errors of the system.
    pub(in crate::commands) fn blocks(&mut self) -> Result<Blocks<Reading>> {
        self.file.rewind()?;
        let file: Reading = Box::new(self.file.try_clone()?);
        let is_converted = self.lines.are_converted();
        let lines = if self.is_kept {
            file
        } else if is_converted {
            // A conversion gives one entry at a time, and there are more at once.
            Box::new(Filled(self.lines.of(file)))
        } else {
            self.lines.of(file)
        };
        Ok(Blocks::of(lines, is_converted))
    }
}

/// A reader that fills the whole buffer, as long as there is more to read.
struct Filled<R>(R);

impl<R: Read> Read for Filled<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < into.len() {
            match self.0.read(&mut into[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

/// Checks all of `input`; an input that can be read only once is checked line by line as it arrives. `further` checks
/// an entry that is valid by its schema; `each` is told about progress.
///
/// # Errors
/// When the input cannot be read or kept, or is too long to be kept.
pub(in crate::commands) fn check_all<L: Lines>(
    input: Input,
    lines: L,
    how: &Checking<'_>,
    further: impl Fn(&[Pair<'_>]) -> Result<Vec<Warning>, Vec<Invalid>> + Sync,
    each: impl Fn(u64),
) -> Result<(Again<L>, Checked)> {
    let once = match input {
        Input::Once(once) => once,
        Input::File(file) => {
            let mut again = Again {
                file,
                is_kept: false,
                lines,
            };
            let checked = check(again.blocks()?, how.checker, further, each)?;
            return Ok((again, checked));
        }
    };
    let mut file = tempfile::tempfile().context("cannot keep the input in a temporary file")?;
    let bytes_max = free_bytes(&file).map_or(KEPT_BYTES_MAX, |free| KEPT_BYTES_MAX.min(free / 2));
    let keep = Keep {
        file: &mut file,
        bytes_max,
        too_long: too_long(bytes_max, how.hint),
        goes_on: how.goes_on,
    };
    let entries = Blocks::of(lines.of(once), lines.are_converted());
    let checked = check_and_keep(entries, keep, how.checker, further, each)?;
    let again = Again {
        file,
        is_kept: true,
        lines,
    };
    Ok((again, checked))
}

fn too_long(bytes_max: u64, hint: &str) -> Problem {
    let (kept, directory) = (human_bytes(bytes_max), std::env::temp_dir());
    let directory = escaped(directory.as_os_str().as_encoded_bytes());
    Problem::usage(format!(
        "the input is longer than {kept}, which is the most that can be kept in {directory} while it is checked; \
            nothing was sent"
    ))
    .hint(hint)
}
