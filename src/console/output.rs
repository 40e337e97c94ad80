//! Standard output, buffered: what is written is counted as written only after [`Output::flush`].

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;

use anyhow::Result;

use super::descriptors::Fault;
use super::progress::Bar;
use super::reader;
use crate::exit::OutputClosed;
use crate::model::{Kind, Problem};
use crate::view::Reshape;

/// From so many bytes on a full buffer is written.
const FULL: usize = 64 * 1024;

/// A buffer before standard output. `view` fills the buffer, [`Output::settle`] writes it when it is full.
#[derive(Debug)]
pub struct Output<W: Write> {
    sink: W,
    buffer: Vec<u8>,
    bar: Option<Bar>,
    reshape: Option<Arc<Reshape>>,
    terminal: bool,
    fault: Option<Fault>,
}

impl<W: Write> Output<W> {
    /// Before `sink`; `bar` is the progress bar that shares its screen.
    pub(super) fn new(sink: W, bar: Option<Bar>) -> Self {
        Self {
            sink,
            buffer: Vec::new(),
            bar,
            reshape: None,
            terminal: false,
            fault: None,
        }
    }

    /// The same output, to which nothing can be written where there is a fault.
    pub(super) fn unless(mut self, fault: Option<Fault>) -> Self {
        self.fault = fault;
        self
    }

    /// The same output behind `reshape`, which sees whole JSON documents only: an array stays in memory until it is
    /// closed.
    pub(super) fn through(mut self, reshape: Option<Arc<Reshape>>, terminal: bool) -> Self {
        self.reshape = reshape;
        self.terminal = terminal;
        self
    }

    /// The buffer to fill.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Writes the buffer if it is full; call it after every entry or page.
    ///
    /// # Errors
    /// As [`Output::flush`].
    pub fn settle(&mut self) -> Result<()> {
        if self.buffer.len() < FULL {
            return Ok(());
        }
        self.write(false)
    }

    /// Writes everything and hands it to the system.
    ///
    /// # Errors
    /// [`OutputClosed`] when nobody reads any more, a local [`Problem`] when it cannot be written.
    pub fn flush(&mut self) -> Result<()> {
        self.write(true)
    }

    fn write(&mut self, flush: bool) -> Result<()> {
        if let Some(fault) = self.fault {
            self.buffer.clear();
            return Err(fault.unwritable("nothing can be shown").into());
        }
        if let Some(reshape) = &self.reshape {
            // `view` ends a document, and nothing else, with the end of a line.
            if self.buffer.last() != Some(&b'\n') {
                return Ok(());
            }
            let whole = std::mem::take(&mut self.buffer);
            reshape.apply(&mut self.buffer, &whole, self.terminal)?;
        }
        let Self {
            sink, buffer, bar, ..
        } = self;
        let mut write = || {
            sink.write_all(buffer)?;
            if flush { sink.flush() } else { Ok(()) }
        };
        let written = match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        };
        // Also after a failure: what may be partly written must not be written again.
        self.buffer.clear();
        written.map_err(|error| failed(&error))
    }
}

fn failed(error: &io::Error) -> anyhow::Error {
    // A terminal that was hung up and a socket without an other end say it in other words.
    if error.kind() == ErrorKind::BrokenPipe || reader::is_gone() {
        return OutputClosed.into();
    }
    Problem::new(
        Kind::Local,
        format!("cannot write to standard output: {error}"),
    )
    .hint("what was shown may be incomplete, and what was changed on the server is changed: look with a command that only reads before you repeat one that writes")
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::{Exit, classify};

    /// Fails as a sink of the system would.
    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_done_and_a_full_disk_is_local() {
        for (kind, exit) in [
            (ErrorKind::BrokenPipe, Exit::Done),
            (ErrorKind::StorageFull, Exit::Local),
        ] {
            let mut out = Output::new(Failing(kind), None);
            out.buffer().extend_from_slice(b"x");
            out.settle().expect("not full yet");
            assert_eq!(classify(&out.flush().expect_err("fails")), exit);
        }
    }

    #[test]
    fn a_full_buffer_is_written_once() {
        let mut out = Output::new(Vec::new(), None);
        let line = vec![b'x'; FULL];
        out.buffer().extend_from_slice(&line);
        out.settle().expect("writes");
        assert!(out.buffer().is_empty());
        out.buffer().push(b'y');
        out.flush().expect("writes");
        assert_eq!(out.sink.len(), FULL + 1);
    }
}
