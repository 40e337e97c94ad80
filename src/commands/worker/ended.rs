//! What workers did, told at their end, and how the command ends.

use std::net::SocketAddr;

use anyhow::Result;

use super::{WorkerRow, metrics, supervise};
use crate::commands::Context;
use crate::exit::Exit;
use crate::model::{Format, Limit, Problem};
use crate::streams::target::Target;
use crate::topology::Topology;
use crate::worker::{Assignment, Mode};

/// Where the figures of a worker are served.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) struct Watching<'a> {
    /// The address, if they are.
    pub(in crate::commands) address: Option<SocketAddr>,
    /// The host names that requests may use.
    pub(in crate::commands) hosts: &'a [String],
}

/// Handles the entries of one group as a worker does, under this name of its connections.
///
/// # Errors
/// As [`crate::worker::run`].
pub(in crate::commands) async fn work_on(
    job: Assignment,
    name: &'static str,
    watching: Watching<'_>,
    context: &Context,
) -> Result<Exit> {
    let is_once = job.mode == Mode::Once;
    let dialer = context.dialer()?.named(name);
    let door = match watching.address {
        Some(address) => Some(metrics::listen(address, watching.hosts).await?),
        None => None,
    };
    let (rows, stopped, _) =
        supervise::work(vec![job], dialer, door, context.console.status()).await?;
    show(&rows, context)?;
    let (exit, refusal) = told(&rows, stopped, is_once, context)?;
    refused(exit, refusal)
}

/// Shows what workers did, in the forms that programs read.
pub(super) fn show(rows: &[WorkerRow], context: &Context) -> Result<()> {
    match context.console.options().format {
        Format::Json | Format::Ndjson | Format::Csv => context.console.show(rows, Limit::All),
        _ => Ok(()),
    }
}

/// Tells what workers did. Returns how the command ends, and why they were kept from working, if they were.
pub(super) fn told(
    rows: &[WorkerRow],
    stopped: Option<Exit>,
    is_once: bool,
    context: &Context,
) -> Result<(Exit, Option<Problem>)> {
    for row in rows {
        if is_once && row.is_unfinished() {
            // Said even when only what is wrong is to be said: cron mails what is printed, not the exit code.
            context.console.warn(&row.line());
        } else {
            context.console.note(&row.line());
        }
    }
    let is_part = rows.iter().any(|row| row.summary.left_pending > 0);
    let saw_loss = rows.iter().any(WorkerRow::saw_loss);
    let refusal = on_hold(rows, context.topology()?);
    let exit = stopped.unwrap_or(if is_once {
        Exit::of_parts(is_part, saw_loss)
    } else {
        Exit::Done
    });
    Ok((exit, refusal))
}

/// The end of the command where workers may have been kept from working.
pub(super) fn refused(exit: Exit, refusal: Option<Problem>) -> Result<Exit> {
    match refusal {
        // What was lost is worse, and a signal is what was asked for last.
        Some(problem) if matches!(exit, Exit::Done | Exit::Partial) => Err(problem.into()),
        _ => Ok(exit),
    }
}

/// Why workers that were to work once did not, or not to the end: their groups are paused.
fn on_hold(rows: &[WorkerRow], topology: &Topology) -> Option<Problem> {
    let held = rows
        .iter()
        .filter_map(|row| Some((row, row.paused.as_ref()?)));
    let held: Vec<_> = held.collect();
    let (first, _) = held.first()?;
    let told = held.iter().map(|(row, paused)| {
        let (group, stream) = (&row.group, &row.stream);
        format!("group `{group}` on `{stream}` is paused {}", paused.told())
    });
    let told: Vec<String> = told.collect();
    let target = Target {
        stream: first.stream.clone(),
        group: first.group.clone(),
    };
    let resume = target.command("resume", topology);
    Some(Problem::refused(told.join("; ")).hint(format!("when it may go on: {resume}")))
}
