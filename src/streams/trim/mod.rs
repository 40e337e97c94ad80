//! Trims a stream: to a length, to a time, or to what every group has read and acknowledged. What a group needs is never
//! trimmed, unless it is named as one that does not count.

mod apply;
mod facts;
mod look;
mod nodes;

use anyhow::Result;

pub use apply::{Trimmed, apply_trim};

use self::look::{Seen, look};
use super::hold::{Hold, HoldState, Standing};
use super::inspect::between;
use super::names::no_group;
use super::read::place;
use crate::model::{Edge, EntryId, Lag, Name, Problem, StreamInfo, quoted, report, states};
use crate::topology::Topology;
use crate::wire::{Connection, Error, Lane, xrange_ids};

/// The greatest number of entries that are counted for a plan; beyond it, a count is a lower bound.
const COUNTED_MAX: usize = 2_000_000;

/// What is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// About so many of the newest entries.
    Newest(u64),
    /// The entries from this place on.
    From(Edge),
    /// What a group has not read or not acknowledged.
    Unread,
    /// That, and the entries from this id on.
    UnreadOrFrom(EntryId),
}

impl Keep {
    /// Whether what is read goes, so that nothing does where nobody reads.
    const fn is_unread(self) -> bool {
        matches!(self, Self::Unread | Self::UnreadOrFrom(_))
    }
}

/// What is to be trimmed.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What is to be kept.
    pub keep: Keep,
    /// Groups that do not count.
    pub force_past: Vec<Name>,
}

states! {
    /// What becomes of the stream.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum TrimState {
        /// It would be trimmed.
        Planned = "planned" in Plain,
        /// There is nothing to trim.
        Nothing = "nothing to trim" in Plain,
        /// It was trimmed.
        Trimmed = "trimmed" in Ok,
        /// A part was trimmed before it was stopped.
        Stopped = "stopped" in Warn,
    }
}

report! {
    /// A stream that is trimmed.
    #[derive(Clone, Debug)]
    pub struct Trimming {
        /// The stream.
        pub stream: Name => text("STREAM"),
        /// Whether it was done.
        pub is_done: bool => whole("DONE"),
        /// What becomes of it.
        pub state: TrimState => whole("STATE"),
        /// Its entries before.
        pub length: u64 => number("LENGTH"),
        /// The first id that is kept; the server may keep up to a node of entries before it.
        pub cut_id: Option<EntryId> => whole("KEPT FROM"),
        /// How many entries are before that id.
        pub entries: Lag => number("ENTRIES"),
        /// How many entries that frees: about as many while it is planned, since the server trims whole nodes.
        pub freed: u64 => number("FREES"),
        /// Their share of the memory that the stream takes; `None` when the user may not ask for that.
        pub freed_bytes: Option<u64> => bytes("BYTES"),
        /// The group that has not read or not acknowledged more, so that more is kept than was asked for; with `--read`,
        /// the one that has read the least.
        pub held_back_by: Option<Name> => text("HELD BACK BY"),
        /// Whether that is because of a pending entry.
        pub is_held_by_pending: bool => whole("PENDING", wide),
        /// Whether less is trimmed than was asked for, because of that group.
        pub is_held_back: bool => whole("HELD BACK", wide),
        /// Groups that never read and hold nothing.
        pub never_read: Vec<Name> => number("NEVER READ", wide) by |row| row.never_read.len().into(),
        /// Groups that did not count, because they were named.
        pub forced_past: Vec<Name> => number("FORCED PAST", wide) by |row| row.forced_past.len().into(),
    }
}

/// What trimming would do, and the state it was planned from.
#[derive(Debug)]
pub struct TrimPlan {
    /// What it would do.
    pub row: Trimming,
    keep: Keep,
    /// Why nothing may be trimmed.
    why_not: Option<String>,
    /// The first entry of the stream.
    first: Option<EntryId>,
    /// The groups that do not count.
    left_out: Vec<Name>,
    /// What these lose.
    harmed: Vec<Harmed>,
    has_groups: bool,
    /// Whether the server may look after what is acknowledged by itself.
    can_ack: bool,
}

/// A group that does not count, and what it had not done.
#[derive(Debug)]
struct Harmed {
    group: Name,
    pending: u64,
    /// Whether it has not read all that is trimmed.
    is_unread: bool,
}

