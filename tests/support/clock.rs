//! A clock that a test can set ahead, for a server and for runs of the binary: hours pass at once.

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use super::{Invocation, directory, program, server_binary};

/// What is loaded into a process whose clock a test sets.
const LIBRARY: &str = include_str!("clock.c");

/// A clock of a test's own: the system's, set ahead by what [`Clock::advance`] was told in all.
#[derive(Debug)]
pub struct Clock {
    dir: TempDir,
    library: PathBuf,
    ahead: File,
    ahead_ms: AtomicU64,
}

impl Clock {
    /// One that agrees with the system's.
    #[track_caller]
    pub fn start() -> Self {
        let dir = directory();
        let library = library();
        let path = dir.path().join("ahead");
        std::fs::write(&path, 0_u64.to_ne_bytes()).expect("writes the clock");
        let ahead = File::options().write(true).open(&path);
        let server = format!(
            "#!/bin/sh\nTEST_CLOCK='{}' LD_PRELOAD='{}' exec '{}' \"$@\"\n",
            path.display(),
            library.display(),
            server_binary().display()
        );
        program(&dir.path().join("server"), &server);
        Self {
            ahead: ahead.expect("opens the clock"),
            ahead_ms: AtomicU64::new(0),
            library,
            dir,
        }
    }

    /// A server binary that goes by it, for [`super::TestServer::with_binary`].
    pub fn server(&self) -> PathBuf {
        self.dir.path().join("server")
    }

    /// The environment of a process that goes by it.
    pub fn env(&self) -> [(&'static str, PathBuf); 2] {
        let ahead = self.dir.path().join("ahead");
        [("TEST_CLOCK", ahead), ("LD_PRELOAD", self.library.clone())]
    }

    /// A run that goes by it.
    pub fn given_to(&self, run: Invocation) -> Invocation {
        let env = self.env().into_iter();
        env.fold(run, |run, (name, value)| run.env(name, value))
    }

    /// So much time passes at once.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).expect("some centuries at most");
        let ahead_ms = self.ahead_ms.fetch_add(by, Ordering::Relaxed) + by;
        let written = self.ahead.write_all_at(&ahead_ms.to_ne_bytes(), 0);
        written.expect("sets the clock");
    }

    /// What it says, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.expect("a time after 1970").as_millis();
        u64::try_from(now).expect("a time of this age") + self.ahead_ms.load(Ordering::Relaxed)
    }
}

/// The library, compiled once for all tests of this text of it.
#[track_caller]
fn library() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    LIBRARY.hash(&mut hasher);
    let tests = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let library = tests.join(format!("clock-{:x}.so", hasher.finish()));
    if library.exists() {
        return library;
    }
    std::fs::create_dir_all(tests).expect("makes the directory");
    // Tests of other processes may be here too: whoever is last puts the same into the place.
    let dir = tempfile::tempdir_in(tests).expect("a directory");
    let source = dir.path().join("clock.c");
    std::fs::write(&source, LIBRARY).expect("writes the source");
    let made = dir.path().join("clock.so");
    let compiled = Command::new("cc")
        .args(["-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-o"])
        .args([&made, &source])
        .output()
        .expect("a C compiler, which linked this test, too");
    let said = String::from_utf8_lossy(&compiled.stderr);
    assert!(compiled.status.success(), "{said}");
    std::fs::rename(&made, &library).expect("puts it into its place");
    library
}
