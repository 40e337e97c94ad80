//! The state in which the three standard streams were passed to this process. The runtime replaces a closed stream by
//! the null device, where output disappears and nothing can be read, and it treats a failed write to a stream that is
//! open only for reading as a success. Both cases are detected here, so that they are not mistaken for a working
//! stream.

use std::fmt;
use std::io::{self, Read};

use crate::model::{Kind, Problem};

/// Why a standard stream cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The stream was closed when the process began.
    Closed,
    /// Standard output that is open for reading only.
    OnlyForReading,
    /// Standard input that is open for writing only.
    OnlyForWriting,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "is closed",
            Self::OnlyForReading => "is open for reading only",
            Self::OnlyForWriting => "is open for writing only",
        })
    }
}

impl Fault {
    /// The fault of standard output, if it has one.
    pub(super) fn of_stdout() -> Option<Self> {
        at_start::stdout_fault()
    }

    /// The fault of standard input, if it has one.
    pub(super) fn of_stdin() -> Option<Self> {
        at_start::stdin_fault()
    }

    /// The error that nothing can be written to standard output; `consequence` says what that means for the command.
    pub(super) fn unwritable(self, consequence: &str) -> Problem {
        Problem::new(
            Kind::Local,
            format!("standard output {self}: {consequence}"),
        )
        .hint("redirect it to a file or a pipe; >/dev/null discards the output on purpose")
    }
}

/// Standard input. Reading fails when it was closed, instead of finding it empty.
#[derive(Debug)]
pub struct Input(Option<Fault>);

impl Input {
    pub(super) fn new(fault: Option<Fault>) -> Self {
        Self(fault)
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0 {
            None => io::stdin().read(buffer),
            Some(fault) => Err(io::Error::other(format!("standard input {fault}"))),
        }
    }
}

#[cfg(unix)]
mod at_start {
    use std::io;
    use std::os::fd::AsFd;
    use std::sync::atomic::{AtomicU8, Ordering};

    use rustix::fs::{OFlags, fcntl_getfl};

    use super::Fault;

    const STDIN: u8 = 1;
    const STDOUT: u8 = 2;

    /// Which of the streams were closed before anything was opened in their place.
    static CLOSED: AtomicU8 = AtomicU8::new(0);

    /// Runs before the runtime, because afterwards the null device that the runtime opened cannot be told from one
    /// that was passed to the process.
    #[expect(
        unsafe_code,
        reason = "the one place that is looked at before the runtime opens the null device"
    )]
    #[used]
    #[cfg_attr(
        not(any(target_os = "macos", target_os = "ios")),
        unsafe(link_section = ".init_array")
    )]
    #[cfg_attr(
        any(target_os = "macos", target_os = "ios"),
        unsafe(link_section = "__DATA,__mod_init_func")
    )]
    static LOOK: extern "C" fn() = look;

    extern "C" fn look() {
        let closed = |stream: &dyn AsFd, bit| match fcntl_getfl(stream.as_fd()) {
            Ok(_) => 0,
            Err(_) => bit,
        };
        let found = closed(&io::stdin(), STDIN) | closed(&io::stdout(), STDOUT);
        CLOSED.store(found, Ordering::Relaxed);
    }

    pub(super) fn stdout_fault() -> Option<Fault> {
        fault(&io::stdout(), STDOUT, OFlags::RDONLY, Fault::OnlyForReading)
    }

    pub(super) fn stdin_fault() -> Option<Fault> {
        fault(&io::stdin(), STDIN, OFlags::WRONLY, Fault::OnlyForWriting)
    }

    fn fault(stream: &impl AsFd, bit: u8, wrong: OFlags, wrong_way: Fault) -> Option<Fault> {
        if CLOSED.load(Ordering::Relaxed) & bit != 0 {
            return Some(Fault::Closed);
        }
        let mode = fcntl_getfl(stream).ok()? & OFlags::RWMODE;
        (mode == wrong).then_some(wrong_way)
    }
}

#[cfg(not(unix))]
mod at_start {
    use super::Fault;

    pub(super) fn stdout_fault() -> Option<Fault> {
        None
    }

    pub(super) fn stdin_fault() -> Option<Fault> {
        None
    }
}
