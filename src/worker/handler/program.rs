//! Checks that a handler's program exists when the worker starts, because a mistyped one would fail every entry and
//! show only in the log. It is started by the name that was given, so that the system looks it up each time.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::model::{Problem, escaped, quoted};

/// The directories that the system searches when there is no search path.
const SEARCH_PATH: &str = "/bin:/usr/bin";

/// Makes sure that the system would find an executable file by this name: a path as it is, a name without a `/` in
/// the directories of `search_path` (the value of `$PATH`).
///
/// # Errors
/// A usage [`Problem`] that names the program.
pub fn require_program(program: &OsStr, search_path: Option<&OsStr>) -> Result<(), Problem> {
    let path = Path::new(program);
    let shown = escaped(program.as_encoded_bytes());
    if !program.as_encoded_bytes().contains(&b'/') {
        let directories = search_path.unwrap_or(OsStr::new(SEARCH_PATH));
        let mut found = std::env::split_paths(directories).map(|it| it.join(path));
        if !program.is_empty() && found.any(|it| is_executable(&it)) {
            return Ok(());
        }
        let missing = format!("there is no program `{shown}` on the search path");
        return Err(Problem::usage(missing).hint(how_to_name(path)));
    }
    if is_executable(path) {
        return Ok(());
    }
    let (what, hint) = match path.metadata() {
        Ok(facts) if facts.is_file() => (
            format!("`{shown}` is not an executable file"),
            format!(
                "make it executable with chmod +x {}, or name its interpreter before it",
                quoted(program.as_encoded_bytes())
            ),
        ),
        Ok(_) => (
            format!("`{shown}` is not an executable file"),
            "name a program, then its arguments".to_owned(),
        ),
        Err(_) => (
            format!("there is no program `{shown}`"),
            "give the path of an existing program, or a name that is on the search path".to_owned(),
        ),
    };
    Err(Problem::usage(what).hint(hint))
}

fn how_to_name(name: &Path) -> String {
    let here: PathBuf = Path::new(".").join(name);
    if !name.as_os_str().is_empty() && is_executable(&here) {
        let shown = quoted(here.as_os_str().as_encoded_bytes());
        return format!("the one in this directory is {shown}");
    }
    "give its path, or put its directory into $PATH".to_owned()
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}
