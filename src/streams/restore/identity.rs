//! What a restore that is under way restores.

use serde::Serialize;

use super::Restored;
use crate::model::{EntryId, Name};

/// What is being restored, so that another restore does not go on with it.
#[derive(Debug, Serialize)]
pub(super) struct Identity {
    of: Name,
    first_id: Option<EntryId>,
    has_new_ids: bool,
    skips_damaged: bool,
}

impl Identity {
    pub(super) fn new(row: &Restored, skips_damaged: bool) -> Self {
        Self {
            of: row.of.clone(),
            first_id: row.first_id,
            has_new_ids: row.has_new_ids,
            skips_damaged,
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether what was kept is this.
    pub(super) fn is(&self, kept: &[u8]) -> bool {
        self.to_bytes() == kept
    }
}
