//! `claim`: hands stale entries to another consumer, or handles them at once.

use anyhow::Result;

use super::shared::Context;
use super::shared::group::{GroupArgs, OpenGroup};
use super::shared::repair_plan::RepairPlan;
use super::shared::repair_run::{How, carry_out};
use super::shared::selection::{SelectArgs, Selection};
use super::shared::snapshots::NoSnapshot;
use super::worker::assign::of_given;
use super::worker::work_off;
use crate::cli::{self, DryRun, Impact, Limited, Pairs, Prints, PrintsPlan};
use crate::exit::Exit;
use crate::model::{EntryId, Name, Problem};
use crate::snapshots::Effect;
use crate::streams::claim::{ClaimPlan, Recipient, apply_claim, plan_claim};
use crate::streams::ending::Repair;
use crate::streams::repaired::{Outcome, Repaired};
use crate::streams::select::PendingSelector;
use crate::view::Changed;
use crate::wire::{CountMode, ExpectedPending};
use crate::worker::{Assignment, consumer_name};

/// Hand stale entries of a group to a consumer, and print them
///
/// The consumer must exist. Delivery counts stay as they are, unless --reset-deliveries is given. With --work, this
/// command handles the entries itself with the group's handler, one attempt each; entries that fail stay pending
/// (exit 7). An entry that was claimed or acknowledged in the meantime is skipped and listed. Exits 7 when only some
/// of the entries were claimed. An entry whose body was trimmed is recorded as a tombstone in the dead-letter stream
/// (exit 9).
///
/// Entries that a live worker may have in flight are not claimed. Each live worker publishes its claim idle, and an
/// entry must have been idle for the longest of them; a shorter --idle is refused (exit 6) unless --force is given.
/// XCLAIM and XAUTOCLAIM from other clients do not follow this rule.
///
/// What is claimed is saved first, so that `undo` hands it back with its idle times and delivery counts.
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("recipient").required(true).args(["to", "work"]),
    add = Impact::Destructive, add = Prints::list::<Changed>(), add = PrintsPlan(Prints::plan::<Changed>()), after_help = "\
Examples:
  ucp-streams claim event-processors --idle 5m --to host-17-k3x9
  ucp-streams claim event-processors --to host-17-k3x9 --dry-run
  ucp-streams claim event-processors --idle 1h --work --yes
  ucp-streams claim event-processors --to host-17-k3x9 1700000000000-0 \\
      --reset-deliveries --yes")]
pub(super) struct Args {
    #[command(flatten)]
    group: GroupArgs,

    /// The consumer that gets the entries
    #[arg(long, value_name = "CONSUMER", value_parser = cli::name())]
    to: Option<Name>,

    /// Handle the entries at once, with the group's handler
    #[arg(long)]
    work: bool,

    /// Set the delivery counts to 1, as after a first delivery, so that the entries get all their attempts again
    #[arg(long)]
    reset_deliveries: bool,

    #[command(flatten)]
    select: SelectArgs,

    #[command(flatten)]
    pairs: Pairs,

    #[command(flatten)]
    limit: Limited,

    #[command(flatten)]
    without: NoSnapshot,

    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let in_pairs = context.in_pairs(args.pairs)?;
    let group = args.group.open(context).await?;
    let worker = match args.to {
        Some(_) => None,
        None => Some(of_given(&group.spec, &consumer_name(), context)?),
    };
    let mode = count_mode(args.reset_deliveries);
    let to = recipient(args.to, worker.as_ref())?;
    let claiming = Claiming { to, mode };
    let planned = plan(group, args.select, claiming, args.dry_run, context).await?;
    let how = How {
        limit: args.limit,
        rate: None,
        without: args.without,
        dry_run: args.dry_run,
    };
    let mut given = Vec::new();
    let handles = worker.is_some();
    let each = |rows: &mut [Repaired]| {
        set_pairs(rows, in_pairs);
        if handles {
            given.extend(rows.iter().filter_map(|it| held(it, mode)));
        }
    };
    let claimed = carry_out(context, planned, how, each, apply_claim).await?;
    match worker {
        Some(worker) if !given.is_empty() => {
            let job = Assignment {
                given: owned_by(&worker.consumer, given),
                ..worker
            };
            Ok(claimed.and(work_off(job, context).await?))
        }
        _ => Ok(claimed),
    }
}

/// Who gets the entries, and what becomes of their delivery counts.
pub(super) struct Claiming {
    pub(super) to: Recipient,
    pub(super) mode: CountMode,
}

/// Plans a claim of the selected entries of a group.
///
/// # Errors
/// As [`SelectArgs::resolve`] and [`plan_claim`].
pub(super) async fn plan(
    group: OpenGroup<'_>,
    select: SelectArgs,
    Claiming { to, mode }: Claiming,
    dry_run: DryRun,
    context: &Context,
) -> Result<RepairPlan<ClaimPlan>> {
    let handles = matches!(to, Recipient::Worker(_));
    let Selection {
        which,
        idle_min,
        why_fresh,
        refusal,
    } = select.resolve(&group, dry_run, context).await?;
    let (target, connection) = (group.target, group.connection);
    let letters = group.topology.stream_or_default(&target.stream).dead_letter;
    let is_named = matches!(which, PendingSelector::Ids(_));
    let planned = plan_claim(&connection, target, &which, idle_min, to, letters, mode);
    let (plan, chosen) = planned.await?;
    let place = (&group.groups[..], group.topology);
    let repair = Repair::of_pending(&plan.target, place, is_named, "claim", "claimed")
        .to_consumer(&plan.to)
        .fresh_because(why_fresh);
    Ok(RepairPlan {
        connection,
        what: plan.summary(&chosen, handles),
        chosen,
        effect: Effect::Claimed {
            to: plan.to.clone(),
            resets_deliveries: mode == CountMode::Reset,
        },
        steps: plan,
        repair,
        refusal,
    })
}

fn set_pairs(rows: &mut [Repaired], in_pairs: bool) {
    for body in rows.iter_mut().filter_map(|row| row.fields.as_mut()) {
        body.in_pairs = in_pairs;
    }
}

const fn count_mode(resets: bool) -> CountMode {
    if resets {
        CountMode::Reset
    } else {
        CountMode::Keep
    }
}

/// Which consumer gets the entries.
fn recipient(to: Option<Name>, worker: Option<&Assignment>) -> Result<Recipient, Problem> {
    match (to, worker) {
        (Some(name), _) => Ok(Recipient::Consumer(name)),
        (None, Some(worker)) => Ok(Recipient::Worker(worker.consumer.clone())),
        (None, None) => Err(Problem::usage("claim needs --to or --work")),
    }
}

/// A claimed entry, and the delivery count it has now.
fn held(row: &Repaired, mode: CountMode) -> Option<(EntryId, u64)> {
    let is_claimed = row.outcome == Outcome::Claimed;
    let deliveries = match mode {
        CountMode::Reset => 1,
        _ => row.deliveries?,
    };
    is_claimed.then_some((row.id, deliveries))
}

fn owned_by(consumer: &Name, entries: Vec<(EntryId, u64)>) -> Vec<ExpectedPending> {
    let seen = |(id, deliveries)| ExpectedPending {
        id,
        owner: Some(consumer.clone()),
        deliveries: Some(deliveries),
    };
    entries.into_iter().map(seen).collect()
}
