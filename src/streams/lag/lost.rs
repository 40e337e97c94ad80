//! Entries that were trimmed or deleted before they were delivered to a group. The script with which workers find and
//! record them (`losses.lua`) follows the same rule; a test compares the two.

use super::{Counters, is_ahead, is_set_by_hand};
use crate::model::{EntryId, GroupInfo, Lag, Losses, StreamInfo};

/// Entries that were trimmed or deleted before they were delivered to the group and that are not recorded yet: of the
/// entries missing before the first one that exists, those that were not counted as read. The result is an upper bound
/// when some may have been deleted on purpose. Once the group has read on, only a read counter that fell behind tells
/// about the entries before its position (`passed`); everything else is unknown, and 0 is certain only while nothing
/// is gone from the stream at all. `kept` is what workers have recorded.
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

/// The entries before its position that a group lost, in a stream where nothing was ever deleted. The read counter
/// has the entries up to the position that were delivered; all others were trimmed too early. Some servers set the
/// counter anew at a read (the first read of a group, or the first after `XGROUP SETID`; since 8.2 whenever something
/// was trimmed), and then count the lost entries as read. So a difference is the least that was lost, and no
/// difference proves nothing.
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

/// All entries that the group lost: those that were recorded, and those that were lost since.
pub fn lost_in_all(now: Lag, kept: Option<&Losses>) -> Lag {
    together(now, kept, |it| it.total)
}

/// The lost entries that were not accepted.
pub fn lost_open(now: Lag, kept: Option<&Losses>) -> Lag {
    together(now, kept, Losses::open)
}

/// `now` plus the losses that were recorded. When `now` is unknown, the recorded losses are the lower bound.
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
