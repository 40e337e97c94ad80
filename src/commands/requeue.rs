//! `requeue`: appends pending entries to the end of their stream again.

use anyhow::Result;

use super::shared::Context;
use super::shared::group::{GroupArgs, OpenGroup};
use super::shared::repair_plan::RepairPlan;
use super::shared::repair_run::{RepairRun, Saving};
use super::shared::selection::{SelectArgs, Selection};
use super::shared::snapshots::NoSnapshot;
use crate::cli::{DryRun, Impact, Limited, Prints, PrintsPlan};
use crate::exit::Exit;
use crate::model::{Consent, Name};
use crate::snapshots::Effect;
use crate::streams::course::Course;
use crate::streams::ending::Repair;
use crate::streams::repair::{Applied, Chosen};
use crate::streams::requeue::{apply_requeue, must_be_alone, others};
use crate::streams::select::PendingSelector;
use crate::view::Changed;
use crate::wire::Connection;

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
    let planned = plan(group, args.select, all_see_it, args.dry_run, context).await?;
    let RepairPlan {
        connection,
        steps,
        repair,
        what,
        preview,
        effect,
        refusal,
    } = planned;
    let saving = Saving {
        connection: &connection,
        effect,
        without: args.without,
    };
    let run = RepairRun::of(context, repair, saving).listing(args.limit);
    let run = run.refused(refusal);
    run.make(args.dry_run, &what, preview, async |consent, course| {
        steps.apply(&connection, consent, course).await
    })
    .await
}

/// Entries that are to be requeued.
pub(super) struct Requeueing {
    chosen: Chosen,
    dead_letter: Name,
    all_groups_may_see_it: bool,
}

impl Requeueing {
    /// Requeues them.
    pub(super) async fn apply(
        self,
        connection: &Connection,
        consent: Consent,
        course: Course<'_>,
    ) -> Applied {
        let (letters, all) = (&self.dead_letter, self.all_groups_may_see_it);
        apply_requeue(connection, self.chosen, letters, all, consent, course).await
    }
}

/// Plans to requeue the selected entries of a group.
///
/// # Errors
/// Refused when other groups would see them and that was not agreed; as [`SelectArgs::resolve`] and [`Chosen::find`].
pub(super) async fn plan(
    group: OpenGroup<'_>,
    select: SelectArgs,
    all_groups_may_see_it: bool,
    dry_run: DryRun,
    context: &Context,
) -> Result<RepairPlan<Requeueing>> {
    let others = others(&group.target, &group.groups);
    let alone = must_be_alone(&group.target, &others, all_groups_may_see_it);
    let seen_by_others = context.refusal_of(dry_run, alone)?;
    let Selection {
        which,
        idle_min,
        why_fresh,
        refusal,
    } = select.resolve(&group, dry_run, context).await?;
    let (target, connection) = (group.target, group.connection);
    let is_named = matches!(which, PendingSelector::Ids(_));
    let dead_letter = group.topology.stream_or_default(&target.stream).dead_letter;
    let chosen = Chosen::find(&connection, target, &which, idle_min).await?;
    let place = (&group.groups[..], group.topology);
    let repair = Repair::of_pending(&chosen, place, is_named, "requeue", "requeued")
        .to_stream(&chosen.target.stream, Some(others))
        .fresh_because(why_fresh);
    Ok(RepairPlan {
        connection,
        repair,
        what: chosen.summary(),
        preview: chosen.preview(),
        effect: Effect::Moved {
            to: chosen.target.stream.clone(),
        },
        refusal: seen_by_others.or(refusal),
        steps: Requeueing {
            chosen,
            dead_letter,
            all_groups_may_see_it,
        },
    })
}
