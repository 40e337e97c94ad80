//! What consumers hold that are not live, and who can take it over.

use std::time::Duration;

use super::consumers::Member;
use super::inspect::LIVE_MIN;
use super::pending::Holding;
use super::target::Target;
use crate::model::{CommandLine, ConsumerInfo, Name, format_duration, whole_ms};
use crate::topology::Topology;

/// A consumer without pending entries that has been idle for longer was left behind by a worker that ended.
const LEFT_BEHIND: Duration = Duration::from_hours(1);

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

impl Holder<'_> {
    /// Whether it was left behind by a worker that ended, and holds nothing.
    pub fn is_left_behind(&self) -> bool {
        self.pending == 0 && self.idle_ms > whole_ms(LEFT_BEHIND)
    }
}

/// The command that deletes the consumers that were left behind.
pub fn delete_left_behind(target: &Target, topology: &Topology) -> CommandLine {
    let line = target.command("consumers prune", topology);
    line.option("--idle", format_duration(LEFT_BEHIND))
}

impl<'a> Abandoned<'a> {
    /// What is abandoned in a group with these consumers, whose workers claim after `claim_idle`.
    pub fn of(consumers: impl Iterator<Item = Holder<'a>>, claim_idle: Duration) -> Option<Self> {
        // A live worker looks for what it may claim every claim idle, and needs a moment.
        let limit = whole_ms(claim_idle.max(LIVE_MIN)) * 2;
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

    /// What gets it handled. Where nobody lives, a worker is started, which claims all of it; what other programs handle is
    /// looked at. A consumer that lives has not
    /// claimed what the worst one holds, and may never look for what it is given: the group's own handler takes that, and
    /// where the topology knows none, that consumer does.
    pub fn next(&self, target: &Target, topology: &Topology) -> CommandLine {
        let Some(heir) = self.live else {
            let worker = target.worker(topology);
            return worker.unwrap_or_else(|| target.command("consumers", topology));
        };
        let line = target
            .command("claim", topology)
            .option("--consumer", self.worst.name);
        match target.worker(topology) {
            Some(_) => line.flag("--work"),
            None => line.option("--to", heir),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(group: &str, stream: &str, idle_ms: &[(&str, u64, u64)]) -> Option<String> {
        let names: Vec<(Name, u64, u64)> = { idle_ms.iter() }
            .map(|(name, pending, idle_ms)| (Name::from(*name), *pending, *idle_ms))
            .collect();
        let holders = names.iter().map(|(name, pending, idle_ms)| Holder {
            name,
            pending: *pending,
            idle_ms: *idle_ms,
        });
        let target = Target {
            stream: stream.into(),
            group: group.into(),
        };
        let abandoned = Abandoned::of(holders, Duration::from_secs(3))?;
        Some(abandoned.next(&target, &Topology::default()).to_string())
    }

    #[test]
    fn what_is_suggested_can_be_done() {
        let (dead, live) = (("dead", 3, 121_000), ("live", 0, 1_000));
        let (ours, others) = (
            ("event-processors", "events.normalized"),
            ("billing", "orders"),
        );
        for ((group, stream), consumers, expected) in [
            (
                ours,
                &[dead][..],
                Some("ucp-streams worker run event-processors"),
            ),
            (
                ours,
                &[dead, live],
                Some("ucp-streams claim event-processors --consumer dead --work"),
            ),
            (
                others,
                &[dead],
                Some("ucp-streams consumers billing --stream orders"),
            ),
            (
                others,
                &[dead, live],
                Some("ucp-streams claim billing --stream orders --consumer dead --to live"),
            ),
            (ours, &[("slow", 3, 119_000)], None),
        ] {
            assert_eq!(
                next(group, stream, consumers).as_deref(),
                expected,
                "{consumers:?}"
            );
        }
    }
}
