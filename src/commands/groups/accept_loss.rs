//! `groups accept-loss`: records that a loss is known, so that it no longer raises an alert.

use anyhow::Result;

use crate::cli::{DryRun, Impact, Prints, PrintsPlan};
use crate::commands::shared::Context;
use crate::commands::shared::group::GroupArgs;
use crate::exit::Exit;
use crate::streams::losses::{Acceptance, apply_accept, plan_accept};
use crate::streams::target::Target;

/// Accept what a group lost before delivery, so that it no longer raises an alert
///
/// Entries that were trimmed or deleted before delivery (by MAXLEN or XTRIM while the group was behind) are lost to
/// the group. A worker records each gap as a tombstone in the dead-letter stream, and `info` and `lag` report the
/// loss until it is accepted. Gaps that no worker has recorded yet are recorded first. The total number of lost
/// entries is kept, and later losses raise an alert again.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Destructive, add = Prints::one::<Acceptance>(), add = PrintsPlan(Prints::plan::<Acceptance>()), after_help = "\
Examples:
  ucp-streams groups accept-loss event-processors --dry-run
  ucp-streams groups accept-loss event-processors
  ucp-streams groups accept-loss auditors --stream events.raw --yes")]
pub(super) struct Args {
    #[command(flatten)]
    group: GroupArgs,

    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let topology = context.topology()?;
    let connection = context.connect().await?;
    let spec = args.group.resolve(&connection, context).await?;
    let target = Target::from(&spec);
    let plan = plan_accept(&connection, topology, &spec).await?;
    let console = &context.console;
    let is_rehearsal = context.is_rehearsal(args.dry_run);
    if !plan.row.has_any() {
        if is_rehearsal {
            context.show_plan_of(plan.facts(), &[], &plan.row)?;
        } else {
            console.show_one(&plan.row)?;
        }
        console.note(&format!("{target} has no losses to accept"));
        return Ok(Exit::Done);
    }
    let agreed = context
        .agreed(is_rehearsal, (plan.facts(), &[]), &plan.row, None)
        .await?;
    let Some(consent) = agreed else {
        return Ok(Exit::Done);
    };
    let mut lane = context.lane().await?;
    let row = apply_accept(&connection, &mut lane, topology, plan, consent).await?;
    console.show_one(&row)?;
    console.note(&format!("the losses of {target} so far have been accepted"));
    Ok(Exit::Done)
}
