//! `consumers prune`: deletes all consumers that have been idle for long.

use std::time::Duration;

use anyhow::Result;

use super::{HeirArgs, carry_out};
use crate::cli::{self, DryRun, Impact, Limited, Prints, PrintsPlan};
use crate::commands::shared::Context;
use crate::commands::shared::group::GroupArgs;
use crate::commands::shared::snapshots::NoSnapshot;
use crate::exit::Exit;
use crate::model::Name;
use crate::streams::consumers::{Removal, plan_prune};
use crate::streams::names::listed;

/// Delete consumers that have been idle for long and have no pending entries
///
/// Consumers with pending entries are listed and kept (exit 7, or exit 6 when there are no others), unless
/// --hand-over-to names a consumer that takes over their entries. A consumer that becomes active or gets entries in
/// the meantime is kept as well.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Destructive, add = Prints::list::<Removal>(), add = PrintsPlan(Prints::plan::<Removal>()), after_help = "\
Examples:
  ucp-streams consumers prune event-processors --idle 1d --dry-run
  ucp-streams consumers prune event-processors --yes \\
      --hand-over-to host-18-a2b1")]
pub(super) struct Args {
    #[command(flatten)]
    group: GroupArgs,

    /// Only consumers that have been idle for at least this long
    #[arg(long, value_name = "DUR", default_value = "1h", value_parser = cli::parse_duration)]
    idle: Duration,

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
    let mut plan = plan_prune(&connection, target, args.idle, heir).await?;
    let refusal = context.refusal_of(args.dry_run, plan.check())?;
    let console = &context.console;
    if plan.planned().count() == 0 && refusal.is_none() {
        let nothing = plan.nothing_to_prune(args.idle);
        let limit = args.limit.rows();
        if context.is_rehearsal(args.dry_run) {
            context.show_plan(plan.facts(&groups), &plan.rows, limit)?;
        } else {
            console.show(&plan.rows, limit)?;
        }
        console.note(&nothing?);
        return Ok(Exit::Done);
    }
    let names: Vec<Name> = plan.planned().map(|it| it.consumer.clone()).collect();
    let details = format!("\n{}", listed(&names));
    let how = (args.limit.rows(), args.dry_run, args.without);
    carry_out(context, (plan, &groups), refusal, how, &details).await
}
