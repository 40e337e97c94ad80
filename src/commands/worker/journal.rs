//! `--journal`: the ids of handled entries, one per line, in a file. A journal that cannot be written does not stop
//! acknowledgements; it is reported once and changes the exit code.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::console::Terminal;
use crate::model::{EntryId, Kind, Problem, counted, escaped};
use crate::server::own;
use crate::worker::Journal;

/// The file that all workers of the process append ids to.
#[derive(Debug)]
pub(super) struct JournalFile {
    shown: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// Whether its last line is incomplete.
    is_torn: bool,
    written: u64,
    missing: u64,
    /// Why the first missing id could not be written.
    error: Option<io::Error>,
}

impl JournalFile {
    /// Opens the file, or creates it.
    ///
    /// # Errors
    /// A local error that names the file; refused when it is a link.
    pub(super) fn open(path: &Path, terminal: &Terminal) -> Result<Arc<Self>, Problem> {
        let shown = escaped(path.as_os_str().as_encoded_bytes());
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        let opened = match terminal.device(path) {
            Some(device) => device.map(|it| it.file),
            None => own::open(&mut options, path),
        };
        let file = opened.map_err(|error| {
            if own::is_link(&error) {
                let refused = own::link_refused(path);
                return refused.hint("give --journal the file that the link leads to");
            }
            let text = format!("cannot open the journal {shown}: {error}");
            Problem::new(Kind::Local, text)
        })?;
        Ok(Arc::new(Self {
            shown,
            state: Mutex::new(State {
                file,
                is_torn: false,
                written: 0,
                missing: 0,
                error: None,
            }),
        }))
    }

    /// The journal as a worker uses it.
    pub(super) fn journal(self: &Arc<Self>) -> Journal {
        let file = Arc::clone(self);
        Arc::new(move |id| file.note(id))
    }

    fn note(&self, id: EntryId) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Err(error) = state.write(id) else {
            state.written += 1;
            return;
        };
        state.missing += 1;
        if state.error.is_none() {
            tracing::error!(
                journal = %self.shown, %id, %error,
                "cannot write the journal: the worker continues without it, and does not repeat this warning"
            );
            state.error = Some(error);
        }
    }

    /// # Errors
    /// A local error when ids are missing in the file: how many, and why.
    pub(super) fn finish(&self) -> Result<(), Problem> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(error) = &state.error else {
            return Ok(());
        };
        let all = counted(
            state.written + state.missing,
            "handled entry",
            "handled entries",
        );
        let problem = format!(
            "the journal {} is missing {} of {all}: {error}",
            self.shown, state.missing
        );
        Err(Problem::new(Kind::Local, problem).hint(
            "the entries are acknowledged nevertheless: make room for the file, and treat it as incomplete",
        ))
    }
}

impl State {
    /// Uses one write for each id, so that the lines of several processes do not mix. A write that was cut short is
    /// followed by a new line.
    fn write(&mut self, id: EntryId) -> io::Result<()> {
        let end = if self.is_torn { "\n" } else { "" };
        let line = format!("{end}{id}\n");
        let mut rest = line.as_bytes();
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            let written = line.len() - rest.len();
            self.is_torn = written > end.len() && !rest.is_empty();
        }
        Ok(())
    }
}
