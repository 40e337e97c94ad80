//! Snapshots: what a command is about to change, each in a private file, from which `undo` restores it. Either the
//! position of a group and all its pending entries, or those pending entries or dead letters that are changed.
//!
//! ```text
//! snapshot, and commands before a change -> Writer -> DIR/ID.snapshot -> Saved -> undo
//! commands, after each batch of a change -> Receipts ----^
//! ```
//!
//! What was saved ends with a checksum, which tells damage, not tampering: nothing in it is run or opened. Files are
//! private, and no link is followed.

mod effect;
mod file;
mod receipts;
mod saved;
mod store;

pub use effect::Effect;
pub use file::{About, Line, SavedEntry, SavedLetter};
pub use receipts::Receipt;
pub use saved::Saved;
pub use store::{Kept, Receipts, Store, Writer};
