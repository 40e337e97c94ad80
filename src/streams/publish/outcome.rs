//! The results of sending entries. `verdict` says what they mean for the operator.

use super::feed::Complaints;
use super::place::{Place, Unit};
use crate::model::Problem;
use crate::wire::Error;

/// The results of the entries that a publish sent.
#[derive(Debug, Default)]
pub struct PublishOutcome {
    /// Entries the server has acknowledged.
    pub stored: u64,
    /// The place of the last of them in the input.
    pub last: Option<Place>,
    /// The first entry that the server refused, and why.
    pub refused: Option<(Place, Error)>,
    /// Lines the server refused.
    pub refused_count: u64,
    /// Lines whose entries were stored before, under the same key.
    pub known: u64,
    /// Lines that this tool refused because their key was used for other fields.
    pub conflicts: u64,
    /// The first of them, and why.
    pub conflict: Option<(Place, Problem)>,
    /// The first and the last of the lines whose replies were lost, and the error.
    pub lost: Option<(Place, Place, Error)>,
    /// The error that there was no answer, after all attempts.
    pub unanswered: Option<Problem>,
    /// What was wrong with the input, or prevented it from being sent.
    pub input: Option<anyhow::Error>,
    /// Warnings about the input.
    pub found: Complaints,
    /// Whether the run was told to stop before the end.
    pub stopped: bool,
    /// What places in the input are counted in: lines, or entries.
    pub unit: Unit,
}
