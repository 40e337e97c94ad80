//! A worker from start to end: the group and consumer are there, the engine works, and what is in hand is brought to an
//! end or given back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::counters::{Counters, Summary, add};
use super::engine::Engine;
use super::handler::Handler;
use super::policy::Policy;
use crate::model::{EntryId, Name, Problem};
use crate::topology::OnGroupLost;
use crate::wire::{
    Connection, Dialer, Error, ErrorKind, GroupStart, LeaseState, delete_consumer, release,
    xgroup_create, xgroup_create_consumer, xinfo_groups, xinfo_stream,
};

/// Entries given back by one script call.
const RELEASED_AT_A_TIME: usize = 500;

/// Called with the id of every entry whose handler handled it.
pub type Journal = Arc<dyn Fn(EntryId) + Send + Sync>;

/// When a worker ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Never.
    Forever,
    /// When what was in the stream at the start, and what was due of the pending entries, was attempted.
    Once,
}

/// What the process wants of its workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// Go on.
    Run,
    /// Finish what runs, give back the rest.
    Drain,
    /// Stop what runs, too.
    Now,
}

/// What one worker is to do.
#[derive(Clone)]
pub struct Assignment {
    /// The stream it reads.
    pub stream: Name,
    /// The group it is a member of.
    pub group: Name,
    /// Its name in the group; no other process has the same.
    pub consumer: Name,
    /// Where entries go that failed for good; in the stream's hash slot.
    pub dead_letter: Name,
    /// The numbers it goes by.
    pub policy: Policy,
    /// What it does with an entry.
    pub handler: Arc<Handler>,
    /// Whether it works only while it has the group's lease.
    pub is_single: bool,
    /// Whether it may create the group.
    pub may_create: bool,
    /// Where a group begins that it creates at its start.
    pub start: GroupStart,
    /// What to do when the group goes away while it works.
    pub on_group_lost: OnGroupLost,
    /// When it ends by itself.
    pub mode: Mode,
    /// It ends after starting so many.
    pub max_messages: Option<u64>,
    /// How long it tries to reach the server at its start.
    pub connect_for: Duration,
    /// Learns of every handled entry.
    pub journal: Option<Journal>,
}

/// A consumer name no other process has: `host-pid-random`.
pub fn consumer_name() -> Name {
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let random = uuid::Uuid::new_v4().simple().to_string();
    Name::from(format!("{host}-{}-{}", std::process::id(), &random[..8]))
}

/// Works until the work is done, `signal` asks for the end, or something fails for good; then finishes what runs and
/// gives back the rest. `counters` tell how far it is, also when it fails.
///
/// # Errors
/// What trying again does not mend, after what was in hand was given back.
pub async fn run(
    job: Assignment,
    dialer: Dialer,
    signal: watch::Receiver<Signal>,
    counters: Arc<Counters>,
) -> anyhow::Result<Summary> {
    let Some((connection, read_until)) = prepare(&job, &dialer, signal.clone()).await? else {
        return Ok(counters.summary());
    };
    let mut engine = Engine::new(job, dialer, Arc::clone(&counters), signal);
    engine.connection = Some(connection);
    engine.read_until = read_until;
    engine.is_reading_over = engine.job.mode == Mode::Once && read_until.is_none();
    let outcome = engine.work().await;
    engine.wind_up().await;
    outcome.map(|()| counters.summary())
}

