//! `groups create`: creates a group at a chosen position.

use anyhow::Result;

use super::{at, pinned};
use crate::cli::{DryRun, Impact, Position, Prints, PrintsPlan};
use crate::commands::shared::Context;
use crate::commands::shared::group::GroupArgs;
use crate::exit::Exit;
use crate::streams::groups::{Created, apply_create, plan_create};
use crate::streams::init::State;
use crate::streams::target::Target;
use crate::topology::Start;

/// Create a group, and its stream, where they are missing
///
/// Safe to repeat: an existing group is never changed, and a warning says when its position is not the one that a new
/// group would get. When you give an entry id, the group counts that entry as delivered and starts after it; when you
/// give a time or -N, the entry there is the first to be delivered.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Write, add = Prints::one::<Created>(), add = PrintsPlan(Prints::plan::<Created>()), after_help = "\
Examples:
  ucp-streams groups create auditors --stream events.raw
  ucp-streams groups create auditors --stream events.raw --start '$'
  ucp-streams groups create auditors --stream events.raw \\
      --start 2026-01-31T09:00:00Z --dry-run")]
pub(super) struct Args {
    #[command(flatten)]
    group: GroupArgs,

    /// Where the group starts: 0 is the oldest entry, $ is after the newest; or an entry id, a time, -15m, or -100
    /// [default: the start in the topology, else 0]
    #[arg(long, value_name = "POSITION", allow_hyphen_values = true)]
    start: Option<Position>,

    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let topology = context.topology()?;
    let connection = context.connect().await?;
    let spec = args.group.to_create(&connection, context).await?;
    let start = args.start.unwrap_or(match spec.start {
        Start::Oldest => Position::Start,
        Start::Newest => Position::End,
    });
    let mut lane = context.lane().await?;
    let target = Target::from(&spec);
    let plan = plan_create(&connection, &mut lane, topology, target, at(start)).await?;
    let row = if context.is_rehearsal(args.dry_run) {
        let facts = plan.facts();
        let summary = facts.summary.clone();
        let pinned = pinned("start", start, plan.row.start_id);
        context.show_plan_of(facts, &pinned, &plan.row)?;
        context.rehearsed(&summary);
        plan.row
    } else {
        let row = apply_create(&connection, plan).await?;
        context.console.show_one(&row)?;
        row
    };
    if row.state == State::Differs {
        context.console.warn(&differs(&row));
    }
    Ok(Exit::Done)
}

fn differs(row: &Created) -> String {
    let Created {
        group,
        stream,
        start_id,
        ..
    } = row;
    let stands = row.last_delivered_id.unwrap_or_default();
    format!(
        "group `{group}` of `{stream}` exists already, at {stands} instead of {start_id}; its position was not \
            changed\n(`ucp-streams groups set-id` moves it)"
    )
}
