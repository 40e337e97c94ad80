//! What is to be told to the server of an entry.

use crate::model::{EntryId, Name};
use crate::wire::{FeatureUpdate, Output};

/// What is to be told of one entry.
#[derive(Clone, Debug)]
pub(super) struct Settlement {
    pub(super) id: EntryId,
    /// The delivery count under which it is (or was seen to be) held.
    pub(super) deliveries: u64,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// It was handled.
    Acknowledge,
    /// It was acknowledged, and the reply was lost.
    AcknowledgeAgain,
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
