//! Records what is observed, beside everything else: a disk that takes no more, or takes its time, holds nothing up. It is
//! said, and what comes next is tried again.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::oneshot;

use crate::model::Time;
use crate::recording::{Recorder, Sample};

/// Whether what is observed is recorded.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Recorded {
    /// Since when it could not be; null while it can.
    pub failing_since: Option<Time>,
    /// Why it could not.
    pub error: Option<String>,
}

/// Hands samples to the thread that writes them.
#[derive(Debug)]
pub(super) struct Keeper {
    sender: SyncSender<Sample>,
    recorded: Arc<Mutex<Recorded>>,
    every: Duration,
    last: Option<Instant>,
}

impl Keeper {
    /// Records a sample in each `every` with `recorder`. What is returned beside ends when all is written, after the keeper is
    /// gone.
    pub(super) fn start(recorder: Recorder, every: Duration) -> (Self, oneshot::Receiver<()>) {
        // One is written, and one waits.
        let (sender, samples) = sync_channel(1);
        let (done, ended) = oneshot::channel();
        let state = Arc::new(Mutex::new(Recorded::default()));
        let told = Arc::clone(&state);
        thread::spawn(move || {
            write(recorder, &samples, &told);
            let _ = done.send(());
        });
        let keeper = Self {
            sender,
            recorded: state,
            every,
            last: None,
        };
        (keeper, ended)
    }

    /// Records a sample, if it is time for one. Looks are `apart` from each other.
    pub(super) fn offer(&mut self, apart: Duration, sample: impl FnOnce() -> Sample) {
        let now = Instant::now();
        // Looks come a little early or late.
        let is_due = |last: Instant| now.duration_since(last) + apart / 2 >= self.every;
        if !self.last.is_none_or(is_due) {
            return;
        }
        self.last = Some(now);
        let sample = sample();
        let at = sample.at;
        match self.sender.try_send(sample) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                failed(&self.recorded, at, "the disk takes too long");
            }
            Err(TrySendError::Disconnected(_)) => {
                failed(&self.recorded, at, "what writes it has ended");
            }
        }
    }

    /// Whether the last sample could be recorded.
    pub(super) fn recorded(&self) -> Recorded {
        locked(&self.recorded).clone()
    }
}

fn write(mut recorder: Recorder, samples: &Receiver<Sample>, state: &Mutex<Recorded>) {
    for sample in samples {
        match recorder.append(&sample) {
            Ok(()) => {
                let before = std::mem::take(&mut *locked(state));
                if let Some(since) = before.failing_since {
                    tracing::info!("it can be recorded again; it could not since {since}");
                }
            }
            Err(problem) => failed(state, sample.at, &problem.to_string()),
        }
    }
}

fn failed(state: &Mutex<Recorded>, at: Time, error: &str) {
    let mut state = locked(state);
    if state.failing_since.is_none() {
        tracing::error!("nothing is recorded until this is mended: {error}");
        state.failing_since = Some(at);
    }
    state.error = Some(error.to_owned());
}

fn locked(state: &Mutex<Recorded>) -> MutexGuard<'_, Recorded> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
