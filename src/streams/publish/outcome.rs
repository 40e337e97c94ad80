//! What became of entries that were being sent. What that means for the operator is in `verdict`.

use super::feed::Complaints;
use super::place::{Place, Unit};
use crate::model::Problem;
use crate::wire::Error;

/// What became of the entries that a publish sent.
#[derive(Debug, Default)]
pub struct PublishOutcome {
    /// Entries the server has acknowledged.
    pub stored: u64,
    /// Where the last of them stands.
    pub last: Option<Place>,
    /// The first that the server refused, and why.
    pub refused: Option<(Place, Error)>,
    /// Lines the server refused.
    pub refused_count: u64,
    /// Lines that were there before, under the same key.
    pub known: u64,
    /// Lines that a rule of this tool refused: their key was used for other fields.
    pub conflicts: u64,
    /// The first of them, and why.
    pub conflict: Option<(Place, Problem)>,
    /// First and last of the lines whose replies were lost, and how.
    pub lost: Option<(Place, Place, Error)>,
    /// That an answer was not to be had, however often it was asked for.
    pub unanswered: Option<Problem>,
    /// What was wrong with the input, or kept it from being sent.
    pub input: Option<anyhow::Error>,
    /// What was found in it on the way.
    pub found: Complaints,
    /// It was told to stop before the end.
    pub stopped: bool,
    /// What the places in the input count: lines, or entries.
    pub unit: Unit,
}
