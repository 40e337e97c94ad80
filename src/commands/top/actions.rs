//! Changes from the screen: planned and made by the operations of `claim`, `requeue` and `dlq redrive`, with the same
//! guards, and each with the command line that it equals.

use anyhow::Result;

use crate::cli::DryRun;
use crate::commands::shared::Context;
use crate::commands::shared::failure::explained;
use crate::commands::shared::group::{GroupArgs, OpenGroup};
use crate::commands::shared::selection::{SelectArgs, Selection};
use crate::model::{
    Cell, Column, CommandLine, Consent, EntryId, Name, Problem, Row as _, Tone, entries,
};
use crate::settings::Protected;
use crate::streams::claim::{ClaimPlan, Recipient, apply_claim, plan_claim};
use crate::streams::course::Course;
use crate::streams::dead_letters::{Letters, Source, find};
use crate::streams::ending::{Ending, Repair};
use crate::streams::names::require_letters;
use crate::streams::publish::StopFlag;
use crate::streams::redrive::{LettersPlan, apply_redrive, must_be_one_group, seen_by};
use crate::streams::repair::{Applied, Chosen, Outcome, Repaired};
use crate::streams::requeue::{apply_requeue, must_be_alone, others};
use crate::streams::select::PendingSelector;
use crate::streams::target::Target;
use crate::top::{Action, Consented, Proposal, Selected};
use crate::view::{Changed, cell_text};
use crate::wire::{Connection, CountMode};

/// How many entries of a plan are shown.
const SHOWN_MAX: usize = 6;

/// A line about how a change ended.
pub(super) type Line = (Tone, String);

/// A plan that can be carried out.
pub(super) struct Planned {
    connection: Connection,
    steps: Steps,
    repair: Repair,
    /// The plan, as consent is asked for it.
    plan: String,
}

enum Steps {
    Claim(ClaimPlan),
    Requeue(Chosen, Name, bool),
    Redrive(LettersPlan, bool),
}

/// Plans a change. Nothing is changed yet.
///
/// # Errors
/// Refused by the rules of the command; not found; errors of the server.
pub(super) async fn plan(
    action: Action,
    protected: Option<&Protected>,
    context: &Context,
) -> Result<(Planned, Proposal)> {
    let command = command_line(&action, context)?;
    let (steps, connection, repair, what, rows) = match action {
        Action::Claim { target, which, to } => claim(target, which, to, context).await?,
        Action::Requeue {
            target,
            which,
            all_groups_see_it,
        } => requeue(target, which, all_groups_see_it, context).await?,
        Action::Redrive {
            stream,
            id,
            all_groups_see_it,
        } => redrive(stream, id, all_groups_see_it, context).await?,
    };
    let planned: Vec<&Repaired> = rows
        .iter()
        .filter(|it| it.outcome == Outcome::Planned)
        .collect();
    if planned.is_empty() {
        return Err(match repair.ending(Applied::none(rows)) {
            Ending::Nothing(note) => Problem::not_found(note).into(),
            Ending::Refused(problem) => problem.into(),
            Ending::Failed { error, .. } => error,
            Ending::Ended { summary, .. } => Problem::refused(summary).into(),
        });
    }
    let server = context.dialer()?.endpoint().to_string();
    let plan = format!("{} on {server}", repair.planned(&what));
    let stream = repair.about.stream.clone().unwrap_or_default();
    let shown = planned
        .iter()
        .take(SHOWN_MAX)
        .map(|row| line_of(&stream, row));
    let proposal = Proposal {
        plan: plan.clone(),
        command: command.to_string(),
        entries: (shown.collect(), planned.len().saturating_sub(SHOWN_MAX)),
        warnings: Vec::new(),
        consent: protected.map_or(Consented::Yes, |it| Consented::Name(it.name.clone())),
    };
    let planned = Planned {
        connection,
        steps,
        repair,
        plan,
    };
    Ok((planned, proposal))
}

/// What all plans are made of.
type Parts = (Steps, Connection, Repair, String, Vec<Repaired>);