/// Finds out what trimming the stream would do. Changes nothing.
///
/// # Errors
/// Not found when there is no such stream, or a group to be forced past is not on it; errors of the server, and refusals
/// of what the groups need.
pub async fn plan_trim(
    connection: &Connection,
    lane: &mut Lane,
    topology: &Topology,
    stream: &Name,
    wish: Wish,
) -> Result<TrimPlan> {
    let seen = look(connection, topology, stream).await?;
    for group in &wish.force_past {
        let is_there = seen.groups.iter().any(|it| it.group.name == *group);
        if !is_there {
            return Err(no_group(connection, stream, group).await.into());
        }
    }
    let is_forced = |it: &&Standing| wish.force_past.contains(&it.group.name);
    let (forced, counting): (Vec<&Standing>, Vec<&Standing>) =
        seen.groups.iter().partition(is_forced);
    let unused = counting.iter().filter(|it| it.group.is_unused());
    let never_read: Vec<Name> = unused.map(|it| it.group.name.clone()).collect();
    // Where nobody ever read, there is nobody to wait for.
    let is_read = never_read.len() < counting.len();
    let counting: Vec<Standing> = counting.into_iter().filter(|_| is_read).cloned().collect();
    let hold = Hold::of(&seen.info, Some(&counting));
    let wanted = wanted(lane, stream, &seen.info, wish.keep).await?;
    let is_unread = hold.state == HoldState::NoGroups && wish.keep.is_unread();
    let why_not = is_unread.then(|| nobody(stream, &never_read));
    let floor = hold.floor.filter(|_| hold.group.is_some());
    let floor = match floor {
        Some(floor) => first_from(connection, stream, floor).await?,
        None => None,
    };
    let (cut, is_held) = match (wish.keep, floor) {
        (Keep::Unread, floor) => (floor.or_else(|| after_last(&seen.info)), floor.is_some()),
        (_, Some(floor)) if wanted.is_none_or(|it| floor < it) => (Some(floor), true),
        _ => (wanted, false),
    };
    let is_kept_by_wish = matches!(wish.keep, Keep::Newest(newest) if newest >= seen.info.length);
    let cut = cut.filter(|_| why_not.is_none() && !is_kept_by_wish);
    let is_held = is_held && cut.is_some();
    let holder = hold.group.filter(|_| is_held);
    let entries = match cut {
        Some(cut) => before(lane, stream, &seen.info, cut).await?,
        None => Lag::Known(0),
    };
    let freed = freed(entries, cut, &seen);
    // Of a single node that is kept, nothing goes; elsewhere it is not certain where nodes end.
    let is_one_node = seen.nodes == Some(1) && entries != Lag::Known(seen.info.length);
    let is_nothing = cut.is_none() || entries == Lag::Known(0) || is_one_node;
    let row = Trimming {
        stream: stream.clone(),
        is_done: false,
        state: if is_nothing {
            TrimState::Nothing
        } else {
            TrimState::Planned
        },
        length: seen.info.length,
        cut_id: cut,
        entries,
        freed,
        freed_bytes: share(seen.bytes, freed, seen.info.length),
        is_held_back: is_held && !wish.keep.is_unread(),
        is_held_by_pending: holder.as_ref().is_some_and(|it| it.1),
        held_back_by: holder.map(|it| it.0),
        forced_past: wish.force_past.clone(),
        never_read: never_read.clone(),
    };
    let unread = never_read.into_iter().filter(|_| !is_read);
    Ok(TrimPlan {
        harmed: harmed(&seen, &forced, cut, is_read),
        keep: wish.keep,
        why_not,
        first: seen.info.first.as_ref().map(|it| it.id),
        can_ack: seen.can_ack && is_read && wish.force_past.is_empty() && !counting.is_empty(),
        left_out: wish.force_past.into_iter().chain(unread).collect(),
        has_groups: !seen.groups.is_empty(),
        row,
    })
}

/// The first id that is to be kept by the wish alone; `None` when nothing is.
async fn wanted(
    lane: &mut Lane,
    stream: &Name,
    info: &StreamInfo,
    keep: Keep,
) -> Result<Option<EntryId>> {
    let found = match keep {
        Keep::Unread | Keep::Newest(0) => None,
        Keep::Newest(newest) if newest >= info.length => info.first.as_ref().map(|it| it.id),
        Keep::Newest(newest) => place(lane, stream, Edge::FromEnd(newest)).await?,
        Keep::From(edge) => place(lane, stream, edge).await?,
        Keep::UnreadOrFrom(id) => Some(id),
    };
    Ok(found.or_else(|| after_last(info)))
}

