//! A directory and a server that examples run in and on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{PATIENCE, Reply, Run, TestServer, directory, program, server_binary, until};

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_ucp-streams");

/// An empty home and a server of its own.
pub struct Scene {
    pub server: TestServer,
    home: TempDir,
}

impl Scene {
    pub fn start() -> Self {
        Self {
            server: TestServer::start(),
            home: directory(),
        }
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file that examples use; a program when it begins with `#!`.
    pub fn file(&self, name: &str, text: &str) {
        let path = self.home().join(name);
        if text.starts_with("#!") {
            program(&path, text);
        } else {
            fs::write(&path, text).unwrap();
        }
    }

    /// The tool on this scene's server, for its set-up.
    #[track_caller]
    pub fn ucp(&self, args: &[&str]) {
        self.server.ucp(args).assert_code(0);
    }

    /// Runs a script as a user of this home does, with this scene's server named by the environment.
    #[track_caller]
    pub fn bash(&self, script: &str) -> Run {
        let mut command = bash(self.home(), script);
        run(command.env("UCP_STREAMS_URL", self.server.url()), script)
    }

    /// Runs a line that goes on until it is told to stop: it is told so as soon as `effect` shows.
    #[track_caller]
    pub fn until_stopped(&self, line: &str, effect: impl Fn(&Self) -> bool) -> Run {
        let mut command = bash(self.home(), &format!("exec {line}"));
        command.env("UCP_STREAMS_URL", self.server.url());
        self.stopped(&mut command, line, effect)
    }

    /// As [`Scene::until_stopped`], for any process.
    #[track_caller]
    pub fn stopped(
        &self,
        command: &mut Command,
        shown: &str,
        effect: impl Fn(&Self) -> bool,
    ) -> Run {
        // Into a file: nobody reads while it runs.
        let said = self.home().join("said");
        let file = fs::File::create(&said).unwrap();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        until(PATIENCE, shown, || {
            let ended = child.try_wait().unwrap();
            let said = || fs::read_to_string(&said).unwrap();
            assert!(ended.is_none(), "{shown}: {ended:?}\n{}", said());
            effect(self)
        });
        let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        Run {
            words: shown.to_owned(),
            status: child.wait().unwrap(),
            stdout: Vec::new(),
            stderr: fs::read(&said).unwrap(),
        }
    }

    /// An answer of the server.
    #[track_caller]
    pub fn redis(&self, words: &[&str]) -> Reply {
        self.server.redis(words)
    }

    /// How many entries a group has pending.
    #[track_caller]
    pub fn pending(&self, stream: &str, group: &str) -> i64 {
        self.redis(&["XPENDING", stream, group]).items()[0].int()
    }

    /// How many entries a stream has.
    #[track_caller]
    pub fn length(&self, stream: &str) -> i64 {
        self.redis(&["XLEN", stream]).int()
    }
}

/// Bash in `home`, where the tool is on PATH and nothing else is known.
pub fn bash(home: &Path, script: &str) -> Command {
    let tools: PathBuf = Path::new(BINARY).parent().unwrap().into();
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new("bash");
    command
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(home)
        .env_clear()
        .env("PATH", format!("{}:{path}", tools.display()))
        .env("HOME", home)
        .env("LANG", "C.UTF-8")
        .env("UCP_STREAMS_SERVER", server_binary());
    command
}

/// Runs a command to its end. The examples end by themselves; a test runner's limit is theirs.
#[track_caller]
pub fn run(command: &mut Command, shown: &str) -> Run {
    let output = command.stdin(Stdio::null()).output().unwrap();
    Run {
        words: shown.to_owned(),
        status: output.status,
        stdout: output.stdout,
        stderr: output.stderr,
    }
}
