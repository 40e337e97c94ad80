//! `archive --then-trim`: trims what is archived for certain and what no group needs.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use crate::archive::{Confirmed, Destination};
use crate::commands::shared::Context;
use crate::commands::shared::archives::open;
use crate::commands::shared::bulk::Interrupt;
use crate::commands::shared::watch::may_pass;
use crate::exit::{Exit, classify};
use crate::model::{
    Consent, EntryId, Kind, Lag, Name, PlanFacts, Problem, entries, escaped, format_duration_short,
};
use crate::streams::archive::{Archived, ThenTrim, Wanted, would_archive};
use crate::streams::publish::StopFlag;
use crate::streams::trim::{TrimState, Trimmed, apply_trim};

/// How often it is said again why nothing can be trimmed.
const AGAIN: Duration = Duration::from_mins(5);

/// Trims what was archived through `row`, and adds to it what became of that.
pub(super) async fn trim(
    row: &mut Archived,
    what: &ThenTrim<'_>,
    destination: &Destination,
    context: &Context,
) -> Result<Exit> {
    let Some(end) = row.archived_through else {
        let text = format!(
            "nothing to do: the archive of stream `{}` is empty",
            row.stream
        );
        context.console.note(&text);
        return Ok(Exit::Done);
    };
    let plan = what.plan(Some(end)).await?;
    if plan.is_nothing() {
        row.trimmed = Some(plan.row.clone());
        if let Some(refusal) = plan.refusal() {
            return Err(refusal.into());
        }
        context
            .console
            .note(&format!("nothing to do: {}", plan.facts().summary));
        return Ok(Exit::Done);
    }
    {
        let progress = context.console.progress(None, "comparing with the archive");
        let told = |more| progress.advance(more);
        let mut confirmed = Confirmed::of(destination, &row.stream);
        what.require_archived(&plan, end, &mut confirmed, &told)
            .await?;
    }
    let consent = context.consent(&plan.facts(), "").await?;
    let interrupt = Interrupt::watch()?;
    let Trimmed {
        row: trimmed,
        told,
        error,
    } = {
        let progress = context.console.progress(Some(plan.row.freed), "trimmed");
        let told = |more| progress.advance(more);
        apply_trim(what.connection, plan, &interrupt.flag, &told, &consent).await
    };
    context.audit_done(Some(trimmed.freed), None);
    let done = format!(
        "trimmed {} of stream `{}`",
        entries(trimmed.freed),
        row.stream
    );
    let lines: Vec<String> = [done].into_iter().chain(told).collect();
    context.console.note(&lines.join("\n"));
    let is_stopped = trimmed.state == TrimState::Stopped;
    row.trimmed = Some(trimmed);
    match error {
        Some(error) => Err(error),
        None if is_stopped => Ok(interrupt.exit()),
        None => Ok(Exit::Done),
    }
}

/// Shows what archiving would do, and trimming then.
pub(super) async fn rehearse(
    what: &ThenTrim<'_>,
    to: &Path,
    (wanted, is_trimmed): (Wanted, bool),
    context: &Context,
) -> Result<Exit> {
    let destination = match open(to) {
        Ok(destination) => Some(destination),
        Err(problem) if problem.kind == Kind::NotFound => None,
        Err(problem) => return Err(problem.into()),
    };
    let (mut row, end) = would_archive(what, destination.as_ref(), wanted).await?;
    if destination.is_none() {
        row.archive = escaped(to.as_os_str().as_encoded_bytes());
    }
    let archives = format!(
        "archive {} of stream `{}` to {}",
        entries(row.entries),
        row.stream,
        row.archive
    );
    let mut facts = PlanFacts {
        stream: Some(row.stream.clone()),
        summary: archives.clone(),
        entries: Some(Lag::Known(row.entries)),
        other_groups: Some(Vec::new()),
        ..PlanFacts::default()
    };
    let (mut is_nothing, mut refusal) = (row.entries == 0, None);
    if is_trimmed {
        let plan = what.plan(row.archived_through).await?;
        refusal = plan.refusal();
        if let (Some(destination), Some(end), false) = (&destination, end, plan.is_nothing()) {
            let mut confirmed = Confirmed::of(destination, &row.stream);
            let checked = what.require_archived(&plan, end, &mut confirmed, &|_| {});
            if let Err(error) = checked.await {
                refusal = Some(error.downcast::<Problem>()?);
            }
        }
        is_nothing &= plan.is_nothing();
        facts = plan.facts();
        facts.summary = format!("{archives}, and then {}", facts.summary);
        row.trimmed = Some(plan.row);
    }
    facts.count = (!is_nothing).into();
    facts.left_out = is_nothing.into();
    context.agreed(true, (facts, &[]), &row, refusal).await?;
    Ok(Exit::Done)
}

