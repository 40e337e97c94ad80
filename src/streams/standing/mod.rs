//! How an entry stands with each group of its stream: delivered to whom and how often, pending, acknowledged, dead-lettered,
//! gone. What is certain is told from what is inferred, and from what nobody could see. Changes nothing.

mod entry;
mod explain;
mod gather;
mod judge;
mod next;
mod report;

pub(in crate::streams) use entry::Origin;
pub use entry::{CopyRow, EntryReport, EntryState};
pub use explain::{ExplainReport, explain};
pub use gather::{Bounds, Standings, Subject, standings};
pub use next::worst_next;
pub use report::{Certainty, GroupStanding, JournalRow, Standing};
