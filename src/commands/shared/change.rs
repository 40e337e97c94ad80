//! How a command that changes entries runs: what it found, consent, what became of each, and the exit code of that.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;

use super::bulk::Interrupt;
use super::context::Context;
use crate::cli::{DryRun, Limited};
use crate::console::Output;
use crate::exit::Exit;
use crate::model::{CommandLine, Consent, Limit, Name, Problem, entries};
use crate::streams::course::Course;
use crate::streams::publish::Rate;
use crate::streams::repair::{Applied, Chosen, Outcome, Repaired};
use crate::view::{Changed, Cut, RowWriter};

/// Consumers that the line at the end names.
const HOLDERS_MAX: usize = 4;

/// A change that has been looked for and not been made.
pub(in crate::commands) struct Change<'a> {
    pub(in crate::commands) context: &'a Context,
    /// What is changed, in words: the group and its stream, or the dead-letter stream.
    pub(in crate::commands) target: String,
    /// The stream that has the entries' ids.
    pub(in crate::commands) stream: Name,
    /// What shows the entries that there are to change.
    pub(in crate::commands) look: CommandLine,
    /// `claim`.
    pub(in crate::commands) verb: &'static str,
    /// `claimed`.
    pub(in crate::commands) past: &'static str,
    /// Whether the entries were named by their ids.
    pub(in crate::commands) is_named: bool,
    /// Whether more would have matched.
    pub(in crate::commands) has_more: bool,
    /// Why one of them may be too fresh, where there is more to say.
    pub(in crate::commands) why_fresh: Option<String>,
    /// How many rows are shown.
    pub(in crate::commands) limit: Limit,
    /// At most so many a second are changed.
    pub(in crate::commands) rate: Option<Rate>,
}

impl<'a> Change<'a> {
    /// Of pending entries that were `chosen`.
    ///
    /// # Errors
    /// As [`Context::topology`].
    pub(in crate::commands) fn of(
        context: &'a Context,
        chosen: &Chosen,
        is_named: bool,
        verb: &'static str,
        past: &'static str,
    ) -> Result<Self> {
        Ok(Self {
            context,
            target: chosen.target.to_string(),
            stream: chosen.target.stream.clone(),
            look: chosen.target.command("pending", context.topology()?),
            verb,
            past,
            is_named,
            has_more: chosen.has_more,
            why_fresh: None,
            limit: Limit::Usual,
            rate: None,
        })
    }

    /// The same, of which so many rows are shown.
    #[must_use]
    pub(in crate::commands) fn listing(mut self, limited: Limited) -> Self {
        self.limit = limited.rows();
        self
    }

    /// The same, of which at most so many a second are changed.
    #[must_use]
    pub(in crate::commands) const fn paced(mut self, rate: Option<Rate>) -> Self {
        self.rate = rate;
        self
    }

    /// The same, where entries may be too fresh because of this.
    #[must_use]
    pub(in crate::commands) fn fresh_because(mut self, why: Option<String>) -> Self {
        self.why_fresh = why;
        self
    }

