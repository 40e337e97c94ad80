//! What consumers hold that are not live, and who can take it over.

use std::time::Duration;

use super::consumers::Member;
use super::pending::Holding;
use super::target::Target;
use crate::model::{CommandLine, ConsumerInfo, Name, whole_ms};
use crate::topology::Topology;

/// A consumer that was seen within this, or within the claim idle where that is longer, may be live.
const LIVE: Duration = Duration::from_mins(1);

/// Consumers that are not live and hold pending entries.
#[derive(Clone, Copy, Debug)]
pub struct Abandoned<'a> {
    /// How many consumers they are.
    pub consumers: usize,
    /// How many entries they hold.
    pub held: u64,
    /// The one that holds most.
    pub worst: Holder<'a>,
    /// A live consumer: the one that was seen last.
    live: Option<&'a Name>,
}

/// A consumer with what it holds.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// The consumer.
    pub name: &'a Name,
    /// Its pending entries.
    pub pending: u64,
    /// How long it has not been seen.
    pub idle_ms: u64,
}

impl<'a> From<&'a ConsumerInfo> for Holder<'a> {
    fn from(info: &'a ConsumerInfo) -> Self {
        Self {
            name: &info.name,
            pending: info.pending,
            idle_ms: info.idle_ms,
        }
    }
}

impl<'a> From<&'a Member> for Holder<'a> {
    fn from(member: &'a Member) -> Self {
        Self {
            name: &member.consumer,
            pending: member.pending,
            idle_ms: member.idle_ms,
        }
    }
}

impl<'a> Holder<'a> {
    /// A consumer of a report; none for entries that no consumer holds.
    pub fn of_holding(holding: &'a Holding) -> Option<Self> {
        Some(Self {
            name: &holding.consumer,
            pending: holding.pending,
            idle_ms: holding.idle_ms?,
        })
    }
}

impl<'a> Abandoned<'a> {
    /// What is abandoned in a group with these consumers, whose workers claim after `claim_idle`.
    pub fn of(consumers: impl Iterator<Item = Holder<'a>>, claim_idle: Duration) -> Option<Self> {
        // A live worker looks for what it may claim every claim idle, and needs a moment.
        let limit = whole_ms(claim_idle.max(LIVE)) * 2;
        let (dead, live): (Vec<_>, Vec<_>) = consumers.partition(|it| it.idle_ms > limit);
        let dead: Vec<_> = dead.into_iter().filter(|it| it.pending > 0).collect();
        let worst = *dead.iter().max_by_key(|it| it.pending)?;
        let live = live.into_iter().min_by_key(|it| it.idle_ms);
        Some(Self {
            consumers: dead.len(),
            held: dead.iter().map(|it| it.pending).sum(),
            worst,
            live: live.map(|it| it.name),
        })
    }

    /// What gets it handled. Where nobody lives, a worker is started, which claims all of it. A consumer that lives has not
    /// claimed what the worst one holds, and may never look for what it is given: the group's own handler takes that, and
    /// where the topology knows none, that consumer does.
    pub fn next(&self, target: &Target, topology: &Topology) -> CommandLine {
        let Some(heir) = self.live else {
            return target.command("worker run", topology);
        };
        let line = target
            .command("claim", topology)
            .option("--consumer", self.worst.name);
        let spec = topology.group(&target.group, Some(&target.stream));
        match spec.ok().and_then(|it| it.handler) {
            Some(_) => line.flag("--work"),
            None => line.option("--to", heir),
        }
    }
}
