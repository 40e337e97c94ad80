//! `groups delete`: forgets a group.

use anyhow::Result;

use crate::cli::{DryRun, Impact, Prints};
use crate::commands::shared::Context;
use crate::commands::shared::group::GroupArgs;
use crate::exit::Exit;
use crate::model::{CommandLine, Lag, Problem, entries};
use crate::streams::groups::{Deletion, apply_delete, plan_delete};
use crate::streams::target::Target;

/// Delete a group: its position, its consumers and all that is pending in it
///
/// Refused while it has pending or undelivered entries (check and deletion are atomic); --force gives those up. The
/// entries stay in the stream. A worker that is still running creates the group again from the beginning of the stream:
/// stop workers first.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Destructive, add = Prints::one::<Deletion>(), after_help = "\
Examples:
  ucp-streams groups delete auditors --stream events.raw --dry-run
  ucp-streams groups delete auditors --stream events.raw
  ucp-streams groups delete auditors --stream events.raw --force --yes")]
pub(super) struct Args {
    #[command(flatten)]
    group: GroupArgs,

    /// Delete it although entries are pending or undelivered
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let topology = context.topology()?;
    let connection = context.connect().await?;
    let spec = args.group.resolve(&connection, context).await?;
    let target = Target::from(&spec);
    let plan = plan_delete(&connection, topology, &spec).await?;
    let console = &context.console;
    let refusal = (!plan.row.is_idle() && !args.force).then(|| refusal(&target, &plan.row));
    let told = format!("delete {target}: {}", lost(&plan.row));
    if refusal.is_none() && !plan.row.live_consumers.is_empty() {
        console.warn(&format!(
            "{target} has live consumers; their workers would create the group again and read the stream from the beginning"
        ));
    }
    let dry_run = context.is_rehearsal(args.dry_run);
    let agreed = context.agreed(dry_run, &plan.row, &told, refusal).await?;
    let Some(consent) = agreed else {
        return Ok(Exit::Done);
    };
    let row = apply_delete(&connection, plan, args.force, consent).await?;
    console.show_one(&row)?;
    let again = CommandLine::new("groups create")
        .arg(&target.group)
        .option("--stream", &target.stream)
        .option("--start", row.last_delivered_id.to_string());
    console.note(&format!(
        "deleted {target}; to create it again at the same position: {again}"
    ));
    Ok(Exit::Done)
}

fn refusal(target: &Target, row: &Deletion) -> Problem {
    let [pending, lag] = ["pending", "lag"].map(|command| {
        CommandLine::new(command)
            .arg(&target.group)
            .option("--stream", &target.stream)
    });
    Problem::refused(format!("{target} is not done: {}", lost(row))).hint(format!(
        "see them with `{pending}` and `{lag}`, or add --force to give them up"
    ))
}

/// What the group would never process.
fn lost(row: &Deletion) -> String {
    let undelivered = match (row.undelivered, row.undelivered_id) {
        (_, None) => "none undelivered".to_owned(),
        (Lag::Known(count), Some(id)) => format!("{} undelivered, from {id} on", entries(count)),
        (Lag::AtMost(count), Some(id)) => {
            format!("up to {} undelivered, from {id} on", entries(count))
        }
        (_, Some(id)) => format!("entries undelivered, from {id} on"),
    };
    format!("{} pending, {undelivered}", entries(row.pending))
}
