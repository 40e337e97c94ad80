//! A worker from start to end: the group and the consumer are created, the engine works, and everything in hand is
//! finished or released.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::sleep;

use super::beside::{Beside, Waiting, Work, look_at_retries};
use super::drain::until_told_now;
use super::fence::Lease;
use super::losses::Losses;
use super::{Engine, Heritage, presence_interval};
use crate::model::{Backoff, CommandLine, EntryId, Problem, format_duration_short};
use crate::planted;
use crate::streams::losses::counted_by;
use crate::streams::names::not_a_stream;
use crate::streams::slots;
use crate::wire::{
    Connection, Dialer, Error, ErrorKind, Looked, create_group, key_type, xgroup_create_consumer,
    xinfo_consumers, xinfo_groups, xinfo_stream,
};
use crate::worker::counters::{Counters, Summary};
use crate::worker::job::{Assignment, Mode, Signal};
use crate::worker::state::shared::{Seat, Shared};

/// The pauses of a worker that cannot start yet.
const PAUSES: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));

/// Works until everything is done, `signal` asks it to stop, or an error occurs that cannot be retried. Then it
/// finishes what is running and releases the rest. `counters` show its progress, also when it fails. A signal to stop
/// at once ends it even when the server is silent.
///
/// # Errors
/// An error that retrying does not solve, after everything in hand was released.
pub async fn run(
    job: Assignment,
    dialer: Dialer,
    signal: watch::Receiver<Signal>,
    counters: Arc<Counters>,
) -> anyhow::Result<Summary> {
    let shared = Shared::new(job.policy.rate, Instant::now());
    let seat = (Seat::Stream, shared);
    run_engine(
        job,
        dialer,
        signal,
        Arc::clone(&counters),
        seat,
        Heritage::default(),
    )
    .await?;
    Ok(counters.summary())
}

/// As [`run`], for the second engine of a worker, which reads the retry stream.
fn run_beside(
    job: Assignment,
    dialer: Dialer,
    signal: watch::Receiver<Signal>,
    counters: Arc<Counters>,
    seat: (Seat, Arc<Shared>),
    heritage: Heritage,
) -> Work {
    Box::pin(run_engine(job, dialer, signal, counters, seat, heritage))
}

async fn run_engine(
    job: Assignment,
    dialer: Dialer,
    signal: watch::Receiver<Signal>,
    counters: Arc<Counters>,
    seat: (Seat, Arc<Shared>),
    heritage: Heritage,
) -> anyhow::Result<()> {
    let prepared = prepare(&job, &dialer, signal.clone());
    let prepared = until_told_now(signal.clone(), prepared).await;
    let Some(joined) = prepared.transpose()?.flatten() else {
        return Ok(());
    };
    let told = signal.clone();
    let beside = Beside::new(&job, joined.retries, run_beside);
    let mut engine = Engine::new(job, dialer, counters, signal, seat, heritage);
    engine.beside = beside;
    let portion = engine.job.portion.as_ref();
    let read_until = joined.last.map(|last| portion.map_or(last, |it| it.last()));
    engine.connection = Some(joined.connection);
    engine.read_until = read_until;
    engine.losses.watch.counted_by = joined.counted_by;
    if let Some(looked) = joined.looked {
        engine.on_looked(looked);
    }
    engine.is_reading_over = match engine.job.mode {
        Mode::Forever | Mode::WhileThere => false,
        Mode::Once | Mode::Portion => read_until.is_none(),
        Mode::Preclaimed => true,
    };
    let outcome = until_told_now(told, engine.work()).await;
    engine.wind_up().await;
    if let Some(paused) = engine.ended_by_pause() {
        // The first one stands: it is set once.
        let _ = engine.counters.paused.set(paused);
    }
    outcome.transpose()?;
    Ok(())
}

/// Connects, creates group and consumer if necessary, and finds the last entry for `--once`. `None` when a signal
/// came first.
async fn prepare(
    job: &Assignment,
    dialer: &Dialer,
    signal: watch::Receiver<Signal>,
) -> anyhow::Result<Option<Joined>> {
    let started = Instant::now();
    let mut pauses = PAUSES.waits();
    loop {
        if *signal.borrow() != Signal::Run {
            return Ok(None);
        }
        let error = match join_group(job, dialer).await {
            Ok(joined) => return Ok(Some(joined)),
            Err(Join::Wire(error)) if error.kind.is_passing() => error,
            Err(Join::Wire(error)) => return Err(job.failed_with(error)),
            Err(Join::Problem(problem)) => return Err(problem.into()),
        };
        let pause = pauses.failed();
        if started.elapsed() + pause > job.connect_for {
            return Err(job.failed_with(error));
        }
        tracing::warn!(group = %job.group, %error, "cannot start yet: retrying with backoff");
        sleep(pause).await;
    }
}

/// The result of joining a group.
struct Joined {
    connection: Connection,
    /// The last entry that existed.
    last: Option<EntryId>,
    counted_by: String,
    /// The losses from before this worker joined; `None` when it reads nothing.
    looked: Option<Result<Looked, Error>>,
    /// Whether something is in the group's retry stream; `None` when it is not to be read.
    retries: Option<Waiting>,
}

