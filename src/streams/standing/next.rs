//! The command to type next about an entry, according to its standing with a group.

use std::time::Duration;

use super::report::{GroupStanding, Standing};
use crate::model::{CommandLine, Name};
use crate::streams::target::Target;
use crate::topology::Topology;

/// The next command about an entry and a group, where there is something to do or to see. `copy` is a copy of the entry.
pub(super) fn next(
    row: &GroupStanding,
    copy: Option<String>,
    has_body: bool,
    topology: &Topology,
) -> Option<CommandLine> {
    let target = Target {
        stream: row.stream.clone(),
        group: row.group.clone(),
    };
    let id = row.id.to_string();
    let line = |command| target.command(command, topology);
    match row.standing {
        Standing::Pending if !is_stale(row, topology) => Some(match &row.consumer {
            Some(consumer) => line("pending").option("--consumer", consumer),
            None => line("pending"),
        }),
        // A body that is gone becomes a tombstone.
        Standing::Pending | Standing::Ghost => Some(line("claim").arg(id).flag("--work")),
        Standing::Undelivered | Standing::Skipped => Some(line("lag")),
        Standing::Requeued | Standing::Redriven => {
            Some(CommandLine::new("explain").arg(&row.stream).arg(copy?))
        }
        Standing::DeadLettered => {
            let letter = row.dead_letter_ids.last()?.to_string();
            let command = if has_body { "dlq redrive" } else { "dlq show" };
            Some(CommandLine::new(command).arg(&row.stream).arg(letter))
        }
        Standing::Lost => Some(CommandLine::new("info").arg(&row.stream)),
        Standing::NoGroup => Some(line("init")),
        Standing::Acknowledged | Standing::Unknown => None,
    }
}

/// The next command among several: about the entry with the worst standing.
pub fn worst_next(rows: &[GroupStanding]) -> Option<String> {
    let rank = |standing: Standing| match standing {
        Standing::Ghost => 0,
        Standing::DeadLettered => 1,
        Standing::Pending => 2,
        Standing::Lost => 3,
        Standing::NoGroup => 4,
        Standing::Requeued | Standing::Redriven => 5,
        Standing::Undelivered => 6,
        _ => 7,
    };
    let with_next = rows.iter().filter(|it| it.next.is_some());
    let worst = with_next.min_by_key(|it| rank(it.standing));
    worst.and_then(|it| it.next.clone())
}

/// Whether the entry has been idle for so long that other consumers may claim it.
fn is_stale(row: &GroupStanding, topology: &Topology) -> bool {
    let claim_idle = claim_idle(&row.group, &row.stream, topology);
    row.idle_ms
        .is_none_or(|idle_ms| Duration::from_millis(idle_ms) >= claim_idle)
}

fn claim_idle(group: &Name, stream: &Name, topology: &Topology) -> Duration {
    let spec = topology.group(group, Some(stream));
    spec.map_or(Duration::MAX, |spec| spec.claim_idle)
}
