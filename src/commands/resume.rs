//! `resume`: ends the pause of a group.

use anyhow::Result;

use super::shared::Context;
use super::shared::group::GroupArgs;
use crate::cli::{DryRun, Impact, Prints};
use crate::exit::Exit;
use crate::streams::pause::{Change, Pausing, plan_resume, resume};
use crate::streams::target::Target;

/// Resume a group that was paused
///
/// Its workers go on within a few seconds. A group that is not paused is left as it is (exit 0).
#[derive(Debug, clap::Args)]
#[command(add = Impact::Write, add = Prints::one::<Pausing>(), after_help = "\
Examples:
  ucp-streams resume event-processors
  ucp-streams resume event-processors --dry-run")]
pub(super) struct Args {
    #[command(flatten)]
    group: GroupArgs,

    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let connection = context.connect().await?;
    let spec = args.group.resolve(&connection, context).await?;
    let target = Target::from(&spec);
    let console = &context.console;
    if context.is_rehearsal(args.dry_run) {
        let row = plan_resume(&connection, &spec).await?;
        console.show_one(&row)?;
        context.rehearsed(&match row.state {
            Change::NotPaused => format!("resume nothing: {target} is not paused"),
            _ => format!("resume {target}"),
        });
        return Ok(Exit::Done);
    }
    let row = resume(&connection, &spec).await?;
    console.show_one(&row)?;
    console.note(&match row.state {
        Change::Resumed => format!("resumed {target}: its workers go on within a few seconds"),
        _ => format!("{target} is not paused"),
    });
    Ok(Exit::Done)
}
