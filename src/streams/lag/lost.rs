//! What left a stream before it was delivered to a group. The script with which workers find and record it
//! (`losses.lua`) goes by the same rule; a test plays both against each other.

use super::{Counters, is_ahead, is_set_by_hand};
use crate::model::{EntryId, GroupInfo, Lag, Losses, StreamInfo};

/// Entries that left the stream before they were delivered to the group, and that nobody has recorded yet: of those that
/// are missing before the first entry there is, the ones that were not counted as read. At most so many where some may
/// have been deleted on purpose. Once the group has read on, only a read counter that fell behind tells of what it has
/// passed (`passed`): all else is unknown, and 0 is known only while nothing has left the stream at all. `kept` is what
/// workers have left of it.
pub fn lost(
    stream: &StreamInfo,
    group: &GroupInfo,
    counters: Counters,
    kept: Option<&Losses>,
) -> Lag {
    if is_ahead(stream, group) || is_set_by_hand(stream) {
        return Lag::Unknown;
    }
    let (Some(added), Some(deleted)) = (stream.entries_added, stream.max_deleted_id) else {
        return Lag::Unknown;
    };
    let removed = added.saturating_sub(stream.length);
    if removed == 0 {
        return Lag::Known(0);
    }
    let position = group.last_delivered_id;
    let is_inside = match &stream.first {
        Some(first) => position >= first.id,
        None => position >= stream.last_generated_id,
    };
    if is_inside {
        return if deleted == EntryId::MIN && counters != Counters::Forgetful {
            passed(stream, group, removed)
        } else {
            Lag::Unknown
        };
    }
    let is_at_start = position == EntryId::MIN;
    let read = match group.entries_read {
        Some(read) => read,
        // A group that never read has no counter. One that was moved back there has none either, but has left its traces.
        None if is_at_start && kept.is_none() && group.consumers == 0 && group.pending == 0 => 0,
        None if is_at_start => return Lag::AtMost(removed),
        None => return Lag::Unknown,
    };
    let is_counted = counters != Counters::Forgetful || is_at_start && read == 0;
    match removed.saturating_sub(read) {
        // All that left was counted as read, a hole that the group passed before included.
        0 => Lag::Unknown,
        _ if !is_counted => Lag::Unknown,
        entries if deleted <= position => Lag::Known(entries),
        entries => Lag::AtMost(entries),
    }
}

/// What a group within a stream lost behind its position, where nothing was ever deleted. Of the entries up to the
/// position, the read counter has those that were delivered: every other was trimmed too early. A server that counts a
/// read anew (the first of a group, or after `XGROUP SETID`; since 8.2 whenever something was trimmed) takes those for
/// read as well, so what is missing is the least that was lost, and nothing missing says nothing.
fn passed(stream: &StreamInfo, group: &GroupInfo, removed: u64) -> Lag {
    let position = group.last_delivered_id;
    let is_at_end = stream.last.as_ref().is_none_or(|it| position >= it.id);
    // Between the first and the last there are some more, and nobody knows how many.
    let still_there = if is_at_end { stream.length } else { 1 };
    let reached = removed + still_there;
    match group.entries_read {
        Some(read) if read < reached => Lag::AtLeast(reached - read),
        _ => Lag::Unknown,
    }
}

/// What the group lost in all: what was recorded, and what has been lost since.
pub fn lost_in_all(now: Lag, kept: Option<&Losses>) -> Lag {
    together(now, kept, |it| it.total)
}

/// Of that, what nobody has accepted.
pub fn lost_open(now: Lag, kept: Option<&Losses>) -> Lag {
    together(now, kept, Losses::open)
}

/// `now` and what was recorded. Where nothing is known of now, what was recorded is the least.
fn together(now: Lag, kept: Option<&Losses>, recorded: fn(&Losses) -> u64) -> Lag {
    let Some(losses) = kept.filter(|it| it.total > 0) else {
        return now;
    };
    let before = recorded(losses);
    let is_bound = losses.is_bound && before > 0;
    match now {
        Lag::Known(entries) if !is_bound => Lag::Known(before + entries),
        Lag::AtLeast(entries) if !is_bound => Lag::AtLeast(before + entries),
        Lag::Unknown if !is_bound => Lag::AtLeast(before),
        Lag::Known(entries) | Lag::AtMost(entries) => Lag::AtMost(before + entries),
        Lag::AtLeast(entries) => Lag::AtLeast(entries),
        Lag::Unknown => Lag::AtMost(before),
    }
}
