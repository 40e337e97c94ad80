//! Moves a group to another position, and says beforehand what that does: a move back delivers entries again, takes
//! pending entries from their consumers and resets their delivery counts; a move forward skips entries.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

use super::super::inspect::between;
use super::super::losses::number_of;
use super::super::names::listed;
use super::super::plan;
use super::super::select::{Criteria, Pager};
use super::super::target::Target;
use super::super::which_group::Suggest;
use super::{At, COUNTED_MAX, change, live_consumers};
use crate::model::{
    Consent, EntryId, Lag, Name, PlanFacts, PlanHolder, Problem, SeenGroup, entries, is_fatal,
    report, states,
};
use crate::topology::{GroupSpec, Topology};
use crate::wire::{Connection, GroupSeen, Lane, set_group_id, xrange};

states! {
    /// The direction in which a group moves.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Direction {
        /// Back to entries that were delivered already.
        Back = "back" in Warn,
        /// Forward past entries that were not delivered.
        Forward = "forward" in Warn,
        /// The group is already at the position.
        Stay = "stay" in Plain,
    }
}

/// A consumer that would lose its pending entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct HeldBy {
    /// The consumer; empty for entries that were released.
    pub consumer: Name,
    /// Entries it would lose.
    pub pending: u64,
    /// The greatest delivery count among them.
    pub deliveries_max: u64,
}

report! {
    /// A group's move.
    #[derive(Clone, Debug)]
    pub struct Shift {
        /// The group.
        pub group: Name => text("GROUP"),
        /// Its stream.
        pub stream: Name => text("STREAM"),
        /// Whether it was done.
        pub is_done: bool => whole("DONE"),
        /// The direction.
        pub direction: Direction => whole("DIRECTION"),
        /// The last delivered id before the move.
        pub from_id: EntryId => whole("FROM"),
        /// The last delivered id after the move.
        pub to_id: EntryId => whole("TO"),
        /// Entries that are delivered again.
        pub again: Lag => number("DELIVERED AGAIN"),
        /// Entries that are never delivered.
        pub skipped: Lag => number("SKIPPED"),
        /// Pending entries among those delivered again: the next consumer that reads takes them over, and their
        /// delivery counts start at 1.
        pub stolen: u64 => number("TAKEN FROM CONSUMERS"),
        /// The greatest delivery count that is lost; `None` when none is.
        pub deliveries_max: Option<u64> => number("DELIVERIES LOST"),
        /// The consumers that hold them.
        pub holders: Vec<HeldBy> => number("HOLDERS") by |shift| shift.holders.len().into(),
        /// All pending entries of the group.
        pub pending: u64 => number("PENDING"),
        /// Consumers that were active within the group's claim idle.
        pub live_consumers: Vec<Name> => number("LIVE CONSUMERS") by |shift| shift.live_consumers.len().into(),
    }
}

/// What a move would do, and the state it was planned from.
#[derive(Debug)]
pub struct SetIdPlan {
    /// What it would do.
    pub row: Shift,
    target: Target,
    seen: Option<SeenGroup>,
    /// The first entry that is delivered again or skipped.
    oldest: Option<EntryId>,
    /// The number of entries up to the new position, if it had to be counted.
    counted: Option<u64>,
}

impl SetIdPlan {
    /// Why the move is refused, unless `is_forced`.
    pub fn refusal(&self, is_forced: bool) -> Option<Problem> {
        let live = &self.row.live_consumers;
        (!live.is_empty() && !is_forced).then(|| {
            let text = format!("{} has live consumers: {}", self.target, listed(live));
            Problem::refused(text).hint("stop them first, or add --force")
        })
    }

    /// The plan as data.
    pub fn facts(&self) -> PlanFacts {
        let row = &self.row;
        let holder = |it: &HeldBy| PlanHolder {
            consumer: Some(it.consumer.clone()).filter(|name| !name.is_empty()),
            entries: it.pending,
            deliveries_max: Some(it.deliveries_max),
            idle_min_ms: None,
        };
        let summary = match row.direction {
            Direction::Stay => format!("move nothing: {} is already at {}", self.target, row.to_id),
            _ => told(&self.target, row),
        };
        PlanFacts {
            count: (row.direction != Direction::Stay).into(),
            left_out: (row.direction == Direction::Stay).into(),
            entries: Some(match row.direction {
                Direction::Forward => row.skipped,
                _ => row.again,
            }),
            holders: plan::most_first(row.holders.iter().map(holder).collect()),
            ..plan::about(&self.target, self.seen, summary)
        }
        .since(self.oldest)
    }
}

