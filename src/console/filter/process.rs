//! A filter's process, as this one sees it.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};

use super::child::{MEMORY, Order, WORD, problem_of};
use super::{frame, unusable};
use crate::console::{reader, signals};
use crate::exit::{OutputClosed, Stopped};
use crate::model::Problem;

/// So much of what it says at its end is read.
const LAST_WORDS: u64 = 4096;

/// A filter's process; it ends with this.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    input: BufWriter<ChildStdin>,
    output: BufReader<Patient>,
    last_words: Option<ChildStderr>,
}

/// What the filter makes of one document.
pub(super) enum Answer<'a> {
    Shown(&'a [u8]),
    Failed(Problem),
}

/// Why it was not asked to the end.
#[derive(Debug)]
pub(super) enum Ended {
    /// Its process has ended.
    Died,
    /// There is no use in its answer any more.
    Told(anyhow::Error),
}

impl Process {
    /// Starts it.
    ///
    /// # Errors
    /// A usage [`Problem`] when it does not compile, a local one when it cannot be started; that a signal came or the
    /// reader has gone meanwhile.
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

    /// Gives `each` the place of every document and what the filter makes of it. Of several, none is given when it ends
    /// before the last.
    ///
    /// # Errors
    /// That it has ended, or that a signal came or the reader has gone meanwhile.
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

    /// What it said at its end, in words.
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
            "its process ended before its work was done".to_owned()
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This program again; it is not in the terminal's group, whose signals are for this process to judge.
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

/// What a process says; while it says nothing, whether there is use in waiting is looked at.
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
    /// Whether there is something to read, after a while.
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
