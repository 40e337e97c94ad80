//! The position of a group in its stream, as the server reports it.

use std::collections::BTreeSet;
use std::ops::Bound;

use anyhow::{Result, anyhow};

use crate::model::EntryId;
use crate::topology::GroupSpec;
use crate::wire::{Connection, xinfo_groups, xinfo_stream, xpending};

/// A group's position in its stream at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Every entry below this id is gone from the stream.
    first: EntryId,
    /// The last entry that was delivered to the group.
    pub(super) last_delivered: EntryId,
    /// The oldest entry that is delivered and not acknowledged.
    oldest_pending: Option<EntryId>,
}

impl Standing {
    /// Asks the server. The order of the queries matters while the group goes on reading: what was gone before the
    /// group's position was queried, and lies after that position, can never be delivered; what is delivered later is
    /// still pending or done.
    ///
    /// # Errors
    /// Errors of the server.
    pub(super) async fn look(connection: &Connection, group: &GroupSpec) -> Result<Self> {
        let stream = connection.run(xinfo_stream(&group.stream)).await?;
        let groups = connection.run(xinfo_groups(&group.stream)).await?;
        let pending = connection.run(xpending(&group.stream, &group.name)).await?;
        let info = groups.into_iter().find(|info| info.name == group.name);
        let info = info.ok_or_else(|| {
            anyhow!(
                "group `{}` of `{}` does not exist any more",
                group.name,
                group.stream
            )
        })?;
        let next = stream.last_generated_id.next();
        Ok(Self {
            first: match stream.first {
                Some(entry) => entry.id,
                None => next.unwrap_or(EntryId::MAX),
            },
            last_delivered: info.last_delivered_id,
            oldest_pending: pending.first,
        })
    }

    /// How many of the `published` entries, counted from the end, reach back to the oldest one that the group has not
    /// processed.
    pub(super) fn open(&self, published: &BTreeSet<EntryId>) -> u64 {
        let from = match self.oldest_pending {
            Some(oldest) if oldest <= self.last_delivered => Bound::Included(oldest),
            _ => Bound::Excluded(self.last_delivered),
        };
        published.range((from, Bound::Unbounded)).count() as u64
    }

    /// The `published` entries that are gone from the stream and were never delivered.
    pub(super) fn trimmed(&self, published: &BTreeSet<EntryId>) -> impl Iterator<Item = EntryId> {
        // Without an entry of either side the range would be backwards.
        let first = self.first.max(self.last_delivered);
        let gone = (Bound::Excluded(self.last_delivered), Bound::Included(first));
        let gone = published.range(gone).copied();
        gone.filter(move |id| *id < first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64) -> EntryId {
        EntryId::new(ms, 0)
    }

    fn standing(first: u64, last_delivered: u64, oldest_pending: Option<u64>) -> Standing {
        Standing {
            first: id(first),
            last_delivered: id(last_delivered),
            oldest_pending: oldest_pending.map(id),
        }
    }

    #[test]
    fn what_a_group_has_not_processed_reaches_back_to_the_oldest() {
        let published: BTreeSet<EntryId> = (1..=10).map(id).collect();
        for (standing, open) in [
            (standing(1, 0, None), 10),
            (standing(1, 6, None), 4),
            (standing(1, 6, Some(3)), 8),
            (standing(1, 10, None), 0),
        ] {
            assert_eq!(standing.open(&published), open, "{standing:?}");
        }
    }

    #[test]
    fn only_what_is_gone_and_was_not_delivered_is_trimmed() {
        let published: BTreeSet<EntryId> = (1..=10).map(id).collect();
        for (standing, trimmed) in [
            (standing(1, 0, None), vec![]),
            (standing(5, 0, None), vec![1, 2, 3, 4]),
            (standing(5, 3, None), vec![4]),
            (standing(5, 4, None), vec![]),
            (standing(5, 7, None), vec![]),
            (standing(11, 9, None), vec![10]),
        ] {
            let found: Vec<EntryId> = standing.trimmed(&published).collect();
            let expected: Vec<EntryId> = trimmed.into_iter().map(id).collect();
            assert_eq!(found, expected, "{standing:?}");
        }
    }
}
