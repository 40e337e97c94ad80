//! `groups set-id`: moves a group to another position.

use anyhow::Result;

use super::{at, pinned};
use crate::cli::{DryRun, Impact, Position, Prints, PrintsPlan};
use crate::commands::shared::Context;
use crate::commands::shared::group::GroupArgs;
use crate::commands::shared::snapshots::NoSnapshot;
use crate::exit::Exit;
use crate::streams::groups::{Direction, Shift, apply_set_id, plan_set_id};
use crate::streams::target::Target;

/// Move a group to another position, after showing what that changes
///
/// A group that is moved back delivers entries again: entries that are pending go to the next consumer that reads,
/// and their delivery counts start again at 1. A group that is moved forward skips entries. The move is refused while
/// the group has live consumers, and when the group changed in the meantime. It is saved first, so that `undo` restores it. Afterwards the server does not know the
/// group's lag; `lag --exact` counts it. When you give an entry id, the group counts that entry as delivered and
/// continues after it; when you give a time or -N, the entry there is the first to be delivered.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Destructive, add = Prints::one::<Shift>(), add = PrintsPlan(Prints::plan::<Shift>()), after_help = "\
Examples:
  ucp-streams groups set-id event-processors -1h --dry-run
  ucp-streams groups set-id event-processors 1700000000000-0
  ucp-streams groups set-id event-processors end --force --yes")]
pub(in crate::commands) struct Args {
    #[command(flatten)]
    group: GroupArgs,

    /// Where to move the group: an entry id, start, end, a time, -15m, or -100
    #[arg(value_name = "POSITION", allow_hyphen_values = true)]
    position: Position,

    /// Move the group although consumers are live
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    without: NoSnapshot,

    #[command(flatten)]
    dry_run: DryRun,

    /// What the position is called on the command line.
    #[arg(skip = POSITION)]
    word: &'static str,
}

/// What the position is called where it is an argument of this command.
const POSITION: &str = "position";

impl Args {
    /// The arguments that make this entry, or the one at this position, the next to be delivered, for a command that
    /// calls the position `from`.
    pub(in crate::commands) fn from_on(
        target: &Target,
        position: Position,
        force: bool,
        without: NoSnapshot,
        dry_run: DryRun,
    ) -> Self {
        let position = match position {
            Position::Id(id) => id.previous().map_or(Position::Start, Position::Id),
            other => other,
        };
        Self {
            group: GroupArgs::of(target),
            position,
            force,
            without,
            dry_run,
            word: "from",
        }
    }
}

pub(in crate::commands) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let topology = context.topology()?;
    let connection = context.connect().await?;
    let spec = args.group.resolve(&connection, context).await?;
    let target = Target::from(&spec);
    let mut lane = context.lane().await?;
    let plan = plan_set_id(&connection, &mut lane, topology, &spec, at(args.position)).await?;
    let console = &context.console;
    let is_rehearsal = context.is_rehearsal(args.dry_run);
    let pinned_id = match args.word {
        POSITION => plan.row.to_id,
        _ => plan.row.to_id.next().unwrap_or(plan.row.to_id),
    };
    let pinned = pinned(args.word, args.position, pinned_id);
    if plan.row.direction == Direction::Stay {
        if is_rehearsal {
            context.show_plan_of(plan.facts(), &pinned, &plan.row)?;
        } else {
            console.show_one(&plan.row)?;
        }
        console.note(&format!("{target} is already at that position"));
        return Ok(Exit::Done);
    }
    let refusal = plan.refusal(args.force);
    let agreed = context
        .agreed(is_rehearsal, (plan.facts(), &pinned), &plan.row, refusal)
        .await?;
    let Some(consent) = agreed else {
        return Ok(Exit::Done);
    };
    let undo = context
        .save_first(&connection, &target, args.without)
        .await?;
    let row = apply_set_id(&connection, plan, consent).await?;
    console.show_one(&row)?;
    let back = || {
        target
            .command("groups set-id", topology)
            .arg(row.from_id.to_string())
    };
    console.note(&match undo {
        Some(undo) if args.force => {
            let undo = undo.flag("--force");
            format!("moved {target}; to restore it as it was: {undo}")
        }
        Some(undo) => format!("moved {target}; to restore it as it was: {undo}"),
        None => format!("moved {target}; to move it back: {}", back()),
    });
    Ok(Exit::Done)
}
