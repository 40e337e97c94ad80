//! Recordings: how much is kept, and of which server they are.

use std::time::Duration;

use crate::cli::{parse_duration, size};
use crate::recording::Limits;
use crate::wire::Endpoint;

/// How much of a recording is kept.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(in crate::commands) struct Keeping {
    /// Remove samples that are older than this
    #[arg(long, value_name = "DUR", default_value = "7d", value_parser = at_least_an_hour)]
    max_age: Duration,

    /// Remove the oldest samples when the recording is larger than this
    #[arg(long, value_name = "SIZE", default_value = "50MB", value_parser = at_least_a_megabyte)]
    max_size: u64,
}

/// The least size: one segment must not be most of a recording.
const SIZE_MIN: u64 = 1_000_000;
/// The least age: a segment covers so much.
const AGE_MIN: Duration = Duration::from_hours(1);

impl Keeping {
    pub(in crate::commands) fn limits(self) -> Limits {
        Limits {
            age: self.max_age,
            bytes: self.max_size,
        }
    }
}

fn at_least_an_hour(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(age) if age >= AGE_MIN => Ok(age),
        Ok(_) => Err("it must be at least 1h".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn at_least_a_megabyte(text: &str) -> Result<u64, String> {
    match size(text) {
        Ok(size) if size >= SIZE_MIN => Ok(size),
        Ok(_) => Err("it must be at least 1MB".to_owned()),
        Err(error) => Err(error),
    }
}

/// The server as a recording names it: its address and its database, without credentials.
pub(in crate::commands) fn server_of(endpoint: &Endpoint) -> String {
    format!("{}/{}", endpoint.address(), endpoint.db)
}
