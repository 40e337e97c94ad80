//! A plan as data: what an operation would do, what it was made from, and the command that carries it out.

use schemars::JsonSchema;
use serde::Serialize;

use super::{EntryId, GroupInfo, Impact, Lag, Name, Row, Time};

/// A group as it was when a plan was made from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SeenGroup {
    /// The last id delivered.
    pub last_delivered_id: EntryId,
    /// Entries that the server counts as read; `None` where it lost count.
    pub entries_read: Option<u64>,
    /// Entries delivered and not acknowledged.
    pub pending: u64,
    /// Consumers, live or not.
    pub consumers: u64,
}

impl From<&GroupInfo> for SeenGroup {
    fn from(info: &GroupInfo) -> Self {
        Self {
            last_delivered_id: info.last_delivered_id,
            entries_read: info.entries_read,
            pending: info.pending,
            consumers: info.consumers,
        }
    }
}

/// A consumer whose entries a plan is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlanHolder {
    /// The consumer; `None` for entries that nobody holds.
    pub consumer: Option<Name>,
    /// Its entries among those of the plan.
    pub entries: u64,
    /// The greatest delivery count among them; `None` where that was not looked at.
    pub deliveries_max: Option<u64>,
    /// The least time that one of them has not been delivered; `None` where that was not looked at.
    pub idle_min_ms: Option<u64>,
}

/// What an operation would do, and what its plan was made from. Nothing of it is about how the operation was asked for.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct PlanFacts {
    /// The stream; `None` where the rows are of several.
    pub stream: Option<Name>,
    /// The group; `None` where it is about none, or about several.
    pub group: Option<Name>,
    /// The stream that entries would be moved or copied to.
    pub to_stream: Option<Name>,
    /// The consumer that would get entries.
    pub to_consumer: Option<Name>,
    /// The group as it was when the plan was made. Who held an entry, and how often it had been delivered, is in its row.
    pub seen: Option<SeenGroup>,
    /// What would be done, in words.
    pub summary: String,
    /// How many of the rows would be changed.
    pub count: u64,
    /// How many of the rows would not be changed, for the reason that their outcome says.
    pub left_out: u64,
    /// Whether more would have matched.
    pub has_more: bool,
    /// Entries that are changed, moved, delivered again, skipped or given up; `None` where it is about none.
    pub entries: Option<Lag>,
    /// The oldest of these entries; `None` where it is about none.
    pub oldest_id: Option<EntryId>,
    /// When that was added, by its id.
    pub oldest_time: Option<Time>,
    /// Who holds the entries, most first.
    pub holders: Vec<PlanHolder>,
    /// Other groups that would see entries again; `None` where the user may not ask for them.
    pub other_groups: Option<Vec<Name>>,
    /// Why it would be refused all the same.
    pub refusal: Option<String>,
}

impl PlanFacts {
    /// The same, whose oldest entry is this.
    #[must_use]
    pub fn since(mut self, oldest: Option<EntryId>) -> Self {
        self.oldest_id = oldest;
        self.oldest_time = oldest.and_then(EntryId::time);
        self
    }
}

/// A plan: what was asked for, of which server, and what carries it out.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Plan {
    /// The operation, by the words of its command.
    pub operation: String,
    /// What carrying it out changes.
    pub impact: Impact,
    /// The server that it was made for.
    pub server: String,
    /// What it would do, and what that was made from.
    #[serde(flatten)]
    pub facts: PlanFacts,
    /// The command that carries it out. A destructive one asks first; `--yes` agrees. There is none where it would change
    /// nothing, or be refused.
    pub command: Option<String>,
}

/// A plan with its rows, one document.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlanDocument<R: Row> {
    /// The plan.
    #[serde(flatten)]
    pub plan: Plan,
    /// What would become of each, as the command prints it. Other formats, and picked columns, have these alone.
    pub rows: Vec<R>,
}
