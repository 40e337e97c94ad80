//! Directories of a test's own.

use std::path::Path;

use tempfile::TempDir;

/// The longest path, in bytes, under which a directory is made. A unix socket's path has at most 103 on some systems, and
/// the longest one that a test has in its directory (`/.tmp123456/.ucp-streams/server.sock`) needs 36 of them.
const PARENT_BYTES_MAX: usize = 60;

/// An empty directory, removed with the value. Its path is short enough for sockets, wherever the system's own place for
/// temporary files is.
#[track_caller]
pub fn directory() -> TempDir {
    let preferred = std::env::temp_dir();
    let parent = if preferred.as_os_str().len() <= PARENT_BYTES_MAX {
        preferred.as_path()
    } else {
        Path::new("/tmp")
    };
    tempfile::tempdir_in(parent).expect("a directory")
}