    /// Makes the change by `apply`, given consent to it, and shows what became of each; `what` sums it up. Ends after
    /// the `preview` of what would become of each for a dry run.
    ///
    /// # Errors
    /// Refused without consent; the error that ended it early; not found or refused when nothing was changed.
    pub(in crate::commands) async fn make(
        &self,
        dry_run: DryRun,
        what: &str,
        preview: Vec<Repaired>,
        apply: impl AsyncFnOnce(Consent, Course<'_>) -> Applied,
    ) -> Result<Exit> {
        let apply = async |consent, course: Course<'_>, _: &mut Rows| apply(consent, course).await;
        self.make_showing(dry_run, what, preview, apply).await
    }

    /// As [`Change::make`], where `apply` may show rows before all is done.
    ///
    /// # Errors
    /// As [`Change::make`].
    pub(in crate::commands) async fn make_showing(
        &self,
        dry_run: DryRun,
        what: &str,
        preview: Vec<Repaired>,
        apply: impl AsyncFnOnce(Consent, Course<'_>, &mut Rows) -> Applied,
    ) -> Result<Exit> {
        let mut shown = Rows::new(self)?;
        let plan = format!("{} {what} of {}", self.verb, self.target);
        if !preview.iter().any(|row| row.outcome == Outcome::Planned) {
            let applied = Applied {
                rows: preview,
                ..Applied::default()
            };
            return self.end(applied, shown, None);
        }
        if self.context.is_rehearsal(dry_run) {
            let cut = shown.end(&preview)?;
            self.context.console.note_cut(cut);
            self.context.rehearsed(&plan);
            self.note_more();
            return Ok(Exit::Done);
        }
        let consent = self.context.consent(&plan).await?;
        let interrupt = Interrupt::watch()?;
        let planned = preview.iter().filter(|it| it.outcome == Outcome::Planned);
        let total = planned.count() as u64;
        let progress = self
            .rate
            .map(|_| self.context.console.progress(Some(total), self.verb));
        let told = |more| {
            if let Some(progress) = &progress {
                progress.advance(more);
            }
        };
        let course = Course::new(&interrupt.flag, self.rate, &told);
        let applied = apply(consent, course, &mut shown).await;
        drop(progress);
        self.end(applied, shown, Some(&interrupt))
    }

    /// Shows what became of each, and says so in one line.
    fn end(&self, applied: Applied, shown: Rows, interrupt: Option<&Interrupt>) -> Result<Exit> {
        let console = &self.context.console;
        let cut = shown.end(&applied.rows[applied.shown..])?;
        console.note_cut(cut);
        let (done, all) = (applied.done(), applied.rows.len());
        let buried = count(&applied.rows, Outcome::Tombstone);
        if let Some(error) = applied.error {
            if done > 0 {
                console.warn(&format!(
                    "{} were {} before it failed",
                    entries(done),
                    self.past
                ));
            }
            if buried > 0 {
                warn_of_tombstones(self.context, &entries(buried));
            }
            return Err(error);
        }
        if all == 0 {
            console.note(&format!("nothing to {} in {}", self.verb, self.target));
            return Ok(Exit::Done);
        }
        let stopped = interrupt.filter(|_| applied.is_stopped);
        if done == 0 && buried == 0 && stopped.is_none() {
            return Err(self.nothing(&applied.rows).into());
        }
        console.note(&format!(
            "{}{done} of {} {} in {}{}",
            stopped.map_or("", |_| "stopped: "),
            entries(all),
            self.past,
            self.target,
            by_outcome(&applied.rows)
        ));
        if buried > 0 {
            warn_of_tombstones(self.context, &entries(buried));
        }
        if let Some(interrupt) = stopped {
            return Ok(interrupt.exit());
        }
        self.note_more();
        Ok(Exit::of_parts(done < all, buried > 0))
    }

    fn note_more(&self) {
        if self.has_more {
            self.context
                .console
                .note("more entries match: repeat the command, or raise --count");
        }
    }

    fn nothing(&self, rows: &[Repaired]) -> Problem {
        let text = |why: &str| format!("nothing was {} in {}: {why}", self.past, self.target);
        let absent = count(rows, Outcome::NotPending) + count(rows, Outcome::Gone);
        if absent == rows.len() && !self.is_named {
            return Problem::refused(text(
                "other consumers claimed or acknowledged all of the entries in the meantime",
            ))
            .hint("repeat the command to see what is pending now");
        }
        if absent == rows.len() {
            let mut states: Vec<&str> = rows.iter().filter_map(|it| it.detail.as_deref()).collect();
            states.sort_unstable();
            states.dedup();
            let why = match (rows, states.as_slice()) {
                ([row], [state]) => format!("{} is not pending: {state}", row.id),
                (_, []) => "none of these ids was found".to_owned(),
                _ => format!("none of these ids is pending: {}", states.join("; ")),
            };
            return Problem::not_found(text(&why))
                .hint(format!("see what is there with `{}`", self.look));
        }
        let mut words: Vec<&str> = rows.iter().map(|row| row.outcome.word()).collect();
        words.sort_unstable();
        words.dedup();
        let mut details: Vec<&str> = rows.iter().filter_map(|it| it.detail.as_deref()).collect();
        let is_fresh = count(rows, Outcome::Fresh) > 0;
        details.extend(self.why_fresh.as_deref().filter(|_| is_fresh));
        details.dedup();
        let why = match details.first() {
            Some(detail) => format!("{} ({detail})", words.join(", ")),
            None => words.join(", "),
        };
        Problem::refused(text(&why))
            .hint("look at the current state, then give the entries to change")
    }
}

/// What became of entries, on its way to standard output.
pub(in crate::commands) struct Rows {
    stream: Name,
    out: Output,
    writer: RowWriter<Changed>,
}

impl Rows {
    fn new(change: &Change<'_>) -> Result<Self> {
        let console = &change.context.console;
        Ok(Self {
            stream: change.stream.clone(),
            out: console.out(),
            writer: RowWriter::new(&console.listing(change.limit))?,
        })
    }

    /// Shows some of them before all is done.
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

    /// Shows the rest.
    fn end(mut self, rows: &[Repaired]) -> Result<Option<Cut>> {
        self.push(rows)?;
        let cut = self.writer.end(self.out.buffer())?;
        self.out.flush()?;
        Ok(cut)
    }
}

/// Says that `entries`, so many in words, are tombstones now.
pub(in crate::commands) fn warn_of_tombstones(context: &Context, entries: &str) {
    context.console.warn(&format!(
        "{entries} had been trimmed before being handled; tombstones are in the dead-letter stream (see `ucp-streams dlq list`)"
    ));
}

/// Which consumers the entries that came out as they were meant to were held by, where these are several, and what became of
/// the others: `: 400 of w1, 187 of w2; 13 not: 12 fresh, 1 gone`.
fn by_outcome(rows: &[Repaired]) -> String {
    let (done, others): (Vec<&Repaired>, Vec<&Repaired>) =
        rows.iter().partition(|row| row.outcome.is_done());
    let mut text = String::new();
    let holders = tally(done.iter().filter_map(|row| row.consumer.clone()));
    if holders.len() > 1 {
        let more = holders.len().saturating_sub(HOLDERS_MAX);
        let held = holders.iter().take(HOLDERS_MAX);
        let mut held: Vec<String> = held
            .map(|(name, count)| format!("{count} of {name}"))
            .collect();
        held.extend((more > 0).then(|| format!("the rest of {more} more")));
        text.push_str(": ");
        text.push_str(&held.join(", "));
    }
    if !others.is_empty() {
        let outcomes = tally(others.iter().map(|row| row.outcome.word()));
        let words: Vec<String> = match outcomes.as_slice() {
            [(word, _)] => vec![(*word).to_owned()],
            outcomes => {
                let words = outcomes
                    .iter()
                    .map(|(word, count)| format!("{count} {word}"));
                words.collect()
            }
        };
        let _ = write!(text, "; {} not: {}", others.len(), words.join(", "));
    }
    text
}

/// How often each is there, the most frequent first.
fn tally<T: Ord>(all: impl Iterator<Item = T>) -> Vec<(T, usize)> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for each in all {
        *counts.entry(each).or_default() += 1;
    }
    let mut counts: Vec<(T, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    counts
}

fn count(rows: &[Repaired], outcome: Outcome) -> usize {
    rows.iter().filter(|row| row.outcome == outcome).count()
}
