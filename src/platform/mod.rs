//! What belongs to this platform and to no other pipeline: its streams and groups, how an event is normalised, what
//! its handlers do, and a generated day.
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