/// Consent to trim a stream again and again.
pub(super) async fn consent(
    (stream, place, every): (&Name, &str, Duration),
    context: &Context,
) -> Result<Consent> {
    let every = format_duration_short(every);
    let summary = format!(
        "archive stream `{stream}` to {place} every {every}, and trim each time what is archived and what every group \
         has read and acknowledged\nno `undo` puts entries back before others; `restore` makes a stream of the archive"
    );
    let facts = PlanFacts {
        stream: Some(stream.clone()),
        summary,
        count: 1,
        other_groups: Some(Vec::new()),
        ..PlanFacts::default()
    };
    context.consent(&facts, "").await
}

/// Trims a stream again and again, each time after it was archived.
pub(super) struct Trimmer {
    consent: Consent,
    confirmed: Confirmed,
    /// What was said last of why nothing can be trimmed, and when.
    told: Option<(String, Instant)>,
    /// How many entries were trimmed.
    pub(super) freed: u64,
    /// Why nothing was trimmed the last time, if something was wrong.
    pub(super) wrong: Option<Exit>,
}

impl Trimmer {
    pub(super) fn new(consent: Consent, destination: &Destination, stream: &Name) -> Self {
        Self {
            consent,
            confirmed: Confirmed::of(destination, stream),
            told: None,
            freed: 0,
            wrong: None,
        }
    }

    /// Trims what is archived through `end`.
    ///
    /// # Errors
    /// Those after which it can be tried again, and what the user may not do.
    pub(super) async fn round(&mut self, what: &ThenTrim<'_>, end: Option<EntryId>) -> Result<()> {
        let Some(end) = end else {
            return Ok(());
        };
        let plan = what.plan(Some(end)).await?;
        if let Some(refusal) = plan.refusal() {
            self.wrong = Some(Exit::Refused);
            self.tell(&refusal.message);
            return Ok(());
        }
        if plan.is_nothing() {
            self.wrong = None;
            if plan.row.held_back_by.is_some() {
                self.tell(&plan.facts().summary);
            }
            return Ok(());
        }
        let compared = what.require_archived(&plan, end, &mut self.confirmed, &|_| {});
        if let Err(error) = compared.await {
            if may_pass(&error) {
                return Err(error);
            }
            self.wrong = Some(classify(&error));
            self.tell(&format!("nothing is trimmed: {error:#}"));
            return Ok(());
        }
        self.wrong = None;
        let (flag, none) = (StopFlag::default(), |_| {});
        let trimmed = apply_trim(what.connection, plan, &flag, &none, &self.consent).await;
        let freed = trimmed.row.freed;
        self.freed += freed;
        if freed > 0 {
            let before = trimmed.row.cut_id.unwrap_or_default();
            tracing::info!("trimmed {} before {before}", entries(freed));
        }
        if let Some(error) = trimmed.error {
            return Err(error);
        }
        if !trimmed.told.is_empty() {
            self.tell(&trimmed.told.join("; "));
        }
        Ok(())
    }

    /// Says why no more can be trimmed, unless that was said a short while ago.
    fn tell(&mut self, why: &str) {
        let is_known = |(told, at): &(String, Instant)| told == why && at.elapsed() < AGAIN;
        if !self.told.as_ref().is_some_and(is_known) {
            tracing::warn!("{why}");
            self.told = Some((why.to_owned(), Instant::now()));
        }
    }
}
