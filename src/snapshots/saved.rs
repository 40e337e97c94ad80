//! A snapshot that is read.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, OFlags};

use super::file::{About, Entries, Line, damaged};
use super::receipts::{Reading, Receipt};
use crate::model::{EntryId, Kind, Problem};
use crate::private::{open_file, shown};

/// A snapshot whose checksum is right.
#[derive(Debug)]
pub struct Saved {
    /// What it has.
    pub about: About,
    /// Whether the command that took it ended by itself, so that there is a receipt for everything it did.
    pub is_ended: bool,
    /// The greatest id of a copy that the command noted; `None` when it noted none.
    pub last_copy: Option<EntryId>,
    path: PathBuf,
    /// It stays open: the file may be too old to be kept when the next snapshot is taken.
    file: File,
    /// Where the receipts begin.
    receipts_at: u64,
}

/// A file from a place on, whoever else reads it.
struct Part<'f> {
    file: &'f File,
    at: u64,
}

impl<'f> Part<'f> {
    const fn of(file: &'f File, at: u64) -> Self {
        Self { file, at }
    }
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Saved {
    /// The snapshot in a file, which is read once from end to end.
    ///
    /// # Errors
    /// Not found; usage for what is no snapshot, or is damaged; local when it cannot be read.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let read = || -> io::Result<Self> {
            let file = open(path)?;
            let (about, mut entries) = Entries::open(Part::of(&file, 0))?;
            let is_in_order = entries.check()?;
            let rest = entries.rest();
            let receipts_at = rest.get_ref().at - rest.buffer().len() as u64;
            let receipts = Reading::begin(rest).check()?;
            if receipts.count > 0 && !is_in_order {
                return Err(damaged("its entries are not in the order of their ids"));
            }
            let (is_ended, last_copy) = (receipts.is_ended, receipts.last_copy);
            Ok(Self {
                about,
                is_ended,
                last_copy,
                path: path.to_owned(),
                file,
                receipts_at,
            })
        };
        read().map_err(|error| cannot_read(path, &error))
    }

    /// What the snapshot in a file is of, without reading its entries.
    ///
    /// # Errors
    /// As [`Saved::open`].
    pub fn about(path: &Path) -> Result<About, Problem> {
        let read = || -> io::Result<About> { Ok(Entries::open(open(path)?)?.0) };
        read().map_err(|error| cannot_read(path, &error))
    }

    /// Calls `each` with the lines, this many at a time, and with the receipts that there are of them.
    ///
    /// # Errors
    /// As [`Saved::open`]; the error of `each`.
    pub async fn in_batches<L: Line>(
        &self,
        size: usize,
        mut each: impl AsyncFnMut(Vec<L>, HashMap<EntryId, Receipt>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let failed = |error: io::Error| cannot_read(&self.path, &error);
        let (_, mut entries) = Entries::open(Part::of(&self.file, 0)).map_err(failed)?;
        let receipts = Part::of(&self.file, self.receipts_at);
        let mut receipts = Reading::begin(BufReader::new(receipts));
        loop {
            let batch: Vec<L> = entries.batch(size).map_err(failed)?;
            if batch.is_empty() {
                return Ok(());
            }
            let ids: Vec<EntryId> = batch.iter().map(Line::id).collect();
            let done = receipts.of(&ids).map_err(failed)?;
            let is_last = batch.len() < size;
            each(batch, done).await?;
            if is_last {
                return Ok(());
            }
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    open_file(CWD, path, OFlags::RDONLY)
}

fn cannot_read(path: &Path, error: &io::Error) -> Problem {
    let shown = shown(path);
    match error.kind() {
        io::ErrorKind::NotFound => Problem::not_found(format!("there is no snapshot {shown}"))
            .hint("`ucp-streams snapshot --list` lists those that are kept"),
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Problem::usage(format!(
            "the snapshot {shown} is damaged: {error}; nothing was changed"
        )),
        _ => Problem::new(
            Kind::Local,
            format!("cannot read the snapshot {shown}: {error}"),
        ),
    }
}
