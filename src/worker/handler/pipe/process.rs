//! One process of a `--pipe` handler: a line in, a line out.

use std::ffi::OsString;
use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::model::without_secrets;
use crate::worker::handler::guard::{Guard, Watched};
use crate::worker::handler::{Origin, keep_end, tail};

/// Bytes of an answer at most.
const ANSWER_BYTES_MAX: u64 = 8 << 20;

/// How long a process that closed its output is given to end and to say why.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A process that waits for an entry or handles one. Dropping it kills it, with what it started.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    words: Arc<Mutex<Vec<u8>>>,
    listener: JoinHandle<()>,
    _watched: Option<Watched>,
}

impl Process {
    pub(super) fn start(
        program: &OsString,
        args: &[OsString],
        origin: &Origin,
        guard: &Arc<Guard>,
    ) -> io::Result<Self> {
        let mut command = Command::new(program);
        command
            .args(args)
            .envs([guard.mark()])
            .env("UCP_STREAM", origin.stream.to_string())
            .env("UCP_GROUP", origin.group.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        without_secrets(command.as_std_mut());
        let mut child = command.spawn()?;
        let watched = child.id().map(|process| guard.watch(process));
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("a pipe to it is missing"));
        };
        let words = Arc::default();
        let listener = tokio::spawn(listen(errors, Arc::clone(&words)));
        Ok(Self {
            child,
            input,
            output: BufReader::new(output),
            words,
            listener,
            _watched: watched,
        })
    }

    /// Whether it still runs.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Its answer to one line, without the line's end.
    ///
    /// # Errors
    /// Why there is none: it ended, or says too much.
    pub(super) async fn ask(&mut self, mut question: String) -> Result<Vec<u8>, String> {
        question.push('\n');
        let mut line = Vec::new();
        let mut bounded = (&mut self.output).take(ANSWER_BYTES_MAX);
        // It may answer before it has read everything, and then waits until the answer is read.
        let (asked, answered) = tokio::join!(
            self.input.write_all(question.as_bytes()),
            bounded.read_until(b'\n', &mut line)
        );
        answered.map_err(|error| format!("cannot read the handler's answer: {error}"))?;
        if line.pop_if(|last| *last == b'\n').is_some() {
            return match asked {
                Ok(()) => Ok(line),
                Err(_) => Err("the handler answered before it had read the entry".to_owned()),
            };
        }
        if line.len() as u64 == ANSWER_BYTES_MAX {
            return Err(format!(
                "the handler's answer has more than {ANSWER_BYTES_MAX} bytes"
            ));
        }
        Err(self.last_words().await)
    }

    /// How it ended and what it said on standard error.
    async fn last_words(&mut self) -> String {
        let ended = timeout(LAST_WORDS, self.child.wait()).await;
        let _ = timeout(LAST_WORDS, &mut self.listener).await;
        let how = match ended {
            Ok(Ok(status)) => format!("the handler ended ({status}) without an answer"),
            _ => "the handler closed its output without an answer".to_owned(),
        };
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let words = String::from_utf8_lossy(&words);
        match words.trim_end() {
            "" => how,
            words => tail(&format!("{how}: {words}")).to_owned(),
        }
    }

    /// Closes its input and waits until it ends, `patience` at most.
    pub(super) async fn close(self, patience: Duration) {
        let Self {
            mut child,
            input,
            output: _output,
            listener,
            _watched,
            ..
        } = self;
        drop(input);
        let _ = timeout(patience, child.wait()).await;
        listener.abort();
    }
}

/// Keeps the end of what the process says on standard error.
async fn listen(mut errors: ChildStderr, words: Arc<Mutex<Vec<u8>>>) {
    let mut piece = [0u8; 4096];
    while let Ok(read @ 1..) = errors.read(&mut piece).await {
        let mut words = words.lock().unwrap_or_else(PoisonError::into_inner);
        keep_end(&mut words, &piece[..read]);
    }
}
