//! The group's retry stream, `{S}:retry:<group>`, to which `requeue` and `dlq redrive` copy what only this group is to
//! handle again.
//!
//! It is read by a second engine of the same worker, under the same consumer name, in a group of the same name, with the
//! same handler. It does everything that the first one does (leases, retries, take-over, ghosts, reconnects, drain), and
//! shares with it what must not be there twice: slots, rate, number of entries ([`Shared`]), the lease of a group with
//! one active worker, the published claim idle. It has two things of its own: what it acknowledges it deletes in the same
//! script, and while the first one's circuit breaker is open it starts nothing.
//!
//! It runs only while something is there. The first engine looks every few seconds how long the retry stream is, in
//! the round trip in which it looks for pending entries; that of a stream that does not exist is 0. Once the retry stream has
//! been empty for a while, the second engine ends.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;

use super::{Engine, Heritage};
use crate::model::{EntryId, Name, format_duration_short};
use crate::topology::{OnGroupLost, retry_key};
use crate::wire::{Connection, Dialer, Error, ErrorKind, GroupStart, xinfo_groups, xlen};
use crate::worker::counters::Counters;
use crate::worker::job::{Assignment, Mode, Signal};
use crate::worker::state::shared::{Seat, Shared};

/// How often the first engine looks whether something is there.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long the retry stream must have been empty before its engine ends.
const EMPTY_FOR: Duration = Duration::from_secs(10);
/// How long nothing is tried after the retry stream could not be read.
const PAUSE: Duration = Duration::from_mins(1);
/// How long the second engine may take to end after the time that it was given is over.
const END_WITHIN: Duration = Duration::from_secs(3);

/// Whether there is something to read in a retry stream.
pub(super) type Waiting = Result<bool, Error>;

/// The work of a second engine.
pub(super) type Work = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

/// Makes that work, from what the first engine gives it.
pub(super) type Start = fn(
    Assignment,
    Dialer,
    watch::Receiver<Signal>,
    Arc<Counters>,
    (Seat, Arc<Shared>),
    Heritage,
) -> Work;

/// What the engine of the stream knows of the engine of the retry stream.
#[derive(Debug)]
pub(super) struct Beside {
    /// The retry stream.
    key: Name,
    start: Start,
    task: Option<JoinHandle<anyhow::Result<()>>>,
    signal: watch::Sender<Signal>,
    /// Whether something is there to be read, as far as is known.
    is_wanted: bool,
    /// Whether the user may read it.
    is_readable: bool,
    has_warned: bool,
    next_look: Instant,
    /// The consumer whose entries belong to this worker now, in a group with one active worker.
    pub(super) predecessor: Option<Name>,
    /// Why the second engine ended early.
    failure: Option<anyhow::Error>,
}

impl Beside {
    /// For the engine of `job`, which found this when it joined; `None` when it is to read no retry stream.
    pub(super) fn new(job: &Assignment, found: Option<Waiting>, start: Start) -> Option<Self> {
        let found = found?;
        let mut beside = Self {
            key: retry_key(&job.stream, &job.group),
            start,
            task: None,
            signal: watch::Sender::new(Signal::Run),
            is_wanted: false,
            is_readable: true,
            has_warned: false,
            next_look: Instant::now() + LOOK_EVERY,
            predecessor: None,
            failure: None,
        };
        match found {
            Ok(is_wanted) => beside.is_wanted = is_wanted,
            Err(error) => beside.cannot_read(job, &error),
        }
        Some(beside)
    }

    /// Whether the second engine is running.
    pub(super) fn is_running(&self) -> bool {
        self.task.is_some()
    }

    /// Tells the second engine what the process wants, unless it knows of more.
    pub(super) fn tell(&self, signal: Signal) {
        self.signal.send_if_modified(|told| {
            let is_news = signal > *told;
            *told = signal.max(*told);
            is_news
        });
    }

    /// Waits until the second engine has ended, which it was told to.
    pub(super) async fn finish(&mut self, signal: Signal) {
        self.tell(Signal::Drain.max(signal));
        let Some(task) = &mut self.task else { return };
        let outcome = timeout(END_WITHIN, &mut *task).await;
        if outcome.is_err() {
            task.abort();
        }
        self.task = None;
    }

    fn cannot_read(&mut self, job: &Assignment, why: &dyn std::fmt::Display) {
        self.is_readable = false;
        self.next_look = Instant::now() + PAUSE;
        if !std::mem::replace(&mut self.has_warned, true) {
            tracing::warn!(
                group = %job.group, stream = %job.stream, retry_stream = %self.key, %why,
                again_in = %format_duration_short(PAUSE),
                "cannot read the group's retry stream: what `requeue` and `dlq redrive` copy there waits"
            );
        }
    }

