//! `dlq add`: moves pending entries to the dead-letter stream.

use std::time::Duration;

use anyhow::Result;

use crate::cli::{DryRun, Impact, Limited, Prints, PrintsPlan};
use crate::commands::shared::Context;
use crate::commands::shared::group::GroupArgs;
use crate::commands::shared::repair_plan::RepairPlan;
use crate::commands::shared::repair_run::{How, carry_out};
use crate::commands::shared::snapshots::NoSnapshot;
use crate::exit::Exit;
use crate::model::EntryId;
use crate::snapshots::Effect;
use crate::streams::chosen::Chosen;
use crate::streams::ending::Repair;
use crate::streams::park::{ParkPlan, apply_park, in_flight, put_back, tell_states};
use crate::streams::repaired::{Outcome, Repaired};
use crate::streams::select::PendingSelector;
use crate::view::Changed;

/// The greatest length of a reason, the same as for a handler's.
const REASON_BYTES_MAX: usize = 4096;

/// Move pending entries to the dead-letter stream, before their deliveries are used up
///
/// Each entry is moved in one atomic step, with its origin, its consumer, its delivery count and the reason. An entry
/// that was delivered again in the meantime is skipped and listed. A worker that has one of the entries in flight
/// loses its lease and does not acknowledge it. Entries that are undelivered or already acknowledged are not pending
/// and are skipped. Exits 7 when only some of the entries were moved, and 3 when none was pending. An entry whose
/// body was trimmed is recorded as a tombstone (exit 9).
#[derive(Debug, clap::Args)]
#[command(add = Impact::Destructive, add = Prints::list::<Changed>(), add = PrintsPlan(Prints::plan::<Changed>()), after_help = "\
Examples:
  ucp-streams dlq add event-processors 1700000000000-0 \\
      --reason 'total is no number, see ticket 4711'
  ucp-streams dlq add event-processors 1700000000000-0 1700000000000-1 \\
      --reason 'crashes the handler' --dry-run")]
pub(super) struct AddArgs {
    #[command(flatten)]
    group: GroupArgs,

    /// Ids of the entries to move
    #[arg(value_name = "ID", required = true)]
    ids: Vec<EntryId>,

    /// Why they are moved; the reason is stored with each entry
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,

    #[command(flatten)]
    limit: Limited,

    #[command(flatten)]
    without: NoSnapshot,

    #[command(flatten)]
    dry_run: DryRun,
}

fn reason(text: &str) -> Result<String, String> {
    match text.trim().len() {
        0 => Err("give the reason in a few words".to_owned()),
        1..=REASON_BYTES_MAX => Ok(text.trim().to_owned()),
        _ => Err(format!("a reason has at most {REASON_BYTES_MAX} bytes")),
    }
}

pub(super) async fn add(args: AddArgs, context: &Context) -> Result<Exit> {
    let group = args.group.open(context).await?;
    let (target, connection) = (group.target, group.connection);
    let source = group.topology.stream_or_default(&target.stream);
    let which = PendingSelector::Ids(args.ids);
    let mut chosen = Chosen::find(&connection, &target, &which, Duration::ZERO).await?;
    tell_states(&connection, &target, &mut chosen, &group.groups).await?;
    context.warn_each(in_flight(&mut chosen, group.spec.claim_idle)?);
    let place = (&group.groups[..], group.topology);
    let repair = Repair::of_pending(&target, place, true, "park", "parked")
        .to_stream(&source.dead_letter, Some(Vec::new()));
    let planned = RepairPlan {
        connection,
        repair,
        what: format!("as dead letters {}", chosen.summary()),
        chosen,
        effect: Effect::Moved {
            to: source.dead_letter.clone(),
        },
        refusal: None,
        steps: ParkPlan {
            target,
            graves: source.dead_letter,
            reason: args.reason.clone(),
        },
    };
    let how = How {
        limit: args.limit,
        rate: None,
        without: args.without,
        dry_run: args.dry_run,
    };
    let mut letters = Vec::new();
    let each = |rows: &mut [Repaired]| {
        let parked = |row: &&Repaired| row.outcome == Outcome::DeadLettered;
        letters.extend(rows.iter().filter(parked).filter_map(|row| row.new_id));
    };
    let exit = carry_out(context, planned, how, each, apply_park).await?;
    if let Some(back) = put_back(&source.name, &letters, &args.reason) {
        context
            .console
            .note(&format!("to try them again later: {back}"));
    }
    Ok(exit)
}
