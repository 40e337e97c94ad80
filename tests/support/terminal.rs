//! A terminal of its own (tmux) that a test types into and reads the screen of.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{PATIENCE, TestServer, directory};

/// A shell in a terminal of 100 columns and 30 lines; gone when the value is.
#[derive(Debug)]
pub struct Terminal {
    socket: PathBuf,
    home: TempDir,
}

impl Terminal {
    /// Starts `command` in `home`, with what is in `bin` there and then the tool under test first on PATH, and `url` as its
    /// server.
    #[track_caller]
    pub fn start(home: TempDir, url: &str, command: &str) -> Self {
        let binary = Path::new(env!("CARGO_BIN_EXE_ucp-streams"));
        let path = format!(
            "{}:{}:{}",
            home.path().join("bin").display(),
            binary.parent().unwrap().display(),
            std::env::var("PATH").unwrap()
        );
        let socket = home.path().join("tmux");
        let mut tmux = Command::new("tmux");
        tmux.arg("-S")
            .arg(&socket)
            .args([
                "-f",
                "/dev/null",
                "new-session",
                "-d",
                "-x",
                "100",
                "-y",
                "30",
            ])
            .arg(command)
            .env_clear()
            .env("PATH", path)
            .env("HOME", home.path())
            .env("LANG", "C.UTF-8")
            .env("TERM", "xterm-256color")
            .env("SHELL", "/bin/sh")
            .env("UCP_STREAMS_URL", url)
            // Long enough on a busy machine, too.
            .env("UCP_STREAMS_COMPLETE_WITHIN", "1m")
            .current_dir(home.path());
        quietly("tmux", &mut tmux);
        Self { socket, home }
    }

    /// A shell, on this server, that knows how its terminal was.
    #[track_caller]
    pub fn on(server: &TestServer) -> Self {
        Self::at(&server.url())
    }

    /// The same, where this is the server's URL.
    #[track_caller]
    pub fn at(url: &str) -> Self {
        let terminal = Self::start(directory(), url, "sh");
        terminal.enters("stty -g > before; echo ready", &["Enter"]);
        terminal.shows("ready");
        terminal
    }

    /// The shell of [`Terminal::at`] has its terminal back as it was, after a command with this exit code.
    #[track_caller]
    pub fn is_restored(&self, code: &str) {
        let end = Instant::now() + PATIENCE;
        while self.asks("#{cursor_flag} #{alternate_on}") != "1 0" {
            assert!(Instant::now() < end, "{}", self.screen());
            thread::sleep(Duration::from_millis(20));
        }
        self.awaits("a prompt", |screen| screen.trim_end().ends_with(['#', '$']));
        let check = "echo code=$?; stty -g | cmp - before && echo same";
        self.enters(check, &["Enter"]);
        self.shows(&format!("code={code}"));
        self.awaits("the modes of before", |screen| {
            screen.lines().any(|line| line == "same")
        });
        assert_eq!(self.asks("#{cursor_flag} #{alternate_on}"), "1 0");
    }

    /// The directory that the shell was started in.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    fn tmux(&self, args: &[&str]) -> String {
        quietly("tmux", client(&self.socket).args(args))
    }

    /// Types text as it is.
    #[track_caller]
    pub fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    /// Types text as it is and presses keys, in one go.
    #[track_caller]
    pub fn enters(&self, text: &str, keys: &[&str]) {
        let typed = ["send-keys", "-l", text, ";", "send-keys"];
        self.tmux(&[&typed[..], keys].concat());
    }

    /// Presses a key, by tmux's name for it.
    #[track_caller]
    pub fn presses(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    /// What is on the screen.
    #[track_caller]
    pub fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// What is on the screen, with its colours.
    #[track_caller]
    pub fn painted(&self) -> String {
        self.tmux(&["capture-pane", "-e", "-p"])
    }

    /// Gives the screen another size.
    #[track_caller]
    pub fn resizes(&self, columns: &str, rows: &str) {
        self.tmux(&["resize-window", "-x", columns, "-y", rows]);
    }

    /// What tmux says of the terminal, in its own format.
    #[track_caller]
    pub fn asks(&self, format: &str) -> String {
        self.tmux(&["display", "-p", format]).trim().to_owned()
    }

    /// Awaits `text`, with its colours, on the screen.
    #[track_caller]
    pub fn awaits_painted(&self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.painted().contains(text) {
            assert!(
                Instant::now() < end,
                "not on the screen: {text:?}\n{}",
                self.screen()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Awaits `text` on the screen.
    #[track_caller]
    pub fn shows(&self, text: &str) {
        self.awaits(text, |screen| screen.contains(text));
    }

    /// Presses Tab, `times`, and awaits `text` on the screen.
    #[track_caller]
    pub fn completes(&self, times: usize, text: &str) {
        for _ in 0..times {
            self.presses("Tab");
        }
        self.shows(text);
    }

    /// Awaits that the screen is as it should be.
    #[track_caller]
    pub fn awaits(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if is_so(&screen) {
                return;
            }
            assert!(Instant::now() < end, "not on the screen: {what}\n{screen}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Runs a program that has to be there; it must succeed and say nothing on standard error. Returns its output.
#[track_caller]
pub fn quietly(program: &str, command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; `.ci/setup test` installs it"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && said.is_empty(),
        "{program}: {}\n{out}{said}",
        output.status
    );
    out
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = client(&self.socket).arg("kill-server").output();
    }
}

/// tmux, to be told what to do to the terminal at `socket`.
fn client(socket: &Path) -> Command {
    let mut command = Command::new("tmux");
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("LANG", "C.UTF-8")
        .arg("-S")
        .arg(socket);
    command
}
