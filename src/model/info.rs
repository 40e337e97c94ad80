//! The server's replies about streams, groups, consumers and pending entries.

use serde::{Deserialize, Serialize};

use super::{Entry, EntryId, Name};

/// `XINFO STREAM`, whose cost does not depend on the length of the stream.
#[derive(Clone, Debug)]
pub struct StreamInfo {
    /// Entries in the stream.
    pub length: u64,
    /// The greatest id that was ever given to an entry.
    pub last_generated_id: EntryId,
    /// The greatest id that was ever deleted or trimmed; `None` when the server does not say.
    pub max_deleted_id: Option<EntryId>,
    /// Entries ever added; `None` when the server does not say.
    pub entries_added: Option<u64>,
    /// The oldest entry still there.
    pub first: Option<Entry>,
    /// The newest entry still there.
    pub last: Option<Entry>,
}

impl StreamInfo {
    /// The size of the larger one of its first and last entry, as an estimate of the size of its entries.
    pub fn entry_bytes(&self) -> usize {
        let bytes = |entry: &Entry| {
            let fields = entry.fields.iter();
            fields.map(|(name, value)| name.len() + value.len()).sum()
        };
        let ends = [&self.first, &self.last].into_iter().flatten();
        ends.map(bytes).max().unwrap_or_default()
    }
}

/// One row of `XINFO GROUPS`.
#[derive(Clone, Debug)]
pub struct GroupInfo {
    /// The group's name.
    pub name: Name,
    /// Number of its consumers, live or not.
    pub consumers: u64,
    /// Entries delivered and not acknowledged.
    pub pending: u64,
    /// The last id delivered to anyone in the group.
    pub last_delivered_id: EntryId,
    /// The server's logical read counter; `None` when the server does not know it.
    pub entries_read: Option<u64>,
    /// The server's own lag figure. On some servers it is absent, negative or stale, so it is never shown as it is.
    /// See [`super::Lag`].
    pub server_lag: Option<i64>,
}

impl GroupInfo {
    /// Whether the group was never read from, so that its position is where it was placed. Workers that end delete
    /// their consumers, but the reads of the group are still counted. A group that was placed after the first entry
    /// with its reads counted cannot be told from one that has read that far.
    pub fn is_unused(&self) -> bool {
        let is_uncounted = self.entries_read.is_none() || self.last_delivered_id == EntryId::MIN;
        self.consumers == 0 && self.pending == 0 && is_uncounted
    }
}

/// One row of `XINFO CONSUMERS`.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ConsumerInfo {
    /// The consumer's name.
    #[serde(rename = "consumer")]
    pub name: Name,
    /// Entries delivered to it and not acknowledged.
    pub pending: u64,
    /// Milliseconds since it last sent a command for the group.
    pub idle_ms: u64,
    /// Milliseconds since it last received or claimed an entry; `None` before 7.2, or when it never did.
    pub inactive_ms: Option<u64>,
}

/// `XPENDING key group`: the summary.
#[derive(Clone, Debug, Default)]
pub struct PendingSummary {
    /// Entries pending in the group.
    pub count: u64,
    /// The least pending id.
    pub first: Option<EntryId>,
    /// The greatest pending id.
    pub last: Option<EntryId>,
    /// Pending entries by consumer.
    pub consumers: Vec<(Name, u64)>,
}

/// The delivery count that `XNACK … FATAL` (Redis 8.8) sets: the greatest possible number, which does not count
/// deliveries.
const FATAL: u64 = i64::MAX.unsigned_abs();

/// Whether a delivery count is the mark of `XNACK … FATAL`: its consumer gave the entry up for good.
pub const fn is_fatal(deliveries: u64) -> bool {
    deliveries >= FATAL
}

/// One row of `XPENDING key group start end count`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingEntry {
    /// The entry's id.
    pub id: EntryId,
    /// The consumer that holds it; empty when it was released (`XNACK`, Redis 8.8).
    pub consumer: Name,
    /// Milliseconds since it was last delivered; `None` when it was released.
    pub idle_ms: Option<u64>,
    /// How often it was delivered.
    pub deliveries: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_unused_until_somebody_reads() {
        let group = |consumers, pending, entries_read| GroupInfo {
            name: Name::from("g"),
            consumers,
            pending,
            last_delivered_id: EntryId::new(5, 0),
            entries_read,
            server_lag: None,
        };
        assert!(group(0, 0, None).is_unused());
        assert!(!group(1, 0, None).is_unused());
        assert!(!group(0, 1, None).is_unused());
        assert!(!group(0, 0, Some(3)).is_unused());
        let at_start = GroupInfo {
            last_delivered_id: EntryId::MIN,
            ..group(0, 0, Some(3))
        };
        assert!(at_start.is_unused());
    }
}