    fn ended(&mut self, outcome: Result<anyhow::Result<()>, JoinError>) {
        self.task = None;
        self.failure = match outcome {
            Ok(outcome) => outcome.err(),
            Err(error) => Some(error.into()),
        };
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Waits until the second engine ends; without one, it never returns.
pub(super) async fn ended(beside: &mut Option<Beside>) {
    if let Some(beside) = beside
        && let Some(task) = &mut beside.task
    {
        let outcome = task.await;
        beside.ended(outcome);
    } else {
        std::future::pending::<()>().await;
    }
}

/// Whether something is in the retry stream of the group of `job`, be it pending only; `None` for a worker that does not
/// read it.
///
/// # Errors
/// When the server cannot be asked now.
pub(super) async fn look_at_retries(
    connection: &Connection,
    job: &Assignment,
) -> Result<Option<Waiting>, Error> {
    if job.home.is_some()
        || matches!(job.mode, Mode::Preclaimed | Mode::Portion)
        || job.handler.ordered().is_some()
    {
        return Ok(None);
    }
    let key = retry_key(&job.stream, &job.group);
    let found = match connection.run(xlen(&key)).await {
        Ok(0) => connection.run(xinfo_groups(&key)).await.map(|groups| {
            let is_it = |it: &&crate::model::GroupInfo| it.name == job.group;
            groups.iter().find(is_it).is_some_and(|it| it.pending > 0)
        }),
        length => length.map(|length| length > 0),
    };
    match found {
        Err(error) if error.kind == ErrorKind::NoKey => Ok(Some(Ok(false))),
        Err(error) if error.kind.is_passing() || error.kind.is_connection_lost() => Err(error),
        found => Ok(Some(found)),
    }
}

impl Engine {
    /// The retry stream whose length is to be looked at: to start the second engine, or, in that one, to end.
    pub(super) fn retries_to_look_at(&self) -> Option<Name> {
        let is_awaited = |it: &&Beside| !it.is_running() && Instant::now() >= it.next_look;
        match self.job.mode {
            Mode::Forever => self
                .beside
                .as_ref()
                .filter(is_awaited)
                .map(|it| it.key.clone()),
            Mode::WhileThere => Some(self.job.stream.clone()),
            Mode::Once | Mode::Preclaimed | Mode::Portion => None,
        }
    }

    /// The retry stream has this length, and the stream this many pending entries.
    pub(super) fn on_retries(
        &mut self,
        length: Result<u64, Error>,
        pending: u64,
    ) -> Result<(), Error> {
        let Some(beside) = &mut self.beside else {
            let is_empty = length? == 0 && pending == 0 && self.hand.len() == 0;
            self.empty_since = is_empty.then(|| self.empty_since.unwrap_or_else(Instant::now));
            return Ok(());
        };
        match length {
            Ok(length) => {
                self.others.must_look_unless(beside.is_readable);
                beside.is_readable = true;
                beside.next_look = Instant::now() + LOOK_EVERY;
                beside.is_wanted = length > 0;
            }
            Err(error) if error.kind.is_passing() || error.kind.is_connection_lost() => {
                return Err(error);
            }
            Err(error) => {
                beside.cannot_read(&self.job, &error);
                self.others.must_look();
            }
        }
        Ok(())
    }

    /// Whether the retry stream has been empty for so long that its engine may end.
    pub(super) fn has_been_empty(&self) -> bool {
        let is_over = |since: Instant| since.elapsed() >= EMPTY_FOR;
        self.hand.len() == 0 && self.empty_since.is_some_and(is_over)
    }

    /// Whether this worker reads the group's retry stream, for others to know.
    pub(super) fn reads_retries(&self) -> bool {
        let is_readable = self.beside.as_ref().is_some_and(|it| it.is_readable);
        self.job.mode == Mode::WhileThere || self.job.mode == Mode::Forever && is_readable
    }

    /// Starts the second engine, if something is there for it.
    pub(super) fn start_beside(&mut self) {
        let Some(beside) = self.beside.as_mut().filter(|it| it.is_wanted) else {
            return;
        };
        beside.is_wanted = false;
        if beside.is_running() {
            return;
        }
        let mode = match self.job.mode {
            Mode::Forever => Mode::WhileThere,
            mode => mode,
        };
        let job = Assignment {
            stream: beside.key.clone(),
            home: Some(self.job.stream.clone()),
            may_create: true,
            start: GroupStart::After(EntryId::MIN),
            on_group_lost: OnGroupLost::Recreate,
            mode,
            pulse: None,
            ..self.job.clone()
        };
        let heritage = Heritage {
            fence: self.lease.as_ref().map(|it| it.fence().clone()),
            predecessor: beside.predecessor.take(),
        };
        tracing::debug!(group = %job.group, retry_stream = %job.stream, "reading the group's retry stream");
        let (dialer, counters) = (self.dialer.clone(), self.counters.clone());
        let shared = (Seat::Retries, self.shared.clone());
        let work = (beside.start)(
            job,
            dialer,
            beside.signal.subscribe(),
            counters,
            shared,
            heritage,
        );
        beside.task = Some(tokio::spawn(work));
    }

    /// The second engine's end: an early one is the end of a worker that works once, and is tried again by others.
    pub(super) fn look_after_beside(&mut self) -> anyhow::Result<()> {
        let Some(beside) = &mut self.beside else {
            return Ok(());
        };
        match beside.failure.take() {
            Some(error) if self.job.mode == Mode::Once => Err(error),
            Some(error) => {
                beside.cannot_read(&self.job, &format!("{error:#}"));
                Ok(())
            }
            None => Ok(()),
        }
    }
}
