//! A change that is under way: how far it is, how it ended, and how it ends when the screen is left meanwhile.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Result;
use futures_util::future::LocalBoxFuture;
use tokio::time::sleep;

use super::actions::Planned;
use super::ended::{Ended, Progress};
use crate::commands::shared::Context;
use crate::console::Signals;
use crate::exit::Exit;
use crate::model::{counted, with_commas};

/// How long a change that was told to stop is waited for, beside the time that two replies may take.
const GRACE: Duration = Duration::from_secs(5);

/// A change that is under way.
pub(super) struct Change<'c> {
    job: LocalBoxFuture<'c, Ended>,
    progress: Arc<Progress>,
    /// How many entries it is to change.
    total: u64,
    /// The command that shows how things stand.
    look: String,
}

impl<'c> Change<'c> {
    /// Begins the change that was planned, if `typed` is consent to it.
    pub(super) fn begin(planned: Planned, typed: String, context: &'c Context) -> Self {
        let progress = Arc::new(Progress::default());
        let (total, look) = (planned.total, planned.look());
        let with = Arc::clone(&progress);
        Self {
            job: Box::pin(async move { planned.apply(&typed, &with, context).await }),
            progress,
            total,
            look,
        }
    }

    /// How many entries were tried.
    pub(super) fn tried(&self) -> u64 {
        self.progress.tried.load(Ordering::Relaxed)
    }

    /// How it ended, once it has. May be dropped and asked for again.
    pub(super) async fn ended(&mut self) -> Ended {
        (&mut self.job).await
    }

    /// Stops it before its next entries and tells what was done, where the screen is gone. A signal, or a server that
    /// does not answer, cuts it off. Returns how top ends that was to end like `left`.
    ///
    /// # Errors
    /// Those of the change, or `left`.
    pub(super) async fn finish(
        mut self,
        left: Result<Exit>,
        mut signals: Signals,
        context: &Context,
    ) -> Result<Exit> {
        self.progress.stop.set();
        let console = &context.console;
        console.note("the change stops before its next entries; Ctrl-C cuts it off");
        let patience = context.settings.timeout.value.saturating_mul(2) + GRACE;
        let ended = tokio::select! {
            biased;
            ended = self.ended() => ended,
            _ = signals.next() => return Ok(self.cut_off("a second signal came", context)),
            () = sleep(patience) => {
                let why = "the server did not answer";
                return Ok(self.cut_off(why, context));
            }
        };
        let summary = ended.summary.map(|it| it.1);
        for text in summary.iter().chain(&ended.undo) {
            console.note(text);
        }
        context.warn_each(ended.warnings);
        match (ended.error, left?) {
            (Some(error), _) => Err(error),
            (None, Exit::Terminated) => Ok(Exit::Terminated),
            (None, Exit::Interrupted) if ended.is_stopped => Ok(Exit::Interrupted),
            (None, _) => Ok(ended.exit),
        }
    }

    /// Says how far it is known to have come.
    fn cut_off(&self, why: &str, context: &Context) -> Exit {
        let (tried, total) = (self.tried(), self.total);
        let left = total.saturating_sub(tried);
        let sent = counted(left, "other one", "others");
        context.console.warn(&format!(
            "cut off, because {why}: {} of {} entries were tried; some of the {sent} may have been changed, too: see \
                `{}`",
            with_commas(tried),
            with_commas(total),
            self.look
        ));
        if tried > 0 {
            Exit::Partial
        } else {
            Exit::Unknown
        }
    }
}
