//! The beginning or the end of a range of a stream.

use super::EntryId;

/// One edge of a range, inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// This id.
    Id(EntryId),
    /// The entry this many from the end, which only the server knows; 0 is after the last.
    FromEnd(u64),
}
