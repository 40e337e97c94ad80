//! A process of the pool, from the point of view of the code that has a request: how much it has to do, and how to
//! stop it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::timeout;

use super::process::Process;
use super::request::{Load, PipeRequest};
use super::session::{PipeSession, Subject};
use super::window::Window;

/// A process and the task that communicates with it.
#[derive(Debug)]
pub(super) struct Member {
    /// Unbounded here, but the engine runs no more handlers than the windows allow.
    requests: mpsc::UnboundedSender<PipeRequest>,
    load: Arc<Load>,
    task: JoinHandle<()>,
}

impl Member {
    pub(super) fn start(
        process: Process,
        window: Window,
        subject: Subject,
        limit: Duration,
    ) -> Self {
        let (requests, receiver) = mpsc::unbounded_channel();
        let load = Arc::new(Load::default());
        load.window.store(window.size(), Ordering::Relaxed);
        let session =
            PipeSession::new(process, receiver, window, Arc::clone(&load), subject, limit);
        Self {
            requests,
            load,
            task: tokio::spawn(session.run()),
        }
    }

    /// Whether its process has ended or is about to end.
    pub(super) fn is_gone(&self) -> bool {
        self.requests.is_closed()
    }

    pub(super) fn is_busy(&self) -> bool {
        self.load.asked.load(Ordering::Relaxed) > 0
    }

    /// How many more requests it takes before its window is full; negative when more are waiting.
    pub(super) fn room(&self) -> i64 {
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed).cast_signed() as i64;
        count(&self.load.window) - count(&self.load.asked)
    }

    /// Stops the process, and with it all of its requests.
    pub(super) fn stop(&self) -> AbortHandle {
        self.task.abort_handle()
    }

    pub(super) fn ask(&self, request: PipeRequest) {
        self.load.asked.fetch_add(1, Ordering::Relaxed);
        // A session that has just ended drops it, and its reply says so.
        let _ = self.requests.send(request);
    }

    /// Closes the process's input once all requests are answered, and waits up to `patience` until it ends.
    pub(super) async fn close(self, patience: Duration) {
        let Self {
            requests, mut task, ..
        } = self;
        drop(requests);
        if timeout(patience, &mut task).await.is_err() {
            task.abort();
        }
    }
}
