//! What a group is known to have lost before delivery, as it is stored beside the stream.

use serde::{Deserialize, Serialize};

use super::EntryId;

/// Recorded losses, each with a tombstone in the dead-letter stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Number of entries; an upper bound if [`Losses::is_bound`].
    pub total: u64,
    /// Whether some of them may have been deleted on purpose.
    pub is_bound: bool,
    /// How many of them were accepted as lost.
    pub accepted: u64,
    /// The number of gaps.
    pub gaps: u64,
    /// The most recent loss: the last id delivered before it; `None` when nothing was lost.
    pub from: Option<EntryId>,
    /// The most recent loss: the first entry that was still there after it, or the last id of a stream that was
    /// empty.
    pub to: Option<EntryId>,
    /// The run id of the server that has counted the group's reads since then, if the server may have forgotten reads
    /// when it started.
    pub counted_by: String,
}

/// The stored form, as the scripts write it.
#[derive(Deserialize, Serialize)]
struct Kept {
    total: u64,
    is_bound: u8,
    accepted: u64,
    gaps: u64,
    from: String,
    to: String,
    counted_by: String,
}

impl Losses {
    /// Parses a stored value; `None` for anything else.
    pub fn of_value(value: &[u8]) -> Option<Self> {
        let kept: Kept = serde_json::from_slice(value).ok()?;
        Some(Self {
            total: kept.total,
            is_bound: kept.is_bound > 0,
            accepted: kept.accepted.min(kept.total),
            gaps: kept.gaps,
            from: kept.from.parse().ok(),
            to: kept.to.parse().ok(),
            counted_by: kept.counted_by,
        })
    }

    /// Entries that were not accepted as lost yet.
    pub const fn open(&self) -> u64 {
        self.total.saturating_sub(self.accepted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_nothing_else_is() {
        let value = br#"{"total":7,"is_bound":0,"accepted":3,"gaps":2,"from":"1-0","to":"9-5","counted_by":""}"#;
        let losses = Losses::of_value(value).expect("kept");
        assert_eq!((losses.total, losses.open(), losses.gaps), (7, 4, 2));
        assert_eq!(losses.to, Some(EntryId::new(9, 5)));
        let nothing = br#"{"total":0,"is_bound":0,"accepted":0,"gaps":0,"from":"","to":"","counted_by":"ab"}"#;
        let nothing = Losses::of_value(nothing).expect("kept");
        assert_eq!((nothing.open(), nothing.from), (0, None));
        assert_eq!(Losses::of_value(b"{}"), None);
        assert_eq!(Losses::of_value(b"x"), None);
    }
}
