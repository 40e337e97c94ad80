//! A repair that is planned, however consent to it is asked for and its end is told: by its command, or on the screen
//! of `top`.

use crate::model::Problem;
use crate::snapshots::Effect;
use crate::streams::chosen::Chosen;
use crate::streams::ending::Repair;
use crate::wire::Connection;

/// A planned repair.
pub(in crate::commands) struct RepairPlan<Steps> {
    /// The connection on which it was planned.
    pub(in crate::commands) connection: Connection,
    /// What is to be done.
    pub(in crate::commands) steps: Steps,
    /// How it is told.
    pub(in crate::commands) repair: Repair,
    /// Which entries, in words.
    pub(in crate::commands) what: String,
    /// The entries that are to be changed.
    pub(in crate::commands) chosen: Chosen,
    /// What will be done, as it is saved first.
    pub(in crate::commands) effect: Effect,
    /// Why it would be refused; only in a dry run.
    pub(in crate::commands) refusal: Option<Problem>,
}

impl<Steps> RepairPlan<Steps> {
    /// The same plan, with its steps as something else.
    pub(in crate::commands) fn map<Other>(
        self,
        steps: impl FnOnce(Steps) -> Other,
    ) -> RepairPlan<Other> {
        RepairPlan {
            connection: self.connection,
            steps: steps(self.steps),
            repair: self.repair,
            what: self.what,
            chosen: self.chosen,
            effect: self.effect,
            refusal: self.refusal,
        }
    }
}
