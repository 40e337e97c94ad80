//! Flags and value parsers that commands share. Pure: no environment, no I/O.
//!
//! Every parser here is a function from text to a value, so a command's `Args` can name it and a table of cases can
//! test it. This module knows nothing about what a value means on a server.

mod facts;
mod globals;
mod input;
mod kafka;
mod positions;
mod thresholds;
mod values;
mod watch;
mod when;

pub use crate::model::{DurationError, parse_duration};
pub use facts::{Impact, ImpactWith, Prints, PrintsPlan, PrintsWith};
pub use globals::{ColorChoice, DryRun, Globals, Limited, Long, Pairs};
pub use input::{MaxExpanded, delimiter, size};
pub use kafka::{KafkaArgs, compression};
pub use positions::{Position, PositionError};
pub use thresholds::{Stages, stages};
pub use values::{
    FieldValue, Names, bytes_of, condition, count, field_value, name, names, per_second,
    positive_duration, to_name,
};
pub use watch::{Watched, with_interval_joined};
pub use when::{When, WhenError};
