//! `ack`: acknowledges entries by id, without handling them.

use std::time::Duration;

use anyhow::Result;

use super::shared::Context;
use super::shared::group::{GroupArgs, OpenGroup};
use super::shared::repair_run::{RepairRun, Saving};
use super::shared::snapshots::NoSnapshot;
use crate::cli::{DryRun, Impact, Limited, Prints, PrintsPlan};
use crate::exit::Exit;
use crate::model::EntryId;
use crate::snapshots::Effect;
use crate::streams::ack::apply_ack;
use crate::streams::ending::Repair;
use crate::streams::repair::Chosen;
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
    let chosen = Chosen::find(&connection, target, &which, Duration::ZERO).await?;
    let repair = Repair::of_pending(
        &chosen,
        (&groups, topology),
        true,
        "acknowledge",
        "acknowledged",
    );
    let saving = Saving {
        connection: &connection,
        effect: Effect::Acknowledged,
        without: args.without,
    };
    let run = RepairRun::of(context, repair, saving).listing(args.limit);
    let (what, preview) = (chosen.summary(), chosen.preview());
    run.make(args.dry_run, &what, preview, async |consent, course| {
        apply_ack(&connection, chosen, consent, course).await
    })
    .await
}
