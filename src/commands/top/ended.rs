//! How far a change from the screen is, and how it ended.

use std::sync::atomic::AtomicU64;

use crate::commands::shared::Context;
use crate::exit::Exit;
use crate::model::Tone;
use crate::streams::publish::StopFlag;

/// A line about how a change ended.
pub(super) type Line = (Tone, String);

/// How far a change is, and whether it is to stop.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) stop: StopFlag,
    /// How many entries were tried.
    pub(super) tried: AtomicU64,
}

/// How a change ended.
#[derive(Default)]
pub(super) struct Ended {
    /// What was done, in one sentence.
    pub(super) summary: Option<Line>,
    pub(super) warnings: Vec<String>,
    /// The command that undoes what was done.
    pub(super) undo: Option<String>,
    /// The error that ended it.
    pub(super) error: Option<anyhow::Error>,
    /// Whether it was stopped before all entries were tried.
    pub(super) is_stopped: bool,
    /// The exit code of the command that does the same.
    pub(super) exit: Exit,
}

impl Ended {
    /// Line by line, for the screen.
    pub(super) fn lines(&self, context: &Context) -> Vec<Line> {
        let error = self
            .error
            .as_ref()
            .map(|it| context.console.error_text(it))
            .unwrap_or_default();
        let error = error.lines().map(|it| (Tone::Bad, it.to_owned()));
        let warnings = self.warnings.iter();
        let warnings = warnings.map(|it| (Tone::Warn, format!("warning: {it}")));
        let summary = self.summary.iter().cloned();
        let undo = self.undo.iter().map(|it| (Tone::Plain, it.clone()));
        summary.chain(error).chain(undo).chain(warnings).collect()
    }
}