async fn claim(target: Target, which: Selected, to: Name, context: &Context) -> Result<Parts> {
    let (group, selection) = select(&target, which, context).await?;
    let stream = group.topology.stream_or_default(&target.stream);
    let is_named = matches!(selection.which, PendingSelector::Ids(_));
    let plan = plan_claim(
        &group.connection,
        target,
        &selection.which,
        selection.idle_min,
        Recipient::Consumer(to),
        stream.dead_letter,
        CountMode::Keep,
    )
    .await?;
    let what = plan.summary(false);
    let place = (&group.groups[..], group.topology);
    let repair = Repair::of_pending(&plan.chosen, place, is_named, "claim", "claimed")
        .to_consumer(&plan.to)
        .fresh_because(selection.why_fresh);
    let rows = plan.chosen.preview();
    Ok((Steps::Claim(plan), group.connection, repair, what, rows))
}

async fn requeue(
    target: Target,
    which: Selected,
    all_see_it: bool,
    context: &Context,
) -> Result<Parts> {
    let (group, selection) = select(&target, which, context).await?;
    let others = others(&target, &group.groups);
    must_be_alone(&target, &others, all_see_it)?;
    let is_named = matches!(selection.which, PendingSelector::Ids(_));
    let dead_letter = group.topology.stream_or_default(&target.stream).dead_letter;
    let (which, idle_min) = (&selection.which, selection.idle_min);
    let chosen = Chosen::find(&group.connection, target, which, idle_min).await?;
    let place = (&group.groups[..], group.topology);
    let repair = Repair::of_pending(&chosen, place, is_named, "requeue", "requeued")
        .to_stream(&chosen.target.stream, Some(others))
        .fresh_because(selection.why_fresh);
    let (what, rows) = (chosen.summary(), chosen.preview());
    let steps = Steps::Requeue(chosen, dead_letter, all_see_it);
    Ok((steps, group.connection, repair, what, rows))
}

async fn redrive(
    stream: Name,
    id: Option<EntryId>,
    all_see_it: bool,
    context: &Context,
) -> Result<Parts> {
    let topology = context.topology()?;
    let source = Source::named(topology, &stream);
    let connection = context.connect().await?;
    require_letters(&connection, topology, &source).await?;
    let letters = Letters {
        ids: id.into_iter().collect(),
        count_max: usize::MAX,
        without_fields: true,
        ..Letters::default()
    };
    let found = find(&connection, &source, &letters).await?;
    let plan = LettersPlan::redrive(topology, source, None, found);
    let seen_by = seen_by(&connection, &plan, all_see_it).await?;
    must_be_one_group(&plan, seen_by.as_deref(), all_see_it)?;
    let what = format!("{} to `{}`", entries(plan.letters.len()), plan.destination);
    let repair = Repair::of_letters(&plan, id.is_some(), "redrive", "redriven")
        .to_stream(&plan.destination, seen_by);
    let rows = plan.preview();
    Ok((
        Steps::Redrive(plan, all_see_it),
        connection,
        repair,
        what,
        rows,
    ))
}

async fn select<'c>(
    target: &Target,
    which: Selected,
    context: &'c Context,
) -> Result<(OpenGroup<'c>, Selection)> {
    let group = GroupArgs::of(target).open(context).await?;
    let arguments = match which {
        Selected::Stale => SelectArgs::default(),
        Selected::StaleOf(consumer) => SelectArgs::of_consumer(consumer),
        Selected::Entry(id) => SelectArgs::of_entry(id),
    };
    let selection = arguments
        .resolve(&group, DryRun::default(), context)
        .await?;
    Ok((group, selection))
}

