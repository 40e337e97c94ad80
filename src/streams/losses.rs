//! What a group lost before delivery: finds and records it as a worker does, and accepts it.

use anyhow::Result;

use super::lag::lost_in_all;
use super::names::explain;
use super::plan;
use super::target::Target;
use super::which_group::Suggest;
use crate::model::{
    Consent, EntryId, Lag, Losses, Name, PlanFacts, Problem, SeenGroup, Time, entries, report,
};
use crate::streams::inspect::{between, counting, lost_cell, position};
use crate::topology::{GroupSpec, Topology, losses_key};
use crate::wire::{
    Connection, Counted, Error, ErrorKind, Fence, Gap, Lane, Looked, LossesOf, ScriptCall,
    accept_losses, get, record_losses, xinfo_groups, xinfo_stream,
};

/// The reason in a tombstone for entries that were never delivered to anybody.
pub const UNDELIVERED: &str = "the entries were trimmed by MAXLEN or XTRIM, or deleted, before they were delivered to the group";

/// The greatest number of entries counted to find the number of one of them.
const COUNTED_MAX: usize = 100_000;

/// How far the server's read counters can be trusted, as in [`LossesOf::counted_by`].
///
/// # Errors
/// Errors of the server, except that the user may not ask.
pub async fn counted_by(connection: &Connection) -> Result<String, Error> {
    // A worker asks at each connection, and would carry so much all the time.
    Ok(Box::pin(counting(connection)).await?.counted_by())
}

/// What a reader needs to look for losses: the keys, and how far the server's counters can be trusted.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The stream's dead-letter stream.
    pub dead_letter: Name,
    /// The key with the total.
    pub kept: Name,
    /// As [`LossesOf::counted_by`].
    pub counted_by: String,
}

impl Watch {
    /// For the readers of `group` on a server with reliable counters.
    pub fn new(stream: &Name, group: &Name, dead_letter: Name) -> Self {
        Self {
            dead_letter,
            kept: losses_key(stream, group),
            counted_by: String::new(),
        }
    }

    /// The script call that looks for losses, for `consumer` of the group.
    pub fn call(
        &self,
        stream: &Name,
        group: &Name,
        consumer: &Name,
        fence: Option<&Fence>,
    ) -> ScriptCall<Looked> {
        let of = LossesOf {
            stream,
            group,
            dead_letter: &self.dead_letter,
            kept: &self.kept,
            consumer,
            counted_by: &self.counted_by,
            reason: UNDELIVERED,
        };
        record_losses(of, fence, None, Time::now())
    }
}

/// How many entries `stream` has had up to `id`, counted when the server cannot say: between its first and last entry,
/// with nothing deleted there. `None` when `id` is not between them, when something was deleted there, when there are
/// too many entries, or when the stream changed in the meantime.
///
/// # Errors
/// Errors of the server, except that the user may not ask.
pub(super) async fn number_of(
    connection: &Connection,
    lane: &mut Lane,
    stream: &Name,
    id: EntryId,
) -> Result<Option<u64>> {
    let Some((removed, first)) = front(connection, stream, id).await? else {
        return Ok(None);
    };
    let after = first.previous().unwrap_or(EntryId::MIN);
    let there = match between(lane, stream, after, id, COUNTED_MAX).await {
        Ok(there) => there,
        Err(error) => {
            let kind = error.downcast_ref::<Error>().map(|it| it.kind);
            return match kind {
                Some(ErrorKind::NoPerm) => Ok(None),
                _ => Err(error),
            };
        }
    };
    let is_same = front(connection, stream, id).await? == Some((removed, first));
    Ok(match there {
        Lag::Known(there) if is_same => Some(removed + there),
        _ => None,
    })
}

