//! `requeue`: puts pending entries at the end of their stream again.

use anyhow::Result;

use super::change::{Change, Go};
use super::context::Context;
use super::group::GroupArgs;
use super::selection::SelectArgs;
use crate::cli::DryRun;
use crate::exit::Exit;
use crate::streams::repair::Chosen;
use crate::streams::requeue::{apply_requeue, must_be_alone};
use crate::streams::select::Which;
use crate::streams::target::Target;

#[expect(clippy::doc_markdown, reason = "the doc is the help text")]
/// Put stale entries of a group at the end of the stream again, and acknowledge the old ones
///
/// Each entry is moved atomically, and only if nobody took it since it was looked at. The copy keeps where it came from
/// (_ucp_origin) and how often it was tried (_ucp_attempts). Other groups of the stream would see the copies too, so
/// with other groups it is refused unless that is agreed to.
#[derive(Debug, clap::Args)]
#[command(add = crate::cli::Impact::Destructive, after_help = "\
Examples:
  ucp-streams requeue event-processors --idle 10m --dry-run
  ucp-streams requeue event-processors 1700000000000-0 --yes
  ucp-streams requeue event-processors --min-deliveries 3 --all-groups-see-it")]
pub(super) struct Args {
    #[command(flatten)]
    group: GroupArgs,

    #[command(flatten)]
    select: SelectArgs,

    /// Agree that other groups of the stream see the entries a second time
    #[arg(long)]
    all_groups_see_it: bool,

    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let topology = context.topology()?;
    let spec = args.group.resolve(topology)?;
    let target = Target::from(&spec);
    let connection = context.connect().await?;
    let groups = target.require(&connection, topology).await?;
    args.select.require(&connection, &target).await?;
    must_be_alone(&target, &groups, args.all_groups_see_it)?;
    let (which, idle_min) = args.select.resolve(&spec);
    let is_named = matches!(which, Which::Ids(_));
    let chosen = Chosen::find(&connection, target, &which, idle_min).await?;
    let change = Change {
        context,
        target: chosen.target.to_string(),
        verb: "requeue",
        past: "requeued",
        is_named,
        has_more: chosen.has_more,
    };
    let (planned, what, preview) = (chosen.entries.len(), chosen.summary(), chosen.preview());
    match change
        .ask(args.dry_run.dry_run, planned, &what, preview)
        .await?
    {
        Go::No(exit) => Ok(exit),
        Go::On(consent) => {
            let all_see_it = args.all_groups_see_it;
            change.end(apply_requeue(&connection, chosen, all_see_it, consent).await)
        }
    }
}