/// The command that does the same.
fn command_line(action: &Action, context: &Context) -> Result<CommandLine> {
    let topology = context.topology()?;
    let selected = |line: CommandLine, which: &Selected| match which {
        Selected::Stale => line,
        Selected::StaleOf(consumer) => line.option("--consumer", consumer),
        Selected::Entry(id) => line.arg(id.to_string()),
    };
    let agreed = |line: CommandLine, is_agreed: bool| {
        if is_agreed {
            line.flag("--all-groups-see-it")
        } else {
            line
        }
    };
    Ok(match action {
        Action::Claim { target, which, to } => {
            let line = selected(target.command("claim", topology), which);
            line.option("--to", to)
        }
        Action::Requeue {
            target,
            which,
            all_groups_see_it,
        } => agreed(
            selected(target.command("requeue", topology), which),
            *all_groups_see_it,
        ),
        Action::Redrive {
            stream,
            id,
            all_groups_see_it,
        } => {
            let line = CommandLine::new("dlq redrive").arg(stream);
            let line = match id {
                Some(id) => line.arg(id.to_string()),
                None => line.flag("--all"),
            };
            agreed(line, *all_groups_see_it)
        }
    })
}

/// An entry of a plan in one line.
fn line_of(stream: &Name, row: &Repaired) -> String {
    let cells = Changed::new(stream, row).cells();
    let shown = Changed::COLUMNS
        .iter()
        .zip(&cells)
        .filter(|(column, cell)| {
            ["id", "consumer", "idle_ms", "deliveries"].contains(&column.key)
                && **cell != Cell::Nothing
        });
    let word = |(column, cell): (&Column, &Cell)| match column.key {
        "idle_ms" => format!("idle {}", cell_text(cell).1),
        "deliveries" => format!("deliveries {}", cell_text(cell).1),
        _ => cell_text(cell).1,
    };
    shown.map(word).collect::<Vec<_>>().join("  ")
}

impl Planned {
    /// Consent to the plan, if `typed` is that.
    ///
    /// # Errors
    /// Refused when it is not.
    pub(super) async fn agreed(&self, typed: &str, context: &Context) -> Result<Consent, Problem> {
        context.consent_typed(&self.plan, typed).await
    }

    /// Makes the change. It ends before the next entries once `stop` is set.
    pub(super) async fn apply(
        self,
        consent: Consent,
        stop: &StopFlag,
        context: &Context,
    ) -> Vec<Line> {
        let told = |_| {};
        let course = Course::new(stop, None, &told);
        let connection = &self.connection;
        let applied = match self.steps {
            Steps::Claim(plan) => {
                let show = |rows: &mut [Repaired]| {
                    // What was claimed is on the screen, and not its bodies.
                    for row in rows {
                        row.fields = None;
                    }
                    Ok(())
                };
                apply_claim(connection, plan, consent, course, show).await
            }
            Steps::Requeue(chosen, letters, all) => {
                apply_requeue(connection, chosen, &letters, all, consent, course).await
            }
            Steps::Redrive(plan, all) => {
                apply_redrive(connection, plan, all, consent, course).await
            }
        };
        match self.repair.ending(applied) {
            Ending::Nothing(note) => vec![(Tone::Plain, note)],
            Ending::Refused(problem) => failed(problem.into(), context).await,
            Ending::Failed { error, warnings } => {
                let mut lines = failed(error, context).await;
                lines.extend(warned(warnings));
                lines
            }
            Ending::Ended {
                summary,
                warnings,
                counts,
                ..
            } => {
                let is_whole = !counts.is_part() && !counts.has_lost();
                let tone = if is_whole { Tone::Ok } else { Tone::Warn };
                let mut lines = vec![(tone, summary)];
                lines.extend(warned(warnings));
                lines
            }
        }
    }
}

fn warned(warnings: Vec<String>) -> impl Iterator<Item = Line> {
    warnings
        .into_iter()
        .map(|it| (Tone::Warn, format!("warning: {it}")))
}

/// An error as the commands say it, line by line.
pub(super) async fn failed(error: anyhow::Error, context: &Context) -> Vec<Line> {
    let error = explained(error, context).await;
    let text = context.console.error_text(&error);
    text.lines()
        .map(|line| (Tone::Bad, line.to_owned()))
        .collect()
}
