//! Changes from the screen: planned and made by the operations of `claim`, `requeue` and `dlq redrive`, with the same
//! guards, and each with the command line that it equals.

use std::sync::atomic::Ordering;

use anyhow::Result;

use super::ended::{Ended, Progress};
use crate::cli::DryRun;
use crate::commands::claim::{self, Claiming};
use crate::commands::dlq::plan_redrive_of;
use crate::commands::requeue;
use crate::commands::shared::Context;
use crate::commands::shared::failure::explained;
use crate::commands::shared::group::GroupArgs;
use crate::commands::shared::repair_plan::RepairPlan;
use crate::commands::shared::selection::SelectArgs;
use crate::commands::shared::snapshots::NoSnapshot;
use crate::exit::{Exit, classify};
use crate::model::{Cell, Column, CommandLine, Consent, Name, Problem, Row as _, Tone};
use crate::settings::Protected;
use crate::snapshots::Effect;
use crate::streams::chosen::Chosen;
use crate::streams::claim::{ClaimPlan, Recipient, apply_claim};
use crate::streams::course::Course;
use crate::streams::ending::{Ending, Repair};
use crate::streams::redrive::{LettersPlan, apply_redrive};
use crate::streams::repair::Applied;
use crate::streams::repaired::Repaired;
use crate::streams::requeue::{RequeuePlan, apply_requeue};
use crate::streams::retry_stream::Route;
use crate::top::{Action, Consented, Proposal, Selected};
use crate::view::{Changed, cell_text};
use crate::wire::{Connection, CountMode};

/// How many entries of a plan are shown.
const SHOWN_MAX: usize = 6;

/// A plan that can be carried out.
pub(super) struct Planned {
    connection: Connection,
    steps: Steps,
    repair: Repair,
    /// The entries as they are, and what is to be done to them: both are saved first.
    chosen: Chosen,
    effect: Effect,
    /// The plan, as consent is asked for it.
    plan: String,
    /// How many entries it is to change.
    pub(super) total: u64,
}

enum Steps {
    Claim(ClaimPlan),
    Requeue(RequeuePlan),
    Redrive(LettersPlan),
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
    let RepairPlan {
        connection,
        steps,
        repair,
        what,
        mut chosen,
        effect,
        ..
    } = steps_of(action, context).await?;
    let total = chosen.count();
    if total == 0 {
        let applied = Applied::of_left_out(&mut chosen, &mut |_| {});
        return Err(match repair.ending(applied) {
            Ending::Nothing(note) => Problem::not_found(note).into(),
            Ending::Refused(problem) => problem.into(),
            Ending::Failed { error, .. } => error,
            Ending::Ended { summary, .. } => Problem::refused(summary).into(),
        });
    }
    let server = context.dialer()?.endpoint().to_string();
    let plan = format!("{} on {server}", repair.planned(&what));
    let stream = repair.about.stream.clone().unwrap_or_default();
    let planned = usize::try_from(total).unwrap_or(usize::MAX);
    let shown = chosen
        .preview()?
        .take(SHOWN_MAX.min(planned))
        .map(|row| Ok(line_of(&stream, &row?)));
    let proposal = Proposal {
        plan: plan.clone(),
        command: command.to_string(),
        entries: (
            shown.collect::<Result<_>>()?,
            planned.saturating_sub(SHOWN_MAX),
        ),
        warnings: Vec::new(),
        consent: protected.map_or(Consented::Yes, |it| Consented::Name(it.name.clone())),
    };
    let planned = Planned {
        connection,
        steps,
        repair,
        chosen,
        effect,
        plan,
        total,
    };
    Ok((planned, proposal))
}

async fn steps_of(action: Action, context: &Context) -> Result<RepairPlan<Steps>> {
    let dry_run = DryRun::default();
    Ok(match action {
        Action::Claim { target, which, to } => {
            let group = GroupArgs::of(&target).open(context).await?;
            let claiming = Claiming {
                to: Recipient::Consumer(to),
                mode: CountMode::Keep,
            };
            let planned = claim::plan(group, selecting(which), claiming, dry_run, context);
            planned.await?.map(Steps::Claim)
        }
        Action::Requeue {
            target,
            which,
            route,
        } => {
            let group = GroupArgs::of(&target).open(context).await?;
            let planned = requeue::plan(group, selecting(which), route, dry_run, context);
            planned.await?.map(Steps::Requeue)
        }
        Action::Redrive { stream, id, route } => {
            let planned = plan_redrive_of(stream, id, route, context);
            planned.await?.map(Steps::Redrive)
        }
    })
}

fn selecting(which: Selected) -> SelectArgs {
    match which {
        Selected::Stale => SelectArgs::default(),
        Selected::StaleOf(consumer) => SelectArgs::of_consumer(consumer),
        Selected::Entry(id) => SelectArgs::of_entry(id),
    }
}

