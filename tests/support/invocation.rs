//! How the real binary is run: in a clean environment and a directory of its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::spawned::Spawned;
use super::{PATIENCE, Pty, Run, directory, server_binary};

/// One run of `ucp-streams` that has not begun.
///
/// Its environment is PATH, a HOME that is empty and its working directory (no configuration, no
/// topology file), and the server binary that the tests use. No `REDIS_URL`, no `NO_COLOR`, no `TERM`.
#[derive(Debug)]
pub struct Invocation {
    args: Vec<OsString>,
    env: BTreeMap<OsString, OsString>,
    stdin: Option<Vec<u8>>,
    keep_stdin: bool,
    columns: Option<u16>,
    timeout: Duration,
    home: TempDir,
    dir: Option<PathBuf>,
}

impl Invocation {
    /// `ucp-streams ARGS`, standard input closed.
    pub fn new(args: &[&str]) -> Self {
        let home = directory();
        let mut invocation = Self {
            args: args.iter().map(Into::into).collect(),
            env: BTreeMap::new(),
            stdin: None,
            keep_stdin: false,
            columns: None,
            timeout: PATIENCE,
            dir: None,
            home,
        };
        for (name, value) in [
            ("PATH", std::env::var_os("PATH").unwrap_or_default()),
            ("HOME", invocation.home.path().into()),
            ("LANG", "C.UTF-8".into()),
            ("UCP_STREAMS_SERVER", server_binary().into()),
        ] {
            invocation.env.insert(name.into(), value);
        }
        // Written by a build that measures coverage.
        if let Some(file) = std::env::var_os("LLVM_PROFILE_FILE") {
            invocation.env.insert("LLVM_PROFILE_FILE".into(), file);
        }
        invocation
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Removes an environment variable.
    pub fn env_remove(mut self, name: &str) -> Self {
        self.env.remove(&OsString::from(name));
        self
    }

    /// What it reads from standard input, which then ends.
    pub fn stdin(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(input.into());
        self
    }

    /// Leaves standard input open: [`Spawned::write`] and [`Spawned::close_stdin`] feed it.
    pub fn open_stdin(mut self) -> Self {
        self.keep_stdin = true;
        self
    }

    /// Its standard output and its standard error are a terminal each, of so many columns.
    pub fn on_terminals(mut self, columns: u16) -> Self {
        self.columns = Some(columns);
        self
    }

    /// Writes a file into its working directory, directories included.
    pub fn file(self, name: &str, contents: impl AsRef<[u8]>) -> Self {
        let path = self.dir().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("makes the directory");
        std::fs::write(path, contents).expect("writes the file");
        self
    }

    /// Runs in `dir` instead of the private home.
    pub fn in_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// The directory it runs in.
    pub fn dir(&self) -> &Path {
        self.dir.as_deref().unwrap_or_else(|| self.home.path())
    }

    /// How long it may run; it is killed and the test fails after that.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(self) -> Run {
        let timeout = self.timeout;
        self.spawn().wait_for(timeout)
    }

    /// Starts it, for commands that run until they are told to stop.
    #[track_caller]
    pub fn spawn(self) -> Spawned {
        let piped = self.stdin.is_some() || self.keep_stdin;
        let terminals = self
            .columns
            .map(|it| [Pty::of_width(it), Pty::of_width(it)]);
        let output = |which: usize| match &terminals {
            Some(both) => both[which].terminal.try_clone().expect("a handle").into(),
            None => Stdio::piped(),
        };
        let child = Command::new(env!("CARGO_BIN_EXE_ucp-streams"))
            .args(&self.args)
            .env_clear()
            .envs(&self.env)
            .current_dir(self.dir())
            .stdin(if piped { Stdio::piped() } else { Stdio::null() })
            .stdout(output(0))
            .stderr(output(1))
            .spawn()
            .expect("the binary starts");
        let words = self.shown();
        let shown = terminals.map(|both| both.map(|it| it.controller));
        Spawned::new(child, shown, self.stdin, self.home, words)
    }

    fn shown(&self) -> String {
        let mut words = String::from("ucp-streams");
        for arg in &self.args {
            let _ = write!(words, " {}", arg.to_string_lossy());
        }
        words
    }
}
