//! What a worker is to do, and when it ends.

use std::sync::Arc;
use std::time::Duration;

use super::handler::Handler;
use super::policy::Policy;
use super::pulse::Pulse;
use crate::model::{EntryId, Name};
use crate::topology::OnGroupLost;
use crate::wire::{Error, ExpectedPending, GroupStart};

/// Called with the id of every entry whose handler handled it.
pub type Journal = Arc<dyn Fn(EntryId) + Send + Sync>;

/// When a worker ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Never.
    Forever,
    /// When what was in the stream at the start, and what was due of the pending entries, was attempted.
    Once,
    /// When each entry that it was given was attempted once; it looks for no others.
    Preclaimed,
}

/// What the process wants of its workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// Go on.
    Run,
    /// Finish what runs, give back the rest.
    Drain,
    /// Stop what runs, too.
    Now,
}

/// What one worker is to do.
#[derive(Clone)]
pub struct Assignment {
    /// The stream it reads.
    pub stream: Name,
    /// The group it is a member of.
    pub group: Name,
    /// Its name in the group; no other process has the same.
    pub consumer: Name,
    /// Where entries go that failed for good; in the stream's hash slot.
    pub dead_letter: Name,
    /// The numbers it goes by.
    pub policy: Policy,
    /// Entries that its consumer holds already, for [`Mode::Preclaimed`].
    pub given: Vec<ExpectedPending>,
    /// What it does with an entry.
    pub handler: Arc<Handler>,
    /// Whether it works only while it has the group's lease.
    pub is_single: bool,
    /// Whether it may create the group.
    pub may_create: bool,
    /// Where a group begins that it creates at its start.
    pub start: GroupStart,
    /// What to do when the group goes away while it works.
    pub on_group_lost: OnGroupLost,
    /// When it ends by itself.
    pub mode: Mode,
    /// It ends after starting so many.
    pub max_messages: Option<u64>,
    /// How long it tries to reach the server at its start.
    pub connect_for: Duration,
    /// Learns of every handled entry.
    pub journal: Option<Journal>,
    /// Shows that it lives.
    pub pulse: Option<Arc<Pulse>>,
}

/// A consumer name no other process has: `host-pid-random`.
pub fn consumer_name() -> Name {
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let random = uuid::Uuid::new_v4().simple().to_string();
    Name::from(format!("{host}-{}-{}", std::process::id(), &random[..8]))
}

impl Assignment {
    /// The error a worker ends with, naming what it was to do.
    pub(super) fn failed_with(&self, error: Error) -> anyhow::Error {
        let (group, stream) = (&self.group, &self.stream);
        anyhow::Error::new(error).context(format!("worker of group `{group}` on `{stream}`"))
    }
}