/// The command that does the same.
fn command_line(action: &Action, context: &Context) -> Result<CommandLine> {
    let topology = context.topology()?;
    let selected = |line: CommandLine, which: &Selected| match which {
        Selected::Stale => line,
        Selected::StaleOf(consumer) => line.option("--consumer", consumer),
        Selected::Entry(id) => line.arg(id.to_string()),
    };
    let by = |line: CommandLine, route: &Route| match route.option() {
        Some(option) => line.flag(option),
        None => line,
    };
    Ok(match action {
        Action::Claim { target, which, to } => {
            let line = selected(target.command("claim", topology), which);
            line.option("--to", to)
        }
        Action::Requeue {
            target,
            which,
            route,
        } => by(selected(target.command("requeue", topology), which), route),
        Action::Redrive { stream, id, route } => {
            let line = CommandLine::new("dlq redrive").arg(stream);
            let line = match id {
                Some(id) => line.arg(id.to_string()),
                None => line.flag("--all"),
            };
            by(line, route)
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
    /// The command that shows the entries that could be changed.
    pub(super) fn look(&self) -> String {
        self.repair.look.to_string()
    }

    /// Makes the change, if `typed` is consent to it. It ends before the next entries once it is to stop.
    pub(super) async fn apply(self, typed: &str, progress: &Progress, context: &Context) -> Ended {
        let consent = match context.consent_typed(&self.plan, typed).await {
            Ok(consent) => consent,
            Err(problem) => {
                return Ended {
                    exit: problem.kind.into(),
                    summary: Some((Tone::Warn, problem.message)),
                    ..Ended::default()
                };
            }
        };
        let command = format!("top {}", self.repair.verb);
        let facts = self.repair.facts("", &self.chosen);
        let unrecorded = context.audit_begins(&command, &facts).await;
        let mut ended = self.carry_out(consent, progress, context).await;
        let unended = context.audit_ends(ended.exit).await;
        ended.warnings.extend(unrecorded.into_iter().chain(unended));
        ended
    }

    /// Saves what is to be changed, changes it, and says how that is undone.
    async fn carry_out(
        mut self,
        consent: Consent,
        progress: &Progress,
        context: &Context,
    ) -> Ended {
        let connection = &self.connection;
        let chosen = &mut self.chosen;
        let doomed = self.repair.doomed(self.effect, chosen);
        let saved = context.save_rows_first(connection, doomed, NoSnapshot::default());
        let mut receipts = match saved.await {
            Ok(receipts) => receipts,
            Err(error) => {
                let summary = "nothing was changed, because it could not be saved first".to_owned();
                return Ended {
                    summary: Some((Tone::Warn, summary)),
                    ..failing(error, Vec::new(), context).await
                };
            }
        };
        let told = |more| _ = progress.tried.fetch_add(more, Ordering::Relaxed);
        let course = Course::new(&progress.stop, None, &told);
        let course = course.with_receipts(receipts.as_mut());
        let applied = match self.steps {
            Steps::Claim(plan) => apply_claim(connection, &plan, chosen, consent, course).await,
            Steps::Requeue(plan) => apply_requeue(connection, &plan, chosen, consent, course).await,
            Steps::Redrive(plan) => apply_redrive(connection, &plan, chosen, consent, course).await,
        };
        let undo = context.saved(receipts, applied.results.done);
        let mut ended = ended(self.repair.ending(applied), context).await;
        ended.undo = undo.note;
        ended.warnings.extend(undo.warning);
        ended
    }
}

async fn failing(error: anyhow::Error, warnings: Vec<String>, context: &Context) -> Ended {
    let error = explained(error, context).await;
    Ended {
        warnings,
        exit: classify(&error),
        error: Some(error),
        ..Ended::default()
    }
}

async fn ended(ending: Ending, context: &Context) -> Ended {
    match ending {
        Ending::Nothing(note) => Ended {
            summary: Some((Tone::Plain, note)),
            ..Ended::default()
        },
        Ending::Refused(problem) => failing(problem.into(), Vec::new(), context).await,
        Ending::Failed { error, warnings } => failing(error, warnings, context).await,
        Ending::Ended {
            summary,
            warnings,
            counts,
            is_stopped,
        } => {
            let exit = Exit::of_parts(counts.is_part(), counts.has_lost());
            let tone = if exit == Exit::Done {
                Tone::Ok
            } else {
                Tone::Warn
            };
            Ended {
                summary: Some((tone, summary)),
                warnings,
                is_stopped,
                exit,
                ..Ended::default()
            }
        }
    }
}

/// An error as the commands say it, line by line.
pub(super) async fn failed(error: anyhow::Error, context: &Context) -> Vec<String> {
    let error = explained(error, context).await;
    let text = context.console.error_text(&error);
    text.lines().map(str::to_owned).collect()
}
