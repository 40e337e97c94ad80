//! Directories and files for their owner alone: opened once, by what they are and not by their path, and never through a
//! link.

use std::fs::{DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::path::Arg;
use rustix::process::geteuid;

use crate::model::{Kind, Problem, escaped};

/// How a folder is opened.
pub const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// What a directory is for, as errors say it.
#[derive(Debug)]
pub struct Purpose {
    /// `recording`.
    pub what: &'static str,
    /// `a recording`.
    pub one: &'static str,
    /// What to do where there is none.
    pub absent_hint: &'static str,
    /// What to do where the disk is full.
    pub full_hint: &'static str,
}

/// An open directory.
#[derive(Debug)]
pub struct Directory {
    /// The directory itself.
    pub fd: OwnedFd,
    path: PathBuf,
    purpose: &'static Purpose,
}

impl Directory {
    /// Opens a directory to read from.
    ///
    /// # Errors
    /// Not found; refused when it is a link; local for any other error.
    pub fn open(path: &Path, purpose: &'static Purpose) -> Result<Self, Problem> {
        // Without a slash at its end, behind which a link would be followed.
        let path: PathBuf = path.components().collect();
        let shown = shown(&path);
        match rustix::fs::open(&path, FOLDER, Mode::empty()) {
            Ok(fd) => Ok(Self { fd, path, purpose }),
            Err(Errno::NOENT) => {
                let what = purpose.what;
                let text = format!("there is no {what} in {shown}: the directory does not exist");
                Err(Problem::not_found(text).hint(purpose.absent_hint))
            }
            Err(_) if path.is_symlink() => {
                let one = purpose.one;
                let text = format!("{shown} is a symbolic link, which is not followed for {one}");
                Err(Problem::refused(text).hint("name the directory itself"))
            }
            Err(error) => Err(cannot(purpose, "open the directory", &path, &error.into())),
        }
    }

    /// Opens a directory to write to, which is made for its owner alone if it is not there.
    ///
    /// # Errors
    /// Refused when it is a link or belongs to somebody else; local for any other error.
    pub fn make(path: &Path, purpose: &'static Purpose) -> Result<Self, Problem> {
        let path: PathBuf = path.components().collect();
        if !path.is_symlink() {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
            made.map_err(|error| cannot(purpose, "make the directory", &path, &error))?;
        }
        let directory = Self::open(&path, purpose)?;
        let data = rustix::fs::fstat(&directory.fd);
        let data = data.map_err(|error| directory.cannot("look at", &error.into()))?;
        if data.st_uid == geteuid().as_raw() {
            return Ok(directory);
        }
        let shown = directory.shown();
        let text = format!("the directory {shown} belongs to another user");
        Err(Problem::refused(text).hint("give a directory of your own"))
    }

    /// The path as text that is safe on a terminal.
    pub fn shown(&self) -> String {
        shown(&self.path)
    }

    /// The error that something could not be done with the directory.
    pub fn cannot(&self, what: &str, error: &io::Error) -> Problem {
        cannot(self.purpose, what, &self.path, error)
    }
}

/// Opens a regular file for which only its owner has permissions, without following a link; `name` may be a path where the
/// folder is [`rustix::fs::CWD`].
///
/// # Errors
/// Errors of the system; invalid input when it is no regular file.
pub fn open_file(folder: impl AsFd, name: impl Arg, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let mode = Mode::RUSR | Mode::WUSR;
    let file = File::from(rustix::fs::openat(folder, name, flags, mode)?);
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        let text = "it is no regular file";
        Err(io::Error::new(io::ErrorKind::InvalidInput, text))
    }
}

/// Whether a file was locked.
#[derive(Debug)]
pub enum Locked {
    /// It is, as long as it is open.
    Here(File),
    /// No: this one has it locked, `process 17` if it says so.
    By(String),
}

/// Locks a file, and says in it who has it; it is made if it is not there.
///
/// # Errors
/// Errors of the system.
pub fn lock(folder: impl AsFd, name: &str) -> io::Result<Locked> {
    let mut file = open_file(folder, name, OFlags::RDWR | OFlags::CREATE)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            let mut pid = String::new();
            let _ = (&mut file).take(20).read_to_string(&mut pid);
            return Ok(Locked::By(match pid.trim().parse::<u32>() {
                Ok(pid) => format!("process {pid}"),
                Err(_) => "another process".to_owned(),
            }));
        }
        Err(error) => return Err(error.into()),
    }
    file.set_len(0)?;
    file.write_all(format!("{}\n", std::process::id()).as_bytes())?;
    Ok(Locked::Here(file))
}

/// A path as text that is safe on a terminal.
pub fn shown(path: &Path) -> String {
    escaped(path.as_os_str().as_encoded_bytes())
}

fn cannot(purpose: &Purpose, what: &str, path: &Path, error: &io::Error) -> Problem {
    let text = format!("cannot {what} {}: {error}", shown(path));
    let problem = Problem::new(Kind::Local, text);
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            problem.hint(purpose.full_hint)
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            problem.hint("name a directory in which you may write")
        }
        _ => problem,
    }
}
