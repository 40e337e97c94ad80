//! How a command that changes entries runs: the plan, consent, the result for each entry, and the exit code that
//! follows.

use anyhow::Result;

use super::bulk::Interrupt;
use super::context::Context;
use super::repair_plan::RepairPlan;
use super::snapshots::NoSnapshot;
use crate::cli::{DryRun, Limited};
use crate::console::{Output, Progress};
use crate::exit::Exit;
use crate::model::{Consent, Name, PlanFacts, Problem, bytes_of};
use crate::snapshots::Receipts;
use crate::streams::chosen::Chosen;
use crate::streams::course::Course;
use crate::streams::ending::{Ending, Repair};
use crate::streams::publish::Rate;
use crate::streams::repair::Applied;
use crate::streams::repaired::Repaired;
use crate::view::{Changed, Cut, RowWriter};
use crate::wire::Connection;

/// From how many entries on the progress is shown.
const PROGRESS_FROM: u64 = 1000;
/// How many rows are shown at a time, and how many bytes of bodies.
const PAGE: usize = 1000;
const PAGE_BYTES: usize = 2 << 20;

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
/// the result for each entry as it is known; `each` is given the results before. A dry run ends after showing the result
/// that each would have.
///
/// # Errors
/// Refused without consent; the error that ended it early; not found or refused when nothing was changed; when the
/// results could not be shown.
pub(in crate::commands) async fn carry_out<Steps>(
    context: &Context,
    planned: RepairPlan<Steps>,
    how: How,
    mut each: impl FnMut(&mut [Repaired]),
    apply: impl AsyncFnOnce(&Connection, &Steps, &mut Chosen, Consent, Course<'_>) -> Applied,
) -> Result<Exit> {
    let RepairPlan {
        connection,
        steps,
        mut chosen,
        repair,
        what,
        effect,
        refusal,
    } = planned;
    let has_more = chosen.has_more;
    let run = RepairRun {
        context,
        repair,
        how,
        has_more,
    };
    if context.is_rehearsal(how.dry_run) {
        return run.rehearse(&what, &mut chosen, refusal);
    }
    let mut shown = Rows::new(&run)?;
    let total = chosen.count();
    if total == 0 {
        let applied = Applied::of_left_out(&mut chosen, &mut |rows| shown.take(rows));
        return run.end(applied, shown, None);
    }
    let facts = run.repair.facts(&what, &chosen);
    context.require_snapshots(how.without)?;
    let consent = context.consent(&facts, "").await?;
    let doomed = run.repair.doomed(effect, &mut chosen);
    let saved = context.save_rows_first(&connection, doomed, how.without);
    let mut receipts = saved.await?;
    let interrupt = Interrupt::watch()?;
    let applied = {
        let progress = run.progress(total);
        let told = |more| {
            if let Some(progress) = &progress {
                progress.advance(more);
            }
        };
        let mut take = |rows: &mut [Repaired]| {
            each(rows);
            shown.take(rows);
        };
        let course = Course::new(&interrupt.flag, how.rate, &told)
            .with_receipts(receipts.as_mut())
            .with_rows(&mut take);
        apply(&connection, &steps, &mut chosen, consent, course).await
    };
    run.end_saved(applied, shown, &interrupt, receipts)
}

/// A planned repair, and how it is to be shown.
struct RepairRun<'a> {
    context: &'a Context,
    repair: Repair,
    how: How,
    /// Whether more entries would have matched.
    has_more: bool,
}

