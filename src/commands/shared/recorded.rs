//! Recordings: where they are, how much is kept, and of which server they are.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueHint;

use super::Context;
use crate::cli::{parse_duration, size};
use crate::model::{Problem, Time};
use crate::recording::{Limits, Recording, Span};
use crate::wire::Endpoint;

/// Where the recording is that a command looks back into.
#[expect(clippy::doc_markdown, reason = "the field doc is the help text")]
#[derive(Clone, Debug, clap::Args)]
pub(in crate::commands) struct RecordedIn {
    /// The directory of a recording [default: $UCP_STREAMS_RECORD]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    record: Option<PathBuf>,
}

impl RecordedIn {
    /// Whether an option names it.
    pub(in crate::commands) const fn is_given(&self) -> bool {
        self.record.is_some()
    }

    /// The recording in this directory, or in that of the environment.
    pub(in crate::commands) const fn of(record: Option<PathBuf>) -> Self {
        Self { record }
    }

    /// The directory, if one was given.
    pub(in crate::commands) fn directory(&self, context: &Context) -> Option<PathBuf> {
        let of_settings = || Some(context.settings.record.as_ref()?.value.clone());
        self.record.clone().or_else(of_settings)
    }

    /// The recording, and what it has.
    ///
    /// # Errors
    /// A usage error when none was given; not found when there is none, or nothing in it; as [`Recording::open`].
    pub(in crate::commands) fn required(
        &self,
        context: &Context,
    ) -> Result<(Recording, Span), Problem> {
        let directory = self.directory(context).ok_or_else(|| {
            Problem::usage("which recording is meant?").hint(
                "give --record DIR, or set UCP_STREAMS_RECORD; `ucp-streams record DIR` makes one",
            )
        })?;
        let recording = Recording::open(&directory)?;
        let span = recording.span()?.ok_or_else(|| {
            let text = format!("nothing is recorded in {} yet", recording.shown());
            Problem::not_found(text).hint("record something: ucp-streams record DIR")
        })?;
        Ok((recording, span))
    }
}

/// The error that nothing was recorded at a time, with what is.
pub(in crate::commands) fn not_recorded(
    recording: &Recording,
    span: &Span,
    when: &str,
    time: Time,
) -> Problem {
    let text = format!(
        "nothing was recorded {when} {time} in {}",
        recording.shown()
    );
    let hint = format!("the recording goes from {} to {}", span.first, span.last);
    Problem::not_found(text).hint(hint)
}

/// Warns about what of a recording could not be read.
pub(in crate::commands) fn told_of_damage(damaged: u64, context: &Context) {
    if damaged > 0 {
        let places = if damaged == 1 { "place" } else { "places" };
        context.console.warn(&format!(
            "the recording is damaged in {damaged} {places}, which are left out"
        ));
    }
}

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
