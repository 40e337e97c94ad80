//! `audit`: who changed what.

use anyhow::Result;

use super::shared::Context;
use crate::cli::{Impact, Limited, Prints, When};
use crate::exit::Exit;
use crate::model::{EntryId, Problem, Time, counted};
use crate::streams::audit::{AuditRow, Ended, list};

/// List who changed what by this tool, the newest first
///
/// Each destructive command adds a record to the audit stream (`ucp:audit`; another name, or "off", in the topology)
/// before its change, and another one after it: who ran it on which machine, what it was about, how many entries it was
/// to change and did change, and how it ended. A command without an outcome was cut off, or still runs. Records have no
/// values of entries, no reasons and no addresses.
///
/// The stream is not protected by this tool: anybody who may write to it can add records. What it says is shown, and
/// nothing in it is run or opened.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::list::<AuditRow>(), after_help = "\
Examples:
  ucp-streams audit
  ucp-streams audit --since 1d
  ucp-streams audit -o json --jq 'map(select(.ended == \"open\"))'")]
pub(super) struct Args {
    /// Only commands that began since then
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<When>,

    #[command(flatten)]
    limit: Limited,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let Some(stream) = &context.topology()?.audit else {
        return Err(Problem::not_found("the topology says audit = \"off\"")
            .hint("without it, commands add no records")
            .into());
    };
    let since = args.since.map(|it| it.resolve(Time::now()));
    let since = since.map_or(EntryId::MIN, |it| EntryId::new(it.ms, 0));
    let connection = context.connected().await?;
    let audit = list(&connection, stream, since).await?;
    context.console.show(&audit.rows, args.limit.rows())?;
    if audit.foreign > 0 {
        let count = counted(audit.foreign, "entry", "entries");
        context.console.warn(&format!(
            "{count} in `{stream}` are no records of this tool, and are left out"
        ));
    }
    if audit.has_more {
        context
            .console
            .note("there may be older ones: give a --since");
    }
    tell_next(&audit.rows, context)?;
    Ok(Exit::Done)
}

/// Suggests the command that undoes the newest change, if its snapshot is kept here.
fn tell_next(rows: &[AuditRow], context: &Context) -> Result<()> {
    let is_changed = |row: &&AuditRow| row.ended != Ended::Nothing && row.snapshot.is_some();
    let newest = rows.iter().find(is_changed);
    let undo = newest.map_or(Ok(None), |row| context.undo_of(row))?;
    if let Some(undo) = undo {
        context.console.note(&format!("to undo the newest: {undo}"));
    }
    Ok(())
}
