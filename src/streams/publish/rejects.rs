//! The file of entries that were left out. It gets its name once it is complete, and only its owner may read it.
//! Anything that is not a file, such as a pipe, is written to directly.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use tempfile::{Builder, NamedTempFile};

use super::blocks::Blocks;
use super::check::unreadable;
use crate::model::{Kind, Problem, escaped};
use crate::topology::validate::{Checker, Findings, Pair, recycle};

/// A file for rejected entries; all clones write to the same one.
#[derive(Clone, Debug)]
pub struct Rejects(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    path: PathBuf,
    place: Place,
    has_any: bool,
    /// Whether the file contains all rejected entries already.
    is_filled: bool,
}

/// Where rejected entries are written.
#[derive(Debug)]
enum Place {
    /// A file that has no name yet.
    File(BufWriter<NamedTempFile>),
    /// A device or pipe, and whether it is a terminal, for which control characters must be escaped.
    Device(BufWriter<File>, bool),
    /// The file is complete; nothing is added any more.
    Kept,
}

impl Place {
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::File(file) => {
                file.write_all(line)?;
                file.write_all(b"\n")
            }
            Self::Device(device, is_terminal) => {
                if *is_terminal {
                    device.write_all(escaped(line).as_bytes())?;
                } else {
                    device.write_all(line)?;
                }
                device.write_all(b"\n")
            }
            Self::Kept => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Makes sure that everything written has reached its destination.
    fn settle(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => {
                file.flush()?;
                file.get_ref().as_file().sync_all()
            }
            Self::Device(device, _) => device.flush(),
            Self::Kept => Ok(()),
        }
    }
}

impl Rejects {
    /// An output at a path that was opened already and is not a file.
    pub fn to_device(path: &Path, device: File) -> Self {
        let is_terminal = device.is_terminal();
        Self::at(path, Place::Device(BufWriter::new(device), is_terminal))
    }

    fn at(path: &Path, place: Place) -> Self {
        Self(Arc::new(Mutex::new(State {
            path: path.to_owned(),
            place,
            has_any: false,
            is_filled: false,
        })))
    }

    /// A file that will be called `path`. An existing file is never overwritten.
    ///
    /// # Errors
    /// Refused when such a file exists; a local error when none can be written there.
    pub fn new(path: &Path) -> Result<Self, Problem> {
        if path.symlink_metadata().is_ok() {
            return Err(there_already(path, "nothing was sent"));
        }
        let directory = match path.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => directory,
            _ => Path::new("."),
        };
        let file = Builder::new()
            .prefix(".ucp-streams-rejects-")
            .tempfile_in(directory)
            .map_err(|error| not_written(path, &error))?;
        Ok(Self::at(path, Place::File(BufWriter::new(file))))
    }

    /// Writes every invalid line of `input` before anything is sent, so that a full disk is noticed before anything
    /// happened. Nothing is added afterwards.
    ///
    /// # Errors
    /// When the input cannot be read; a local error when the file cannot be written.
    pub fn fill<R: Read>(&self, mut input: Blocks<R>, checker: &Checker<'_>) -> Result<()> {
        let (mut fields, mut findings) = (Vec::<Pair<'_>>::new(), Findings::default());
        while let Some(block) = input.next().map_err(unreadable)? {
            for line in block.lines() {
                let mut of_line = recycle(fields);
                line.check(checker, &mut of_line, &mut findings);
                fields = recycle(of_line);
                if !findings.invalid.is_empty() {
                    self.add(line.json)
                        .map_err(|error| self.unwritten(&error))?;
                }
            }
        }
        let mut state = self.state();
        state.is_filled = true;
        let synced = state.place.settle();
        drop(state);
        synced.map_err(|error| self.unwritten(&error).into())
    }

    fn unwritten(&self, error: &io::Error) -> Problem {
        let problem = not_written(&self.state().path, error);
        Problem {
            message: format!("{}; nothing was sent", problem.message),
            ..problem
        }
    }

    /// Adds a line.
    pub(super) fn add(&self, line: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        if state.is_filled {
            return Ok(());
        }
        state.place.write(line)?;
        state.has_any = true;
        Ok(())
    }

    /// Writes buffered data to a device.
    pub(super) fn flush(&self) -> io::Result<()> {
        match &mut self.state().place {
            Place::Device(device, _) => device.flush(),
            Place::File(_) | Place::Kept => Ok(()),
        }
    }

    /// Gives the file its name, if it contains anything. Nothing is added afterwards.
    ///
    /// # Errors
    /// A local error when it cannot be written; refused when such a file was created in the meantime, with the place
    /// of the rejects.
    pub fn keep(&self) -> Result<(), Problem> {
        let mut state = self.state();
        let mut place = std::mem::replace(&mut state.place, Place::Kept);
        if !state.has_any {
            return Ok(());
        }
        let settled = place.settle();
        settled.map_err(|error| not_written(&state.path, &error))?;
        let Place::File(file) = place else {
            return Ok(());
        };
        let file = file
            .into_inner()
            .map_err(|error| not_written(&state.path, error.error()))?;
        let Err(error) = file.persist_noclobber(&state.path) else {
            return Ok(());
        };
        match error.file.keep() {
            Ok((_, elsewhere)) => {
                let elsewhere = escaped(elsewhere.as_os_str().as_encoded_bytes());
                Err(there_already(
                    &state.path,
                    &format!("the rejects are in {elsewhere}"),
                ))
            }
            Err(error) => Err(not_written(&state.path, &error.error)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn there_already(path: &Path, what: &str) -> Problem {
    let shown = escaped(path.as_os_str().as_encoded_bytes());
    Problem::refused(format!("{shown} exists already, {what}"))
        .hint("move it away, or name another file for the rejects")
}

fn not_written(path: &Path, error: &io::Error) -> Problem {
    let shown = escaped(path.as_os_str().as_encoded_bytes());
    Problem::new(Kind::Local, format!("cannot write {shown}: {error}"))
        .hint("name a file that can be written")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_file_is_there_once_it_is_whole() {
        let here = tempfile::tempdir().expect("a directory");
        let path = here.path().join("bad");
        let rejects = Rejects::new(&path).expect("new");
        rejects.add(b"one").expect("written");
        assert!(!path.exists());
        rejects.clone().keep().expect("kept");
        assert_eq!(fs::read(&path).expect("there"), b"one\n");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(rejects.add(b"late").is_err());
        let again = Rejects::new(&path).expect_err("there already");
        assert_eq!(again.kind, Kind::Refused);
        assert_eq!(fs::read_dir(here.path()).expect("read").count(), 1);
    }

    #[test]
    fn without_rejects_there_is_no_file() {
        let here = tempfile::tempdir().expect("a directory");
        let rejects = Rejects::new(&here.path().join("bad")).expect("new");
        rejects.keep().expect("nothing to keep");
        drop(rejects);
        assert_eq!(fs::read_dir(here.path()).expect("read").count(), 0);
    }

    #[test]
    fn what_somebody_made_meanwhile_is_left_alone() {
        let here = tempfile::tempdir().expect("a directory");
        let path = here.path().join("bad");
        let rejects = Rejects::new(&path).expect("new");
        rejects.add(b"one").expect("written");
        fs::write(&path, "theirs").expect("written");
        let error = rejects.keep().expect_err("there already");
        let (_, elsewhere) = error
            .message
            .split_once("the rejects are in ")
            .expect("told");
        assert_eq!(fs::read(elsewhere).expect("there"), b"one\n");
        assert_eq!(fs::read(&path).expect("there"), b"theirs");
    }
}
