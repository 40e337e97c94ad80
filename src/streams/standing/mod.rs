//! The standing of an entry with each group of its stream: to whom and how often it was delivered, and whether it is
//! pending, acknowledged, dead-lettered or gone. Distinguishes what is certain, what is inferred, and what could not be
//! read. Changes nothing.

mod entry;
mod explain;
mod gather;
mod judge;
mod known;
mod next;
mod report;

pub(in crate::streams) use entry::Origin;
pub use entry::{CopyRow, EntryReport, EntryState};
pub use explain::{ExplainReport, explain};
pub use gather::{Bounds, Standings, standings};
pub use known::Subject;
pub use next::worst_next;
pub use report::{Certainty, GroupStanding, JournalRow, Standing};
