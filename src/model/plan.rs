//! A plan as data: what an operation would do, the state it was planned from, and the command that carries it out.

use schemars::JsonSchema;
use serde::Serialize;

use super::{EntryId, GroupInfo, Impact, Lag, Name, Row, Time};

/// A group as it was when the plan was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SeenGroup {
    /// The last id delivered.
    pub last_delivered_id: EntryId,
    /// Entries that the server counts as read; `None` when it does not know.
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

/// A consumer whose entries a plan affects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlanHolder {
    /// The consumer; `None` for entries that no consumer holds.
    pub consumer: Option<Name>,
    /// How many of the plan's entries this consumer holds.
    pub entries: u64,
    /// The greatest delivery count among these entries; `None` when it was not looked up.
    pub deliveries_max: Option<u64>,
    /// The shortest idle time among these entries; `None` when it was not looked up.
    pub idle_min_ms: Option<u64>,
}

/// What an operation would do, and the state it was planned from. It is independent of how the operation was
/// requested.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct PlanFacts {
    /// The stream; `None` when the rows are from several.
    pub stream: Option<Name>,
    /// The group; `None` when the plan concerns no group, or several.
    pub group: Option<Name>,
    /// The stream that entries would be moved or copied to.
    pub to_stream: Option<Name>,
    /// The consumer that would get entries.
    pub to_consumer: Option<Name>,
    /// The group as it was when the plan was made. The holder and the delivery count of an entry are in its row.
    pub seen: Option<SeenGroup>,
    /// What would be done, in words.
    pub summary: String,
    /// How many of the rows would be changed.
    pub count: u64,
    /// How many of the rows would not be changed, for the reason given by their outcome.
    pub left_out: u64,
    /// Whether more would have matched.
    pub has_more: bool,
    /// Entries that are changed, moved, delivered again, skipped or given up; `None` when the plan concerns none.
    pub entries: Option<Lag>,
    /// The oldest of these entries; `None` when the plan concerns none.
    pub oldest_id: Option<EntryId>,
    /// When that entry was added, by its id.
    pub oldest_time: Option<Time>,
    /// The consumers that hold the entries, sorted by number of entries, greatest first.
    pub holders: Vec<PlanHolder>,
    /// Other groups that would see entries again; `None` when the user may not ask for them.
    pub other_groups: Option<Vec<Name>>,
    /// Why the operation would be refused.
    pub refusal: Option<String>,
}

impl PlanFacts {
    /// The same facts, with this oldest entry.
    #[must_use]
    pub fn since(mut self, oldest: Option<EntryId>) -> Self {
        self.oldest_id = oldest;
        self.oldest_time = oldest.and_then(EntryId::time);
        self
    }
}

/// A plan: the operation, the server, and the command that carries it out.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Plan {
    /// The operation, as the words of its command.
    pub operation: String,
    /// The impact of carrying it out.
    pub impact: Impact,
    /// The server for which it was made.
    pub server: String,
    /// What the operation would do, and the state it was planned from.
    #[serde(flatten)]
    pub facts: PlanFacts,
    /// The command that carries out the plan. A destructive one asks first; `--yes` agrees. `None` if the operation
    /// would change nothing, or be refused.
    pub command: Option<String>,
}

/// A plan with its rows, as one document.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlanDocument<R: Row> {
    /// The plan.
    #[serde(flatten)]
    pub plan: Plan,
    /// What would happen to each entry, as the command prints it. Other formats, and selected columns, have only
    /// these rows.
    pub rows: Vec<R>,
}
