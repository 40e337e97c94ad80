//! The recording that is looked back into: which it is, and how many read it at a time.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusal::Refusal;
use crate::findings::Finding;
use crate::model::Time;
use crate::recording::{PAST_WITHIN, Recording, Span, look_back};
use crate::streams::inspect::StreamReport;

/// How many answers are read at the same time.
const AT_A_TIME: usize = 2;

/// The recording that is read.
#[derive(Clone, Debug)]
pub(super) struct Past {
    /// Where it is; `None` when there is none.
    directory: Option<PathBuf>,
    /// The server that it must be of.
    server: String,
    turns: Arc<Semaphore>,
}

impl Past {
    /// The recording in `directory`, which must be of `server`.
    pub(super) fn new(directory: Option<PathBuf>, server: String) -> Self {
        Self {
            directory,
            server,
            turns: Arc::new(Semaphore::new(AT_A_TIME)),
        }
    }

    /// The recording, and what it has.
    pub(super) fn open(&self) -> Result<(Recording, Option<Span>), Refusal> {
        let Some(directory) = &self.directory else {
            let refusal = Refusal::new(StatusCode::NOT_FOUND, "nothing is recorded here");
            return Err(refusal.hint(
                "start serve with --record DIR, or with --history DIR to read what `ucp-streams record` writes",
            ));
        };
        let recording = Recording::open(directory)?;
        let span = recording.span()?;
        match span.as_ref().filter(|it| it.server != self.server) {
            None => Ok((recording, span)),
            Some(other) => {
                let text = format!("the recording is of another server, {}", other.server);
                Err(Refusal::new(StatusCode::NOT_FOUND, text))
            }
        }
    }

    /// Adds to what was `found` at a time in `streams` since when it is there, as far as the recording says.
    pub(super) fn tell(&self, found: &mut [Finding], streams: &[StreamReport], at: Time) {
        let Ok((recording, Some(_))) = self.open() else {
            return;
        };
        let deadline = Instant::now() + PAST_WITHIN;
        if let Err(problem) = look_back(&recording, found, streams, at, deadline) {
            tracing::warn!("since when findings are there is not known: {problem}");
        }
    }

    /// Waits until few enough read.
    pub(super) async fn turn(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        turn.map_err(|_| stopping())
    }

    /// Whether there is one.
    pub(super) const fn is_there(&self) -> bool {
        self.directory.is_some()
    }
}

/// Why nothing is answered any more.
pub(super) fn stopping() -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping")
}
