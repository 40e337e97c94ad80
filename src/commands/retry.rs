//! `retry`: makes pending entries due at once.

use std::time::Duration;

use anyhow::Result;

use super::shared::Context;
use super::shared::group::GroupArgs;
use super::shared::repair_plan::RepairPlan;
use super::shared::repair_run::{How, carry_out};
use super::shared::selection::WhichArgs;
use super::shared::snapshots::NoSnapshot;
use crate::cli::{self, DryRun, Impact, Limited, Prints, PrintsPlan};
use crate::exit::Exit;
use crate::snapshots::Effect;
use crate::streams::chosen::Chosen;
use crate::streams::ending::Repair;
use crate::streams::retry::{Owners, apply_retry};
use crate::view::Changed;

/// Try pending entries again at once, where they are, without a copy
///
/// An entry that waits in a live worker for its next attempt is tried within 5 seconds: the worker looks at
/// {STREAM}:due:GROUP. One that no live worker holds may be claimed by any of them at once, whatever its idle time. What is
/// being handled is left alone, and the delivery counts stay as they are, so the attempt counts as usual. Without IDs and
/// conditions, all pending entries are taken. With --force, entries of live workers may be claimed at once too, and are
/// handled twice if they are being handled. An attempt cannot be undone. While the group is paused, nothing is tried.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Destructive, add = Prints::list::<Changed>(), add = PrintsPlan(Prints::plan::<Changed>()), after_help = "\
Examples:
  ucp-streams retry event-processors --dry-run
  ucp-streams retry event-processors 1700000000000-0 --yes
  ucp-streams retry event-processors --min-deliveries 3 --yes")]
pub(super) struct Args {
    #[command(flatten)]
    group: GroupArgs,

    /// Only entries idle (not delivered) for at least this long, such as 5m
    #[arg(long, value_name = "DUR", value_parser = cli::parse_duration)]
    idle: Option<Duration>,

    #[command(flatten)]
    which: WhichArgs,

    /// Let any worker claim them at once, also what a live worker may be handling, which is then handled twice
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    limit: Limited,

    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let group = args.group.open(context).await?;
    let (target, connection) = (group.target, group.connection);
    args.which.require_consumer(&connection, &target).await?;
    let idle_min = args.idle.unwrap_or_default();
    let is_named = args.which.is_named();
    let which = args.which.selector(idle_min);
    let chosen = Chosen::find(&connection, &target, &which, idle_min).await?;
    let owners = Owners::look(&connection, &target, group.spec.claim_idle, args.force).await?;
    let place = (&group.groups[..], group.topology);
    let planned = RepairPlan {
        repair: Repair::of_pending(&target, place, is_named, "retry", "made due"),
        what: format!("at once {}", chosen.summary()),
        chosen,
        effect: Effect::Group,
        refusal: None,
        steps: (target, owners),
        connection,
    };
    let how = How {
        limit: args.limit,
        rate: None,
        without: NoSnapshot::of_what_cannot_be_undone(),
        dry_run: args.dry_run,
    };
    carry_out(context, planned, how, |_| {}, apply_retry).await
}
