//! `pause`: holds the workers of a group.

use std::time::Duration;

use anyhow::Result;

use super::shared::Context;
use super::shared::group::GroupArgs;
use crate::cli::{DryRun, Impact, Prints, PrintsPlan, positive_duration};
use crate::exit::Exit;
use crate::model::CommandLine;
use crate::streams::pause::{Pausing, Wish, apply_pause, plan_pause};
use crate::streams::target::Target;

/// Pause a group: its workers take nothing until it is resumed
///
/// Its workers stop reading, claiming and retrying within 5 seconds, finish what they have, and go on when the group is
/// resumed or the time of --for is over. What they had read and not begun goes back. The pause is kept on the server, in
/// {STREAM}:paused:GROUP, so it holds workers that start later, too; `worker run --once` ends with exit code 6. Other
/// programs, `consume` and `claim --work` are not held, nor is a worker that may not read that key: it warns and goes on.
/// Before it asks, the plan says how many entries can be added until MAXLEN trims some that the group has not read, and
/// how long that takes. `info`, `groups`, `check`, `doctor`, metrics and `top` show a pause. `resume` ends it.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Destructive, add = Prints::one::<Pausing>(), add = PrintsPlan(Prints::plan::<Pausing>()), after_help = "\
Examples:
  ucp-streams pause event-processors --for 30m --reason 'database upgrade'
  ucp-streams pause event-processors --dry-run
  ucp-streams pause event-processors --yes")]
pub(super) struct Args {
    #[command(flatten)]
    group: GroupArgs,

    /// How long, such as 30m, by the server's clock [default: until it is resumed]
    #[arg(long = "for", value_name = "DUR", value_parser = positive_duration)]
    length: Option<Duration>,

    /// Why, for others to see; up to 1,000 bytes
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let topology = context.topology()?;
    let connection = context.connect().await?;
    let spec = args.group.resolve(&connection, context).await?;
    let target = Target::from(&spec);
    let operator = &context.settings.operator;
    let wish = Wish {
        length: args.length,
        by: format!("{}@{}", operator.user, operator.host),
        reason: args.reason,
    };
    let plan = plan_pause(&connection, topology, &spec, wish).await?;
    context.warn_each(plan.warnings.iter().cloned());
    let is_rehearsal = context.is_rehearsal(args.dry_run);
    let agreed = context
        .agreed(is_rehearsal, (plan.facts(), &[]), &plan.row, None)
        .await?;
    let Some(consent) = agreed else {
        return Ok(Exit::Done);
    };
    let row = apply_pause(&connection, plan, consent).await?;
    context.audit_done(Some(1), None);
    let console = &context.console;
    console.show_one(&row)?;
    let undo: CommandLine = target.command("resume", topology);
    let until = row
        .until
        .map_or_else(String::new, |it| format!(" until {it}"));
    console.note(&format!("paused {target}{until}; to undo it: {undo}"));
    Ok(Exit::Done)
}
