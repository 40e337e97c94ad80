//! The directory of a recording: private, opened once, and nothing in it is reached through a link.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;

use super::name::SegmentName;
use crate::model::{Problem, escaped};
use crate::private::{self, Locked, Purpose, open_file};

/// The file that the one who writes has locked, with its process id in it.
const LOCK: &str = "lock";
/// The greatest size of a segment that is read.
const SEGMENT_BYTES_MAX: u64 = 256 << 20;

/// What the directory is for.
const RECORDING: Purpose = Purpose {
    what: "recording",
    one: "a recording",
    absent_hint: "name another with --record, or record one: ucp-streams record DIR",
    full_hint: "make room on the disk, or keep less with --max-size and --max-age",
};

/// The directory of a recording.
#[derive(Debug)]
pub(super) struct Directory(private::Directory);

impl Directory {
    /// Opens a directory to read from.
    ///
    /// # Errors
    /// As [`private::Directory::open`].
    pub(super) fn open(path: &Path) -> Result<Self, Problem> {
        private::Directory::open(path, &RECORDING).map(Self)
    }

    /// Opens a directory to write to, which is made if it is not there, and which only its owner can open from then on.
    ///
    /// # Errors
    /// As [`private::Directory::make`]; refused when it has other files.
    pub(super) fn open_to_write(path: &Path) -> Result<Self, Problem> {
        let directory = Self(private::Directory::make(path, &RECORDING)?);
        directory.require_alone()?;
        rustix::fs::fchmod(&directory.0.fd, Mode::RWXU)
            .map_err(|error| directory.cannot("close to others the directory", &error.into()))?;
        Ok(directory)
    }

    /// Refuses a directory that has other files than a recording's, because it would be closed to others.
    fn require_alone(&self) -> Result<(), Problem> {
        let names = self.names()?;
        let is_own = |name: &OsString| name == LOCK || SegmentName::parse(name).is_some();
        match names.iter().find(|name| !is_own(name)) {
            None => Ok(()),
            Some(other) => {
                let other = escaped(other.as_encoded_bytes());
                let text = format!(
                    "the directory {} has other files than a recording's: {other}",
                    self.shown()
                );
                Err(Problem::refused(text)
                    .hint("give a directory of its own, which is made if it is not there"))
            }
        }
    }

    fn names(&self) -> Result<Vec<OsString>, Problem> {
        let list = || -> Result<Vec<OsString>, Errno> {
            let mut names = Vec::new();
            for entry in Dir::read_from(&self.0.fd)? {
                let name = entry?.file_name().to_bytes().to_vec();
                if name != b"." && name != b".." {
                    names.push(OsString::from_vec(name));
                }
            }
            Ok(names)
        };
        list().map_err(|error| self.cannot("list", &error.into()))
    }

    /// The segments, the oldest first.
    ///
    /// # Errors
    /// Local.
    pub(super) fn segments(&self) -> Result<Vec<SegmentName>, Problem> {
        let names = self.names()?;
        let mut segments: Vec<_> = names
            .iter()
            .filter_map(|name| SegmentName::parse(name))
            .collect();
        segments.sort_unstable();
        Ok(segments)
    }

    /// Becomes the one who writes, as long as the file is open.
    ///
    /// # Errors
    /// Refused, naming the process, when another one writes; local for any other error.
    pub(super) fn lock(&self) -> Result<File, Problem> {
        let locked = private::lock(&self.0.fd, LOCK);
        match locked.map_err(|error| self.cannot("lock", &error))? {
            Locked::Here(file) => Ok(file),
            Locked::By(other) => {
                let text = format!("{other} records to {} already", self.shown());
                Err(Problem::refused(text).hint("stop it first, or record to another directory"))
            }
        }
    }

    fn open_file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        open_file(&self.0.fd, name, flags)
    }

    /// Makes a segment, whose name is on the disk then; it must not be taken.
    pub(super) fn make(&self, name: &SegmentName) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL;
        let file = self.open_file(&name.text(), flags)?;
        self.sync()?;
        Ok(file)
    }

    /// Waits until the names in it are on the disk.
    fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.0.fd)?)
    }

    /// Opens a segment to append to it.
    pub(super) fn open_to_append(&self, name: &SegmentName) -> io::Result<File> {
        self.open_file(&name.text(), OFlags::WRONLY | OFlags::APPEND)
    }

    /// The bytes of a segment; `None` when it is gone.
    ///
    /// # Errors
    /// Local, also when it is a link or too large.
    pub(super) fn read(&self, name: &SegmentName) -> Result<Option<Vec<u8>>, Problem> {
        let read = || -> io::Result<Vec<u8>> {
            let file = self.open_file(&name.text(), OFlags::RDONLY)?;
            if file.metadata()?.size() > SEGMENT_BYTES_MAX {
                return Err(io::Error::other("it is larger than a segment can be"));
            }
            let mut bytes = Vec::new();
            file.take(SEGMENT_BYTES_MAX).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.cannot(&format!("read {} in", name.text()), &error)),
        }
    }

    /// The size of a segment in bytes; 0 when it is gone.
    pub(super) fn size(&self, name: &SegmentName) -> u64 {
        let data = rustix::fs::statat(&self.0.fd, name.text(), AtFlags::SYMLINK_NOFOLLOW);
        data.map_or(0, |data| u64::try_from(data.st_size).unwrap_or(0))
    }

    /// Removes a segment; it may be gone.
    pub(super) fn remove(&self, name: &SegmentName) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.0.fd, name.text(), AtFlags::empty()) {
            Ok(()) => self.sync(),
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The path as text that is safe on a terminal.
    pub(super) fn shown(&self) -> String {
        self.0.shown()
    }

    /// The error that something could not be done with the directory.
    pub(super) fn cannot(&self, what: &str, error: &io::Error) -> Problem {
        self.0.cannot(what, error)
    }
}
