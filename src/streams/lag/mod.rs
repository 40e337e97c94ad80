//! How many entries a group has not been delivered, lost, and has room for: from what the server says of the stream and
//! the group, without believing it more than it deserves. Pure.
//!
//! The server's own `lag` is entries added less entries read. It is absent after `XGROUP SETID` and while a deleted entry
//! lies ahead, negative after a read counter set too high by hand, and too high where undelivered entries were trimmed
//! (Redis before 8.0 and Valkey go on counting from before the gap), or where the reads were forgotten (Redis before 7.2
//! writes them neither to the append-only file nor to replicas). It is never too low, unless somebody set the read
//! counter by hand (`ENTRIESREAD`), which nothing here can see.

mod lost;

pub use lost::{lost, lost_in_all, lost_open};

use crate::model::{EntryId, GroupInfo, Lag, StreamInfo};

/// Whether the server corrects a group's read counter when entries it had not read were trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counters {
    /// It does (Redis 8.2, told by its having `XDELEX`).
    Corrected,
    /// It may not.
    Plain,
    /// It may not, and may have forgotten reads besides, when it started from an append-only file, is a replica, or was
    /// promoted.
    Forgetful,
}

/// Whether `group` stands beyond every id that `stream` gave, so that what is added up to there is never delivered to it.
pub fn is_ahead(stream: &StreamInfo, group: &GroupInfo) -> bool {
    group.last_delivered_id > stream.last_generated_id
}

/// Whether the stream's counters are not its own: something was deleted from it, and it says that it has all that was ever
/// added. `XSETID` and whatever restores a stream with it set them.
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

/// How many entries can be added before a group that is `lag` behind loses one to `maxlen`. The server cuts whole nodes
/// (`MAXLEN ~`), so it may keep more.
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