/// The first entry from `floor` on.
async fn first_from(
    connection: &Connection,
    stream: &Name,
    floor: EntryId,
) -> Result<Option<EntryId>, Error> {
    let found = connection.run(xrange_ids(stream, floor, EntryId::MAX, 1));
    Ok(found.await?.ids.first().copied())
}

/// The id after the last entry.
fn after_last(info: &StreamInfo) -> Option<EntryId> {
    info.last.as_ref().and_then(|it| it.id.next())
}

/// How many entries are before `cut`.
async fn before(lane: &mut Lane, stream: &Name, info: &StreamInfo, cut: EntryId) -> Result<Lag> {
    let (Some(first), Some(last)) = (&info.first, &info.last) else {
        return Ok(Lag::Known(0));
    };
    if cut > last.id {
        return Ok(Lag::Known(info.length));
    }
    let end = cut.previous().filter(|_| cut > first.id);
    let (Some(start), Some(end)) = (first.id.previous().or(Some(EntryId::MIN)), end) else {
        return Ok(Lag::Known(0));
    };
    between(lane, stream, start, end, COUNTED_MAX).await
}

/// About how many entries are removed.
fn freed(entries: Lag, cut: Option<EntryId>, seen: &Seen) -> u64 {
    if cut.is_none() {
        return 0;
    }
    nodes::whole(
        entries.entries().unwrap_or_default(),
        seen.info.length,
        (seen.nodes, seen.node_max),
    )
}

fn share(bytes: Option<u64>, freed: u64, length: u64) -> Option<u64> {
    let share = u128::from(bytes?) * u128::from(freed) / u128::from(length.max(1));
    u64::try_from(share).ok()
}

/// Why nothing goes that was read.
fn nobody(stream: &Name, never_read: &[Name]) -> String {
    match never_read {
        [] => format!("stream `{stream}` has no groups, so nothing of it counts as read"),
        groups => format!(
            "no group of stream `{stream}` has ever read ({}), so nothing of it counts as read",
            super::names::listed(groups)
        ),
    }
}

/// The groups that do not count and would lose something.
fn harmed(seen: &Seen, forced: &[&Standing], cut: Option<EntryId>, is_read: bool) -> Vec<Harmed> {
    let Some(cut) = cut else { return Vec::new() };
    let uncounted = seen.groups.iter().filter(|_| !is_read);
    let of = |it: &Standing| Harmed {
        group: it.group.name.clone(),
        pending: if it.oldest_pending.is_some_and(|oldest| oldest < cut) {
            it.group.pending
        } else {
            0
        },
        is_unread: it.group.last_delivered_id.next().is_some_and(|it| it < cut),
    };
    let all = forced.iter().copied().chain(uncounted).map(of);
    let mut harmed: Vec<Harmed> = all.filter(|it| it.pending > 0 || it.is_unread).collect();
    harmed.dedup_by(|one, other| one.group == other.group);
    harmed
}

impl TrimPlan {
    /// The first entry of the stream.
    pub const fn first(&self) -> Option<EntryId> {
        self.first
    }

    /// Why nothing is trimmed, if that is refused: nobody is known to have read anything, or a group holds back all that
    /// was asked for.
    pub fn refusal(&self) -> Option<Problem> {
        let stream = &self.row.stream;
        if let Some(why_not) = &self.why_not {
            let text = format!("{why_not}; nothing was trimmed");
            return Some(Problem::refused(text).hint(match self.keep {
                Keep::UnreadOrFrom(_) => {
                    "`ucp-streams trim` can keep a length, or what came after a time"
                }
                _ => "say what to keep: --keep N, or --before T",
            }));
        }
        let group = self.row.held_back_by.as_ref();
        let group = group.filter(|_| self.row.is_held_back && self.is_nothing())?;
        let why = self.told_hold(group);
        let text = format!("nothing of stream `{stream}` was trimmed: {why}");
        Some(Problem::refused(text).hint(format!(
            "let the group catch up, or agree that it loses them: --force-past {}",
            quoted(group.as_bytes())
        )))
    }
}