impl RepairRun<'_> {
    /// The progress of a change of `total` entries, unless it is over at once.
    fn progress(&self, total: u64) -> Option<Progress> {
        let is_long = total > PROGRESS_FROM || self.how.rate.is_some();
        let console = &self.context.console;
        is_long.then(|| console.progress(Some(total), self.repair.verb))
    }

    /// Shows the result that each entry would have, and says what would be done.
    fn rehearse(&self, what: &str, chosen: &mut Chosen, refusal: Option<Problem>) -> Result<Exit> {
        let facts = PlanFacts {
            refusal: refusal.as_ref().map(|it| it.message.clone()),
            ..self.repair.facts(what, chosen)
        };
        let (count, summary) = (facts.count, facts.summary.clone());
        let stream = facts.stream.clone().unwrap_or_default();
        let plan = self.context.plan(facts, &[])?;
        let rows = chosen.preview()?;
        let rows = rows.map(|row| Ok(Changed::new(&stream, &row?)));
        let shown = if self.context.console.show_plan_reading(plan, rows)? {
            None
        } else {
            Some(Rows::new(self)?)
        };
        if let Some(refusal) = refusal {
            return Err(refusal.into());
        }
        if let Some(mut shown) = shown {
            let mut rows = chosen.preview()?;
            loop {
                let page = rows.by_ref().take(PAGE);
                let mut page: Vec<Repaired> = page.collect::<Result<_, _>>()?;
                if page.is_empty() {
                    break;
                }
                shown.take(&mut page);
            }
            self.context.console.note_cut(shown.end()?);
        }
        if count == 0 {
            let applied = Applied::of_left_out(chosen, &mut |_| {});
            return self.told(applied, None);
        }
        self.context.rehearsed(&summary);
        self.note_more();
        Ok(Exit::Done)
    }

    /// Ends a change of which receipts were kept, and says how it is undone.
    fn end_saved(
        &self,
        applied: Applied,
        shown: Rows,
        interrupt: &Interrupt,
        receipts: Option<Receipts>,
    ) -> Result<Exit> {
        let undo = self.context.saved(receipts, applied.results.done);
        let ended = self.end(applied, shown, Some(interrupt));
        if let Some(note) = undo.note {
            self.context.console.note(&note);
        }
        self.context.warn_each(undo.warning);
        ended
    }

    /// Ends the list of the results, and says how it went in one line.
    fn end(&self, applied: Applied, shown: Rows, interrupt: Option<&Interrupt>) -> Result<Exit> {
        let cut = shown.end();
        self.context
            .console
            .note_cut(cut.as_ref().ok().copied().flatten());
        let ended = self.told(applied, interrupt)?;
        cut.map(|_| ended)
    }

    /// Says how it went, and with which exit code it ends.
    fn told(&self, applied: Applied, interrupt: Option<&Interrupt>) -> Result<Exit> {
        let console = &self.context.console;
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
        if self.has_more {
            self.context
                .console
                .note("more entries match: repeat the command, or raise --count");
        }
    }
}

/// The rows with the results, for standard output. The change goes on when they cannot be shown any more, because one
/// that is half made is worse than results that nobody reads.
struct Rows {
    stream: Name,
    out: Output,
    writer: RowWriter<Changed>,
    /// The next page: a table's columns are as wide as its first page needs.
    page: Vec<Changed>,
    /// The size of the bodies in it.
    page_bytes: usize,
    fault: Option<anyhow::Error>,
}

impl Rows {
    fn new(run: &RepairRun<'_>) -> Result<Self> {
        let console = &run.context.console;
        Ok(Self {
            stream: run.repair.about.stream.clone().unwrap_or_default(),
            out: console.out(),
            writer: RowWriter::new(&console.listing(run.how.limit.rows()))?,
            page: Vec::new(),
            page_bytes: 0,
            fault: None,
        })
    }

    /// Shows some of the rows.
    fn take(&mut self, rows: &mut [Repaired]) {
        if self.fault.is_none() {
            self.fault = self.add(rows).err();
        }
    }

    fn add(&mut self, rows: &[Repaired]) -> Result<()> {
        for row in rows {
            let bytes = row.fields.as_ref().map(|it| bytes_of(&it.fields));
            self.page_bytes += bytes.unwrap_or_default();
            self.page.push(Changed::new(&self.stream, row));
        }
        if self.page.len() < PAGE && self.page_bytes < PAGE_BYTES {
            return Ok(());
        }
        self.show()
    }

    fn show(&mut self) -> Result<()> {
        self.writer.page(self.out.buffer(), &self.page)?;
        self.page.clear();
        self.page_bytes = 0;
        self.out.flush()
    }

    /// Ends the list; says what is not shown of it.
    fn end(mut self) -> Result<Option<Cut>> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        self.show()?;
        let cut = self.writer.end(self.out.buffer())?;
        self.out.flush()?;
        Ok(cut)
    }
}
