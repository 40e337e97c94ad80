//! One process of a `--pipe` handler: its pipes, its standard error, and how it ended.

use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::worker::handler::attempt::{Attempt, Guard};
use crate::worker::handler::{Origin, keep_end, tail};

/// How long a process that closed its output has to end and to write a reason.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What is started.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) name: OsString,
    pub(super) args: Vec<OsString>,
    pub(super) guard: Arc<Guard>,
}

/// A running process. Dropping it kills it and everything it started.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) input: ChildStdin,
    pub(super) output: ChildStdout,
    attempt: Attempt,
    words: Arc<Mutex<Vec<u8>>>,
    listener: JoinHandle<()>,
}

/// How a process ended by itself.
pub(super) struct Ended {
    pub(super) status: Option<ExitStatus>,
    pub(super) reason: String,
}

impl Program {
    pub(super) fn start(&self, origin: &Origin) -> io::Result<Process> {
        let mut command = Command::new(&self.name);
        command
            .args(&self.args)
            .env("UCP_STREAM", origin.stream.to_string())
            .env("UCP_GROUP", origin.group.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut attempt = Attempt::start(command, &self.guard)?;
        let (Some(input), Some(output), Some(errors)) = attempt.pipes() else {
            return Err(io::Error::other("a pipe to it is missing"));
        };
        let words = Arc::default();
        let listener = tokio::spawn(listen(errors, Arc::clone(&words)));
        Ok(Process {
            input,
            output,
            attempt,
            words,
            listener,
        })
    }
}

impl Process {
    /// The process closed its output: how it ended, and what it wrote to standard error.
    pub(super) async fn last_words(&mut self) -> Ended {
        let ended = timeout(LAST_WORDS, self.attempt.wait()).await;
        let _ = timeout(LAST_WORDS, &mut self.listener).await;
        let status = ended.ok().and_then(Result::ok);
        let how = match status {
            Some(status) => format!("the handler ended ({status}) without an answer"),
            None => "the handler closed its output without an answer".to_owned(),
        };
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let words = String::from_utf8_lossy(&words);
        let reason = match words.trim_end() {
            "" => how,
            words => tail(&format!("{how}: {words}")).to_owned(),
        };
        Ended { status, reason }
    }

    /// Closes the input of the process and waits until it ends.
    pub(super) async fn close(self) {
        let Self {
            mut attempt,
            input,
            output: _output,
            listener,
            ..
        } = self;
        drop(input);
        let _ = attempt.wait().await;
        attempt.finish().await;
        listener.abort();
    }

    /// Stops the process, unless it ended successfully by itself, and waits until none of its processes is left.
    pub(super) async fn finish(self) {
        self.listener.abort();
        self.attempt.finish().await;
    }
}

/// Keeps the end of what the process writes to standard error.
async fn listen(mut errors: ChildStderr, words: Arc<Mutex<Vec<u8>>>) {
    let mut piece = [0u8; 4096];
    while let Ok(read @ 1..) = errors.read(&mut piece).await {
        let mut words = words.lock().unwrap_or_else(PoisonError::into_inner);
        keep_end(&mut words, &piece[..read]);
    }
}
