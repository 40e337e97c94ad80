//! Finds a server binary, and says how to install one if there is none.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{Access, access};

use crate::model::{Kind, Problem, escaped};

/// The programs to look for on the search path, in this order.
const PROGRAMS: [&str; 2] = ["valkey-server", "redis-server"];

/// The server binary to start: `named` (the value of `$UCP_STREAMS_SERVER`) if it is given, otherwise the first
/// `valkey-server`, otherwise the first `redis-server` on `search_path` (the value of `$PATH`).
///
/// # Errors
/// [`Kind::Usage`] when `named` is not an executable file. [`Kind::Local`] when nothing is found: one line that says
/// how to install a server on this platform.
pub fn find(named: Option<&Path>, search_path: Option<&OsStr>) -> Result<PathBuf, Problem> {
    if let Some(named) = named {
        return if is_executable(named) {
            Ok(named.to_path_buf())
        } else {
            Err(not_executable(named))
        };
    }
    let directories: Vec<PathBuf> = search_path
        .map(|path| std::env::split_paths(path).collect())
        .unwrap_or_default();
    PROGRAMS
        .iter()
        .flat_map(|program| directories.iter().map(move |dir| dir.join(program)))
        .find(|candidate| candidate.is_absolute() && is_executable(candidate))
        .ok_or_else(|| Problem::new(Kind::Local, not_found(Platform::here())))
}

/// As [`find`] without `named`, for callers that do not know the search path: it asks the system to run each program.
///
/// # Errors
/// [`Kind::Local`] when none runs: one line that says how to install a server on this platform.
pub fn find_on_path() -> Result<PathBuf, Problem> {
    let runs = |program: &&&str| {
        Command::new(program)
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    match PROGRAMS.iter().find(runs) {
        Some(program) => Ok(PathBuf::from(program)),
        None => find(None, None),
    }
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

fn not_executable(path: &Path) -> Problem {
    let shown = escaped(path.as_os_str().as_encoded_bytes());
    Problem::usage(format!(
        "$UCP_STREAMS_SERVER names {shown}, which is not an executable file"
    ))
    .hint("give it the path of a redis-server or valkey-server, or unset it to search PATH")
}

/// The package manager of this platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Platform {
    Apt,
    Dnf,
    Brew,
    Other,
}

impl Platform {
    fn here() -> Self {
        let has = |path: &str| Path::new(path).exists();
        if cfg!(target_os = "macos") {
            Self::Brew
        } else if has("/usr/bin/apt-get") {
            Self::Apt
        } else if has("/usr/bin/dnf") {
            Self::Dnf
        } else {
            Self::Other
        }
    }
}

fn not_found(platform: Platform) -> String {
    let how = match platform {
        Platform::Apt => "run `sudo apt-get install redis-server`",
        Platform::Dnf => "run `sudo dnf install redis`",
        Platform::Brew => "run `brew install redis`",
        Platform::Other => "install Redis 7 or Valkey 8 or newer",
    };
    format!(
        "no valkey-server or redis-server on PATH: {how}, or set UCP_STREAMS_SERVER to the path of one"
    )
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn place(dir: &Path, name: &str, mode: u32) -> PathBuf {
        let path = dir.join(name);
        fs::write(&path, "#!/bin/sh\n").expect("writes");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("sets the mode");
        path
    }

    #[test]
    fn valkey_comes_before_redis_wherever_they_are_on_the_path() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        place(first.path(), "redis-server", 0o755);
        let valkey = place(second.path(), "valkey-server", 0o755);
        let path = std::env::join_paths([first.path(), second.path()]).unwrap();
        assert_eq!(find(None, Some(&path)).unwrap(), valkey);
    }

    #[test]
    fn a_file_that_cannot_be_run_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        place(dir.path(), "valkey-server", 0o644);
        let redis = place(dir.path(), "redis-server", 0o755);
        assert_eq!(find(None, Some(dir.path().as_os_str())).unwrap(), redis);
    }

    #[test]
    fn a_named_binary_wins_and_must_exist() {
        let dir = tempfile::tempdir().unwrap();
        place(dir.path(), "redis-server", 0o755);
        let named = place(dir.path(), "mine", 0o755);
        let path = Some(dir.path().as_os_str());
        assert_eq!(find(Some(&named), path).unwrap(), named);

        let problem = find(Some(&dir.path().join("absent")), path).unwrap_err();
        assert_eq!(problem.kind, Kind::Usage);
        assert!(problem.message.contains("absent"), "{problem}");
    }

    #[test]
    fn nothing_found_is_one_line_that_says_what_to_install() {
        let empty = tempfile::tempdir().unwrap();
        for path in [None, Some(empty.path().as_os_str())] {
            let problem = find(None, path).unwrap_err();
            assert_eq!((problem.kind, problem.hint), (Kind::Local, None));
            assert_eq!(problem.message.lines().count(), 1);
            assert!(problem.message.contains("UCP_STREAMS_SERVER"));
        }
        assert!(not_found(Platform::Apt).contains("apt-get install redis-server"));
        assert!(not_found(Platform::Dnf).contains("dnf install redis"));
        assert!(not_found(Platform::Brew).contains("brew install redis"));
    }
}
