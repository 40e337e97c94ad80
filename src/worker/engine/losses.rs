//! Finds entries that were trimmed or deleted before they were delivered. The check is sent right before a read, in the same write,
//! and records what it finds, so that no read goes past an unnoticed gap.

use std::time::{Duration, Instant};

use super::Engine;
use super::fence::Lease;
use crate::model::Lag;
use crate::planted;
use crate::streams::losses::Watch;
use crate::wire::{Error, ErrorKind, Fence, Gap, Looked, ScriptCall};
use crate::worker::counters::add;
use crate::worker::job::{Assignment, Mode};

/// Reads that follow each other faster than this are not all checked, because a check costs as much as ten entries.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// How long no check is tried after one was refused.
const REFUSED_PAUSE: Duration = Duration::from_mins(1);

/// The keys and arguments of the checks, and the last result.
#[derive(Debug)]
pub(super) struct Losses {
    pub(super) watch: Watch,
    next: Instant,
    is_refusal_told: bool,
    /// The gap that could not be recorded and was logged.
    unrecorded: Option<Gap>,
}

impl Losses {
    pub(super) fn new(job: &Assignment, counted_by: String) -> Self {
        Self {
            watch: Watch {
                counted_by,
                ..Watch::new(&job.stream, &job.group, job.dead_letter.clone())
            },
            next: Instant::now(),
            is_refusal_told: false,
            unrecorded: None,
        }
    }

    /// The script call of the check, when one is due `now`, or in any case.
    fn due(
        &mut self,
        job: &Assignment,
        lease: Option<&Lease>,
        now: Option<Instant>,
    ) -> Option<ScriptCall<Looked>> {
        if planted::is("no-loss-look") || now.is_some_and(|now| now < self.next) {
            return None;
        }
        self.next = now.unwrap_or_else(Instant::now) + LOOK_EVERY;
        Some(self.call(job, lease.map(Lease::fence)))
    }

    /// The script call of the check, for the worker of `job`.
    pub(super) fn call(&self, job: &Assignment, fence: Option<&Fence>) -> ScriptCall<Looked> {
        self.watch
            .call(&job.stream, &job.group, &job.consumer, fence)
    }
}

impl Engine {
    /// The check to send with a read, when one is due.
    pub(super) fn look_for_losses(&mut self, now: Instant) -> Option<ScriptCall<Looked>> {
        self.losses.due(&self.job, self.lease.as_ref(), Some(now))
    }

    /// The last check. It makes sure that what was read is covered, also when everything was read at once.
    pub(super) async fn look_for_losses_at_the_end(&mut self) -> Result<(), Error> {
        if self.job.mode == Mode::Preclaimed || self.is_standing_by() || self.losses.is_refusal_told
        {
            return Ok(());
        }
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        if let Some(call) = self.losses.due(&self.job, self.lease.as_ref(), None) {
            let looked = connection.call(call).await;
            self.on_looked(looked);
        }
        Ok(())
    }

    /// Handles the result of a check. A refusal stops nothing; it is logged once.
    pub(super) fn on_looked(&mut self, looked: Result<Looked, Error>) {
        match looked {
            Ok(Looked::Nothing) => self.losses.unrecorded = None,
            Ok(Looked::Recorded(gap, tombstone)) => {
                self.losses.unrecorded = None;
                self.count_lost_before_delivery(gap.entries);
                let (entries, quality) = told(gap.entries);
                tracing::error!(
                    group = %self.job.group, stream = %self.job.stream, entries, quality, after = %gap.from, before = %gap.to,
                    dead_letter = %self.job.dead_letter, %tombstone,
                    "data loss: entries were trimmed or deleted before they were delivered to the group; recorded in the dead-letter stream"
                );
            }
            Ok(Looked::Unrecorded(gap, why)) => self.on_unrecorded(gap, &why),
            // The lease is looked after by itself, and a script that the server forgot comes with the next look.
            Err(error) if matches!(error.kind, ErrorKind::Fenced | ErrorKind::NoScript) => {
                self.losses.next = Instant::now();
            }
            Err(error) => {
                self.losses.next = Instant::now() + REFUSED_PAUSE;
                if !std::mem::replace(&mut self.losses.is_refusal_told, true) {
                    tracing::warn!(
                        group = %self.job.group, stream = %self.job.stream, kept_in = %self.losses.watch.kept, %error,
                        "cannot check for entries that are trimmed or deleted before delivery: such losses go unnoticed"
                    );
                }
            }
        }
    }

    /// Handles a gap that could not be recorded: it is logged and counted nevertheless. When it grows, only the
    /// growth is.
    fn on_unrecorded(&mut self, gap: Gap, why: &str) {
        let told_before = self.losses.unrecorded.replace(gap);
        let entries = gap.entries.entries().unwrap_or_default();
        let before = told_before
            .filter(|it| it.from == gap.from)
            .and_then(|it| it.entries.entries())
            .unwrap_or_default();
        if entries <= before {
            return;
        }
        self.count_lost_before_delivery(Lag::Known(entries - before));
        let (entries, quality) = told(gap.entries);
        tracing::error!(
            group = %self.job.group, stream = %self.job.stream, entries, quality, after = %gap.from, before = %gap.to, why,
            "data loss: entries were trimmed or deleted before they were delivered to the group, and the loss cannot be recorded"
        );
    }

    fn count_lost_before_delivery(&self, entries: Lag) {
        add(&self.counters.lost, entries.entries().unwrap_or_default());
    }
}

/// A count for a log line, and how exact it is.
fn told(entries: Lag) -> (u64, &'static str) {
    (entries.entries().unwrap_or_default(), entries.quality())
}
