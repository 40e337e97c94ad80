//! A worker's assignment, and when it ends.

use std::sync::Arc;
use std::time::Duration;

use super::handler::Handler;
use super::policy::Policy;
use super::portion::Portion;
use super::pulse::Pulse;
use crate::model::{EntryId, Name};
use crate::topology::OnGroupLost;
use crate::wire::{Error, ExpectedPending, GroupStart};

/// Called with the id of every entry that was handled.
pub type Journal = Arc<dyn Fn(EntryId) + Send + Sync>;

/// When a worker ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Never.
    Forever,
    /// When the entries that were in the stream at the start, and the pending entries that were due, have been
    /// attempted.
    Once,
    /// When the stream has been empty for a while: a retry stream is read as long as something is in it.
    WhileThere,
    /// When each entry that was assigned to the worker has been attempted once; it looks for no others.
    Preclaimed,
    /// When every entry of its [`Portion`] has been handled or is a dead letter, however long retries take. The group is
    /// the worker's alone: what other consumers have pending there is of workers that have ended.
    Portion,
}

impl Mode {
    /// Whether the worker waits for new entries.
    pub(super) const fn waits(self) -> bool {
        matches!(self, Self::Forever | Self::WhileThere)
    }
}

/// What the process wants its workers to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// Continue.
    Run,
    /// Finish what is running, release the rest.
    Drain,
    /// Also stop what is running.
    Now,
}

/// The assignment of one worker.
#[derive(Clone)]
pub struct Assignment {
    /// The stream it reads.
    pub stream: Name,
    /// The stream that it belongs to, if it is the group's retry stream. The keys that tell of the group's workers are
    /// kept beside that one, and what is acknowledged is deleted.
    pub home: Option<Name>,
    /// The group that the worker is a member of.
    pub group: Name,
    /// The worker's consumer name in the group; no other process may use the same name.
    pub consumer: Name,
    /// The dead-letter stream for entries that failed for good; it is in the stream's hash slot.
    pub dead_letter: Name,
    /// Its limits and delays.
    pub policy: Policy,
    /// Entries that the worker's consumer already holds, for [`Mode::Preclaimed`].
    pub given: Vec<ExpectedPending>,
    /// The handler of its entries.
    pub handler: Arc<Handler>,
    /// Whether the worker works only while it has the group's lease.
    pub is_single: bool,
    /// Whether the worker may create the group.
    pub may_create: bool,
    /// The position of a group that it creates when it starts.
    pub start: GroupStart,
    /// What to do when the group is deleted while the worker runs.
    pub on_group_lost: OnGroupLost,
    /// When it ends by itself.
    pub mode: Mode,
    /// The number of started entries after which the worker ends.
    pub max_messages: Option<u64>,
    /// How long the worker tries to reach the server when it starts.
    pub connect_for: Duration,
    /// The field by whose value entries are handled one at a time and in order; `None` for no order.
    pub key: Option<Name>,
    /// The part of the stream that is handled, for [`Mode::Portion`].
    pub portion: Option<Arc<Portion>>,
    /// Called for every handled entry.
    pub journal: Option<Journal>,
    /// How long the server keeps the group's journal; `None` keeps none.
    pub recorded_for: Option<Duration>,
    /// Shows that it is alive.
    pub pulse: Option<Arc<Pulse>>,
}

/// A consumer name that no other process has: `host-pid-random`.
pub fn consumer_name() -> Name {
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let random = uuid::Uuid::new_v4().simple().to_string();
    Name::from(format!("{host}-{}-{}", std::process::id(), &random[..8]))
}

impl Assignment {
    /// The stream beside which the keys are kept that tell of the group's workers.
    pub(super) fn home(&self) -> &Name {
        self.home.as_ref().unwrap_or(&self.stream)
    }

    /// The error with which a worker ends, naming its group and stream.
    pub(super) fn failed_with(&self, error: Error) -> anyhow::Error {
        let (group, stream) = (&self.group, &self.stream);
        anyhow::Error::new(error).context(format!("worker of group `{group}` on `{stream}`"))
    }
}
