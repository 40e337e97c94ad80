//! Standard output, buffered: what is written is counted as written only after [`Output::flush`].

use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use memchr::memchr_iter;

use super::descriptors::Fault;
use super::filter::{Failed, Filter, entry_name, name_of};
use super::pager::Pager;
use super::progress::Bar;
use super::reader;
use super::voice::Voice;
use crate::exit::OutputClosed;
use crate::model::{EntryId, Kind, Name, Problem};

/// The size in bytes at which a buffer is full and written.
const FULL: usize = 64 * 1024;
/// How many entries that a filter could not process are named in warnings.
const NAMED_MAX: u64 = 20;

/// A buffer in front of standard output. `view` fills the buffer, [`Output::settle`] writes it when it is full.
#[derive(Debug)]
pub struct Output<W: Write = Pager> {
    sink: W,
    buffer: Vec<u8>,
    bar: Option<Bar>,
    through: Option<Through>,
    /// Entries that the filter could not process.
    unwritten: Vec<EntryId>,
    unshown: Unshown,
    fault: Option<Fault>,
    opening: Opening,
}

/// The text above the first thing that is written to standard output, in whatever way.
#[derive(Clone, Debug, Default)]
pub(super) struct Opening(Arc<Mutex<Vec<u8>>>);

impl Opening {
    /// Sets the text.
    pub(super) fn set(&self, text: Vec<u8>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    /// How many lines it has.
    pub(super) fn rows(&self) -> usize {
        let text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memchr_iter(b'\n', &text).count()
    }

    /// Puts the text in front of `buffer`, once.
    fn precede(&self, buffer: &mut Vec<u8>) {
        let mut text = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if !text.is_empty() {
            text.append(buffer);
            *buffer = text;
        }
    }
}

impl<W: Write> Output<W> {
    /// Writes to `sink`; `bar` is the progress bar on the same screen.
    pub(super) fn new(sink: W, bar: Option<Bar>, unshown: Unshown) -> Self {
        Self {
            sink,
            buffer: Vec::new(),
            bar,
            through: None,
            unwritten: Vec::new(),
            unshown,
            fault: None,
            opening: Opening::default(),
        }
    }

    /// The same output, beginning with this text.
    pub(super) fn under(mut self, opening: Opening) -> Self {
        self.opening = opening;
        self
    }

    /// The same output; every write fails if there is a fault.
    pub(super) fn unless(mut self, fault: Option<Fault>) -> Self {
        self.fault = fault;
        self
    }

    /// The same output after a filter, which needs whole JSON documents: an array stays in memory until it is
    /// complete.
    pub(super) fn through(mut self, through: Option<Through>) -> Self {
        self.through = through;
        self
    }

    /// The entries that were not written because the filter could not process them, since the previous call.
    pub fn take_unwritten(&mut self) -> Vec<EntryId> {
        std::mem::take(&mut self.unwritten)
    }

    /// Warns that an entry which a filter could not process is not written.
    pub fn leaves_out(&self, stream: &Name, id: EntryId, why: &str) {
        let entry = entry_name(id, Some(&stream.to_string()));
        self.unshown.count(&entry, why);
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
        if let Some(through) = &self.through {
            // `view` ends a document, and nothing else, with the end of a line.
            if self.buffer.last() != Some(&b'\n') {
                return Ok(());
            }
            let whole = std::mem::take(&mut self.buffer);
            let unwritten = through.apply(&mut self.buffer, &whole, &self.unshown)?;
            self.unwritten.extend(unwritten);
        }
        self.opening.precede(&mut self.buffer);
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

/// What documents pass through before they are written.
#[derive(Debug)]
pub(super) struct Through {
    pub(super) filter: Arc<Filter>,
    /// Whether each line is a document of its own: one that the filter cannot process is left out, and the others are
    /// still written.
    pub(super) is_by_line: bool,
}

impl Through {
    /// Appends the filter's results for `whole` to `out`, and returns the entries that it could not process.
    fn apply(&self, out: &mut Vec<u8>, whole: &[u8], unshown: &Unshown) -> Result<Vec<EntryId>> {
        if !self.is_by_line {
            return match self.filter.apply(out, &[whole])?.pop() {
                Some(failed) => Err(failed.problem.into()),
                None => Ok(Vec::new()),
            };
        }
        let mut unwritten = Vec::new();
        let documents: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
        for Failed { document, problem } in self.filter.apply(out, &documents)? {
            let Some((id, name)) = name_of(&document) else {
                return Err(problem.into());
            };
            unwritten.push(id);
            unshown.count(&name, &problem.message);
        }
        Ok(unwritten)
    }
}

/// Entries that a filter could not process. The first ones are named in a warning each; all are counted.
#[derive(Clone, Debug)]
pub(super) struct Unshown {
    count: Arc<AtomicU64>,
    voice: Voice,
}

impl Unshown {
    pub(super) fn new(voice: Voice) -> Self {
        Self {
            count: Arc::default(),
            voice,
        }
    }

    fn count(&self, entry: &str, why: &str) {
        if self.count.fetch_add(1, Ordering::Relaxed) < NAMED_MAX {
            self.voice.warn(&format!("{entry} is left out: {why}"));
        }
    }

    /// The number of all of them, and the number of those that were not named.
    pub(super) fn counts(&self) -> (u64, u64) {
        let all = self.count.load(Ordering::Relaxed);
        (all, all.saturating_sub(NAMED_MAX))
    }
}

pub(super) fn failed(error: &io::Error) -> anyhow::Error {
    // A terminal that was hung up and a socket without an other end say it in other words.
    if error.kind() == ErrorKind::BrokenPipe || reader::is_gone() {
        return OutputClosed.into();
    }
    Problem::new(
        Kind::Local,
        format!("cannot write to standard output: {error}"),
    )
    .hint("the output may be incomplete, but changes made on the server remain: check the state with a read-only command before you repeat one that writes")
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::{Exit, classify};

    fn unshown() -> Unshown {
        Unshown::new(Voice {
            theme: crate::view::Theme::new(false),
            is_terminal: false,
            bar: Bar::default(),
            pager: Pager::default(),
        })
    }

    /// Fails in the way in which an output of the system would fail.
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
            let mut out = Output::new(Failing(kind), None, unshown());
            out.buffer().extend_from_slice(b"x");
            out.settle().expect("not full yet");
            assert_eq!(classify(&out.flush().expect_err("fails")), exit);
        }
    }

    #[test]
    fn a_full_buffer_is_written_once() {
        let mut out = Output::new(Vec::new(), None, unshown());
        let line = vec![b'x'; FULL];
        out.buffer().extend_from_slice(&line);
        out.settle().expect("writes");
        assert!(out.buffer().is_empty());
        out.buffer().push(b'y');
        out.flush().expect("writes");
        assert_eq!(out.sink.len(), FULL + 1);
    }
}
