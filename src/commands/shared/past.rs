//! What a recording says of what is found now. One that says nothing is a warning, and changes no verdict.

use std::time::Instant;

use super::Context;
use super::recorded::{RecordedIn, server_of};
use crate::findings::Finding;
use crate::model::{Problem, Time, escaped};
use crate::recording::{PAST_WITHIN, Recording, Span, look_back, remembered};
use crate::streams::inspect::{Remembered, StreamReport};

/// How old the last sample may be, in looks of the recorder, and at least.
const LOOKS: u64 = 3;
const OLD_MS: u64 = 60_000;

/// A recording of the server that is looked at.
pub(in crate::commands) struct Past<'c> {
    recording: Recording,
    context: &'c Context,
}

impl<'c> Past<'c> {
    /// The recording that an option or the environment names; `None`, with a warning, where it is of no use.
    pub(in crate::commands) fn of(recorded: &RecordedIn, context: &'c Context) -> Option<Self> {
        recorded.directory(context)?;
        let opened = recorded.required(context).and_then(|(recording, span)| {
            require_server(&span, context)?;
            Ok((recording, span))
        });
        match opened {
            Ok((recording, span)) => {
                told_of_age(&span, context);
                Some(Self { recording, context })
            }
            Err(problem) => {
                told(&problem, context);
                None
            }
        }
    }

    /// How far groups were.
    pub(in crate::commands) fn remembered(&self) -> Vec<Remembered> {
        remembered(&self.recording, Time::now()).unwrap_or_else(|problem| {
            told(&problem, self.context);
            Vec::new()
        })
    }

    /// Adds to what was found since when it is there, and the trend of its figure.
    pub(in crate::commands) fn tell(&self, found: &mut [Finding], streams: &[StreamReport]) {
        let deadline = Instant::now() + PAST_WITHIN;
        let looked = look_back(&self.recording, found, streams, Time::now(), deadline);
        if let Err(problem) = looked {
            told(&problem, self.context);
        }
    }
}

fn require_server(span: &Span, context: &Context) -> Result<(), Problem> {
    let dialer = context.dialer();
    let own = dialer.map(|it| server_of(it.endpoint()));
    if own.is_ok_and(|own| own == span.server) {
        return Ok(());
    }
    let other = escaped(span.server.as_bytes());
    Err(Problem::refused(format!(
        "it is of another server, {other}"
    )))
}

fn told_of_age(span: &Span, context: &Context) {
    let age_ms = Time::now().ms.saturating_sub(span.last.ms);
    if age_ms > (LOOKS * span.every_ms).max(OLD_MS) {
        context.console.warn(&format!(
            "the last sample of the recording is from {}: since when findings are there may not be known",
            span.last
        ));
    }
}

fn told(problem: &Problem, context: &Context) {
    let text = format!("the recording is not used: {problem}");
    context.console.warn(&text);
}
