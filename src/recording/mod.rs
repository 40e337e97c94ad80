//! The flight recorder: what was observed, sample after sample, in a directory, and how it is read again.
//!
//! ```text
//! record, serve --record -> Recorder -> DIR/samples-… (segments) -> Recording -> history, info --at, check, doctor, top
//! ```
//!
//! - A [`Sample`] is what one observation found, with what the rules found in it, or why nothing could be observed.
//! - A [`Recorder`] appends samples and removes the oldest ones; only one writes to a directory.
//! - A [`Recording`] reads them, by time, while a recorder writes.
//! - A segment is a file of at most an hour. It begins with a line that names the format; then come frames, each with a
//!   checksum. The first frame is a whole sample, and the others are compressed with that sample as their dictionary, so
//!   that any frame can be read with the first one of its segment.
//!
//! Files are private, and no link is followed. Whatever is damaged or torn is left out and counted.

mod directory;
mod frame;
mod header;
mod history;
mod name;
mod pack;
mod past;
mod reader;
mod sample;
mod segment;
mod writer;

pub use history::{Episode, Gap, History, HistoryRow, Subject, Wanted, history};
pub use past::{Begins, PAST_WITHIN, look_back, remembered};
pub use reader::{Found, Recording, Samples, Span};
pub use sample::{Denied, Look, Sample, Seen};
pub use writer::{Limits, Recorder, Totals};
