//! `claim`: hands stale entries to another consumer.

use anyhow::Result;

use super::shared::Context;
use super::shared::change::Change;
use super::shared::group::GroupArgs;
use super::shared::selection::SelectArgs;
use crate::cli::{self, DryRun, Pairs};
use crate::exit::Exit;
use crate::model::Name;
use crate::streams::claim::{apply_claim, plan_claim};
use crate::streams::select::Which;
use crate::wire::CountMode;

/// Hand stale entries of a group to a consumer, and print them
///
/// The consumer must exist; delivery counts stay, unless they are to be reset. An entry that somebody took or acknowledged since it was looked at is
/// left alone and listed. Exit 7 when only part was claimed. One whose body was trimmed away becomes a tombstone in the
/// dead-letter stream instead of vanishing (exit 9).
#[derive(Debug, clap::Args)]
#[command(add = crate::cli::Impact::Destructive, after_help = "\
Examples:
  ucp-streams claim event-processors --idle 5m --to host-17-k3x9
  ucp-streams claim event-processors --to host-17-k3x9 --dry-run
  ucp-streams claim event-processors --to host-17-k3x9 1700000000000-0 --reset-deliveries --yes")]
pub(super) struct Args {
    #[command(flatten)]
    group: GroupArgs,

    /// The consumer that is to hold the entries
    #[arg(long, value_name = "CONSUMER", value_parser = cli::name(), required = true)]
    to: Name,

    /// Set the delivery counts to 1, as after a first delivery, so that the entries get all their attempts again
    #[arg(long)]
    reset_deliveries: bool,

    #[command(flatten)]
    select: SelectArgs,

    #[command(flatten)]
    pairs: Pairs,

    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let in_pairs = context.in_pairs(args.pairs)?;
    let group = args.group.open(context).await?;
    let (target, connection) = (group.target, group.connection);
    let stream = group.topology.stream_or_default(&target.stream);
    args.select.require(&connection, &target).await?;
    let (which, idle_min) = args.select.resolve(&group.spec);
    let is_named = matches!(which, Which::Ids(_));
    let dead_letter = stream.dead_letter;
    let mode = if args.reset_deliveries {
        CountMode::Reset
    } else {
        CountMode::Keep
    };
    let plan = plan_claim(
        &connection,
        target,
        &which,
        idle_min,
        args.to,
        dead_letter,
        mode,
    )
    .await?;
    let chosen = &plan.chosen;
    let change = Change::of(context, chosen, is_named, "claim", "claimed")?;
    let mut what = format!("for consumer `{}` {}", plan.to, chosen.summary());
    if args.reset_deliveries {
        what.push_str(", delivery counts reset to 1,");
    }
    let preview = chosen.preview();
    change
        .make(args.dry_run, &what, preview, async |consent| {
            let mut applied = apply_claim(&connection, plan, consent).await;
            for body in applied.rows.iter_mut().filter_map(|it| it.fields.as_mut()) {
                body.in_pairs = in_pairs;
            }
            applied
        })
        .await
}
