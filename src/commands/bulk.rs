//! What commands that send a file have in common: opening it, ids that are shown as they come, and a signal that
//! stops them between two chunks.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};

use super::context::Context;
use crate::console::{Output, Signals};
use crate::exit::Exit;
use crate::model::{Kind, Problem, escaped};

/// The file at `path`, or a copy of what can be read only once; `-` is standard input.
///
/// # Errors
/// Local, when it cannot be read or copied.
pub(super) fn open(path: &Path) -> Result<File> {
    let shown = || escaped(path.as_os_str().as_encoded_bytes());
    let cannot = |error: io::Error| {
        Problem::new(Kind::Local, format!("cannot read {}: {error}", shown()))
            .hint("name a file with one JSON object a line, or `-` for standard input")
    };
    if path == Path::new("-") {
        return spooled(io::stdin().lock());
    }
    let file = File::open(path).map_err(cannot)?;
    match file.metadata().map_err(cannot)? {
        it if it.is_file() => Ok(file),
        it if it.is_dir() => Err(cannot(io::ErrorKind::IsADirectory.into()).into()),
        _ => spooled(file),
    }
}

fn spooled(mut input: impl io::Read) -> Result<File> {
    let mut file = tempfile::tempfile().context("cannot keep the input in a temporary file")?;
    io::copy(&mut input, &mut file).context("cannot keep the input in a temporary file")?;
    Ok(file)
}

/// Standard output for what is shown while work goes on. When nothing can be shown any more the work goes on: half a
/// file in a stream is worse than ids that nobody reads.
pub(super) struct Shown {
    out: Output<io::Stdout>,
    failed: Option<anyhow::Error>,
}

impl Shown {
    pub(super) fn new(context: &Context) -> Self {
        Self {
            out: context.console.out(),
            failed: None,
        }
    }

    /// Shows what `write` appends to the buffer.
    pub(super) fn write<E: Into<anyhow::Error>>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) {
        if self.failed.is_none() {
            let written = write(self.out.buffer()).map_err(Into::into);
            self.failed = written.and_then(|()| self.out.settle()).err();
        }
    }

    /// Ends the output.
    ///
    /// # Errors
    /// The first failure, with how many entries were published all the same.
    pub(super) fn end(mut self, stored: u64) -> Result<()> {
        match self.failed.take() {
            None => self.out.flush(),
            Some(error) => Err(error),
        }
        .with_context(|| format!("entries published: {stored}"))
    }
}

/// Whether a signal asked to stop, and which.
pub(super) struct Interrupt {
    /// Set when one did.
    pub(super) flag: Arc<AtomicBool>,
    is_term: Arc<AtomicBool>,
}

impl Interrupt {
    /// Catches signals from now on.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub(super) fn watch() -> Result<Self> {
        let mut signals = Signals::catch()?;
        let flag = Arc::new(AtomicBool::new(false));
        let is_term = Arc::new(AtomicBool::new(false));
        let (set, with) = (Arc::clone(&flag), Arc::clone(&is_term));
        tokio::spawn(async move {
            let exit = Exit::from(signals.next().await);
            with.store(exit == Exit::Terminated, Ordering::Relaxed);
            set.store(true, Ordering::Relaxed);
        });
        Ok(Self { flag, is_term })
    }

    /// The exit of a command that was stopped after `stored` entries, the last from `last_line`.
    pub(super) fn stopped(&self, stored: u64, last_line: u64, context: &Context) -> Exit {
        context.console.note(&match stored {
            0 => "stopped: nothing was published".to_owned(),
            1 => format!("stopped: 1 entry was published, from line {last_line}; none after it was sent"),
            many => format!(
                "stopped: {many} entries were published, the last from line {last_line}; none after it was sent"
            ),
        });
        if self.is_term.load(Ordering::Relaxed) {
            Exit::Terminated
        } else {
            Exit::Interrupted
        }
    }
}
