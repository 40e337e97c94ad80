//! What the three standard streams are connected to.

use std::io::{self, IsTerminal};

use super::descriptors::{Fault, Input};

/// Which streams are terminals, and how wide they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminal {
    /// Standard input is a terminal.
    pub stdin: bool,
    /// Standard output is a terminal.
    pub stdout: bool,
    /// Standard error is a terminal.
    pub stderr: bool,
    /// The number of columns of the terminal on standard output, if it says.
    pub stdout_width: Option<u16>,
    /// Why nothing can be written to standard output, if that is so.
    pub stdout_fault: Option<Fault>,
    /// Why nothing can be read from standard input, if that is so.
    pub stdin_fault: Option<Fault>,
}

impl Terminal {
    /// Examines this process's streams.
    pub fn detect() -> Self {
        let stdout = io::stdout();
        Self {
            stdin: io::stdin().is_terminal(),
            stdout: stdout.is_terminal(),
            stderr: io::stderr().is_terminal(),
            stdout_width: width(&stdout),
            stdout_fault: Fault::of_stdout(),
            stdin_fault: Fault::of_stdin(),
        }
    }
}

impl Terminal {
    /// Standard input, for reading.
    pub fn input(&self) -> Input {
        Input::new(self.stdin_fault)
    }
}

/// The size of a terminal's screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: u16,
    pub(super) rows: u16,
}

/// The present size of the terminal on standard output, if it says.
pub(super) fn stdout_size() -> Option<Size> {
    #[cfg(unix)]
    let size = rustix::termios::tcgetwinsize(io::stdout()).map(|size| (size.ws_col, size.ws_row));
    #[cfg(not(unix))]
    let size = crossterm::terminal::size();
    let (columns, rows) = size.ok()?;
    (columns > 0 && rows > 0).then_some(Size { columns, rows })
}

/// The present number of columns of the terminal on standard error.
pub(super) fn stderr_width() -> Option<u16> {
    #[cfg(unix)]
    return rustix::termios::tcgetwinsize(io::stderr())
        .ok()
        .map(|size| size.ws_col)
        .filter(|columns| *columns > 0);
    #[cfg(not(unix))]
    return crossterm::terminal::size().ok().map(|(columns, _)| columns);
}

/// A terminal whose size was never set says 0, which is not a width.
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
