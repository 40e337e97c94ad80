//! What is this platform's own, and of no other pipeline: its streams and groups, how an event becomes a normalised one,
//! what its handlers make of it, and a generated day of it.
//!
//! Pure: no I/O, no clock but the one a caller passes in.

mod builtin;
pub mod features;
pub mod generate;
pub mod normalize;
mod payload;
pub mod review;

pub use builtin::{
    ALL_PREDICTIONS, EVENT_TYPES, EVENTS_NORMALIZED, EVENTS_RAW, MERGE_REASONS, MERGE_REQUESTS,
    MERGES, ML_URL_VARIABLE, PREDICTION_REQUESTS, PREDICTION_RESULTS, PREDICTIONS, REVIEW_QUEUE,
};
