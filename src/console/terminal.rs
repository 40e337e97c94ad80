//! What is at the other end of the three standard streams.

use std::io::{self, IsTerminal};

/// Which streams are terminals, and how wide they are.
#[expect(clippy::struct_excessive_bools, reason = "one fact a stream")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminal {
    /// Standard input is a terminal.
    pub stdin: bool,
    /// Standard output is a terminal.
    pub stdout: bool,
    /// Standard error is a terminal.
    pub stderr: bool,
    /// Columns of the terminal on standard output, where it says.
    pub stdout_width: Option<u16>,
    /// Standard output was closed when the process began: what is written to it goes nowhere without an error.
    pub is_stdout_closed: bool,
}

impl Terminal {
    /// Looks at this process's streams.
    pub fn detect() -> Self {
        let stdout = io::stdout();
        Self {
            stdin: io::stdin().is_terminal(),
            stdout: stdout.is_terminal(),
            stderr: io::stderr().is_terminal(),
            stdout_width: width(&stdout),
            is_stdout_closed: is_closed(&stdout),
        }
    }
}

/// A terminal that was never told its size says 0, which is no width.
#[cfg(unix)]
fn width(stdout: &io::Stdout) -> Option<u16> {
    rustix::termios::tcgetwinsize(stdout)
        .ok()
        .map(|size| size.ws_col)
        .filter(|columns| *columns > 0)
}

#[cfg(not(unix))]
fn width(stdout: &io::Stdout) -> Option<u16> {
    stdout
        .is_terminal()
        .then(|| crossterm::terminal::size().ok())
        .flatten()
        .map(|(columns, _)| columns)
        .filter(|columns| *columns > 0)
}

/// Whether the stream was closed at the start. The runtime opens the null device for reading and writing in such a place,
/// where a shell's `>/dev/null` is for writing only.
#[cfg(unix)]
fn is_closed(stdout: &io::Stdout) -> bool {
    use rustix::fs::{OFlags, fcntl_getfl, fstat, stat};
    let is_null = matches!((fstat(stdout), stat("/dev/null")), (Ok(here), Ok(null)) if here.st_rdev == null.st_rdev && here.st_rdev != 0);
    is_null && fcntl_getfl(stdout).is_ok_and(|flags| flags.contains(OFlags::RDWR))
}

#[cfg(not(unix))]
fn is_closed(_: &io::Stdout) -> bool {
    false
}
