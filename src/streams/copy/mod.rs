//! Copies a stream to another server or another name: the same entries with the same ids, in order. The last id that the
//! copy has says where it goes on.

mod apply;
mod pace;

use anyhow::Result;
use serde::{Deserialize, Serialize};

pub use apply::{Counts, Servers, copy_round};
pub use pace::Pace;

use super::tail::Filter;
use crate::model::{Edge, EntryId, GroupInfo, Name, Problem, Redaction, quoted, report};
use crate::topology::copied_key;
use crate::wire::{Connection, get, set_unless_there, xinfo_stream};
use apply::copied;

/// What is to be copied.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The stream.
    pub stream: Name,
    /// The stream that becomes its copy.
    pub to: Name,
    /// Where to begin, when the copy ends before that.
    pub from: Option<Edge>,
    /// The last position; the last entry that is there by default.
    pub until: Option<Edge>,
    /// Which entries are copied.
    pub filter: Filter,
    /// What of them is masked.
    pub redaction: Redaction,
    /// Conditions and masks in words: what must be the same when it goes on.
    pub terms: Vec<String>,
}

report! {
    /// What was copied of a stream.
    #[derive(Clone, Debug)]
    pub struct Copied {
        /// The stream.
        pub stream: Name => text("STREAM"),
        /// The server of the copy, without credentials.
        pub to_server: String => text("TO SERVER"),
        /// The copy.
        pub to: Name => text("TO"),
        /// Whether an earlier run began the copy.
        pub is_resumed: bool => whole("RESUMED", wide),
        /// Entries that were copied.
        pub entries: u64 => number("ENTRIES"),
        /// Entries that did not match the conditions.
        pub left_out: u64 => number("LEFT OUT"),
        /// The last id that was looked at: all up to it is copied or left out. `None` when there was nothing.
        pub copied_through: Option<EntryId> => whole("COPIED THROUGH"),
        /// Entries that were added since the copy was written before, and trimmed or deleted before they could be copied;
        /// `None` when that is not known.
        pub missing: Option<u64> => number("MISSING", unknown),
        /// How long it took, in milliseconds.
        pub took_ms: u64 => millis("TOOK", wide),
    }
}

/// What is kept beside a copy.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Kept {
    /// The stream.
    of: Name,
    terms: Vec<String>,
    /// The last id of the stream that was looked at when a run ended, and how many entries had been added to it by then.
    through: Option<String>,
    added: Option<u64>,
    /// The last id of the copy then.
    last: Option<String>,
}

impl Kept {
    fn through(&self) -> Option<EntryId> {
        self.through.as_ref()?.parse().ok()
    }

    /// The last id that the copy must have, at least.
    fn last(&self) -> Option<EntryId> {
        self.last.as_ref()?.parse().ok()
    }
}

/// A copy that can be made.
#[derive(Debug)]
pub struct CopyPlan {
    wanted: Wanted,
    /// What is there of the copy: its last id.
    last: Option<EntryId>,
    kept: Option<Kept>,
    /// How many entries the stream has.
    pub length: u64,
    /// The groups that will see what is copied.
    pub readers: Vec<GroupInfo>,
}

impl CopyPlan {
    /// Whether an earlier run began the copy.
    pub fn is_resumed(&self) -> bool {
        self.kept.is_some()
    }

    /// The last id that the copy has.
    pub fn last(&self) -> Option<EntryId> {
        self.last
    }
}

/// Looks up what there is, and changes nothing.
///
/// # Errors
/// Not found when there is no such stream; refused when there is another stream where the copy would be, or a copy of another
/// one; errors of both servers.
pub async fn plan_copy(
    source: &Connection,
    destination: &Connection,
    wanted: Wanted,
) -> Result<CopyPlan> {
    let (stream, to) = (&wanted.stream, &wanted.to);
    let info = source.run(xinfo_stream(stream)).await?;
    let kept = destination.run(get(&copied_key(to))).await?;
    // One that is empty was never a copy, and has no ids that could be in the way.
    let last = copied(destination, to).await?;
    let kept = match kept {
        None => None,
        Some(kept) => {
            let kept: Kept =
                serde_json::from_slice(&kept).map_err(|_| other(to, "something else"))?;
            if kept.of != *stream {
                return Err(other(to, &format!("stream `{}`", kept.of)).into());
            }
            if kept.terms != wanted.terms {
                let terms = match &kept.terms[..] {
                    [] => "all entries as they are".to_owned(),
                    terms => terms.join(", "),
                };
                let text =
                    format!("`{to}` is a copy of stream `{stream}` with other terms: {terms}");
                return Err(Problem::refused(text)
                    .hint("give the same --where and --redact, or copy it to another stream")
                    .into());
            }
            Some(kept)
        }
    };
    match (&kept, last) {
        (None, Some(_)) => {
            let text = format!("stream `{to}` is there, and is no copy of stream `{stream}`");
            return Err(Problem::refused(text)
                .hint("copy it to another stream: ids must grow, so that nothing can be copied into one that has entries")
                .into());
        }
        (Some(kept), last) if last < kept.last() => {
            let text = format!("the copy `{to}` was deleted, or its ids were set back");
            let key = quoted(copied_key(to).as_bytes());
            return Err(Problem::refused(text)
                .hint(format!(
                    "to copy all of it anew, delete `{to}` and the key {key} there"
                ))
                .into());
        }
        (_, Some(last)) if last > info.last_generated_id => {
            let text = format!(
                "the copy `{to}` ends at {last}, and the last id of stream `{stream}` is {}: it was added to, or is a copy of another stream of this name",
                info.last_generated_id
            );
            return Err(Problem::refused(text)
                .hint("copy it to another stream")
                .into());
        }
        _ => {}
    }
    let readers = super::replay::readers(destination, to).await?;
    Ok(CopyPlan {
        last,
        kept,
        length: info.length,
        readers,
        wanted,
    })
}

fn other(to: &Name, what: &str) -> Problem {
    Problem::refused(format!("`{to}` is a copy of {what}")).hint("copy it to another stream")
}

/// Takes the stream for the copy, unless that was done before.
///
/// # Errors
/// Refused when another copy was begun there meanwhile; errors of the server.
pub async fn begin_copy(connection: &Connection, plan: &CopyPlan) -> Result<()> {
    if plan.kept.is_some() {
        return Ok(());
    }
    let kept = Kept {
        of: plan.wanted.stream.clone(),
        terms: plan.wanted.terms.clone(),
        through: None,
        added: None,
        last: None,
    };
    let (key, value) = (copied_key(&plan.wanted.to), serde_json::to_vec(&kept)?);
    if connection.run(set_unless_there(&key, &value)).await? {
        return Ok(());
    }
    let text = format!("another copy to `{}` was begun meanwhile", plan.wanted.to);
    Err(Problem::refused(text)
        .hint("repeat the command, which goes on with it if it is the same")
        .into())
}
