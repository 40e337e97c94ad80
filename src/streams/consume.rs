//! Reading as a member of a group: entries are handed over batch by batch, and acknowledged only once they were taken.
//! What could not be handed over is given back.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::names::no_group;
use super::tail::Sink;
use super::target::Target;
use crate::model::{Batch, CommandLine, EntryId, Kind, Name, Problem};
use crate::wire::{
    Connection, Error, ErrorKind, GroupRead, Holder, Lane, Lease, LeaseState, Scan, Stop,
    acknowledge, delete_consumer, release, xgroup_create_consumer,
};

/// Entries one read brings: so many at most are given back when the output fails.
const BATCH: usize = 100;
/// The longest wait in one read. A read under way is always awaited, since what it is delivered must not be lost.
const STEP: Duration = Duration::from_millis(500);

/// What to do when nothing is left to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// End.
    No,
    /// Wait so long for more, then end.
    UpTo(Duration),
    /// Wait until stopped.
    Forever,
}

impl Wait {
    /// How long the next read may wait, after having waited for `waited`.
    fn step(self, waited: Duration) -> Option<Duration> {
        match self {
            Self::No => None,
            Self::UpTo(most) => Some(STEP.min(most.saturating_sub(waited))),
            Self::Forever => Some(STEP),
        }
    }

    fn is_over(self, waited: Duration) -> bool {
        match self {
            Self::No => true,
            Self::UpTo(most) => waited >= most,
            Self::Forever => false,
        }
    }
}

/// How much to read, and what then.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// At most so many entries; `None` for all there are.
    pub count_max: Option<u64>,
    /// When there are no more.
    pub wait: Wait,
    /// Whether what was taken is acknowledged.
    pub acknowledges: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Consumed {
    /// Entries that were taken.
    pub entries: u64,
    /// Of these, acknowledged.
    pub acknowledged: u64,
    /// Of these, not acknowledged, since somebody else had claimed them meanwhile.
    pub claimed_away: u64,
    /// Taken and not written: given back, so that anyone may claim them at once.
    pub given_back: u64,
    /// What ended it early.
    pub error: Option<anyhow::Error>,
}

/// A consumer of a group, for as long as it reads.
#[derive(Debug)]
pub struct Member<'a> {
    connection: &'a Connection,
    target: &'a Target,
    consumer: &'a Name,
    is_new: bool,
}

impl<'a> Member<'a> {
    /// Joins the group as `consumer`, which may be there already.
    ///
    /// # Errors
    /// Not found when the group is gone; what the server says.
    pub async fn join(
        connection: &'a Connection,
        target: &'a Target,
        consumer: &'a Name,
    ) -> Result<Self> {
        let create = xgroup_create_consumer(&target.stream, &target.group, consumer);
        let is_new = match connection.run(create).await {
            Ok(is_new) => is_new,
            Err(error) => return Err(explained(connection, target, error).await),
        };
        Ok(Self {
            connection,
            target,
            consumer,
            is_new,
        })
    }

    /// Reads what was never delivered to the group and hands it to `sink`, as its only stream, until there is no more, or
    /// `is_stopped`. An entry is safe, and may be acknowledged, once the sink has paused after it.
    pub async fn consume(
        &self,
        lane: &mut Lane,
        job: Job,
        sink: &mut impl Sink,
        is_stopped: impl Fn() -> bool,
    ) -> Consumed {
        let mut consumed = Consumed::default();
        let outcome = self
            .read_on(lane, job, sink, is_stopped, &mut consumed)
            .await;
        consumed.error = outcome.err();
        consumed
    }

    async fn read_on(
        &self,
        lane: &mut Lane,
        job: Job,
        sink: &mut impl Sink,
        is_stopped: impl Fn() -> bool,
        consumed: &mut Consumed,
    ) -> Result<()> {
        let mut last_read = Instant::now();
        loop {
            let left = job.count_max.map(|most| most - consumed.entries);
            let count_max = left.map_or(BATCH, |left| {
                usize::try_from(left).map_or(BATCH, |left| left.min(BATCH))
            });
            if count_max == 0 || is_stopped() {
                return Ok(());
            }
            let block = job.wait.step(last_read.elapsed());
            let batch = self.read(lane, count_max, block).await?;
            if batch.is_empty() {
                if job.wait.is_over(last_read.elapsed()) {
                    return Ok(());
                }
                continue;
            }
            if let Err(error) = hand_over(&batch, sink) {
                consumed.given_back = self.give_back(&batch).await;
                return Err(error);
            }
            consumed.entries += batch.len() as u64;
            if job.acknowledges {
                self.acknowledge(&batch, consumed).await?;
            }
            last_read = Instant::now();
        }
    }

