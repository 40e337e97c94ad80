//! Archives: the entries of streams in files, in a directory or in a bucket. Pure of Redis.
//!
//! ```text
//! archive -> Writer -> Destination (segments, manifests, snapshots of groups) -> Walk, load -> ls, verify, restore, read
//! ```
//!
//! - A segment has the entries of at most an hour, as lines of JSON in zstd frames of about 4 MiB, so that what is damaged
//!   costs a frame. Its name follows from its first id, and it is never written again.
//! - A [`Manifest`] says what a segment has, with checksums, and which segment it follows. It is written last, so that a
//!   segment with a manifest is whole, and an archive goes on where its manifests end.
//! - [`export()`] makes a table of entries, in a file of Parquet.
//! - A snapshot of [`Groups`] has the stream's counters, its groups, and what they have pending.
//!
//! Files are private, and no link is followed. What is read back is other people's data: its size, its names and its parts
//! are checked before anything is done with them.

mod access;
mod bucket;
mod confirmed;
mod destination;
mod directory;
mod export;
mod groups;
mod line;
mod load;
mod look;
mod manifest;
mod name;
#[cfg_attr(not(feature = "parquet"), path = "absent.rs")]
mod parquet;
mod position;
mod range;
mod segment;
mod stored;
mod table;
mod walk;
mod writer;

pub use access::Access;
pub use confirmed::{Confirmed, Looking};
pub use destination::Destination;
pub use export::{Exported, export};
pub use groups::{Groups, GroupsBuilder, GroupsHead, SavedGroup, SavedPending};
pub use line::{parse_line, push_line};
pub use load::{Loaded, load, newest_groups};
pub use look::{DamagedPart, SegmentRow, SegmentState, list, stream_meant, verify};
pub use manifest::{Frame, Manifest};
pub use name::SegmentName;
pub use position::{Position, PositionFile};
pub use range::{ArchivedStream, Pages, Range};
pub use segment::Segment;
pub use table::{ColumnKind, ColumnSpec};
pub use walk::{Found, Walk, streams_of};
pub use writer::{Goes, Writer, Written, end_of};
