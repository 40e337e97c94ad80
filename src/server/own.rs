//! Checks that files and directories belong to the user and are not links: a checkout, for instance, could contain a
//! link that redirects what this tool writes.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::geteuid;

use super::said::{cannot, shown};
use crate::model::Problem;

/// How many entries of a server's directory are looked at; a server creates about ten.
const ENTRIES_MAX: usize = 10_000;

/// The name that the server gives to the directory of its append-only file.
const APPEND_ONLY: &str = "appendonlydir";

/// Opens `path` with `options`, unless it is a symbolic link.
///
/// # Errors
/// As [`OpenOptions::open`]; [`is_link`] recognises the error for a link.
pub fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    options.custom_flags(flags).open(path)
}

/// Whether `error` is the one that [`open`] returns for a symbolic link.
pub fn is_link(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::LOOP)
}

/// The error that `path` is a symbolic link, which is not followed.
pub fn link_refused(path: &Path) -> Problem {
    Problem::refused(format!(
        "{} is a symbolic link, so writing to it would write elsewhere; nothing was changed",
        shown(path)
    ))
}

/// Removes other users' access to `dir`, after checking that it is the user's own and contains no link.
///
/// # Errors
/// [`crate::model::Kind::Refused`] when `dir` is a link, belongs to or can be written by others, or contains a link.
pub(super) fn take(dir: &Path) -> Result<(), Problem> {
    let directory = examine(dir)?;
    let closed = directory.set_permissions(Permissions::from_mode(0o700));
    closed.map_err(|error| cannot("close to others the directory", dir, &error))
}

/// As [`take`], but changes nothing.
pub(super) fn examine(dir: &Path) -> Result<File, Problem> {
    let directory = open(OpenOptions::new().read(true), dir).map_err(|error| {
        if is_link(&error) {
            link_refused(dir).hint(ELSEWHERE)
        } else {
            cannot("open the directory", dir, &error)
        }
    })?;
    let failed = |error| cannot("look at the directory", dir, &error);
    let data = directory.metadata().map_err(failed)?;
    let foreign = |what: String| Err(Problem::refused(what).hint(ELSEWHERE));
    if !data.is_dir() {
        return foreign(format!("{} is not a directory", shown(dir)));
    }
    if data.uid() != geteuid().as_raw() {
        let (dir, owner) = (shown(dir), data.uid());
        return foreign(format!(
            "{dir} belongs to another user ({owner}), who could redirect the server's files"
        ));
    }
    if data.mode() & 0o022 != 0 {
        return Err(Problem::refused(format!(
            "{} can be written by other users, who could redirect the server's files",
            shown(dir)
        ))
        .hint(format!(
            "check what is in it and run `chmod go-w {}`, or name another directory with --dir",
            shown(dir)
        )));
    }
    without_links(dir)?;
    Ok(directory)
}

const ELSEWHERE: &str = "remove it, or name another directory with --dir";

/// Checks that neither `dir` nor the directory of the append-only file in it contains a link, because the server
/// itself would follow one.
fn without_links(dir: &Path) -> Result<(), Problem> {
    let read = || -> io::Result<Option<OsString>> {
        for entry in fs::read_dir(dir)?.take(ENTRIES_MAX) {
            let entry = entry?;
            if entry.file_type()?.is_symlink() {
                return Ok(Some(entry.file_name()));
            }
        }
        Ok(None)
    };
    match read() {
        Ok(Some(name)) => return Err(link_refused(&dir.join(name)).hint(ELSEWHERE)),
        Err(error) => return Err(cannot("look at the directory", dir, &error)),
        Ok(None) => {}
    }
    let inner = dir.join(APPEND_ONLY);
    if dir.ends_with(APPEND_ONLY) || !inner.is_dir() {
        return Ok(());
    }
    without_links(&inner)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::model::Kind;

    #[test]
    fn a_directory_of_ones_own_is_closed_and_any_other_left_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("own");
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, Permissions::from_mode(0o755)).unwrap();
        take(&dir).unwrap();
        let mode = || fs::metadata(&dir).unwrap().mode() & 0o777;
        assert_eq!(mode(), 0o700);

        for mode_of_others in [0o775, 0o757] {
            fs::set_permissions(&dir, Permissions::from_mode(mode_of_others)).unwrap();
            assert_eq!(take(&dir).unwrap_err().kind, Kind::Refused);
            assert_eq!(mode(), mode_of_others);
        }
        fs::set_permissions(&dir, Permissions::from_mode(0o750)).unwrap();
        let link = home.path().join("link");
        symlink(&dir, &link).unwrap();
        assert_eq!(take(&link).unwrap_err().kind, Kind::Refused);
        for inside in ["server.log", "dump.rdb", "appendonlydir/x.aof"] {
            let inside = dir.join(inside);
            fs::create_dir_all(inside.parent().unwrap()).unwrap();
            symlink("nowhere", &inside).unwrap();
            let problem = take(&dir).unwrap_err();
            assert!(problem.message.contains("is a symbolic link"), "{problem}");
            fs::remove_file(&inside).unwrap();
        }
        assert_eq!(mode(), 0o750);
        take(&dir).unwrap();
    }
}
