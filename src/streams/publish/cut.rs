//! Determines whether MAXLEN trims entries that a group has not processed. The server is asked before and after a
//! run, never for each entry; what the user may not ask about is not checked.

use crate::model::{AdaptiveBatch, Entry, EntryId, GroupInfo, Name, StreamInfo};
use crate::topology::{StreamSpec, is_temporary};
use crate::wire::{
    Connection, PendingFilter, xinfo_groups, xinfo_stream, xpending_entries, xrange,
};

/// The greatest number of entries that are searched for the place of a cut; a cut beyond them counts as harmful.
const LOOKED_THROUGH_MAX: usize = 20_000;
/// How many entries are read at a time for that.
const PAGE: usize = 1000;

/// A stream and its groups at one point in time.
#[derive(Clone, Debug)]
pub struct Snapshot {
    stream: Name,
    info: StreamInfo,
    groups: Vec<GroupInfo>,
}

/// Entries that a group has not processed and that were, or would be, trimmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Harm {
    /// The group.
    pub group: Name,
    /// Some entries were never delivered to the group.
    pub undelivered: bool,
    /// Some entries are delivered to the group and not acknowledged.
    pub pending: bool,
}

/// The groups that a cut can harm: what a temporary one has not read is not kept for it.
fn lasting(mut groups: Vec<GroupInfo>) -> Vec<GroupInfo> {
    groups.retain(|group| !is_temporary(&group.name));
    groups
}

impl Snapshot {
    /// Observes `stream`; `None` when the stream does not exist yet, or the user may not ask.
    pub async fn at(connection: &Connection, stream: &Name) -> Option<Self> {
        let (info, groups) = tokio::join!(
            connection.run(xinfo_stream(stream)),
            connection.run(xinfo_groups(stream)),
        );
        Some(Self {
            stream: stream.clone(),
            info: info.ok()?,
            groups: lasting(groups.ok()?),
        })
    }

    /// Whether adding `entries` can lead to trimming at `maxlen` at all.
    pub fn may_cut(&self, entries: u64, maxlen: u64) -> bool {
        !self.groups.is_empty() && self.info.length.saturating_add(entries) > maxlen
    }

    fn first_id(&self) -> EntryId {
        match &self.info.first {
            Some(first) => first.id,
            // Everything that was ever there is gone.
            None => self.info.last_generated_id.next().unwrap_or(EntryId::MAX),
        }
    }

    /// The entries that were trimmed since `self`.
    pub async fn taken_since(&self, connection: &Connection) -> Vec<Harm> {
        match Self::at(connection, &self.stream).await {
            Some(now) => {
                let last = now.first_id().previous().unwrap_or_default();
                now.harm(connection, self.first_id(), last).await
            }
            None => Vec::new(),
        }
    }

    /// The entries that trimming to `maxlen` would remove after `entries` more were added.
    pub async fn would_take(
        &self,
        connection: &Connection,
        entries: u64,
        maxlen: u64,
    ) -> Vec<Harm> {
        let excess = self
            .info
            .length
            .saturating_add(entries)
            .saturating_sub(maxlen);
        let last = self.last_cut(connection, excess).await;
        self.harm(connection, self.first_id(), last).await
    }

    /// The id of the last entry that is removed when `excess` entries are.
    async fn last_cut(&self, connection: &Connection, excess: u64) -> EntryId {
        let Ok(mut left) = usize::try_from(excess) else {
            return EntryId::MAX;
        };
        if excess >= self.info.length || left > LOOKED_THROUGH_MAX {
            return EntryId::MAX;
        }
        let (mut from, mut last) = (self.first_id(), EntryId::MIN);
        let mut portion = AdaptiveBatch::new(PAGE);
        while left > 0 {
            let asked = portion.at_a_time().min(left);
            let page = xrange(&self.stream, from, EntryId::MAX, asked);
            let page = connection.run(page).await.unwrap_or_default();
            let Some((count, id)) = page.last().map(|last| (page.len(), last.id)) else {
                return EntryId::MAX;
            };
            portion.brought(asked, count, page.iter().map(Entry::bytes).sum());
            left -= count.min(left);
            last = id;
            from = id.next().unwrap_or(EntryId::MAX);
        }
        last
    }

    /// The groups that have not processed entries from `first` to `last`.
    async fn harm(&self, connection: &Connection, first: EntryId, last: EntryId) -> Vec<Harm> {
        if last < first {
            return Vec::new();
        }
        let filter = PendingFilter {
            start: first,
            end: last,
            count_max: 1,
            ..PendingFilter::default()
        };
        let asked = self.groups.iter();
        let asked = asked.map(|group| xpending_entries(&self.stream, &group.name, &filter));
        let rows = connection
            .run_all(asked.collect())
            .await
            .unwrap_or_default();
        let harm = self.groups.iter().zip(rows).map(|(group, rows)| Harm {
            group: group.name.clone(),
            undelivered: self.misses(group, first, last),
            pending: rows.is_ok_and(|rows| !rows.is_empty()),
        });
        harm.filter(|harm| harm.undelivered || harm.pending)
            .collect()
    }

    /// Whether entries from `first` to `last` were never delivered to `group`. After trimming, it is no longer
    /// visible whether there were any between the group's position and `last`; the server's counters decide then, if
    /// they are known.
    fn misses(&self, group: &GroupInfo, first: EntryId, last: EntryId) -> bool {
        if group.last_delivered_id < first || group.last_delivered_id >= last {
            return group.last_delivered_id < first;
        }
        let is_still_there = self.first_id() <= last;
        match (self.info.entries_added, group.entries_read) {
            _ if is_still_there => true,
            (Some(added), Some(read)) => added.saturating_sub(self.info.length) > read,
            _ => true,
        }
    }
}

impl Harm {
    /// The text of a warning or a refusal; `verb` is `cut` or `would cut`.
    pub fn text(&self, target: &StreamSpec, maxlen: u64, verb: &str) -> String {
        let what = match (self.undelivered, self.pending) {
            (true, true) => "never delivered to it, and entries delivered and not acknowledged",
            (true, false) => "never delivered to it",
            _ => "delivered to it and not acknowledged",
        };
        format!(
            "MAXLEN {maxlen} of `{}` {verb} entries that group `{}` has not processed: {what}",
            target.name, self.group
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(length: u64, first_ms: u64, added: Option<u64>) -> Snapshot {
        Snapshot {
            stream: "s".into(),
            groups: Vec::new(),
            info: StreamInfo {
                length,
                last_generated_id: EntryId::new(100, 0),
                max_deleted_id: None,
                entries_added: added,
                first: Some(crate::model::Entry {
                    id: EntryId::new(first_ms, 0),
                    fields: Vec::new(),
                }),
                last: None,
            },
        }
    }

    #[test]
    fn a_group_misses_what_was_cut_before_it_came_there() {
        let group = |ms, read| GroupInfo {
            name: "g".into(),
            consumers: 1,
            pending: 0,
            last_delivered_id: EntryId::new(ms, 0),
            entries_read: read,
            server_lag: None,
        };
        let (first, last) = (EntryId::new(10, 0), EntryId::new(49, 7));
        // 100 entries ever, 60 there: 40 were cut.
        let now = look(60, 50, Some(100));
        for (group, expected) in [
            (group(5, Some(0)), true),
            (group(60, Some(70)), false),
            (group(49, Some(40)), false),
            (group(30, Some(25)), true),
            (group(30, None), true),
        ] {
            assert_eq!(now.misses(&group, first, last), expected, "{group:?}");
        }
        let before = look(100, 10, Some(100));
        assert!(before.misses(&group(30, Some(25)), first, last));
    }
}