/// Finds out what moving the group would do. Changes nothing.
///
/// # Errors
/// Not found when there is no such group; refused for a position ahead of the clock; errors of the server.
pub async fn plan_set_id(
    connection: &Connection,
    lane: &mut Lane,
    topology: &Topology,
    spec: &GroupSpec,
    at: At,
) -> Result<SetIdPlan> {
    let target = Target::from(spec);
    let groups = target
        .require(connection, topology, Suggest::Nothing)
        .await?;
    let to_id = at.resolve(connection, lane, &target.stream).await?;
    let seen = groups.into_iter().find(|it| it.name == target.group);
    let seen = seen.as_ref().map(SeenGroup::from);
    let (from_id, pending) =
        seen.map_or((EntryId::MIN, 0), |it| (it.last_delivered_id, it.pending));
    let (direction, again, skipped) = match to_id.cmp(&from_id) {
        std::cmp::Ordering::Less => {
            let again = between(lane, &target.stream, to_id, from_id, COUNTED_MAX).await?;
            (Direction::Back, again, Lag::Known(0))
        }
        std::cmp::Ordering::Equal => (Direction::Stay, Lag::Known(0), Lag::Known(0)),
        std::cmp::Ordering::Greater => {
            let skipped = between(lane, &target.stream, from_id, to_id, COUNTED_MAX).await?;
            (Direction::Forward, Lag::Known(0), skipped)
        }
    };
    let holders = match direction {
        Direction::Back => holders(connection, &target, to_id).await?,
        _ => Vec::new(),
    };
    let row = Shift {
        group: target.group.clone(),
        stream: target.stream.clone(),
        is_done: false,
        direction,
        from_id,
        to_id,
        again,
        skipped,
        stolen: holders.iter().map(|it| it.pending).sum(),
        deliveries_max: holders.iter().map(|it| it.deliveries_max).max(),
        holders,
        pending,
        live_consumers: live_consumers(connection, &target, spec.claim_idle).await?,
    };
    let oldest = oldest(connection, &row).await?;
    let counted = number_of(connection, lane, &target.stream, to_id).await?;
    Ok(SetIdPlan {
        row,
        target,
        seen,
        oldest,
        counted,
    })
}

/// The first entry that is delivered again or skipped.
async fn oldest(connection: &Connection, row: &Shift) -> Result<Option<EntryId>> {
    let (after, last) = (row.from_id.min(row.to_id), row.from_id.max(row.to_id));
    let Some(start) = after.next().filter(|it| *it <= last) else {
        return Ok(None);
    };
    let first = connection.run(xrange(&row.stream, start, last, 1)).await?;
    Ok(first.first().map(|it| it.id))
}

/// The consumers that hold entries pending after `after`, counted page by page.
async fn holders(connection: &Connection, target: &Target, after: EntryId) -> Result<Vec<HeldBy>> {
    let filter = Criteria::default();
    let Some(start) = after.next() else {
        return Ok(Vec::new());
    };
    let mut pager = Pager::new(connection, target, &filter).starting_at(start);
    let mut held: BTreeMap<Name, (u64, u64)> = BTreeMap::new();
    while let Some(page) = pager.page().await? {
        for entry in page {
            let (pending, deliveries_max) = held.entry(entry.consumer).or_default();
            *pending += 1;
            if !is_fatal(entry.deliveries) {
                *deliveries_max = entry.deliveries.max(*deliveries_max);
            }
        }
    }
    let holder = |(consumer, (pending, deliveries_max))| HeldBy {
        consumer,
        pending,
        deliveries_max,
    };
    Ok(held.into_iter().map(holder).collect())
}

/// Moves the group.
///
/// # Errors
/// Refused when the group has moved, or its pending entries have changed, since the plan was made; errors of the
/// server.
pub async fn apply_set_id(connection: &Connection, plan: SetIdPlan, _: Consent) -> Result<Shift> {
    let SetIdPlan {
        mut row,
        target,
        counted,
        ..
    } = plan;
    let seen = GroupSeen {
        stream: &row.stream,
        group: &row.group,
        last_delivered_id: row.from_id,
        pending: row.pending,
    };
    change(connection, &target, set_group_id(seen, row.to_id, counted)).await?;
    row.is_done = true;
    Ok(row)
}

/// What the move does, in words.
fn told(target: &Target, row: &Shift) -> String {
    let head = format!("move {target} from {} to {}", row.from_id, row.to_id);
    if row.direction == Direction::Forward {
        return format!(
            "{head}\nskipped without being delivered: {}",
            at_least(row.skipped)
        );
    }
    let again = format!("{head}\ndelivered again: {}", at_least(row.again));
    match row.deliveries_max {
        None => again,
        Some(most) => format!(
            "{again}\npending among these: {} ({}); the next consumer to read takes them over, and their delivery counts (up to {most}) start again at 1",
            entries(row.stolen),
            held(&row.holders)
        ),
    }
}

fn held(holders: &[HeldBy]) -> String {
    let of = |it: &HeldBy| {
        if it.consumer.is_empty() {
            format!("{} without a consumer", it.pending)
        } else {
            format!("{} of `{}`", it.pending, it.consumer)
        }
    };
    holders.iter().map(of).collect::<Vec<_>>().join(", ")
}

fn at_least(lag: Lag) -> String {
    match lag {
        Lag::AtLeast(count) => format!("at least {}", entries(count)),
        other => entries(other.entries().unwrap_or_default()),
    }
}
