//! Publishes one entry, or a file of them, checked before anything is sent. [`cut`] determines what MAXLEN would trim
//! from a group that has not processed it, and [`retention`] decides what is done about that.

mod blocks;
mod bulk;
mod check;
pub mod convert;
pub mod cut;
mod feed;
mod keep;
mod line_limit;
mod once;
mod outcome;
mod place;
mod pump;
mod rejections;
mod rejects;
pub mod retention;
mod text;
mod unpack;
mod verdict;
mod warnings;

use anyhow::Result;

pub use super::rate_limiter::Rate;
pub use super::stop::StopFlag;
pub use blocks::Blocks;
pub(super) use blocks::Line;
pub use bulk::send;
pub(super) use check::unreadable;
pub use check::{Checked, check};
pub use feed::{Complaints, Encoding, Feed, OnInvalid};
pub use keep::{Keep, check_and_keep};
pub use once::{Idempotency, OnceEntry, Stored, hash_of, memory_of, publish_once, send_once};
pub use outcome::PublishOutcome;
pub use place::{Place, Unit};
pub use rejections::Rejections;
pub use rejects::Rejects;
pub use unpack::{Expanded, unpacked};
pub use warnings::Warnings;

use super::names::explain;
use crate::model::{CommandLine, EntryId, Fields, Kind, Name, Problem, Time, report};
use crate::topology::Topology;
use crate::topology::validate::Invalid;
use crate::wire::{Connection, Error, xadd};

/// Where entries are added.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The stream.
    pub stream: Name,
    /// Trim the stream to about this many entries.
    pub maxlen: Option<u64>,
}

report! {
    /// An entry that was published.
    #[derive(Clone, Debug)]
    pub struct Published<'s> {
        /// Its id.
        pub id: EntryId => whole("ID"),
        /// When it was added, by its id.
        pub time: Option<Time>,
        /// Its stream.
        pub stream: &'s Name => text("STREAM"),
        /// Whether it was stored before; known only when entries have an idempotency key.
        pub duplicate: Option<bool>,
    }
}

report! {
    /// What would be published.
    #[derive(Clone, Debug)]
    pub struct WouldPublish {
        /// The stream.
        pub stream: Name => text("STREAM"),
        /// Number of entries.
        pub entries: u64 => number("ENTRIES"),
        /// The length that MAXLEN would trim the stream to.
        pub maxlen: Option<u64> => number("MAXLEN"),
    }
}

/// Publishes one entry.
///
/// # Errors
/// An unknown outcome when the reply was lost: the entry is then not sent again, because that could store it twice. Not
/// found when the key with the stream's name is not a stream; errors of the server.
pub async fn publish_one(
    connection: &Connection,
    topology: &Topology,
    target: &Destination,
    fields: &Fields,
) -> Result<EntryId> {
    let stream = &target.stream;
    match connection.run(xadd(stream, target.maxlen, fields)).await {
        Ok(id) => Ok(id),
        Err(error) if error.kind.is_outcome_unknown() => {
            Err(lost_reply(&format!("an entry for `{stream}`"), stream, &error).into())
        }
        Err(error) => Err(explain(connection, topology, stream, error).await),
    }
}

/// The error that it is unknown whether `what` is in `stream`.
pub(super) fn lost_reply(what: &str, stream: &Name, error: &Error) -> Problem {
    Problem::new(
        Kind::Unknown,
        format!("the reply was lost, so it is unknown whether {what} was stored; it was not sent again: {error}"),
    )
    .hint(format!(
        "look with `{}`, and publish again only entries that are not there",
        CommandLine::new("tail").arg(stream)
    ))
}

/// The error that an entry for `stream` is not valid.
pub fn not_valid(stream: &Name, invalid: &[Invalid]) -> Problem {
    let mut message = format!("not valid for `{stream}`, nothing was sent");
    for one in invalid {
        message.push_str("\n- ");
        message.push_str(&one.to_string());
    }
    Problem::usage(message).hint(format!(
        "correct the entry and send it again; `{}` shows the fields of each stream",
        CommandLine::new("topology show")
    ))
}
