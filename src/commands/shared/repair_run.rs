//! How a command that changes entries runs: the plan, consent, the result for each entry, and the exit code that
//! follows.

use anyhow::Result;

use super::bulk::Interrupt;
use super::context::Context;
use super::repair_plan::RepairPlan;
use super::snapshots::NoSnapshot;
use crate::cli::{DryRun, Limited};
use crate::console::Output;
use crate::exit::Exit;
use crate::model::{Consent, Limit, Name, PlanFacts, Problem};
use crate::snapshots::Effect;
use crate::streams::course::Course;
use crate::streams::ending::{Ending, Repair};
use crate::streams::publish::Rate;
use crate::streams::repair::{Applied, Outcome, Repaired};
use crate::view::{Changed, Cut, RowWriter};
use crate::wire::Connection;

/// A planned repair that is not applied yet, and how it is to be shown.
pub(in crate::commands) struct RepairRun<'a> {
    context: &'a Context,
    repair: Repair,
    /// How many rows are shown.
    limit: Limit,
    /// The greatest number of changes per second.
    rate: Option<Rate>,
    /// Why a dry run's repair would be refused.
    refusal: Option<Problem>,
    saving: Saving<'a>,
}

/// What is saved before a repair.
pub(in crate::commands) struct Saving<'a> {
    /// The connection.
    pub(in crate::commands) connection: &'a Connection,
    /// What will be done.
    pub(in crate::commands) effect: Effect,
    /// Whether nothing is saved.
    pub(in crate::commands) without: NoSnapshot,
}

/// How a planned repair is run.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) struct How {
    /// How many rows are shown.
    pub(in crate::commands) limit: Limited,
    /// The greatest number of changes per second.
    pub(in crate::commands) rate: Option<Rate>,
    /// Whether nothing is saved first.
    pub(in crate::commands) without: NoSnapshot,
    /// Whether it is only shown.
    pub(in crate::commands) dry_run: DryRun,
}

/// Runs a repair that is planned: asks for consent, saves what is to be changed, makes the change with `apply`, and shows
/// the results.
///
/// # Errors
/// As [`RepairRun::make`].
pub(in crate::commands) async fn carry_out<Steps>(
    context: &Context,
    planned: RepairPlan<Steps>,
    how: How,
    apply: impl AsyncFnOnce(&Connection, Steps, Consent, Course<'_>, &mut Rows) -> Applied,
) -> Result<Exit> {
    let RepairPlan {
        connection,
        steps,
        repair,
        what,
        preview,
        effect,
        refusal,
    } = planned;
    let saving = Saving {
        connection: &connection,
        effect,
        without: how.without,
    };
    let run = RepairRun::of(context, repair, saving);
    let run = run.listing(how.limit).paced(how.rate).refused(refusal);
    let apply = async |consent, course: Course<'_>, rows: &mut Rows| {
        apply(&connection, steps, consent, course, rows).await
    };
    run.make_showing(how.dry_run, &what, preview, apply).await
}

impl<'a> RepairRun<'a> {
    /// A run of `repair` that shows the usual number of rows.
    pub(in crate::commands) const fn of(
        context: &'a Context,
        repair: Repair,
        saving: Saving<'a>,
    ) -> Self {
        Self {
            context,
            repair,
            saving,
            limit: Limit::Usual,
            rate: None,
            refusal: None,
        }
    }

    /// The same run, which shows this many rows.
    #[must_use]
    pub(in crate::commands) fn listing(mut self, limited: Limited) -> Self {
        self.limit = limited.rows();
        self
    }

    /// The same run, with at most this many changes per second.
    #[must_use]
    pub(in crate::commands) const fn paced(mut self, rate: Option<Rate>) -> Self {
        self.rate = rate;
        self
    }

    /// The same run, which is only planned when there is a refusal, as in [`Context::refusal_of`].
    #[must_use]
    pub(in crate::commands) fn refused(mut self, refusal: Option<Problem>) -> Self {
        self.refusal = refusal;
        self
    }

