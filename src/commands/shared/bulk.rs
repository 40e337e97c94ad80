//! What commands that send a file have in common: opening the file, showing ids as they arrive, and stopping between
//! two chunks at a signal.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};

use super::context::Context;
use crate::console::{Output, Signals};
use crate::exit::Exit;
use crate::model::{Kind, Problem, escaped, with_commas};
use crate::streams::publish::{Place, StopFlag};

/// The source of the entries.
pub(in crate::commands) enum Input {
    /// A file that can be read again.
    File(File),
    /// An input that can be read only once.
    Once(Box<dyn io::Read + Send>),
}

impl Input {
    /// Its content, for reading it once.
    pub(in crate::commands) fn once(self) -> Box<dyn io::Read + Send> {
        match self {
            Self::File(file) => Box::new(file),
            Self::Once(input) => input,
        }
    }
}

/// The file or device at `path`; `-` is standard input.
///
/// # Errors
/// A local error when it cannot be opened.
pub(in crate::commands) fn input(path: &Path, context: &Context) -> Result<Input> {
    let shown = || escaped(path.as_os_str().as_encoded_bytes());
    let cannot = |error: io::Error| {
        Problem::new(Kind::Local, format!("cannot read {}: {error}", shown()))
            .hint("name a file with one JSON object per line, or `-` for standard input")
    };
    if path == Path::new("-") {
        let terminal = context.console.terminal();
        if let Some(fault) = terminal.stdin_fault {
            let text = format!("standard input {fault}, so --file - has nothing to read");
            return Err(Problem::new(Kind::Local, text)
                .hint("pipe the entries into it, or name a file")
                .into());
        }
        return Ok(Input::Once(Box::new(terminal.input())));
    }
    let file = File::open(path).map_err(cannot)?;
    match file.metadata().map_err(cannot)? {
        it if it.is_file() => Ok(Input::File(file)),
        it if it.is_dir() => Err(cannot(io::ErrorKind::IsADirectory.into()).into()),
        _ => Ok(Input::Once(Box::new(file))),
    }
}

/// Standard output for what is shown while the work goes on. The work continues even when nothing can be shown any
/// more, because a stream with half of a file is worse than ids that nobody reads.
pub(in crate::commands) struct Shown {
    out: Output,
    failed: Option<anyhow::Error>,
    /// Whether standard output is used for something else.
    is_silent: bool,
}

impl Shown {
    pub(in crate::commands) fn new(context: &Context) -> Self {
        Self {
            out: context.console.out(),
            failed: None,
            is_silent: false,
        }
    }

    /// The same output, but nothing is shown when standard output `is_taken`.
    pub(in crate::commands) fn unless(self, is_taken: bool) -> Self {
        Self {
            is_silent: is_taken,
            ..self
        }
    }

    /// Shows what `write` appends to the buffer.
    pub(in crate::commands) fn write<E: Into<anyhow::Error>>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) {
        if self.failed.is_none() && !self.is_silent {
            let written = write(self.out.buffer()).map_err(Into::into);
            self.failed = written.and_then(|()| self.out.settle()).err();
        }
    }

    /// Shows what was written so far.
    pub(in crate::commands) fn flush(&mut self) {
        if self.failed.is_none() {
            self.failed = self.out.flush().err();
        }
    }

    /// Ends the output.
    ///
    /// # Errors
    /// The first failure, with the number of entries that were published nevertheless.
    pub(in crate::commands) fn end(mut self, stored: u64) -> Result<()> {
        match self.failed.take() {
            None => self.out.flush(),
            Some(error) => Err(error),
        }
        .with_context(|| format!("entries published: {}", with_commas(stored)))
    }
}

/// Whether a signal asked to stop, and which one.
pub(in crate::commands) struct Interrupt {
    /// Set when a signal did.
    pub(in crate::commands) flag: Arc<StopFlag>,
    is_term: Arc<AtomicBool>,
}

impl Interrupt {
    /// Catches signals from now on.
    ///
    /// # Errors
    /// When the system refuses to install a handler.
    pub(in crate::commands) fn watch() -> Result<Self> {
        let mut signals = Signals::catch()?;
        let flag = Arc::new(StopFlag::default());
        let is_term = Arc::new(AtomicBool::new(false));
        let (set, with) = (Arc::clone(&flag), Arc::clone(&is_term));
        tokio::spawn(async move {
            let exit = Exit::from(signals.next().await);
            with.store(exit == Exit::Terminated, Ordering::Relaxed);
            set.set();
        });
        Ok(Self { flag, is_term })
    }

    /// The exit code of a command that was stopped after `stored` entries, the last of which came from this place in
    /// the input.
    pub(in crate::commands) fn stopped(
        &self,
        stored: u64,
        last: Option<Place>,
        context: &Context,
    ) -> Exit {
        let from = last.map(|last| last.to_string()).unwrap_or_default();
        context.console.note(&match stored {
            0 => "stopped: nothing was published".to_owned(),
            1 => format!("stopped: 1 entry was published, from {from}; none after it was sent"),
            many => format!(
                "stopped: {many} entries were published, the last from {from}; none after it was sent"
            ),
        });
        self.exit()
    }

    /// The exit code of a command that was stopped.
    pub(in crate::commands) fn exit(&self) -> Exit {
        if self.is_term.load(Ordering::Relaxed) {
            Exit::Terminated
        } else {
            Exit::Interrupted
        }
    }
}
