//! Where snapshots are kept: a directory that only its owner can open. A snapshot's id is when it was taken, in
//! milliseconds, and a number, as the id of an entry is.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, OFlags};
use rustix::process::geteuid;

use super::file::{About, Line, Lines};
use super::receipts::{Receipt, batch};
use crate::model::{EntryId, Kind, Problem, Time};
use crate::private::{open_file, shown};

/// What the name of a file ends with, and of one that is not whole yet.
const SUFFIX: &str = ".snapshot";
const PARTIAL: &str = ".partial";
/// After how long a file that is not whole was left behind by a command that was cut off.
const PARTIAL_AGE_MAX: Duration = Duration::from_hours(1);
/// How long snapshots are kept, and the greatest size of all together.
const AGE_MAX: Duration = Duration::from_hours(30 * 24);
const BYTES_MAX: u64 = 1 << 30;

/// How a file is opened that must not be there yet.
const NEW: OFlags = OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL);

/// The directory in which snapshots are kept.
#[derive(Clone, Debug)]
pub struct Store {
    path: PathBuf,
}

/// A snapshot that is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its id.
    pub id: EntryId,
    /// Its file.
    pub path: PathBuf,
    /// The size of the file.
    pub bytes: u64,
}

/// A snapshot that is being written.
pub struct Writer {
    lines: Lines<File>,
    id: EntryId,
    /// The file while it is not whole, and then.
    path: PathBuf,
    whole: PathBuf,
}

impl Store {
    /// The snapshots in this directory, which need not be there.
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Begins a snapshot, and removes those that are too old, or too many.
    ///
    /// # Errors
    /// Local: when it cannot be written.
    pub fn begin(&self, about: &About) -> Result<Writer, Problem> {
        self.open().map_err(|error| self.cannot_write(&error))?;
        self.remove_old(about.taken);
        self.remove_partial();
        let mut id = EntryId::new(about.taken.ms, 0);
        loop {
            let path = self.path.join(format!("{id}{PARTIAL}"));
            let whole = self.path_of(id);
            let is_free = || match whole.symlink_metadata() {
                Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                Err(error) => Err(error),
            };
            match is_free().and_then(|()| open_file(CWD, &path, NEW)) {
                Ok(file) => {
                    let lines = Lines::begin(file, about);
                    let lines = lines.map_err(|error| self.cannot_write(&error))?;
                    return Ok(Writer {
                        lines,
                        id,
                        path,
                        whole,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && id.seq < 10_000 => {
                    id.seq += 1;
                }
                Err(error) => return Err(self.cannot_write(&error)),
            }
        }
    }

    /// The directory is made if it is not there, and refused if it is somebody else's or a link.
    fn open(&self) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path)?;
        let data = fs::symlink_metadata(&self.path)?;
        if !data.is_dir() || data.uid() != geteuid().as_raw() {
            return Err(io::Error::other("it is not a directory of your own"));
        }
        Ok(())
    }

    fn remove_old(&self, now: Time) {
        let mut bytes = 0;
        for kept in self.list().unwrap_or_default() {
            bytes += kept.bytes;
            let age_ms = u128::from(now.ms.saturating_sub(kept.id.ms));
            if age_ms > AGE_MAX.as_millis() || bytes > BYTES_MAX {
                // What cannot be removed now is tried again with the next one.
                let _ = fs::remove_file(&kept.path);
            }
        }
    }

    /// Removes what commands that were cut off did not finish.
    fn remove_partial(&self) {
        let Ok(files) = fs::read_dir(&self.path) else {
            return;
        };
        for file in files.flatten() {
            let name = file.file_name();
            let is_partial = name.to_str().is_some_and(|it| it.ends_with(PARTIAL));
            let age = file.metadata().and_then(|it| it.modified()).ok();
            let age = age.and_then(|it| it.elapsed().ok()).unwrap_or_default();
            if is_partial && age > PARTIAL_AGE_MAX {
                let _ = fs::remove_file(file.path());
            }
        }
    }

    /// The snapshots that are kept, the newest first; none when there is no directory.
    ///
    /// # Errors
    /// Local: when the directory cannot be read.
    pub fn list(&self) -> Result<Vec<Kept>, Problem> {
        let read = || -> io::Result<Vec<Kept>> {
            let mut found = Vec::new();
            for entry in fs::read_dir(&self.path)? {
                let entry = entry?;
                let name = entry.file_name();
                let id = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
                let id = id.and_then(|id| EntryId::parse(id.as_bytes()).ok());
                let data = entry.metadata()?;
                if let Some(id) = id.filter(|_| data.is_file()) {
                    found.push(Kept {
                        id,
                        path: entry.path(),
                        bytes: data.len(),
                    });
                }
            }
            found.sort_unstable_by_key(|kept| std::cmp::Reverse(kept.id));
            Ok(found)
        };
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            found => found.map_err(|error| {
                let text = format!(
                    "cannot read the snapshots in {}: {error}",
                    shown(&self.path)
                );
                Problem::new(Kind::Local, text)
            }),
        }
    }

