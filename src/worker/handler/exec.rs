//! `--exec`: one process for each entry. Its arguments are passed without a shell, the entry as JSON on standard
//! input, and the entry's origin in environment variables. Exit code 0 acknowledges, 65 makes a dead letter, and any
//! other code leads to another attempt.

use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStderr, ChildStdin, Command};
use tokio::time::timeout;

use super::attempt::{Attempt, Guard};
use super::{Origin, Verdict, keep_end, overdue, tail, within};
use crate::worker::state::in_hand::Delivery;

/// The exit status of a handler for an entry that must not be tried again: `EX_DATAERR` of sysexits.
const EXIT_PERMANENT: i32 = 65;

/// How long the remaining output of a handler is awaited after it has ended.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Starts a process for every entry.
#[derive(Debug)]
pub struct Exec {
    program: OsString,
    args: Vec<OsString>,
    guard: Arc<Guard>,
}

impl Exec {
    /// A handler that runs `program` with `args`, without the environment variables named in `secrets`.
    ///
    /// # Errors
    /// When the guard that ends handlers together with this process cannot be started.
    pub fn new(program: OsString, args: Vec<OsString>, secrets: Vec<String>) -> io::Result<Self> {
        Ok(Self {
            program,
            args,
            guard: Arc::new(Guard::start(secrets)?),
        })
    }

    pub(super) async fn handle(
        &self,
        origin: &Origin,
        delivery: &Delivery,
        limit: Duration,
    ) -> Verdict {
        let mut attempt = match Attempt::start(self.command(origin, delivery), &self.guard) {
            Ok(attempt) => attempt,
            Err(error) => return Verdict::not_started(&self.program, &error),
        };
        let mut input = Vec::new();
        delivery.write_line(&origin.stream, &mut input);
        let verdict = within(limit, converse(&mut attempt, input)).await;
        // Before the verdict is known nothing of it is left, that no other attempt runs beside it.
        attempt.finish().await;
        verdict.unwrap_or_else(|| Verdict::retry(overdue(limit)))
    }

    fn command(&self, origin: &Origin, delivery: &Delivery) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .env("UCP_STREAM", origin.stream.to_string())
            .env("UCP_GROUP", origin.group.to_string())
            .env("UCP_ID", delivery.id().to_string())
            .env("UCP_DELIVERIES", delivery.deliveries.to_string())
            .stdin(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Waits until no process is running.
    pub(super) async fn close(&self) {
        self.guard.idle().await;
    }
}

/// Gives the entry to the process, and collects its output until it ends.
async fn converse(attempt: &mut Attempt, input: Vec<u8>) -> Verdict {
    let mut words = Vec::new();
    let (stdin, _, stderr) = attempt.pipes();
    let status = {
        let talk = async { tokio::join!(feed(stdin, input), listen(stderr, &mut words)) };
        let mut talk = std::pin::pin!(talk);
        tokio::select! {
            status = attempt.wait() => {
                // What it said last may still be in the pipe; what a child of its own may say later is not awaited.
                let _ = timeout(LAST_WORDS, talk).await;
                status
            }
            _ = &mut talk => attempt.wait().await,
        }
    };
    let words = String::from_utf8_lossy(&words);
    match status {
        Ok(status) => verdict(status, words.trim_end()),
        Err(error) => Verdict::retry(format!("cannot wait for the handler: {error}")),
    }
}

/// Writes the entry. A handler that does not read all of it has not failed.
async fn feed(stdin: Option<ChildStdin>, input: Vec<u8>) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(&input).await;
    }
}

/// Keeps the end of what the handler writes to standard error.
async fn listen(stderr: Option<ChildStderr>, words: &mut Vec<u8>) {
    let Some(mut stderr) = stderr else { return };
    let mut piece = [0u8; 4096];
    while let Ok(read) = stderr.read(&mut piece).await {
        if read == 0 {
            return;
        }
        keep_end(words, &piece[..read]);
    }
}

fn verdict(status: ExitStatus, words: &str) -> Verdict {
    if status.success() {
        return Verdict::Done;
    }
    let reason = if words.is_empty() {
        status.to_string()
    } else {
        tail(words).to_owned()
    };
    if status.code() == Some(EXIT_PERMANENT) {
        Verdict::dead(reason)
    } else {
        Verdict::retry(reason)
    }
}