/// How many entries were trimmed from the beginning of the stream, and the first one that was not; `None` unless `id`
/// lies between its first and last entry with nothing deleted there.
async fn front(
    connection: &Connection,
    stream: &Name,
    id: EntryId,
) -> Result<Option<(u64, EntryId)>> {
    let info = match connection.run(xinfo_stream(stream)).await {
        Ok(info) => info,
        Err(error) if matches!(error.kind, ErrorKind::NoKey | ErrorKind::WrongType) => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let (Some(added), Some(deleted), Some(first)) =
        (info.entries_added, info.max_deleted_id, info.first)
    else {
        return Ok(None);
    };
    let is_between = first.id <= id && id < info.last_generated_id && deleted < first.id;
    Ok(is_between.then(|| (added.saturating_sub(info.length), first.id)))
}

report! {
    /// What a group lost, and how much of it is accepted.
    #[derive(Clone, Debug)]
    pub struct Acceptance {
        /// The group.
        pub group: Name => text("GROUP"),
        /// Its stream.
        pub stream: Name => text("STREAM"),
        /// Whether it was done.
        pub is_done: bool => whole("DONE"),
        /// Entries that were trimmed or deleted before they were delivered, in total.
        pub lost: Lag => number("LOST") by |row| lost_cell(row.lost, &[]),
        /// How many of these were not accepted before and are accepted by this command.
        pub lost_unaccepted: Lag => number("NOT ACCEPTED") by |row| lost_cell(row.lost_unaccepted, &[]),
        /// The most recent loss: the last id delivered before it; `None` when none was recorded.
        pub from_id: Option<EntryId> => whole("LAST: AFTER"),
        /// The most recent loss: the first entry that was still in the stream after it.
        pub to_id: Option<EntryId> => whole("BEFORE"),
    }
}

/// What accepting would do.
#[derive(Debug)]
pub struct AcceptPlan {
    /// What it would do.
    pub row: Acceptance,
    target: Target,
    seen: Option<SeenGroup>,
}

impl AcceptPlan {
    /// The plan as data.
    pub fn facts(&self) -> PlanFacts {
        let (target, row) = (&self.target, &self.row);
        let summary = if row.has_any() {
            told(target, row)
        } else {
            format!("accept nothing: {target} has no losses that are not accepted")
        };
        PlanFacts {
            count: row.has_any().into(),
            left_out: (!row.has_any()).into(),
            entries: Some(row.lost_unaccepted),
            ..plan::about(target, self.seen, summary)
        }
    }
}

/// What is accepted, in words.
fn told(target: &Target, row: &Acceptance) -> String {
    let how = match row.lost_unaccepted {
        Lag::AtMost(_) => "at most ",
        Lag::AtLeast(_) => "at least ",
        _ => "",
    };
    let lost = entries(row.lost_unaccepted.entries().unwrap_or_default());
    let recorded = match (row.from_id, row.to_id) {
        (Some(from), Some(to)) => format!("; the last recorded after {from} and before {to}"),
        _ => String::new(),
    };
    format!("accept that {target} lost {how}{lost} before delivery{recorded}")
}

impl Acceptance {
    /// Whether there are losses that were not accepted.
    pub fn has_any(&self) -> bool {
        self.lost_unaccepted
            .entries()
            .is_some_and(|entries| entries > 0)
    }
}

/// Finds out which losses can be accepted. Changes nothing.
///
/// # Errors
/// Not found when there is no such group; errors of the server.
pub async fn plan_accept(
    connection: &Connection,
    topology: &Topology,
    spec: &GroupSpec,
) -> Result<AcceptPlan> {
    let target = Target::from(spec);
    let groups = target
        .require(connection, topology, Suggest::Nothing)
        .await?;
    let seen = Box::pin(position(connection, topology, spec)).await?;
    let kept = kept(connection, &target).await?;
    Ok(AcceptPlan {
        row: Acceptance {
            group: target.group.clone(),
            stream: target.stream.clone(),
            is_done: false,
            lost: seen.as_ref().and_then(|it| it.lost).unwrap_or(Lag::Unknown),
            lost_unaccepted: seen
                .and_then(|it| it.lost_unaccepted)
                .unwrap_or(Lag::Unknown),
            from_id: kept.as_ref().and_then(|it| it.from),
            to_id: kept.as_ref().and_then(|it| it.to),
        },
        seen: plan::seen(&groups, &target),
        target,
    })
}

/// What is recorded about the group's losses.
///
/// # Errors
/// Errors of the server.
async fn kept(connection: &Connection, target: &Target) -> Result<Option<Losses>> {
    let key = losses_key(&target.stream, &target.group);
    let value = connection.run(get(&key)).await?;
    Ok(value.and_then(|it| Losses::of_value(&it)))
}

/// Records the losses that were not recorded yet, with a tombstone, and accepts all of them.
///
/// # Errors
/// Refused when more is lost in the meantime, or when the losses cannot be recorded; errors of the server.
pub async fn apply_accept(
    connection: &Connection,
    lane: &mut Lane,
    topology: &Topology,
    plan: AcceptPlan,
    _: Consent,
) -> Result<Acceptance> {
    let AcceptPlan {
        mut row, target, ..
    } = plan;
    let key = losses_key(&target.stream, &target.group);
    let dead_letter = topology.stream_or_default(&target.stream).dead_letter;
    let of = LossesOf {
        stream: &target.stream,
        group: &target.group,
        dead_letter: &dead_letter,
        kept: &key,
        consumer: &Name::from("groups accept-loss"),
        counted_by: &counted_by(connection).await?,
        reason: UNDELIVERED,
    };
    let counted = counted(connection, lane, topology, &target).await?;
    let call = record_losses(of, None, counted, Time::now());
    if let Looked::Unrecorded(gap, why) = connection.call(call).await? {
        return Err(Problem::refused(format!(
            "the entries that {target} lost {} cannot be recorded in `{dead_letter}`: {why}",
            between_ids(&gap)
        ))
        .hint("nothing was accepted; see what is wrong with the dead-letter stream, then run the command again")
        .into());
    }
    let losses = kept(connection, &target).await?.unwrap_or_default();
    if let Err(total) = connection.call(accept_losses(&key, losses.total)).await? {
        return Err(Problem::refused(format!(
            "{target} has lost more entries in the meantime ({total} in total, {} when it was looked at); nothing \
                was accepted",
            losses.total
        ))
        .hint("repeat the command to see what it would accept now")
        .into());
    }
    row.is_done = true;
    row.lost = lost_in_all(Lag::Unknown, Some(&losses));
    row.lost_unaccepted = Lag::Known(0);
    row.from_id = losses.from;
    row.to_id = losses.to;
    Ok(row)
}

/// The position of the group, with the number of entries up to it if that had to be counted.
async fn counted(
    connection: &Connection,
    lane: &mut Lane,
    topology: &Topology,
    target: &Target,
) -> Result<Counted> {
    let groups = match connection.run(xinfo_groups(&target.stream)).await {
        Ok(groups) => groups,
        Err(error) => return Err(explain(connection, topology, &target.stream, error).await),
    };
    let Some(group) = groups.into_iter().find(|it| it.name == target.group) else {
        return Ok(None);
    };
    let id = group.last_delivered_id;
    let number = number_of(connection, lane, &target.stream, id).await?;
    Ok(number.map(|number| (id, number)))
}

/// The place of a gap, in words.
pub fn between_ids(gap: &Gap) -> String {
    format!("after {} and before {}", gap.from, gap.to)
}
