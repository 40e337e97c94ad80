//! `groups set-id`: moves a group to another position.

use anyhow::Result;

use super::{at, pinned};
use crate::cli::{DryRun, Impact, Position, Prints, PrintsPlan};
use crate::commands::shared::Context;
use crate::commands::shared::group::GroupArgs;
use crate::exit::Exit;
use crate::streams::groups::{Direction, Shift, apply_set_id, plan_set_id};
use crate::streams::target::Target;

/// Move a group to another position, after saying what that does
///
/// Moved back, the group delivers entries again: those that are pending go to the next consumer that reads, and their
/// delivery counts start again at 1. Moved forward, it skips entries. Refused while the group has live consumers, and
/// when the group changed in the meantime. The server does not know the group's lag afterwards; `lag --exact` counts
/// it. An entry id is the last one that counts as delivered; a time or -N names the first entry to be delivered.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Destructive, add = Prints::one::<Shift>(), add = PrintsPlan(Prints::plan::<Shift>()), after_help = "\
Examples:
  ucp-streams groups set-id event-processors -1h --dry-run
  ucp-streams groups set-id event-processors 1700000000000-0
  ucp-streams groups set-id event-processors end --force --yes")]
pub(super) struct Args {
    #[command(flatten)]
    group: GroupArgs,

    /// Where to move it: an entry id, start, end, a time, -15m, -100
    #[arg(value_name = "POSITION", allow_hyphen_values = true)]
    position: Position,

    /// Proceed although consumers are live
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let topology = context.topology()?;
    let connection = context.connect().await?;
    let spec = args.group.resolve(&connection, context).await?;
    let target = Target::from(&spec);
    let mut lane = context.lane().await?;
    let plan = plan_set_id(&connection, &mut lane, topology, &spec, at(args.position)).await?;
    let console = &context.console;
    let is_rehearsal = context.is_rehearsal(args.dry_run);
    let pinned = pinned("position", args.position, plan.row.to_id);
    if plan.row.direction == Direction::Stay {
        if is_rehearsal {
            context.show_plan_of(plan.facts(), &pinned, &plan.row)?;
        } else {
            console.show_one(&plan.row)?;
        }
        console.note(&format!("{target} is at that position already"));
        return Ok(Exit::Done);
    }
    let refusal = plan.refusal(args.force);
    let agreed = context
        .agreed(is_rehearsal, (plan.facts(), &pinned), &plan.row, refusal)
        .await?;
    let Some(consent) = agreed else {
        return Ok(Exit::Done);
    };
    let row = apply_set_id(&connection, plan, consent).await?;
    console.show_one(&row)?;
    let back = target
        .command("groups set-id", topology)
        .arg(row.from_id.to_string());
    console.note(&format!("moved {target}; to move it back: {back}"));
    Ok(Exit::Done)
}
