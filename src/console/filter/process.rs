//! A filter's process, from the point of view of the process that started it.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};

use super::child::{MEMORY, Order, WORD, problem_of};
use super::{frame, unusable};
use crate::console::{reader, signals};
use crate::exit::{OutputClosed, Stopped};
use crate::model::Problem;

/// How much of its final output is read.
const LAST_WORDS: u64 = 4096;

/// A filter's process, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    input: BufWriter<ChildStdin>,
    output: BufReader<Patient>,
    last_words: Option<ChildStderr>,
}

/// The filter's answer to one document.
pub(super) enum Answer<'a> {
    Shown(&'a [u8]),
    Failed(Problem),
}

/// Why a request did not get all of its answers.
#[derive(Debug)]
pub(super) enum Ended {
    /// The filter's process has ended.
    Died,
    /// The answer is not needed any more.
    Told(anyhow::Error),
}

impl Process {
    /// Starts it.
    ///
    /// # Errors
    /// A usage [`Problem`] when the filter does not compile; a local one when the process cannot be started; an error
    /// when a signal came, or the reader of the output went away, in the meantime.
    pub(super) fn start(order: &Order) -> anyhow::Result<Self> {
        let mut child = command()
            .and_then(|mut it| it.spawn())
            .map_err(|error| unusable(&error))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(unusable(&io::ErrorKind::BrokenPipe.into()).into());
        };
        let mut process = Self {
            input: BufWriter::new(input),
            output: BufReader::new(Patient(output)),
            last_words: child.stderr.take(),
            child,
        };
        let mut said = Vec::new();
        match process.compiled(order, &mut said) {
            Ok(Some(frame::END)) => Ok(process),
            Ok(Some(_)) => Err(problem_of(&said).into()),
            Ok(None) => Err(order.problem(&process.why_it_died()).into()),
            Err(error) => Err(match error.downcast::<Useless>() {
                Ok(useless) => useless.0,
                Err(error) => unusable(&error).into(),
            }),
        }
    }

    fn compiled(&mut self, order: &Order, said: &mut Vec<u8>) -> io::Result<Option<u8>> {
        frame::write(&mut self.input, frame::DOCUMENT, &order.bytes())?;
        self.input.flush()?;
        frame::read(&mut self.output, said)
    }

    /// Gives `each` the index of every document and its result. If the process ends before the last of several, no
    /// result is given.
    ///
    /// # Errors
    /// When the process has ended, when a signal came, or when the reader of the output went away.
    pub(super) fn ask(
        &mut self,
        documents: &[&[u8]],
        mut each: impl FnMut(usize, Answer<'_>),
    ) -> Result<(), Ended> {
        let mut answers = Vec::with_capacity(documents.len());
        if let Err(error) = self.answers(documents, &mut answers) {
            return Err(match error.downcast::<Useless>() {
                Ok(useless) => Ended::Told(useless.0),
                Err(_) => Ended::Died,
            });
        }
        for (at, (tag, bytes)) in answers.iter().enumerate() {
            each(
                at,
                match *tag {
                    frame::SHOWN => Answer::Shown(bytes),
                    _ => Answer::Failed(problem_of(bytes)),
                },
            );
        }
        Ok(())
    }

    fn answers(&mut self, documents: &[&[u8]], answers: &mut Vec<(u8, Vec<u8>)>) -> io::Result<()> {
        for document in documents {
            frame::write(&mut self.input, frame::DOCUMENT, document)?;
        }
        frame::write(&mut self.input, frame::END, b"")?;
        self.input.flush()?;
        let mut bytes = Vec::new();
        while let Some(tag) = frame::read(&mut self.output, &mut bytes)? {
            if tag == frame::END && answers.len() == documents.len() {
                return Ok(());
            }
            answers.push((tag, std::mem::take(&mut bytes)));
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    /// Its final output, in words.
    pub(super) fn why_it_died(mut self) -> String {
        let mut said = Vec::new();
        if let Some(last_words) = self.last_words.take() {
            let _ = last_words.take(LAST_WORDS).read_to_end(&mut said);
        }
        let said = String::from_utf8_lossy(&said);
        if said.contains("overflowed its stack") {
            "it nests too deeply".to_owned()
        } else if said.contains("memory allocation") {
            format!("it needs more than {} MiB of memory", MEMORY >> 20)
        } else {
            "the filter's process ended before it was finished".to_owned()
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command that starts this program again. The process is not in the terminal's process group, because this
/// process must decide about its signals.
fn command() -> io::Result<Command> {
    let program = match std::fs::exists("/proc/self/exe") {
        Ok(true) => "/proc/self/exe".into(),
        _ => std::env::current_exe()?,
    };
    let mut command = Command::new(program);
    command
        .arg(WORD)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt as _;
        command.arg0("ucp-streams").process_group(0);
    }
    Ok(command)
}

/// Why nobody waits for the filter any more.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Useless(anyhow::Error);

/// The output of a process. While there is none, this checks whether waiting still makes sense.
#[derive(Debug)]
struct Patient(ChildStdout);

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.has_said()? {
            if let Some(stop) = signals::caught() {
                return Err(io::Error::other(Useless(Stopped(stop.into()).into())));
            }
            if reader::is_gone() {
                return Err(io::Error::other(Useless(OutputClosed.into())));
            }
        }
        self.0.read(buffer)
    }
}

impl Patient {
    /// Waits for a while, and returns whether there is something to read.
    #[cfg(unix)]
    fn has_said(&self) -> io::Result<bool> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let while_ = Timespec {
            tv_sec: 0,
            tv_nsec: 100_000_000,
        };
        let mut ends = [PollFd::new(&self.0, PollFlags::IN)];
        match poll(&mut ends, Some(&while_)) {
            Err(rustix::io::Errno::INTR) => Ok(false),
            said => Ok(said? > 0),
        }
    }

    #[cfg(not(unix))]
    fn has_said(&self) -> io::Result<bool> {
        Ok(true)
    }
}
