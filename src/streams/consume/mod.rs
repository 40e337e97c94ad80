//! Reads as a member of a group. Entries are handed over in batches, and acknowledged only once they were written.
//! Entries that could not be handed over are released.

mod acknowledging;
mod again;
mod job;

use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use anyhow::Result;

use again::Strays;
pub use job::{Consumed, Job, Wait};

use super::losses::{Watch, counted_by};
use super::names::no_group;
use super::patience::passes;
use super::tail::Sink;
use super::target::Target;
use crate::model::{AdaptiveBatch, Batch, EntryId, Name};
use crate::wire::{
    Connection, Dialer, Error, ErrorKind, GroupRead, Holder, Lane, Lease, LeaseState, Looked, Scan,
    Stop, delete_consumer, release, xgroup_create_consumer,
};

/// What a consumer leaves behind in its group.
#[derive(Debug, Default)]
pub struct Left {
    /// Entries it still holds.
    pub pending: u64,
    /// Why the consumer could not be deleted although it should have been.
    pub undeleted: Option<Error>,
}

/// The greatest number of entries in one read, and so the most that are released when the output fails.
const BATCH: usize = 100;

/// A consumer of a group while it reads.
#[derive(Debug)]
pub struct Member<'a> {
    dialer: &'a Dialer,
    connection: Connection,
    /// `None` once the connection was closed.
    lane: Option<Lane>,
    target: &'a Target,
    /// As [`Target::home`].
    home: Option<Name>,
    consumer: &'a Name,
    is_new: bool,
    watch: Watch,
    /// The losses that were found before this run read anything.
    looked: Option<Result<Looked, Error>>,
    /// Entries after this id were delivered to this run: the id of the last entry handed over, or the group's last
    /// delivered id at the start.
    position: EntryId,
    /// How many entries one read requests.
    portion: AdaptiveBatch,
    /// When the server ends the last blocking read.
    read_ends: Option<Instant>,
}

impl<'a> Member<'a> {
    /// Joins the group, whose last delivered entry is at `position`, as `consumer`, which may exist already.
    ///
    /// # Errors
    /// Not found when the group does not exist; errors of the server.
    pub async fn join(
        dialer: &'a Dialer,
        connection: Connection,
        target: &'a Target,
        consumer: &'a Name,
        dead_letter: Name,
        position: EntryId,
    ) -> Result<Self> {
        let lane = dialer.lane().await?;
        let mut watch = Watch::new(&target.stream, &target.group, dead_letter);
        watch.counted_by = counted_by(&connection).await?;
        // A group that never had a consumer never read: this one is not there yet.
        let look = watch.call(&target.stream, &target.group, consumer, None);
        let looked = match connection.call(look).await {
            Err(error) if error.kind.is_connection_lost() => return Err(error.into()),
            looked => Some(looked),
        };
        let create = xgroup_create_consumer(&target.stream, &target.group, consumer);
        let is_new = match connection.run(create).await {
            Ok(is_new) => is_new,
            // Full memory forbids this and not the read that creates the consumer as well.
            Err(error) if error.kind == ErrorKind::OutOfMemory => {
                let consumers = target.consumers(&connection).await?;
                consumers.iter().all(|it| it.name != *consumer)
            }
            Err(error) => return Err(explained(&connection, target, error).await),
        };
        Ok(Self {
            dialer,
            connection,
            lane: Some(lane),
            target,
            home: target.home(),
            consumer,
            is_new,
            watch,
            looked,
            position,
            portion: AdaptiveBatch::new(BATCH),
            read_ends: None,
        })
    }

