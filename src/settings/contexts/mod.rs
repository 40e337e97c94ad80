//! Contexts: named connections in a file that the operator owns, and which of them is selected, in a file that the
//! tool owns. Nothing here connects to a server.

mod edit;
mod places;
mod reader;
mod selection;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

pub use edit::{ContextEdit, Edit};
pub use places::Places;
pub use selection::Selection;

use crate::model::{Kind, Problem, escaped, text_of};
use crate::model::{did_you_mean, nearest};
use crate::wire::Endpoint;

/// A named connection.
#[derive(Clone, Debug)]
pub struct NamedContext {
    /// The server, with user and TLS; a password only if the URL has one.
    pub endpoint: Endpoint,
    /// The file with the password.
    pub password_file: Option<PathBuf>,
    /// The topology file.
    pub topology: Option<PathBuf>,
    /// Whether destructive commands on its server ask for its name.
    pub production: bool,
}

/// All contexts.
#[derive(Clone, Debug, Default)]
pub struct Contexts {
    file: Option<PathBuf>,
    known: BTreeMap<String, NamedContext>,
    is_exposed: bool,
}

impl Contexts {
    /// Reads the file; there are no contexts if it does not exist.
    ///
    /// # Errors
    /// A local error when it cannot be read; a usage error with the line of the mistake.
    pub fn read(places: &Places) -> Result<Self, Problem> {
        let Some(file) = &places.config else {
            return Ok(Self::default());
        };
        let text = text_in(file)?.unwrap_or_default();
        let known = reader::read(file, &text, places.home.as_deref())?;
        Ok(Self {
            is_exposed: is_readable_by_others(file),
            file: Some(file.clone()),
            known,
        })
    }

    /// Every context by name, in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &NamedContext)> {
        self.known.iter().map(|(name, it)| (name.as_str(), it))
    }

    /// The context called `name`.
    ///
    /// # Errors
    /// [`Kind::NotFound`], with the nearest name.
    pub fn get(&self, name: &str) -> Result<&NamedContext, Problem> {
        self.known.get(name).ok_or_else(|| {
            let near = did_you_mean(nearest(name, self.known.keys().map(String::as_str)));
            let file = self
                .file
                .as_deref()
                .map_or_else(String::new, |file| format!(" in {}", shown(file)));
            Problem::not_found(format!(
                "there is no context `{}`{file}{near}",
                escaped(name.as_bytes())
            ))
            .hint("`ucp-streams context list` lists the contexts, `context add` creates one")
        })
    }

    /// Whether there is such a context.
    pub fn has(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    /// The warning that other users can read a password in the file, if they can.
    pub fn exposure(&self) -> Option<String> {
        let file = shown(self.file.as_deref()?);
        let holds_password = self
            .known
            .values()
            .any(|context| context.endpoint.password.is_some());
        (self.is_exposed && holds_password).then(|| {
            format!("{file} holds a password and can be read by other users; run: chmod 600 {file}")
        })
    }
}

#[cfg(unix)]
fn is_readable_by_others(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(file).is_ok_and(|data| data.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &Path) -> bool {
    false
}

/// The text of `file`, if it exists.
fn text_in(file: &Path) -> Result<Option<String>, Problem> {
    let read = || -> io::Result<String> {
        let bytes = fs::read(file)?;
        Ok(text_of(&bytes)?.to_owned())
    };
    match read() {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(local("read", file, &error)),
    }
}

/// The greatest number of links that are followed.
const LINKS_MAX: usize = 40;

/// The file that `file` leads to through links, whether it exists or not.
fn followed(file: &Path) -> io::Result<PathBuf> {
    let mut file = file.to_owned();
    for _ in 0..LINKS_MAX {
        match fs::read_link(&file) {
            Ok(target) => file = file.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(file),
        }
    }
    Err(io::Error::other("its symbolic links form a loop"))
}

/// Writes `text` completely or not at all, with permissions for its owner only. A link stays a link.
fn replace(file: &Path, text: &str) -> Result<(), Problem> {
    let file = followed(file).map_err(|error| local("write", file, &error))?;
    let written = || -> io::Result<()> {
        let dir = file.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)?;
        // Mode 0600 from the start.
        let mut next = tempfile::NamedTempFile::new_in(dir)?;
        io::Write::write_all(&mut next, text.as_bytes())?;
        next.as_file().sync_all()?;
        next.persist(&file)?;
        Ok(())
    };
    written().map_err(|error| local("write", &file, &error))
}

fn local(verb: &str, file: &Path, error: &io::Error) -> Problem {
    Problem::new(
        Kind::Local,
        format!("cannot {verb} {}: {error}", shown(file)),
    )
}

fn shown(file: &Path) -> String {
    escaped(file.as_os_str().as_encoded_bytes())
}

#[cfg(test)]
mod tests;
