//! Snapshots: the position of a group and its pending entries, each in a private file, from which `undo` restores them.
//!
//! ```text
//! snapshot, and commands before they change a group -> Writer -> DIR/ID.snapshot -> Saved -> undo
//! ```
//!
//! A file is made once and never changed. It ends with a checksum of everything before it, which tells damage, not
//! tampering: nothing in it is run or opened. Files are private, and no link is followed.

mod file;
mod store;

pub use file::{About, SavedEntry};
pub use store::{Kept, Saved, Store, Writer};