enum Join {
    Wire(Error),
    Problem(Problem),
}

impl From<Error> for Join {
    fn from(error: Error) -> Self {
        Self::Wire(error)
    }
}

/// Looks for a consumer of this name before this worker joins. If it was active just now, it may belong to another
/// process. Two such processes would take each other's entries for their own; thanks to the preconditions of all
/// changes, some entries would be handled twice, and none would be lost.
async fn warn_of_namesake(connection: &Connection, job: &Assignment) {
    let Ok(consumers) = connection
        .run(xinfo_consumers(&job.stream, &job.group))
        .await
    else {
        return;
    };
    let namesake = consumers.iter().find(|it| it.name == job.consumer);
    let Some(seen) = namesake.map(|it| Duration::from_millis(it.idle_ms)) else {
        return;
    };
    if seen <= presence_interval(&job.policy) {
        tracing::warn!(
            group = %job.group, consumer = %job.consumer, seen_ago = %format_duration_short(seen),
            "a consumer of this name was active recently: if another process still uses it, give each process its own --consumer"
        );
    }
}

/// Makes sure that the keys that are changed together with the stream are in its hash slot, if the server belongs to
/// a cluster.
async fn require_one_slot(connection: &Connection, job: &Assignment) -> Result<(), Join> {
    let mut keys = vec![job.dead_letter.clone()];
    keys.extend(job.is_single.then(|| Lease::key(job.home(), &job.group)));
    keys.extend(job.handler.outputs());
    let apart = slots::apart(connection, &job.stream, &keys).await?;
    if apart.is_empty() {
        return Ok(());
    }
    let who = format!("worker of group `{}`", job.group);
    Err(Join::Problem(slots::refusal(&who, &job.stream, &apart)))
}

async fn join_group(job: &Assignment, dialer: &Dialer) -> Result<Joined, Join> {
    let connection = dialer.connect().await?;
    require_one_slot(&connection, job).await?;
    have_group(&connection, job).await?;
    let counted_by = counted_by(&connection).await?;
    let looked = look_before_joining(&connection, job, &counted_by).await?;
    join_as_consumer(&connection, job).await?;
    let info = connection.run(xinfo_stream(&job.stream)).await?;
    let retries = look_at_retries(&connection, job).await?;
    Ok(Joined {
        retries,
        connection,
        last: info.last.map(|entry| entry.id),
        counted_by,
        looked,
    })
}

/// Looks for losses from the time when no worker was running. A group that never had a consumer has never read,
/// because this one has not joined yet.
async fn look_before_joining(
    connection: &Connection,
    job: &Assignment,
    counted_by: &str,
) -> Result<Option<Result<Looked, Error>>, Join> {
    if job.mode == Mode::Preclaimed || planted::is("no-loss-look") {
        return Ok(None);
    }
    let losses = Losses::new(job, counted_by.to_owned());
    match connection.call(losses.call(job, None)).await {
        Err(error) if error.kind.is_passing() => Err(error.into()),
        looked => Ok(Some(looked)),
    }
}

/// Makes sure that the group exists.
async fn have_group(connection: &Connection, job: &Assignment) -> Result<(), Join> {
    let groups = match connection.run(xinfo_groups(&job.stream)).await {
        Ok(groups) => groups,
        Err(error) if error.kind == ErrorKind::NoKey => Vec::new(),
        Err(error) if error.kind == ErrorKind::WrongType => {
            let kind = connection.run(key_type(&job.stream)).await;
            let kind = kind.unwrap_or_else(|_| b"value of another kind".to_vec());
            return Err(Join::Problem(not_a_stream(&job.stream, &kind)));
        }
        Err(error) => return Err(error.into()),
    };
    if !groups.iter().any(|info| info.name == job.group) {
        if !job.may_create {
            return Err(Join::Problem(
                Problem::not_found(format!("no group `{}` on `{}`", job.group, job.stream)).hint(
                    format!(
                        "create it with: {}",
                        CommandLine::new("init")
                            .arg(&job.group)
                            .option("--stream", &job.stream)
                    ),
                ),
            ));
        }
        match connection
            .call(create_group(&job.stream, &job.group, job.start, None))
            .await
        {
            Ok(()) => tracing::info!(group = %job.group, stream = %job.stream, "created the group"),
            Err(error) if error.kind == ErrorKind::BusyGroup => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Creates this worker's consumer in the group.
async fn join_as_consumer(connection: &Connection, job: &Assignment) -> Result<(), Join> {
    if job.mode != Mode::Preclaimed && job.home.is_none() {
        // Whoever was given entries has a consumer that just got them; the one on the retry stream is this worker's.
        warn_of_namesake(connection, job).await;
    }
    let consumer = xgroup_create_consumer(&job.stream, &job.group, &job.consumer);
    match connection.run(consumer).await {
        // Full memory forbids this and not the read that creates the consumer as well: the work can go on.
        Err(error) if error.kind == ErrorKind::OutOfMemory => {}
        outcome => drop(outcome?),
    }
    Ok(())
}
