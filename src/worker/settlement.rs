//! What is to be told to the server of entries: a queue's item, and a chunk of the queue by how it is told.

use crate::model::{EntryId, Name};
use crate::wire::{FeatureUpdate, Lease, Output};

/// What is to be told of one entry.
#[derive(Clone, Debug)]
pub(super) struct Settlement {
    pub(super) id: EntryId,
    /// The delivery count under which it is (or was seen to be) held.
    pub(super) deliveries: u64,
    pub(super) what: What,
    /// Whether it was told before and the reply was lost: if the entry is gone now, that may be why.
    pub(super) was_sent: bool,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// It was handled.
    Acknowledge,
    /// It was handled, and this is its output.
    Publish(Vec<Output>),
    /// It was handled, and this is what it counts for.
    Count(FeatureUpdate),
    /// It failed for good. `owner`: somebody else holds it, and it is not in hand.
    DeadLetter { owner: Option<Name>, reason: String },
    /// Its body is gone. It may not be in hand.
    Tombstone { owner: Name },
    /// It failed and rests from now on: its idle time begins here.
    Rest,
}

impl Settlement {
    pub(super) fn new(id: EntryId, deliveries: u64, what: What) -> Self {
        Self {
            id,
            deliveries,
            what,
            was_sent: false,
        }
    }

    pub(super) fn lease(&self) -> Lease {
        (self.id, self.deliveries)
    }

    /// Whether it may ride along with a read, without a fence.
    pub(super) fn may_ride(&self) -> bool {
        matches!(self.what, What::Acknowledge) && !self.was_sent
    }

    /// Whether it is about an entry that somebody else holds.
    pub(super) fn is_of_others(&self) -> bool {
        matches!(
            self.what,
            What::Tombstone { .. } | What::DeadLetter { owner: Some(_), .. }
        )
    }
}

/// Settlements that are told together, by how they are told. What the server has confirmed is taken out.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) acknowledgements: Vec<Settlement>,
    pub(super) rests: Vec<Settlement>,
    pub(super) effects: Vec<Settlement>,
    pub(super) moves: Vec<Settlement>,
}

impl Chunk {
    pub(super) fn of(settlements: impl IntoIterator<Item = Settlement>) -> Self {
        let mut chunk = Self::default();
        for settlement in settlements {
            let alike = match settlement.what {
                What::Acknowledge => &mut chunk.acknowledgements,
                What::Rest => &mut chunk.rests,
                What::Publish(_) | What::Count(_) => &mut chunk.effects,
                What::DeadLetter { .. } | What::Tombstone { .. } => &mut chunk.moves,
            };
            alike.push(settlement);
        }
        chunk
    }

    /// What the server has not confirmed.
    pub(super) fn left(self) -> impl DoubleEndedIterator<Item = Settlement> {
        let told = self.acknowledgements.into_iter().chain(self.rests);
        told.chain(self.effects).chain(self.moves)
    }
}
