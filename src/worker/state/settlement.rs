//! What must be reported to the server about entries: an item of the queue, and a chunk of the queue sorted by how it
//! is reported.

use crate::model::{EntryId, Name};
use crate::wire::{FeatureUpdate, Lease, Output};

/// What must be reported about one entry.
#[derive(Clone, Debug)]
pub(in crate::worker) struct Settlement {
    pub(in crate::worker) id: EntryId,
    /// The delivery count under which the entry is held, or was seen to be held.
    pub(in crate::worker) deliveries: u64,
    pub(in crate::worker) what: What,
    /// Whether the settlement was sent before and the reply was lost; this may be why the entry is no longer pending.
    pub(in crate::worker) was_sent: bool,
}

#[derive(Clone, Debug)]
pub(in crate::worker) enum What {
    /// The entry was handled.
    Acknowledge,
    /// The entry is not to be handled.
    LeaveOut,
    /// The entry was handled, with this output.
    Publish(Vec<Output>),
    /// The entry was handled, and this is counted.
    Count {
        /// The counts that it adds.
        update: FeatureUpdate,
        /// The part of the update that could not be added, in words.
        uncountable: Option<String>,
    },
    /// The entry failed for good. With an `owner`, another consumer holds it, and it is not in hand.
    DeadLetter { owner: Option<Name>, reason: String },
    /// The entry's body was trimmed or deleted. The entry may not be in hand.
    Tombstone { owner: Name },
    /// The entry failed and waits from now on: its idle time begins here.
    Rest,
}

impl Settlement {
    pub(in crate::worker) fn new(id: EntryId, deliveries: u64, what: What) -> Self {
        Self {
            id,
            deliveries,
            what,
            was_sent: false,
        }
    }

    pub(in crate::worker) fn lease(&self) -> Lease {
        (self.id, self.deliveries)
    }

    /// Whether the settlement may be sent with a read, without a fencing token.
    pub(in crate::worker) fn may_ride(&self) -> bool {
        matches!(self.what, What::Acknowledge) && !self.was_sent
    }

    /// Whether the settlement is about an entry that another consumer holds.
    pub(in crate::worker) fn is_of_others(&self) -> bool {
        matches!(
            self.what,
            What::Tombstone { .. } | What::DeadLetter { owner: Some(_), .. }
        )
    }
}

/// Settlements that are sent together, grouped by how they are sent. What the server has confirmed is removed.
#[derive(Debug, Default)]
pub(in crate::worker) struct Chunk {
    pub(in crate::worker) acknowledgements: Vec<Settlement>,
    pub(in crate::worker) rests: Vec<Settlement>,
    pub(in crate::worker) effects: Vec<Settlement>,
    pub(in crate::worker) moves: Vec<Settlement>,
}

impl Chunk {
    pub(in crate::worker) fn of(settlements: impl IntoIterator<Item = Settlement>) -> Self {
        let mut chunk = Self::default();
        for settlement in settlements {
            let alike = match settlement.what {
                What::Acknowledge | What::LeaveOut => &mut chunk.acknowledgements,
                What::Rest => &mut chunk.rests,
                What::Publish(_) | What::Count { .. } => &mut chunk.effects,
                What::DeadLetter { .. } | What::Tombstone { .. } => &mut chunk.moves,
            };
            alike.push(settlement);
        }
        chunk
    }

    /// The settlements that the server has not confirmed.
    pub(in crate::worker) fn left(self) -> impl DoubleEndedIterator<Item = Settlement> {
        let told = self.acknowledgements.into_iter().chain(self.rests);
        told.chain(self.effects).chain(self.moves)
    }
}