    /// Asks for consent, makes the change with `apply`, and shows the result for each entry; `what` is the summary. A
    /// dry run ends after showing the `preview` of the results.
    ///
    /// # Errors
    /// Refused without consent; the error that ended it early; not found or refused when nothing was changed.
    pub(in crate::commands) async fn make(
        self,
        dry_run: DryRun,
        what: &str,
        preview: Vec<Repaired>,
        apply: impl AsyncFnOnce(Consent, Course<'_>) -> Applied,
    ) -> Result<Exit> {
        let apply = async |consent, course: Course<'_>, _: &mut Rows| apply(consent, course).await;
        self.make_showing(dry_run, what, preview, apply).await
    }

    /// As [`RepairRun::make`], but `apply` may show rows before it has finished.
    ///
    /// # Errors
    /// As [`RepairRun::make`].
    pub(in crate::commands) async fn make_showing(
        self,
        dry_run: DryRun,
        what: &str,
        preview: Vec<Repaired>,
        apply: impl AsyncFnOnce(Consent, Course<'_>, &mut Rows) -> Applied,
    ) -> Result<Exit> {
        if self.context.is_rehearsal(dry_run) {
            return self.rehearse(what, preview);
        }
        let mut shown = Rows::new(&self)?;
        let planned = preview.iter().filter(|it| it.outcome == Outcome::Planned);
        let total = planned.count() as u64;
        if total == 0 {
            return self.end(Applied::none(preview), Some(shown), None);
        }
        let facts = self.repair.facts(what, &preview);
        self.context.require_snapshots(self.saving.without)?;
        let consent = self.context.consent(&facts, "").await?;
        let doomed = self.repair.doomed(self.saving.effect.clone(), &preview);
        let (connection, without) = (self.saving.connection, self.saving.without);
        let saved = self.context.save_rows_first(connection, &doomed, without);
        let mut receipts = saved.await?;
        let interrupt = Interrupt::watch()?;
        let progress = self.rate.map(|_| {
            let console = &self.context.console;
            console.progress(Some(total), self.repair.verb)
        });
        let told = |more| {
            if let Some(progress) = &progress {
                progress.advance(more);
            }
        };
        let course = Course::new(&interrupt.flag, self.rate, &told);
        let course = course.with_receipts(receipts.as_mut());
        let applied = apply(consent, course, &mut shown).await;
        drop(progress);
        let undo = self.context.saved(receipts, applied.done());
        let ended = self.end(applied, Some(shown), Some(&interrupt));
        if let Some(note) = undo.note {
            self.context.console.note(&note);
        }
        self.context.warn_each(undo.warning);
        ended
    }

    /// Shows the result that each entry would have, and says what would be done.
    fn rehearse(self, what: &str, preview: Vec<Repaired>) -> Result<Exit> {
        let facts = PlanFacts {
            refusal: self.refusal.as_ref().map(|it| it.message.clone()),
            ..self.repair.facts(what, &preview)
        };
        let (count, summary) = (facts.count, facts.summary.clone());
        let stream = facts.stream.clone().unwrap_or_default();
        let rows = preview.iter().map(|row| Changed::new(&stream, row));
        let plan = self.context.plan(facts, &[])?;
        let shown = if self.context.console.show_plan(plan, rows)? {
            None
        } else {
            Some(Rows::new(&self)?)
        };
        if let Some(refusal) = self.refusal {
            return Err(refusal.into());
        }
        if count == 0 {
            return self.end(Applied::none(preview), shown, None);
        }
        if let Some(shown) = shown {
            let cut = shown.end(&preview)?;
            self.context.console.note_cut(cut);
        }
        self.context.rehearsed(&summary);
        self.note_more();
        Ok(Exit::Done)
    }

    /// Shows the results that were not shown yet, and a summary in one line.
    fn end(
        &self,
        applied: Applied,
        shown: Option<Rows>,
        interrupt: Option<&Interrupt>,
    ) -> Result<Exit> {
        let console = &self.context.console;
        if let Some(shown) = shown {
            let cut = shown.end(&applied.rows[applied.shown..])?;
            console.note_cut(cut);
        }
        match self.repair.ending(applied) {
            Ending::Nothing(note) => {
                console.note(&note);
                Ok(Exit::Done)
            }
            Ending::Refused(problem) => Err(problem.into()),
            Ending::Failed { error, warnings } => {
                self.context.warn_each(warnings);
                Err(error)
            }
            Ending::Ended {
                summary,
                warnings,
                counts,
                is_stopped,
            } => {
                console.note(&summary);
                self.context.warn_each(warnings);
                if let Some(interrupt) = interrupt.filter(|_| is_stopped) {
                    return Ok(interrupt.exit());
                }
                self.note_more();
                Ok(Exit::of_parts(counts.is_part(), counts.has_lost()))
            }
        }
    }

    fn note_more(&self) {
        if self.repair.has_more {
            self.context
                .console
                .note("more entries match: repeat the command, or raise --count");
        }
    }
}

/// The rows with the results, for standard output.
pub(in crate::commands) struct Rows {
    stream: Name,
    out: Output,
    writer: RowWriter<Changed>,
}

impl Rows {
    fn new(change: &RepairRun<'_>) -> Result<Self> {
        let console = &change.context.console;
        Ok(Self {
            stream: change.repair.about.stream.clone().unwrap_or_default(),
            out: console.out(),
            writer: RowWriter::new(&console.listing(change.limit))?,
        })
    }

    /// Shows some of the rows before everything is done.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(in crate::commands) fn page(&mut self, rows: &[Repaired]) -> Result<()> {
        self.push(rows)?;
        self.out.flush()
    }

    fn push(&mut self, rows: &[Repaired]) -> Result<()> {
        let row = |row: &Repaired| Changed::new(&self.stream, row);
        let rows: Vec<Changed> = rows.iter().map(row).collect();
        Ok(self.writer.page(self.out.buffer(), &rows)?)
    }

    /// Shows the remaining rows.
    fn end(mut self, rows: &[Repaired]) -> Result<Option<Cut>> {
        self.push(rows)?;
        let cut = self.writer.end(self.out.buffer())?;
        self.out.flush()?;
        Ok(cut)
    }
}
