//! `consumers delete`: deletes one consumer.

use anyhow::Result;

use super::{HeirArgs, carry_out};
use crate::cli::{self, DryRun, Impact, Limited, Prints, PrintsPlan};
use crate::commands::shared::Context;
use crate::commands::shared::group::GroupArgs;
use crate::commands::shared::snapshots::NoSnapshot;
use crate::exit::Exit;
use crate::model::Name;
use crate::streams::consumers::{Removal, plan_delete};

/// Delete a consumer that has no pending entries
///
/// Refused while entries are pending for the consumer, because deleting it would lose them; the check and the
/// deletion are one atomic step. --hand-over-to first moves the entries to another consumer, each of them only if no
/// other consumer has claimed it in the meantime. An entry whose body was trimmed is recorded as a tombstone in the
/// dead-letter stream (exit 9).
#[derive(Debug, clap::Args)]
#[command(add = Impact::Destructive, add = Prints::list::<Removal>(), add = PrintsPlan(Prints::plan::<Removal>()), after_help = "\
Examples:
  ucp-streams consumers delete event-processors host-17-k3x9
  ucp-streams consumers delete event-processors host-17-k3x9 --dry-run \\
      --hand-over-to host-18-a2b1")]
pub(super) struct Args {
    #[command(flatten)]
    group: GroupArgs,

    /// The consumer to delete
    #[arg(value_name = "CONSUMER", value_parser = cli::name())]
    name: Name,

    #[command(flatten)]
    heir: HeirArgs,

    #[command(flatten)]
    limit: Limited,

    #[command(flatten)]
    without: NoSnapshot,

    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let group = args.group.open(context).await?;
    let heir = args.heir.resolve(&group);
    let (target, connection, groups) = (group.target, group.connection, group.groups);
    let mut plan = plan_delete(&connection, target, &args.name, heir).await?;
    let refusal = context.refusal_of(args.dry_run, plan.check())?;
    let how = (args.limit.rows(), args.dry_run, args.without);
    carry_out(context, (plan, &groups), refusal, how, "").await
}
