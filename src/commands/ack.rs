//! `ack`: acknowledges entries by id, without handling them.

use std::time::Duration;

use anyhow::Result;

use super::shared::Context;
use super::shared::group::{GroupArgs, OpenGroup};
use super::shared::repair_plan::RepairPlan;
use super::shared::repair_run::{How, carry_out};
use super::shared::snapshots::NoSnapshot;
use crate::cli::{DryRun, Impact, Limited, Prints, PrintsPlan};
use crate::exit::Exit;
use crate::model::EntryId;
use crate::snapshots::Effect;
use crate::streams::ack::apply_ack;
use crate::streams::chosen::Chosen;
use crate::streams::ending::Repair;
use crate::streams::select::PendingSelector;
use crate::view::Changed;

/// Acknowledge entries without handling them
///
/// The entries count as processed, and the group does not deliver them again. An entry that was delivered again in
/// the meantime is skipped and listed. Exits 3 when none of the entries was pending, and 7 when only some were
/// acknowledged. They are saved first, so that `undo` makes them pending again.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Destructive, add = Prints::list::<Changed>(), add = PrintsPlan(Prints::plan::<Changed>()), after_help = "\
Examples:
  ucp-streams ack event-processors 1700000000000-0
  ucp-streams ack event-processors 1700000000000-0 1700000000000-1 --yes")]
pub(super) struct Args {
    #[command(flatten)]
    group: GroupArgs,

    /// Ids of the entries to acknowledge
    #[arg(value_name = "ID", required = true)]
    ids: Vec<EntryId>,

    #[command(flatten)]
    limit: Limited,

    #[command(flatten)]
    without: NoSnapshot,

    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let OpenGroup {
        topology,
        target,
        connection,
        groups,
        ..
    } = args.group.open(context).await?;
    let which = PendingSelector::Ids(args.ids);
    let chosen = Chosen::find(&connection, &target, &which, Duration::ZERO).await?;
    let place = (&groups[..], topology);
    let planned = RepairPlan {
        repair: Repair::of_pending(&target, place, true, "acknowledge", "acknowledged"),
        what: chosen.summary(),
        chosen,
        effect: Effect::Acknowledged,
        refusal: None,
        steps: target,
        connection,
    };
    let how = How {
        limit: args.limit,
        rate: None,
        without: args.without,
        dry_run: args.dry_run,
    };
    carry_out(context, planned, how, |_| {}, apply_ack).await
}