/// Connects, makes sure of group and consumer, and finds where `--once` ends. `None`: a signal came first.
async fn prepare(
    job: &Assignment,
    dialer: &Dialer,
    signal: watch::Receiver<Signal>,
) -> anyhow::Result<Option<(Connection, Option<EntryId>)>> {
    let started = Instant::now();
    let mut pause = Duration::from_millis(50);
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
        if started.elapsed() + pause > job.connect_for {
            return Err(job.failed_with(error));
        }
        tracing::warn!(group = %job.group, %error, "cannot start yet: trying again");
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
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

async fn join_group(
    job: &Assignment,
    dialer: &Dialer,
) -> Result<(Connection, Option<EntryId>), Join> {
    let connection = dialer.connect().await?;
    let groups = match connection.run(xinfo_groups(&job.stream)).await {
        Ok(groups) => groups,
        Err(error) if error.kind == ErrorKind::NoKey => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    if !groups.iter().any(|info| info.name == job.group) {
        if !job.may_create {
            return Err(Join::Problem(
                Problem::not_found(format!("no group `{}` on `{}`", job.group, job.stream))
                    .hint(format!("create it with: ucp-streams init {}", job.group)),
            ));
        }
        match connection
            .run(xgroup_create(&job.stream, &job.group, job.start))
            .await
        {
            Ok(()) => tracing::info!(group = %job.group, stream = %job.stream, "created the group"),
            Err(error) if error.kind == ErrorKind::BusyGroup => {}
            Err(error) => return Err(error.into()),
        }
    }
    let consumer = xgroup_create_consumer(&job.stream, &job.group, &job.consumer);
    match connection.run(consumer).await {
        // Full memory forbids this and not the read that creates the consumer as well: the work can go on.
        Err(error) if error.kind == ErrorKind::OutOfMemory => {}
        outcome => drop(outcome?),
    }
    let info = connection.run(xinfo_stream(&job.stream)).await?;
    Ok((connection, info.last.map(|entry| entry.id)))
}

impl Assignment {
    /// The error a worker ends with, naming what it was to do.
    pub(super) fn failed_with(&self, error: Error) -> anyhow::Error {
        let (group, stream) = (&self.group, &self.stream);
        anyhow::Error::new(error).context(format!("worker of group `{group}` on `{stream}`"))
    }
}

impl Engine {
    /// Brings everything in hand to an end: what runs may finish within the grace, what never started goes back, what
    /// waits for a retry stays pending, and the consumer goes when it holds nothing.
    async fn wind_up(&mut self) {
        self.stop_reading();
        self.put_back_unstarted();
        self.finish_running().await;
        if let Err(error) = self.finish_with_server().await {
            tracing::warn!(group = %self.job.group, %error, "could not tell the server everything; what was in hand stays pending and is taken over later");
        }
        add(&self.counters.left_pending, self.hand.len() as u64);
    }

    /// Drops the reader and its lane; acknowledgements under way are sent again under a fence.
    fn stop_reading(&mut self) {
        self.reader = super::reader::Reader::idle();
        let riding = std::mem::take(&mut self.riding);
        self.settle_again(riding);
    }

    /// Entries that were delivered and never started: their delivery is taken back.
    pub(super) fn put_back_unstarted(&mut self) {
        for delivery in std::mem::take(&mut self.ready) {
            self.unstarted.push((delivery.id(), delivery.deliveries));
            self.hand.remove(delivery.id());
        }
    }

    async fn finish_running(&mut self) {
        let grace_ends = Instant::now() + self.job.policy.grace;
        while self.hand.running() > 0 && *self.signal.borrow() != Signal::Now {
            let now = Instant::now();
            if now >= grace_ends {
                tracing::warn!(group = %self.job.group, running = self.hand.running(), "the grace is over: stopping handlers");
                break;
            }
            let tick = (grace_ends - now).min(Duration::from_millis(500));
            let mut signal = self.signal.clone();
            tokio::select! {
                _ = timeout(tick, self.next_finished()) => {}
                _ = signal.changed() => {}
            }
            // Leases are kept up and results told while others still run.
            if self.keep_up().await.is_err() {
                self.connection = None;
            }
        }
        for id in self.hand.ids() {
            if self.hand.is_running(id) {
                self.let_go(id);
                add(&self.counters.left_pending, 1);
            }
        }
    }

    async fn keep_up(&mut self) -> Result<(), Error> {
        if self.connection.is_none() {
            self.connection = Some(self.dialer.connect().await?);
        }
        self.renew_leases(Instant::now()).await?;
        self.settle().await
    }

    async fn finish_with_server(&mut self) -> Result<(), Error> {
        if self.connection.as_ref().is_none_or(Connection::is_lost) {
            self.connection = Some(self.dialer.connect().await?);
        }
        self.settle().await?;
        self.release_strays().await?;
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        connection.call(delete_consumer(self.holder())).await?.ok();
        if let (Some(lease), Some(connection)) = (&mut self.lease, &self.connection) {
            lease.drop(connection).await?;
        }
        Ok(())
    }

    /// Gives back what was delivered to a read that was abandoned, and what never started.
    async fn release_strays(&mut self) -> Result<(), Error> {
        let strays = self.own_strays().await?;
        self.unstarted
            .extend(strays.into_iter().map(|stray| (stray.id, stray.deliveries)));
        self.unstarted.sort_unstable();
        self.unstarted.dedup();
        self.release_unstarted().await
    }

    /// Gives back what never started: its delivery is taken back.
    pub(super) async fn release_unstarted(&mut self) -> Result<(), Error> {
        while !self.unstarted.is_empty() {
            let count = self.unstarted.len().min(RELEASED_AT_A_TIME);
            let leases: Vec<_> = self.unstarted[..count]
                .iter()
                .map(|&(id, deliveries)| ((id, deliveries), Some(deliveries.saturating_sub(1))))
                .collect();
            let Some(connection) = &self.connection else {
                return Ok(());
            };
            let states = connection.call(release(self.holder(), &leases)).await?;
            let released = states
                .iter()
                .filter(|state| **state == LeaseState::Done)
                .count();
            add(&self.counters.released, released as u64);
            self.unstarted.drain(..count);
        }
        Ok(())
    }
}
