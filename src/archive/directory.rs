//! An archive in a directory. What is written is private and on the disk before it has its name, replaces nothing, and
//! nothing is reached through a link.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::stored::{Listed, ListedKind, Put, too_large};
use crate::model::{Kind, Problem, escaped};

/// The end of the name of a file that is not whole.
const PARTIAL: &str = ".partial";
/// How many names of one folder are read.
const NAMES_MAX: usize = 1_000_000;

/// The directory of an archive.
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
        match rustix::fs::open(&path, FOLDER, Mode::empty()) {
            Ok(fd) => Ok(Self { fd, path }),
            Err(Errno::NOENT) => {
                let text = format!(
                    "there is no archive in {}: the directory does not exist",
                    shown(&path)
                );
                Err(Problem::not_found(text).hint("make one: ucp-streams archive STREAM --to DIR"))
            }
            Err(_) if path.is_symlink() => {
                let text = format!(
                    "{} is a symbolic link, which is not followed for an archive",
                    shown(&path)
                );
                Err(Problem::refused(text).hint("name the directory itself"))
            }
            Err(error) => Err(cannot("open the directory", &path, &error.into())),
        }
    }

    /// Opens a directory to write to, which is made for its owner alone if it is not there.
    ///
    /// # Errors
    /// Refused when it is a link or belongs to somebody else; local for any other error.
    pub(super) fn open_to_write(path: &Path) -> Result<Self, Problem> {
        use std::os::unix::fs::DirBuilderExt as _;
        let path: PathBuf = path.components().collect();
        if !path.is_symlink() {
            let mut maker = std::fs::DirBuilder::new();
            let made = maker.recursive(true).mode(0o700).create(&path);
            made.map_err(|error| cannot("make the directory", &path, &error))?;
        }
        let directory = Self::open(&path)?;
        let data = rustix::fs::fstat(&directory.fd);
        let data = data.map_err(|error| directory.cannot("look at", &error.into()))?;
        if data.st_uid == geteuid().as_raw() {
            return Ok(directory);
        }
        let text = format!(
            "the directory {} belongs to another user",
            directory.shown()
        );
        Err(Problem::refused(text).hint("give a directory of your own"))
    }

    /// Becomes the one who writes the archive of a stream, as long as the file is open.
    ///
    /// # Errors
    /// Refused, naming the process, when another one writes; local for any other error.
    pub(super) fn lock(&self, key: &str) -> Result<File, Problem> {
        let failed = |error: io::Error| self.cannot("lock the archive in", &error);
        let (folder, name) = self.make_folder_of(key).map_err(failed)?;
        let flags = OFlags::RDWR | OFlags::CREATE;
        let mut lock = open_file(&folder, &name, flags).map_err(failed)?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut pid = String::new();
                let _ = (&mut lock).take(20).read_to_string(&mut pid);
                let by = match pid.trim().parse::<u32>() {
                    Ok(pid) => format!("process {pid}"),
                    Err(_) => "another process".to_owned(),
                };
                let text = format!("{by} archives this stream to {} already", self.shown());
                return Err(
                    Problem::refused(text).hint("wait until it has ended, or stop it first")
                );
            }
            Err(error) => return Err(failed(error.into())),
        }
        let write = || -> io::Result<()> {
            lock.set_len(0)?;
            (&lock).write_all(format!("{}\n", std::process::id()).as_bytes())
        };
        write().map_err(failed)?;
        Ok(lock)
    }

    /// Writes a file that must not be there yet. It is on the disk when it has its name.
    ///
    /// # Errors
    /// Local.
    pub(super) fn put(&self, key: &str, bytes: &[u8]) -> Result<Put, Problem> {
        let put = || -> io::Result<Put> {
            let (folder, name) = self.make_folder_of(key)?;
            remove_partial(&folder)?;
            let partial = format!(".{name}{PARTIAL}");
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
            let mut file = open_file(&folder, &partial, flags)?;
            let written = file.write_all(bytes).and_then(|()| file.sync_all());
            // Unlike a rename, this replaces nothing.
            let linked = written.and_then(|()| {
                match rustix::fs::linkat(&folder, &partial, &folder, &name, AtFlags::empty()) {
                    Ok(()) => Ok(Put::Written),
                    Err(Errno::EXIST) => Ok(Put::Exists),
                    Err(error) => Err(error.into()),
                }
            });
            let _ = rustix::fs::unlinkat(&folder, &partial, AtFlags::empty());
            rustix::fs::fsync(&folder)?;
            linked
        };
        put().map_err(|error| self.cannot("write to the archive in", &error))
    }

    /// The bytes of a file; `None` when it is not there.
    ///
    /// # Errors
    /// Refused when it is a link or too large; local for any other error.
    pub(super) fn get(&self, key: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, Problem> {
        let get = || -> io::Result<Result<Vec<u8>, Problem>> {
            let (folder, name) = self.folder_of(key)?;
            let file = open_file(&folder, &name, OFlags::RDONLY)?;
            if file.metadata()?.size() > bytes_max {
                return Ok(Err(too_large(key, &self.shown(), bytes_max)));
            }
            let mut bytes = Vec::new();
            file.take(bytes_max).read_to_end(&mut bytes)?;
            Ok(Ok(bytes))
        };
        match get() {
            Ok(got) => got.map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if is_link(&error) => Err(self.link_refused(key)),
            Err(error) => Err(self.cannot(&format!("read {key} in"), &error)),
        }
    }

    /// What is in a folder, in no order; nothing when it is not there. The empty key is the archive itself.
    ///
    /// # Errors
    /// Refused when a part of the key is a link; local for any other error.
    pub(super) fn list(&self, key: &str) -> Result<Vec<Listed>, Problem> {
        let list = || -> io::Result<Vec<Listed>> {
            let folder = self.folder(key)?;
            let mut listed = Vec::new();
            for entry in Dir::read_from(&folder)? {
                let entry = entry?;
                let Ok(name) = entry.file_name().to_str() else {
                    continue;
                };
                if name.starts_with('.') {
                    continue;
                }
                let data = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
                let file_type = FileType::from_raw_mode(data.st_mode);
                if listed.len() == NAMES_MAX {
                    return Err(io::Error::other(format!(
                        "{key} has more than {NAMES_MAX} files"
                    )));
                }
                listed.push(Listed {
                    name: name.to_owned(),
                    kind: match file_type {
                        FileType::Directory => ListedKind::Folder,
                        FileType::RegularFile => ListedKind::File,
                        _ => ListedKind::Other,
                    },
                });
            }
            Ok(listed)
        };
        match list() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) if is_link(&error) => Err(self.link_refused(key)),
            listed => listed.map_err(|error| self.cannot(&format!("list {key} in"), &error)),
        }
    }

    fn link_refused(&self, key: &str) -> Problem {
        let place = if key.is_empty() {
            "its top folder"
        } else {
            key
        };
        let text = format!(
            "the archive in {} has a symbolic link, in {}, and links are not followed",
            self.shown(),
            escaped(place.as_bytes())
        );
        Problem::refused(text).hint("remove the link, or copy what it points to into its place")
    }

    /// The folder of a key, and the last part of the key.
    fn folder_of(&self, key: &str) -> io::Result<(OwnedFd, String)> {
        let (folder, name) = key.rsplit_once('/').unwrap_or(("", key));
        Ok((self.folder(folder)?, name.to_owned()))
    }

    fn folder(&self, key: &str) -> io::Result<OwnedFd> {
        let mut folder = self.fd.try_clone()?;
        for part in key.split('/').filter(|it| !it.is_empty()) {
            folder = rustix::fs::openat(&folder, part, FOLDER, Mode::empty())?;
        }
        Ok(folder)
    }

    /// As [`Self::folder_of`], and makes the folders that are not there.
    fn make_folder_of(&self, key: &str) -> io::Result<(OwnedFd, String)> {
        let (path, name) = key.rsplit_once('/').unwrap_or(("", key));
        let mut folder = self.fd.try_clone()?;
        for part in path.split('/').filter(|it| !it.is_empty()) {
            match rustix::fs::mkdirat(&folder, part, Mode::RWXU) {
                Ok(()) => rustix::fs::fsync(&folder)?,
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            folder = rustix::fs::openat(&folder, part, FOLDER, Mode::empty())?;
        }
        Ok((folder, name.to_owned()))
    }

    /// The path as text that is safe on a terminal.
    pub(super) fn shown(&self) -> String {
        shown(&self.path)
    }

    fn cannot(&self, what: &str, error: &io::Error) -> Problem {
        cannot(what, &self.path, error)
    }
}

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Whether the error is that a link was in the way. With a folder wanted, that is said otherwise.
fn is_link(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [Errno::LOOP, Errno::NOTDIR]
        .iter()
        .any(|it| code == Some(it.raw_os_error()))
}

/// Opens a regular file for which only its owner has permissions, without following a link.
fn open_file(folder: impl AsFd, name: &str, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let mode = Mode::RUSR | Mode::WUSR;
    let file = File::from(rustix::fs::openat(folder, name, flags, mode)?);
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no regular file",
        ))
    }
}

/// Removes what one who was killed did not finish.
fn remove_partial(folder: impl AsFd) -> io::Result<()> {
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name.starts_with(b".") && name.ends_with(PARTIAL.as_bytes()) {
            rustix::fs::unlinkat(&folder, entry.file_name(), AtFlags::empty())?;
        }
    }
    Ok(())
}

fn shown(path: &Path) -> String {
    escaped(path.as_os_str().as_encoded_bytes())
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Problem {
    let text = format!("cannot {what} {}: {error}", shown(path));
    let problem = Problem::new(Kind::Local, text);
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => problem
            .hint("make room on the disk, then repeat the command: it goes on where it ended"),
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            problem.hint("name a directory in which you may write")
        }
        _ => problem,
    }
}