    async fn read(
        &self,
        lane: &mut Lane,
        count_max: usize,
        block: Option<Duration>,
    ) -> Result<Batch> {
        let read = GroupRead {
            stream: &self.target.stream,
            group: &self.target.group,
            consumer: self.consumer,
            count_max,
            block,
        };
        match lane.read_group(read, &[]).await {
            Ok(reply) => Ok(reply.batch),
            Err(error) => Err(explained(self.connection, self.target, error).await),
        }
    }

    /// Under a fence: writing may have taken so long that somebody claimed an entry meanwhile, and it is theirs then.
    async fn acknowledge(&self, batch: &Batch, consumed: &mut Consumed) -> Result<()> {
        let call = acknowledge(self.holder(), &leases(batch));
        match self.connection.call(call).await {
            Ok(held) => {
                let acknowledged = held.iter().filter(|held| **held).count() as u64;
                consumed.acknowledged += acknowledged;
                consumed.claimed_away += batch.len() as u64 - acknowledged;
                Ok(())
            }
            Err(error) if error.kind.is_outcome_unknown() => {
                let what = format!(
                    "{} entries of {} were written, and whether they are acknowledged is unknown: {error}",
                    batch.len(),
                    self.target
                );
                let look = CommandLine::new("pending")
                    .arg(&self.target.group)
                    .option("--stream", &self.target.stream)
                    .option("--consumer", self.consumer);
                let problem = Problem::new(Kind::Unknown, what)
                    .hint(format!("see what is left with `{look}`"));
                Err(anyhow::Error::from(error).context(problem))
            }
            Err(error) => Err(explained(self.connection, self.target, error).await),
        }
    }

    /// Takes the deliveries of what was not handed over back, so that anyone may claim it at once. Where that fails too
    /// it stays pending as it is. Returns how many.
    async fn give_back(&self, batch: &Batch) -> u64 {
        let leases: Vec<_> = leases(batch).into_iter().map(|it| (it, Some(0))).collect();
        let released = self.connection.call(release(self.holder(), &leases));
        let Ok(states) = released.await else {
            return 0;
        };
        let is_done = |it: &&LeaseState| **it == LeaseState::Done;
        states.iter().filter(is_done).count() as u64
    }

    /// Leaves the group: the consumer is deleted if it was created by joining and holds nothing. Returns how many
    /// entries it still holds.
    ///
    /// # Errors
    /// What the server says.
    pub async fn leave(self) -> Result<u64> {
        if self.is_new
            && self
                .connection
                .call(delete_consumer(self.holder()))
                .await?
                .is_ok()
        {
            return Ok(0);
        }
        let consumers = self.target.consumers(self.connection).await?;
        let own = consumers.iter().find(|it| it.name == *self.consumer);
        Ok(own.map_or(0, |it| it.pending))
    }

    fn holder(&self) -> Holder<'_> {
        Holder {
            stream: &self.target.stream,
            group: &self.target.group,
            consumer: self.consumer,
            fence: None,
        }
    }
}

/// New entries are delivered for the first time.
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

/// Hands over what would be read, without reading it as a member: nothing is delivered. Returns how many there were.
///
/// # Errors
/// What the server or `sink` says.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_cut_into_steps_and_ends() {
        let ms = Duration::from_millis;
        for (wait, waited, step, is_over) in [
            (Wait::No, ms(0), None, true),
            (Wait::UpTo(ms(700)), ms(0), Some(ms(500)), false),
            (Wait::UpTo(ms(700)), ms(600), Some(ms(100)), false),
            (Wait::UpTo(ms(700)), ms(701), Some(ms(0)), true),
            (Wait::Forever, ms(90_000), Some(ms(500)), false),
        ] {
            assert_eq!(wait.step(waited), step, "{wait:?} after {waited:?}");
            assert_eq!(wait.is_over(waited), is_over, "{wait:?} after {waited:?}");
        }
    }
}
