//! What a place says of what is stored there.

use crate::model::{Problem, escaped, human_bytes};

/// How a write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It is written.
    Written,
    /// Something of that name was there already, and is as it was.
    Exists,
}

/// What a folder has.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) kind: ListedKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListedKind {
    Folder,
    File,
    /// A link, or something else that is not followed.
    Other,
}

/// The error that something is larger than what is read.
pub(super) fn too_large(key: &str, place: &str, bytes_max: u64) -> Problem {
    let text = format!(
        "{} in {place} is larger than {}",
        escaped(key.as_bytes()),
        human_bytes(bytes_max)
    );
    Problem::refused(text).hint("--max-expanded SIZE allows more")
}
