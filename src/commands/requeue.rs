//! `requeue`: appends pending entries to the end of their stream again.

use anyhow::Result;

use super::shared::Context;
use super::shared::group::GroupArgs;
use super::shared::repair_run::{RepairRun, Saving};
use super::shared::selection::{SelectArgs, Selection};
use super::shared::snapshots::NoSnapshot;
use crate::cli::{DryRun, Impact, Limited, Prints, PrintsPlan};
use crate::exit::Exit;
use crate::snapshots::Effect;
use crate::streams::ending::Repair;
use crate::streams::repair::Chosen;
use crate::streams::requeue::{apply_requeue, must_be_alone, others};
use crate::streams::select::PendingSelector;
use crate::view::Changed;

#[expect(clippy::doc_markdown, reason = "the doc is the help text")]
/// Append stale entries to their stream again for another try
///
/// The old entry is acknowledged and a copy is appended in one atomic step, and only if no other consumer has claimed
/// the entry in the meantime. The copy records the entry's origin (_ucp_origin) and its number of attempts
/// (_ucp_attempts). If the stream has other groups, they would see the copies too; this is refused unless
/// --all-groups-see-it is given. An entry whose body was trimmed is recorded as a tombstone in the dead-letter stream
/// (exit 9). What is requeued is saved first: `undo` takes a copy back that was delivered to nobody yet.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Destructive, add = Prints::list::<Changed>(), add = PrintsPlan(Prints::plan::<Changed>()), after_help = "\
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
    limit: Limited,

    #[command(flatten)]
    without: NoSnapshot,

    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let group = args.group.open(context).await?;
    let all_see_it = args.all_groups_see_it;
    let others = others(&group.target, &group.groups);
    let alone = must_be_alone(&group.target, &others, all_see_it);
    let seen_by_others = context.refusal_of(args.dry_run, alone)?;
    let Selection {
        which,
        idle_min,
        why_fresh,
        refusal,
    } = args.select.resolve(&group, args.dry_run, context).await?;
    let (target, connection) = (group.target, group.connection);
    let is_named = matches!(which, PendingSelector::Ids(_));
    let dead_letter = group.topology.stream_or_default(&target.stream).dead_letter;
    let chosen = Chosen::find(&connection, target, &which, idle_min).await?;
    let repair = Repair::of_pending(
        &chosen,
        (&group.groups, group.topology),
        is_named,
        "requeue",
        "requeued",
    )
    .to_stream(&chosen.target.stream, Some(others))
    .fresh_because(why_fresh);
    let saving = Saving {
        connection: &connection,
        effect: Effect::Moved {
            to: chosen.target.stream.clone(),
        },
        without: args.without,
    };
    let run = RepairRun::of(context, repair, saving).listing(args.limit);
    let run = run.refused(seen_by_others.or(refusal));
    let (what, preview) = (chosen.summary(), chosen.preview());
    run.make(args.dry_run, &what, preview, async |consent, course| {
        apply_requeue(
            &connection,
            chosen,
            &dead_letter,
            all_see_it,
            consent,
            course,
        )
        .await
    })
    .await
}