    /// Reads entries that were never delivered to the group and hands them to `sink`, until there are no more, or
    /// `is_stopped`. An entry is safe, and may be acknowledged, once the sink has paused after it. When it waits
    /// until stopped, it reconnects after a lost connection, and no entry is left out or handed over twice. Once
    /// `taker_gone`, no more entries are delivered, and a blocking read is abandoned.
    pub async fn consume(
        &mut self,
        job: Job,
        sink: &mut impl Sink,
        is_stopped: impl Fn() -> bool,
        taker_gone: impl Future<Output = ()>,
    ) -> Consumed {
        let mut consumed = Consumed::default();
        let taker_gone = pin!(taker_gone);
        let outcome = self.read_on(job, sink, is_stopped, taker_gone, &mut consumed);
        let outcome = outcome.await;
        if let Some(looked) = self.looked.take() {
            consumed.note(looked);
        }
        consumed.error = outcome.err();
        consumed
    }

    async fn read_on(
        &mut self,
        job: Job,
        sink: &mut impl Sink,
        is_stopped: impl Fn() -> bool,
        mut taker_gone: Pin<&mut impl Future<Output = ()>>,
        consumed: &mut Consumed,
    ) -> Result<()> {
        let mut last_read = Instant::now();
        loop {
            if let Some(looked) = self.looked.take() {
                consumed.note(looked);
            }
            let left = job
                .count_max
                .map(|most| most.saturating_sub(consumed.entries));
            let most = self.portion.at_a_time();
            let count_max = left.map_or(most, |left| {
                usize::try_from(left).map_or(most, |left| left.min(most))
            });
            if count_max == 0 || is_stopped() {
                return Ok(());
            }
            let block = job.wait.step(last_read.elapsed());
            let next = tokio::select! {
                biased;
                () = &mut taker_gone => {
                    consumed.is_abandoned = true;
                    consumed.given_back += self.abandon().await.unwrap_or_default();
                    return Ok(());
                }
                next = self.next((count_max, block), job.wait, sink, &is_stopped) => next?,
            };
            let Some(next) = next else {
                return Ok(());
            };
            consumed.bodiless.extend(next.bodiless);
            let batch = next.batch;
            let Some(last) = batch.len().checked_sub(1).map(|last| batch.id(last)) else {
                if job.wait.is_over(last_read.elapsed()) {
                    return Ok(());
                }
                continue;
            };
            if let Err(error) = hand_over(&batch, sink) {
                consumed.given_back = self.give_back(&batch).await;
                return Err(error);
            }
            self.position = last;
            consumed.entries += batch.len() as u64;
            if job.acknowledges {
                let unwritten = sink.unwritten();
                let mut leases = leases(&batch);
                leases.retain(|(id, _)| !unwritten.contains(id));
                self.acknowledge(&leases, job.wait, sink, &is_stopped, consumed)
                    .await?;
            }
            last_read = Instant::now();
        }
    }

    /// The next entries, limited in number and waiting time, or those that were delivered in a lost reply; `None`
    /// when stopped.
    async fn next(
        &mut self,
        (count_max, block): (usize, Option<Duration>),
        wait: Wait,
        sink: &mut impl Sink,
        is_stopped: &impl Fn() -> bool,
    ) -> Result<Option<Strays>> {
        let error = match self.read(count_max, block).await {
            Ok(batch) => {
                let bodiless = Vec::new();
                return Ok(Some(Strays { batch, bodiless }));
            }
            Err(error) => error,
        };
        if wait == Wait::Forever && passes(&error) {
            return match self.go_on(&error, sink, is_stopped).await {
                Ok(strays) => Ok(strays),
                Err(error) => Err(self.explained(error).await),
            };
        }
        Err(self.explained(error).await)
    }

    async fn read(&mut self, count_max: usize, block: Option<Duration>) -> Result<Batch, Error> {
        let read = GroupRead {
            stream: &self.target.stream,
            group: &self.target.group,
            consumer: self.consumer,
            count_max,
            block,
            deleted: None,
        };
        self.read_ends = block.map(|block| Instant::now() + block);
        let (stream, group) = (&self.target.stream, &self.target.group);
        let look = self.watch.call(stream, group, self.consumer, None);
        let lane = match &mut self.lane {
            Some(lane) => lane,
            none => none.insert(self.dialer.lane().await?),
        };
        let reply = lane.read_group_after(read, &[], Some(&look)).await?;
        self.looked = reply.looked;
        let batch = reply.batch;
        self.portion.brought(count_max, batch.len(), batch.bytes());
        Ok(batch)
    }

