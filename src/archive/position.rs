//! How far somebody who reads an archive has come, in a private file that is replaced as a whole, so that it is there whenever
//! its process was killed.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use rustix::fs::{AtFlags, OFlags};
use serde::{Deserialize, Serialize};

use crate::model::{EntryId, Name, Problem};
use crate::private::{Directory, Locked, Purpose, lock, open_file};

/// The greatest size of a file that is read.
const BYTES_MAX: u64 = 4 << 20;

const PURPOSE: Purpose = Purpose {
    what: "position",
    one: "a position",
    absent_hint: "begin it first",
    full_hint: "free some space",
};

/// How far it has come, and what it was to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The stream.
    pub stream: Name,
    /// The archive.
    pub archive: String,
    /// The first id of the part.
    pub from: EntryId,
    /// The last id of the part.
    pub to: EntryId,
    /// What else is to be the same when it goes on, in words.
    pub terms: Vec<String>,
    /// The last entry that is done with, as are all before it; `None` for none.
    pub through: Option<EntryId>,
    /// The entries that failed, with the number of attempts and why; not all when there are many.
    pub failures: Vec<(EntryId, u64, String)>,
    /// How many failed.
    pub failed: u64,
}

/// The file of a position, which nobody else writes.
#[derive(Debug)]
pub struct PositionFile {
    directory: Directory,
    name: String,
    _lock: File,
}

impl PositionFile {
    /// Opens the file of this name, and reads what it has; `None` when it was not written yet.
    ///
    /// # Errors
    /// Refused when another process has it, or when it cannot be understood; local when it cannot be read.
    pub fn open(place: &Path, name: &str) -> Result<(Self, Option<Position>), Problem> {
        let directory = Directory::make(place, &PURPOSE)?;
        let locked = lock(&directory.fd, &format!("{name}.lock"));
        let lock = match locked.map_err(|error| directory.cannot("lock a position in", &error))? {
            Locked::Here(file) => file,
            Locked::By(other) => {
                let text = format!("{other} goes on with `{name}` already");
                return Err(Problem::refused(text).hint("wait for its end, or choose another name"));
            }
        };
        let file = Self {
            directory,
            name: name.to_owned(),
            _lock: lock,
        };
        let position = file.read()?;
        Ok((file, position))
    }

    fn read(&self) -> Result<Option<Position>, Problem> {
        let mut bytes = Vec::new();
        match open_file(&self.directory.fd, self.file(), OFlags::RDONLY) {
            Ok(file) => file.take(BYTES_MAX).read_to_end(&mut bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => Err(error),
        }
        .map_err(|error| self.directory.cannot("read a position in", &error))?;
        serde_json::from_slice(&bytes).map(Some).map_err(|_| {
            let (file, place) = (self.file(), self.directory.shown());
            Problem::refused(format!("{file} in {place} is no position"))
                .hint("choose another name, or remove the file")
        })
    }

    fn file(&self) -> String {
        format!("{}.json", self.name)
    }

    /// Keeps a position in place of the one before; it is on the disk then.
    ///
    /// # Errors
    /// Local.
    pub fn save(&self, position: &Position) -> Result<(), Problem> {
        let save = || -> io::Result<()> {
            let (fd, partial) = (&self.directory.fd, format!(".{}.partial", self.name));
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
            let mut file = open_file(fd, &partial, flags)?;
            file.write_all(&serde_json::to_vec(position)?)?;
            file.sync_all()?;
            rustix::fs::renameat(fd, &partial, fd, self.file())?;
            Ok(rustix::fs::fsync(fd)?)
        };
        save().map_err(|error| self.directory.cannot("keep a position in", &error))
    }

    /// Removes what was kept, once it is at its end.
    ///
    /// # Errors
    /// Local.
    pub fn end(self) -> Result<(), Problem> {
        for name in [self.file(), format!("{}.lock", self.name)] {
            match rustix::fs::unlinkat(&self.directory.fd, name, AtFlags::empty()) {
                Ok(()) | Err(rustix::io::Errno::NOENT) => {}
                Err(error) => {
                    return Err(self
                        .directory
                        .cannot("remove a position from", &error.into()));
                }
            }
        }
        Ok(())
    }
}
