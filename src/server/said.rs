//! Error messages about paths.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use crate::model::{Kind, Problem, escaped};

/// A path as text that is safe on a terminal.
pub(super) fn shown(path: impl AsRef<OsStr>) -> String {
    escaped(path.as_ref().as_encoded_bytes())
}

/// A [`Kind::Local`] error: what could not be done to which path, and the system's reason.
pub(super) fn cannot(what: &str, path: &Path, error: &io::Error) -> Problem {
    Problem::new(
        Kind::Local,
        format!("cannot {what} {}: {error}", shown(path)),
    )
}
