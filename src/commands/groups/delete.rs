//! `groups delete`: deletes a group.

use anyhow::Result;

use crate::cli::{DryRun, Impact, Prints, PrintsPlan};
use crate::commands::shared::Context;
use crate::commands::shared::group::GroupArgs;
use crate::commands::shared::snapshots::NoSnapshot;
use crate::exit::Exit;
use crate::model::CommandLine;
use crate::streams::groups::{Deletion, apply_delete, plan_delete};
use crate::streams::target::Target;

/// Delete a group with its position, its consumers and its pending entries
///
/// Refused while the group has pending or undelivered entries, or any in its retry stream, unless --force is given; the
/// check of the first two and the deletion are one atomic step. What is in the retry stream stays there.
/// The group is saved first, so that `undo` restores it. The entries stay in the stream. A worker that is still running
/// creates the group again from the beginning of the stream, so stop the workers first.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Destructive, add = Prints::one::<Deletion>(), add = PrintsPlan(Prints::plan::<Deletion>()), after_help = "\
Examples:
  ucp-streams groups delete auditors --stream events.raw --dry-run
  ucp-streams groups delete auditors --stream events.raw
  ucp-streams groups delete auditors --stream events.raw --force --yes")]
pub(super) struct Args {
    #[command(flatten)]
    group: GroupArgs,

    /// Delete the group although entries are pending or undelivered
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    without: NoSnapshot,

    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let topology = context.topology()?;
    let connection = context.connect().await?;
    let spec = args.group.resolve(&connection, context).await?;
    let target = Target::from(&spec);
    let plan = plan_delete(&connection, topology, &spec).await?;
    let console = &context.console;
    let refusal = plan.refusal(args.force);
    if refusal.is_none() && !plan.row.live_consumers.is_empty() {
        console.warn(&format!(
            "{target} has live consumers; their workers would create the group again and read the stream from the beginning"
        ));
    }
    let is_rehearsal = context.is_rehearsal(args.dry_run);
    let agreed = context
        .agreed(is_rehearsal, (plan.facts(), &[]), &plan.row, refusal)
        .await?;
    let Some(consent) = agreed else {
        return Ok(Exit::Done);
    };
    let undo = context
        .save_first(&connection, &target, args.without)
        .await?;
    let row = apply_delete(&connection, plan, args.force, consent).await?;
    console.show_one(&row)?;
    let again = || {
        CommandLine::new("groups create")
            .arg(&target.group)
            .option("--stream", &target.stream)
            .option("--start", row.last_delivered_id.to_string())
    };
    console.note(&match undo {
        Some(undo) => format!("deleted {target}; to restore it as it was: {undo}"),
        None => format!(
            "deleted {target}; to create it again at the same position: {}",
            again()
        ),
    });
    Ok(Exit::Done)
}
