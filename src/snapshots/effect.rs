//! The changes before which something is saved.

use serde::{Deserialize, Serialize};

use crate::model::Name;

/// What the command did that took the snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Effect {
    /// It moved or deleted the group, or only saved it: the position and all pending entries are restored.
    #[default]
    Group,
    /// Entries were handed to a consumer.
    Claimed {
        /// The consumer.
        to: Name,
        /// Whether the delivery counts were set to 1.
        resets_deliveries: bool,
    },
    /// Consumers were deleted, after their entries were handed to another one.
    Removed {
        /// The consumers.
        consumers: Vec<Name>,
        /// The one that has the entries.
        to: Option<Name>,
    },
    /// Entries were acknowledged.
    Acknowledged,
    /// Entries were acknowledged after a copy of each was added to a stream: their own one again, or the dead-letter
    /// stream.
    Moved {
        /// The stream with the copies.
        to: Name,
    },
    /// Dead letters were deleted after a copy of each was added to a stream.
    Redriven {
        /// The stream with the copies.
        to: Name,
    },
    /// Dead letters were deleted.
    Purged,
}
