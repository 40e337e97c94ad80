//! `requeue`: appends pending entries to the end of their stream again.

use anyhow::Result;

use super::shared::Context;
use super::shared::group::{GroupArgs, OpenGroup};
use super::shared::repair_plan::RepairPlan;
use super::shared::repair_run::{How, carry_out};
use super::shared::selection::{SelectArgs, Selection};
use super::shared::snapshots::NoSnapshot;
use crate::cli::{DryRun, Impact, Limited, Prints, PrintsPlan};
use crate::exit::Exit;
use crate::snapshots::Effect;
use crate::streams::chosen::Chosen;
use crate::streams::ending::Repair;
use crate::streams::requeue::{RequeuePlan, apply_requeue, must_be_alone, others};
use crate::streams::retry_stream::{Route, must_be_read};
use crate::streams::select::PendingSelector;
use crate::view::Changed;

#[expect(clippy::doc_markdown, reason = "the doc is the help text")]
/// Append stale entries to their stream again for another try
///
/// The old entry is acknowledged and a copy is appended in one atomic step, and only if no other consumer has claimed
/// the entry in the meantime. The copy records the entry's origin (_ucp_origin) and its number of attempts
/// (_ucp_attempts). If the stream has other groups, they would see the copies too; this is refused. There are two ways
/// out: with --via-retry-stream, the copies go to the group's retry stream, {STREAM}:retry:GROUP, which only its workers
/// read; with --all-groups-see-it, the other groups see them. An entry whose body was trimmed is recorded as a tombstone
/// in the dead-letter stream (exit 9). What is requeued is saved first: `undo` takes a copy back that was delivered to
/// nobody yet.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Destructive, add = Prints::list::<Changed>(), add = PrintsPlan(Prints::plan::<Changed>()), after_help = "\
Examples:
  ucp-streams requeue event-processors --idle 10m --dry-run
  ucp-streams requeue event-processors 1700000000000-0 --yes
  ucp-streams requeue event-processors --min-deliveries 3 --via-retry-stream
  ucp-streams requeue event-processors --min-deliveries 3 --all-groups-see-it")]
pub(super) struct Args {
    #[command(flatten)]
    group: GroupArgs,

    #[command(flatten)]
    select: SelectArgs,

    /// Copy them to the group's retry stream, where no other group sees them; refused while no live worker of the group
    /// reads it, unless --force is given
    #[arg(long)]
    via_retry_stream: bool,

    /// Agree that other groups of the stream see the entries a second time
    #[arg(long, conflicts_with = "via_retry_stream")]
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
    let route = Route::of(args.all_groups_see_it, args.via_retry_stream);
    let planned = plan(group, args.select, route, args.dry_run, context).await?;
    let how = How {
        limit: args.limit,
        rate: None,
        without: args.without,
        dry_run: args.dry_run,
    };
    carry_out(context, planned, how, |_| {}, apply_requeue).await
}

/// Plans to requeue the selected entries of a group by `route`.
///
/// # Errors
/// Refused when other groups would see them and that was not agreed, or when nobody would read them; as [`SelectArgs::resolve`] and [`Chosen::find`].
pub(super) async fn plan(
    group: OpenGroup<'_>,
    select: SelectArgs,
    route: Route,
    dry_run: DryRun,
    context: &Context,
) -> Result<RepairPlan<RequeuePlan>> {
    let others = others(&group.target, &group.groups);
    let alone = must_be_alone(&group.target, &others, route);
    let seen_by_others = context.refusal_of(dry_run, alone)?;
    let unread = if route == Route::RetryStream {
        let (target, topology) = (&group.target, group.topology);
        must_be_read(&group.connection, target, topology, select.is_forced()).await?
    } else {
        Ok(())
    };
    let unread = context.refusal_of(dry_run, unread)?;
    let Selection {
        which,
        idle_min,
        why_fresh,
        refusal,
    } = select.resolve(&group, dry_run, context).await?;
    let (target, connection) = (group.target, group.connection);
    let to = route.to(&target);
    let is_named = matches!(which, PendingSelector::Ids(_));
    let chosen = Chosen::find(&connection, &target, &which, idle_min).await?;
    let place = (&group.groups[..], group.topology);
    let repair = Repair::of_pending(&target, place, is_named, "requeue", "requeued")
        .to_stream(&to, Some(route.seen_by(others)))
        .fresh_because(why_fresh);
    Ok(RepairPlan {
        connection,
        repair,
        what: route.summary(chosen.summary(), &to),
        chosen: chosen.telling(route.detail(&to)),
        effect: Effect::Moved { to },
        refusal: seen_by_others.or(unread).or(refusal),
        steps: RequeuePlan {
            dead_letter: group.topology.stream_or_default(&target.stream).dead_letter,
            target,
            idle_min,
            route,
        },
    })
}