    /// The file of the snapshot with this id.
    pub fn path_of(&self, id: EntryId) -> PathBuf {
        self.path.join(format!("{id}{SUFFIX}"))
    }

    fn cannot_write(&self, error: &io::Error) -> Problem {
        let text = format!("cannot write a snapshot in {}: {error}", shown(&self.path));
        Problem::new(Kind::Local, text)
            .hint("nothing was changed: make room for it, or go on without one by --no-snapshot")
    }
}

impl Writer {
    /// Adds a pending entry or a dead letter.
    ///
    /// # Errors
    /// Local, after removing the file.
    pub fn add(&mut self, line: &impl Line) -> Result<(), Problem> {
        let added = self.lines.put(line);
        added.map_err(|error| cannot_finish(&self.path, &error))
    }

    /// Ends what is saved; it is on the disk then. What is done next is added to what is returned.
    ///
    /// # Errors
    /// Local, after removing the file.
    pub fn end(self) -> Result<Receipts, Problem> {
        let Self {
            lines,
            id,
            path,
            whole,
        } = self;
        let ended = || -> io::Result<File> {
            let file = lines.end()?;
            file.sync_all()?;
            // Unlike a rename, this replaces nothing.
            fs::hard_link(&path, &whole)?;
            fs::remove_file(&path)?;
            if let Some(directory) = whole.parent() {
                File::open(directory)?.sync_all()?;
            }
            Ok(file)
        };
        match ended() {
            Ok(file) => Ok(Receipts {
                file,
                id,
                path: whole,
                count: 0,
            }),
            Err(error) => Err(cannot_finish(&path, &error)),
        }
    }

    /// Removes what was written.
    pub fn give_up(self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// A snapshot before a change that is being made.
#[derive(Debug)]
pub struct Receipts {
    file: File,
    /// The snapshot's id.
    pub id: EntryId,
    /// How many receipts there are.
    pub count: u64,
    path: PathBuf,
}

impl Receipts {
    /// Adds what was done.
    ///
    /// # Errors
    /// Local: then no more may be done, because undo would not know of it.
    pub fn add(&mut self, receipts: &[Receipt]) -> Result<(), Problem> {
        if receipts.is_empty() {
            return Ok(());
        }
        self.count += receipts.len() as u64;
        self.put(receipts, false)
    }

    /// Removes the snapshot, because nothing was changed.
    pub fn give_up(self) {
        let _ = fs::remove_file(&self.path);
    }

    /// Says that everything that was done has a receipt.
    ///
    /// # Errors
    /// Local.
    pub fn end(mut self) -> Result<(), Problem> {
        self.put(&[], true)
    }

    fn put(&mut self, receipts: &[Receipt], is_last: bool) -> Result<(), Problem> {
        let put = batch(receipts, is_last).and_then(|frame| self.file.write_all(&frame));
        put.map_err(|error| {
            let text = format!(
                "cannot write to the snapshot {}: {error}",
                shown(&self.path)
            );
            Problem::new(Kind::Local, text)
                .hint("the rest was not tried: make room, then repeat the command")
        })
    }
}

fn cannot_finish(path: &Path, error: &io::Error) -> Problem {
    let _ = fs::remove_file(path);
    let text = format!("cannot write the snapshot {}: {error}", shown(path));
    Problem::new(Kind::Local, text)
        .hint("nothing was changed: make room for it, or go on without one by --no-snapshot")
}
