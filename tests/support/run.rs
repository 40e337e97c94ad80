//! What a run of the binary left: exit code, output, and assertions that show all of it when they fail.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use serde_json::Value;

/// A run of the binary that has ended.
#[derive(Debug)]
pub struct Run {
    /// The command line, for messages.
    pub words: String,
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

impl Run {
    /// The exit code; none when a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it.
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// Standard output as text.
    #[track_caller]
    pub fn stdout(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap_or_else(|_| panic!("stdout is not UTF-8\n{self}"))
    }

    /// Standard error as text.
    #[track_caller]
    pub fn stderr(&self) -> &str {
        std::str::from_utf8(&self.stderr).unwrap_or_else(|_| panic!("stderr is not UTF-8\n{self}"))
    }

    /// It ended with this exit code.
    #[track_caller]
    pub fn assert_code(&self, code: i32) -> &Self {
        assert!(self.code() == Some(code), "exit code {code} wanted\n{self}");
        self
    }

    /// Standard output contains `text`.
    #[track_caller]
    pub fn stdout_has(&self, text: &str) -> &Self {
        assert!(
            self.stdout().contains(text),
            "stdout has no {text:?}\n{self}"
        );
        self
    }

    /// Standard output does not contain `text`.
    #[track_caller]
    pub fn stdout_lacks(&self, text: &str) -> &Self {
        assert!(!self.stdout().contains(text), "stdout has {text:?}\n{self}");
        self
    }

    /// Standard output is `text`.
    #[track_caller]
    pub fn stdout_is(&self, text: &str) -> &Self {
        assert!(
            self.stdout() == text,
            "stdout is not the expected\n{text}\n{self}"
        );
        self
    }

    /// Standard error contains `text`, be it broken between words on a terminal.
    #[track_caller]
    pub fn stderr_has(&self, text: &str) -> &Self {
        // What a shell reads over is where a command goes on.
        let words = |text: &str| {
            let words = text.split_whitespace().filter(|it| *it != "\\");
            words.collect::<Vec<_>>().join(" ")
        };
        assert!(
            self.stderr().contains(text) || words(self.stderr()).contains(&words(text)),
            "stderr has no {text:?}\n{self}"
        );
        self
    }

    /// Standard error does not contain `text`.
    #[track_caller]
    pub fn stderr_lacks(&self, text: &str) -> &Self {
        assert!(!self.stderr().contains(text), "stderr has {text:?}\n{self}");
        self
    }

    /// Standard error is empty.
    #[track_caller]
    pub fn stderr_is_empty(&self) -> &Self {
        assert!(self.stderr.is_empty(), "stderr is not empty\n{self}");
        self
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub fn stdout_json(&self) -> Value {
        self.json(self.stdout())
    }

    /// Standard error as one JSON value.
    #[track_caller]
    pub fn stderr_json(&self) -> Value {
        self.json(self.stderr())
    }

    /// Standard output as one JSON value a line.
    #[track_caller]
    pub fn stdout_ndjson(&self) -> Vec<Value> {
        self.stdout().lines().map(|line| self.json(line)).collect()
    }

    /// The lines of standard output.
    #[track_caller]
    pub fn stdout_lines(&self) -> Vec<&str> {
        self.stdout().lines().collect()
    }

    #[track_caller]
    fn json(&self, text: &str) -> Value {
        serde_json::from_str(text)
            .unwrap_or_else(|error| panic!("not JSON: {error}: {text:?}\n{self}"))
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ {}\n{}", self.words, self.status)?;
        writeln!(f, "--- stdout\n{}", String::from_utf8_lossy(&self.stdout))?;
        write!(f, "--- stderr\n{}", String::from_utf8_lossy(&self.stderr))
    }
}
