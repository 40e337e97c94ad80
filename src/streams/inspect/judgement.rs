//! What the alerts of a group were decided from, for reports that are kept: their JSON does not have it.

use serde::{Deserialize, Serialize};

use super::GroupReport;
use crate::topology::{Figures, Thresholds};

/// What the alerts of a group were decided from.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Judgement {
    figures: Figures,
    thresholds: Thresholds,
}

impl From<&GroupReport> for Judgement {
    fn from(group: &GroupReport) -> Self {
        Self {
            figures: group.figures,
            thresholds: group.thresholds,
        }
    }
}

impl GroupReport {
    /// Decides the alerts of a report that was kept as they were decided then.
    pub fn judge_as_then(&mut self, then: Judgement) {
        self.figures = then.figures;
        self.judge_by(then.thresholds);
    }
}
