//! An archive in a directory. What is written is private and on the disk before it has its name, replaces nothing, and
//! nothing is reached through a link.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::stored::{Listed, ListedKind, Put, too_large};
use crate::model::{Problem, escaped};
use crate::private::{self, FOLDER, Locked, Purpose, open_file};

/// The end of the name of a file that is not whole.
const PARTIAL: &str = ".partial";
/// How many names of one folder are read.
const NAMES_MAX: usize = 1_000_000;

/// What the directory is for.
const ARCHIVE: Purpose = Purpose {
    what: "archive",
    one: "an archive",
    absent_hint: "make one: ucp-streams archive STREAM --to DIR",
    full_hint: "make room on the disk, then repeat the command: it goes on where it ended",
};

/// The directory of an archive.
#[derive(Debug)]
pub(super) struct Directory(private::Directory);

impl Directory {
    /// Opens a directory to read from.
    ///
    /// # Errors
    /// As [`private::Directory::open`].
    pub(super) fn open(path: &Path) -> Result<Self, Problem> {
        private::Directory::open(path, &ARCHIVE).map(Self)
    }

    /// Opens a directory to write to, which is made for its owner alone if it is not there.
    ///
    /// # Errors
    /// As [`private::Directory::make`].
    pub(super) fn open_to_write(path: &Path) -> Result<Self, Problem> {
        private::Directory::make(path, &ARCHIVE).map(Self)
    }

    /// Becomes the one who writes the archive of a stream, as long as the file is open.
    ///
    /// # Errors
    /// Refused, naming the process, when another one writes; local for any other error.
    pub(super) fn lock(&self, key: &str) -> Result<File, Problem> {
        let lock = || -> io::Result<Locked> {
            let (folder, name) = self.make_folder_of(key)?;
            private::lock(&folder, &name)
        };
        match lock().map_err(|error| self.cannot("lock the archive in", &error))? {
            Locked::Here(file) => Ok(file),
            Locked::By(other) => {
                let text = format!("{other} archives this stream to {} already", self.shown());
                Err(Problem::refused(text).hint("wait until it has ended, or stop it first"))
            }
        }
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
        let mut folder = self.0.fd.try_clone()?;
        for part in key.split('/').filter(|it| !it.is_empty()) {
            folder = rustix::fs::openat(&folder, part, FOLDER, Mode::empty())?;
        }
        Ok(folder)
    }

    /// As [`Self::folder_of`], and makes the folders that are not there.
    fn make_folder_of(&self, key: &str) -> io::Result<(OwnedFd, String)> {
        let (path, name) = key.rsplit_once('/').unwrap_or(("", key));
        let mut folder = self.0.fd.try_clone()?;
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
        self.0.shown()
    }

    fn cannot(&self, what: &str, error: &io::Error) -> Problem {
        self.0.cannot(what, error)
    }
}

/// Whether the error is that a link was in the way. With a folder wanted, that is said otherwise.
fn is_link(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [Errno::LOOP, Errno::NOTDIR]
        .iter()
        .any(|it| code == Some(it.raw_os_error()))
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