    /// Releases entries that were not handed over, so that any consumer may claim them at once. If that fails too,
    /// they stay pending as they are. Returns how many were released.
    async fn give_back(&self, batch: &Batch) -> u64 {
        self.release(&leases(batch)).await
    }

    async fn release(&self, leases: &[Lease]) -> u64 {
        let leases: Vec<_> = leases.iter().map(|it| (*it, Some(0))).collect();
        let released = self.connection.call(release(self.holder(), &leases));
        let Ok(states) = released.await else {
            return 0;
        };
        let is_done = |it: &&LeaseState| **it == LeaseState::Done;
        states.iter().filter(is_done).count() as u64
    }

    /// Leaves the group. The consumer is deleted if joining created it and nothing is pending for it.
    ///
    /// # Errors
    /// Errors of the server, except its refusal to delete the consumer, which then stays.
    pub async fn leave(self) -> Result<Left> {
        let mut undeleted = None;
        if self.is_new {
            match self.connection.call(delete_consumer(self.holder())).await {
                Ok(Ok(())) => return Ok(Left::default()),
                Ok(Err(_)) => {}
                Err(error) if error.kind.is_refusal() => undeleted = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        let consumers = self.target.consumers(&self.connection).await?;
        let own = consumers.iter().find(|it| it.name == *self.consumer);
        Ok(Left {
            pending: own.map_or(0, |it| it.pending),
            undeleted: undeleted.filter(|_| own.is_some()),
        })
    }

    fn holder(&self) -> Holder<'_> {
        Holder {
            stream: &self.target.stream,
            group: &self.target.group,
            consumer: self.consumer,
            fence: None,
            home: self.home.as_ref(),
        }
    }

    async fn explained(&self, error: Error) -> anyhow::Error {
        explained(&self.connection, self.target, error).await
    }
}

/// The leases of new entries, which are delivered for the first time.
fn leases(batch: &Batch) -> Vec<Lease> {
    (0..batch.len()).map(|at| (batch.id(at), 1)).collect()
}

fn hand_over(batch: &Batch, sink: &mut impl Sink) -> Result<()> {
    let mut fields = Vec::new();
    for at in 0..batch.len() {
        fields.clear();
        fields.extend(batch.fields(at));
        sink.entry(0, batch.id(at), &fields)?;
    }
    sink.pause()
}

async fn explained(connection: &Connection, target: &Target, error: Error) -> anyhow::Error {
    match error.kind {
        ErrorKind::NoGroup => no_group(connection, &target.stream, &target.group)
            .await
            .into(),
        _ => error.into(),
    }
}

/// Hands over the entries that would be read, without delivering them. Returns how many there were.
///
/// # Errors
/// Errors of the server or of `sink`.
pub async fn peek(
    lane: &mut Lane,
    stream: &Name,
    last_delivered: EntryId,
    count_max: Option<u64>,
    sink: &mut impl Sink,
) -> Result<u64> {
    let Some(start) = last_delivered.next() else {
        return Ok(0);
    };
    let range = Scan {
        start,
        count_max: count_max.map_or(usize::MAX, |most| {
            usize::try_from(most).unwrap_or(usize::MAX)
        }),
        ..Scan::ALL
    };
    let mut entries = 0;
    lane.scan(stream, range, |id, fields| {
        entries += 1;
        sink.entry(0, id, fields).map_err(Stop::Sink)
    })
    .await
    .map_err(Stop::into_error)?;
    sink.pause()?;
    Ok(entries)
}
