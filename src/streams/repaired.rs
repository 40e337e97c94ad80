//! An entry that is changed, or a dead letter: as it was when it was looked at, and with the result.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Body, EntryId, Name, PendingEntry, states};
use crate::snapshots::Receipt;
use crate::wire::ExpectedPending;

states! {
    /// The result for one entry.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
    pub enum Outcome {
        /// The entry would be changed; nothing was changed yet.
        Planned = "planned" in Plain,
        /// The consumer holds it now.
        Claimed = "claimed" in Ok,
        /// The consumer already held it.
        AlreadyHeld = "already held" in Ok,
        /// The entry is no longer pending.
        Acknowledged = "acknowledged" in Ok,
        /// Any worker may claim the entry now.
        Due = "due" in Ok,
        /// The live worker that waits with the entry is told to try it; what it is handling it leaves alone.
        Asked = "asked" in Ok,
        /// A copy was appended to the stream, and the old entry was acknowledged.
        Requeued = "requeued" in Ok,
        /// The entry is now a dead letter, and no longer pending.
        DeadLettered = "dead-lettered" in Ok,
        /// The entry was moved back to the end of its stream, and is no longer a dead letter.
        Redriven = "redriven" in Ok,
        /// The dead letter was deleted.
        Purged = "purged" in Ok,
        /// The entry's body had been trimmed, and a tombstone was written to the dead-letter stream.
        Tombstone = "tombstone" in Bad,
        /// The entry was not pending (or did not exist) when it was looked up.
        NotPending = "not pending" in Warn,
        /// The entry was delivered too recently.
        Fresh = "fresh" in Warn,
        /// After the entry was looked up, another consumer claimed it, or it was delivered again.
        Moved = "moved" in Warn,
        /// After the entry was looked up, it was acknowledged or deleted.
        Gone = "gone" in Warn,
        /// The entry's body had been trimmed; nothing was changed.
        Trimmed = "trimmed" in Bad,
        /// A rule refused the change; nothing was changed.
        Refused = "refused" in Warn,
        /// The change was sent, and the reply was lost.
        Unknown = "unknown" in Bad,
        /// An error came first; nothing was changed.
        NotTried = "not tried" in Warn,
    }
}

impl Outcome {
    /// Whether this is the result that was asked for.
    pub const fn is_done(self) -> bool {
        matches!(
            self,
            Self::Planned
                | Self::Claimed
                | Self::AlreadyHeld
                | Self::Acknowledged
                | Self::Due
                | Self::Asked
                | Self::Requeued
                | Self::DeadLettered
                | Self::Redriven
                | Self::Purged
        )
    }
}

/// One entry and its result.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Repaired {
    /// The entry.
    pub id: EntryId,
    /// The result for the entry.
    pub outcome: Outcome,
    /// The consumer that held the entry when it was looked up; `None` also when no consumer held it.
    pub consumer: Option<Name>,
    /// How long the entry had been idle then.
    pub idle_ms: Option<u64>,
    /// How often the entry had been delivered.
    pub deliveries: Option<u64>,
    /// The entry's new id in the stream to which it was added.
    pub new_id: Option<EntryId>,
    /// The reason, if there is more to say.
    pub detail: Option<String>,
    /// The entry's fields, if the operation has them; they are not kept with it.
    #[serde(skip)]
    pub fields: Option<Body>,
}

impl Repaired {
    /// An entry of which only the id is known.
    pub(super) const fn unseen(id: EntryId, outcome: Outcome) -> Self {
        Self {
            id,
            outcome,
            consumer: None,
            idle_ms: None,
            deliveries: None,
            new_id: None,
            detail: None,
            fields: None,
        }
    }

    /// What is kept of it so that it can be undone; `None` when nothing was changed, as far as is known.
    pub(super) fn receipt(&self) -> Option<Receipt> {
        let is_changed = match self.outcome {
            Outcome::Planned | Outcome::AlreadyHeld => false,
            Outcome::Tombstone => true,
            outcome => outcome.is_done(),
        };
        is_changed.then_some(Receipt {
            id: self.id,
            new_id: self.new_id,
        })
    }
}

/// A pending entry or a dead letter that is to be changed, as it was when it was looked at.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Subject {
    /// The entry.
    pub id: EntryId,
    /// The consumer that holds it, or held it when it became a dead letter; `None` when none does.
    pub consumer: Option<Name>,
    /// How long it has been idle; `None` when it is not pending, or no consumer holds it.
    pub idle_ms: Option<u64>,
    /// How often it was delivered; `None` when that is not known.
    pub deliveries: Option<u64>,
}

impl From<PendingEntry> for Subject {
    fn from(entry: PendingEntry) -> Self {
        Self {
            id: entry.id,
            consumer: Some(entry.consumer).filter(|name| !name.is_empty()),
            idle_ms: entry.idle_ms,
            deliveries: Some(entry.deliveries),
        }
    }
}

impl Subject {
    /// Its row with a result.
    pub(super) fn row(&self, outcome: Outcome) -> Repaired {
        Repaired {
            consumer: self.consumer.clone(),
            idle_ms: self.idle_ms,
            deliveries: self.deliveries,
            ..Repaired::unseen(self.id, outcome)
        }
    }

    /// The entry as it was seen, as the precondition of a change.
    pub(super) fn expected(&self) -> ExpectedPending {
        ExpectedPending {
            id: self.id,
            owner: Some(self.owner()),
            deliveries: self.deliveries,
        }
    }

    /// Whether it has been idle for at least `idle_min`; one that no consumer holds has been for ever.
    pub(super) fn is_idle(&self, idle_min: Duration) -> bool {
        let is_long = |idle_ms| u128::from(idle_ms) >= idle_min.as_millis();
        self.idle_ms.is_none_or(is_long)
    }

    /// The consumer that holds it; empty when none does.
    pub(super) fn owner(&self) -> Name {
        self.consumer.clone().unwrap_or_default()
    }
}
