//! How many entries a group has not been delivered, has lost, and has room for: from what the server says about the
//! stream and the group, trusted only as far as it is reliable. Pure.
//!
//! The server's own `lag` is the number of entries added minus the number read. It is absent after `XGROUP SETID` and
//! while a deleted entry lies ahead of the group. It is negative after a read counter was set too high by hand. It is
//! too high when undelivered entries were trimmed (Redis before 8.0 and Valkey go on counting from before the gap),
//! or when reads were forgotten (Redis before 7.2 writes them neither to the append-only file nor to replicas). It is
//! never too low, unless somebody set the read counter by hand (`ENTRIESREAD`), which cannot be detected here.

mod lost;

pub use lost::{lost, lost_in_all, lost_open};

use crate::model::{EntryId, GroupInfo, Lag, StreamInfo};

/// Whether the server corrects a group's read counter when unread entries were trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counters {
    /// The server does (Redis 8.2 and later, recognised by `XDELEX`).
    Corrected,
    /// The server may not correct the counter.
    Plain,
    /// The server may not. It may also have forgotten reads, because it was started from an append-only file, is a
    /// replica, or was promoted.
    Forgetful,
}

/// Whether `group` is ahead of the last id of `stream`, so that entries added with ids up to its position are never
/// delivered to it.
pub fn is_ahead(stream: &StreamInfo, group: &GroupInfo) -> bool {
    group.last_delivered_id > stream.last_generated_id
}

/// Whether the counters of the stream were set from outside: something was deleted from it, and yet they say that it
/// has every entry that was ever added. `XSETID` sets them like this, and so do tools that restore a stream with it.
fn is_set_by_hand(stream: &StreamInfo) -> bool {
    let has_deleted = stream.max_deleted_id.is_some_and(|id| id > EntryId::MIN);
    has_deleted
        && stream
            .entries_added
            .is_some_and(|added| added <= stream.length)
}

/// Entries of `stream` that `group` has not been delivered.
pub fn lag(stream: &StreamInfo, group: &GroupInfo, counters: Counters) -> Lag {
    if is_ahead(stream, group) {
        return Lag::Unknown;
    }
    let (Some(first), Some(last)) = (&stream.first, &stream.last) else {
        return Lag::Known(0);
    };
    let position = group.last_delivered_id;
    if position >= last.id {
        return Lag::Known(0);
    }
    if position < first.id {
        return Lag::Known(stream.length);
    }
    // The first was delivered and the last was not.
    let most = stream.length.saturating_sub(1);
    if most <= 1 {
        return Lag::Known(most);
    }
    if is_set_by_hand(stream) {
        return Lag::AtMost(most);
    }
    let Some(server) = group.server_lag else {
        return Lag::Unknown;
    };
    let is_sound = match counters {
        Counters::Corrected => true,
        Counters::Plain => stream.entries_added == Some(stream.length),
        Counters::Forgetful => false,
    };
    match u64::try_from(server) {
        Ok(entries) if (1..=most).contains(&entries) && is_sound => Lag::Known(entries),
        Ok(entries) if (1..=most).contains(&entries) => Lag::AtMost(entries),
        _ => Lag::AtMost(most),
    }
}

/// How many entries can be added before a group that is `lag` behind loses one to `maxlen`. The server trims whole
/// nodes (`MAXLEN ~`), so it may keep more.
pub fn headroom(maxlen: u64, lag: Lag) -> Lag {
    match lag {
        Lag::Known(entries) => Lag::Known(maxlen.saturating_sub(entries)),
        Lag::AtMost(entries) => Lag::AtLeast(maxlen.saturating_sub(entries)),
        Lag::AtLeast(entries) => Lag::AtMost(maxlen.saturating_sub(entries)),
        Lag::Unknown => Lag::Unknown,
    }
}

#[cfg(test)]
mod tests;
