//! The directory of a recording: private, opened once, and nothing in it is reached through a link.

use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::name::SegmentName;
use crate::model::{Kind, Problem, escaped};

/// The file that the one who writes has locked, with its process id in it.
const LOCK: &str = "lock";
/// The greatest size of a segment that is read.
const SEGMENT_BYTES_MAX: u64 = 256 << 20;

/// The directory of a recording.
#[derive(Debug)]
pub(super) struct Directory {
    fd: OwnedFd,
    path: PathBuf,
}

impl Directory {
    /// Opens a directory to read from.
    ///
    /// # Errors
    /// Not found; refused when it is a link; local for any other error.
    pub(super) fn open(path: &Path) -> Result<Self, Problem> {
        // Without a slash at its end, behind which a link would be followed.
        let path: PathBuf = path.components().collect();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::open(&path, flags, Mode::empty()) {
            Ok(fd) => Ok(Self { fd, path }),
            Err(Errno::NOENT) => Err(Problem::not_found(format!(
                "there is no recording in {}: the directory does not exist",
                shown(&path)
            ))
            .hint("name another with --record, or record one: ucp-streams record DIR")),
            Err(error) if path.is_symlink() => {
                let _ = error;
                Err(link_refused(&path))
            }
            Err(error) => Err(cannot("open the directory", &path, &error.into())),
        }
    }

    /// Opens a directory to write to, which is made if it is not there, and which only its owner can open from then on.
    ///
    /// # Errors
    /// Refused when it is a link, belongs to somebody else, or has other files; local for any other error.
    pub(super) fn open_to_write(path: &Path) -> Result<Self, Problem> {
        let path: PathBuf = path.components().collect();
        let mut maker = DirBuilder::new();
        if !path.is_symlink() {
            let made = maker.recursive(true).mode(0o700).create(&path);
            made.map_err(|error| cannot("make the directory", &path, &error))?;
        }
        let directory = Self::open(&path)?;
        directory.require_own()?;
        directory.require_alone()?;
        rustix::fs::fchmod(&directory.fd, Mode::RWXU)
            .map_err(|error| directory.cannot("close to others the directory", &error.into()))?;
        Ok(directory)
    }

    fn require_own(&self) -> Result<(), Problem> {
        let data = rustix::fs::fstat(&self.fd);
        let data = data.map_err(|error| self.cannot("look at", &error.into()))?;
        if data.st_uid == geteuid().as_raw() {
            return Ok(());
        }
        let text = format!("the directory {} belongs to another user", self.shown());
        Err(Problem::refused(text).hint("give a directory of your own"))
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
            for entry in Dir::read_from(&self.fd)? {
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
        let failed = |error: io::Error| self.cannot("lock", &error);
        let flags = OFlags::RDWR | OFlags::CREATE;
        let mut lock = self.open_file(LOCK, flags).map_err(failed)?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut pid = String::new();
                let _ = (&mut lock).take(20).read_to_string(&mut pid);
                let by = match pid.trim().parse::<u32>() {
                    Ok(pid) => format!("process {pid}"),
                    Err(_) => "another process".to_owned(),
                };
                let text = format!("{by} records to {} already", self.shown());
                return Err(
                    Problem::refused(text).hint("stop it first, or record to another directory")
                );
            }
            Err(error) => return Err(failed(error.into())),
        }
        let write = || -> io::Result<()> {
            lock.set_len(0)?;
            io::Write::write_all(&mut &lock, format!("{}\n", std::process::id()).as_bytes())
        };
        write().map_err(failed)?;
        Ok(lock)
    }

    /// Opens a regular file for which only its owner has permissions, without following a link.
    fn open_file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = File::from(rustix::fs::openat(&self.fd, name, flags, mode)?);
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is no regular file",
            ))
        }
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
        Ok(rustix::fs::fsync(&self.fd)?)
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
        let data = rustix::fs::statat(&self.fd, name.text(), AtFlags::SYMLINK_NOFOLLOW);
        data.map_or(0, |data| u64::try_from(data.st_size).unwrap_or(0))
    }

    /// Removes a segment; it may be gone.
    pub(super) fn remove(&self, name: &SegmentName) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.fd, name.text(), AtFlags::empty()) {
            Ok(()) => self.sync(),
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The path as text that is safe on a terminal.
    pub(super) fn shown(&self) -> String {
        shown(&self.path)
    }

    /// The error that something could not be done with the directory.
    pub(super) fn cannot(&self, what: &str, error: &io::Error) -> Problem {
        cannot(what, &self.path, error)
    }
}

fn shown(path: &Path) -> String {
    escaped(path.as_os_str().as_encoded_bytes())
}

fn link_refused(path: &Path) -> Problem {
    let text = format!(
        "{} is a symbolic link, which is not followed for a recording",
        shown(path)
    );
    Problem::refused(text).hint("name the directory itself")
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Problem {
    let text = format!("cannot {what} {}: {error}", shown(path));
    let problem = Problem::new(Kind::Local, text);
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            problem.hint("make room on the disk, or keep less with --max-size and --max-age")
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            problem.hint("name a directory in which you may write")
        }
        _ => problem,
    }
}
