//! `undo`: restores a group as a snapshot has it.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueHint;

use super::shared::Context;
use super::shared::snapshots::NoSnapshot;
use crate::cli::{DryRun, Impact, Prints, PrintsPlan};
use crate::exit::Exit;
use crate::model::{EntryId, Problem, with_commas};
use crate::snapshots::{Kept, Saved};
use crate::streams::undo::{Left, LeftEntry, Undone, apply_undo, plan_undo};

/// How many entries that were not restored are named.
const NAMED_MAX: usize = 5;

/// Undo what a command did, from the snapshot that it took
///
/// What was claimed goes back to its consumer, with its idle time and delivery count; what was acknowledged is pending
/// again; copies that were delivered to nobody are taken back from where requeue, dlq add and dlq redrive put them; dead
/// letters that were deleted are added again, with new ids; consumers that were deleted are there again with what they
/// held. Only what that command changed is undone, and only where it still is as the command left it: anything else is
/// named before you consent, and the exit code is 7.
///
/// A group that was moved or deleted gets its position and all its pending entries back. Entries that were acknowledged
/// since are pending again, so work on them may be repeated; what a live consumer holds by now stays with it. That group is
/// saved first, so that this can be undone, too.
///
/// Without an argument, the newest snapshot of this server is used that was not taken by undo itself.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Destructive, add = Prints::one::<Undone>(), add = PrintsPlan(Prints::plan::<Undone>()), after_help = "\
Examples:
  ucp-streams undo --dry-run
  ucp-streams undo 1700000000000-0
  ucp-streams undo ./1700000000000-0.snapshot --yes")]
pub(super) struct Args {
    /// The id of a snapshot, as `snapshot --list` shows it, or a file [default: the newest one]
    #[arg(value_name = "ID|FILE", value_hint = ValueHint::FilePath)]
    snapshot: Option<PathBuf>,

    /// Restore it although consumers are live, or although the snapshot is of another server
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    without: NoSnapshot,

    #[command(flatten)]
    dry_run: DryRun,
}

impl Args {
    /// The id of the snapshot, and its file.
    fn find(&self, context: &Context) -> Result<(EntryId, PathBuf)> {
        let store = context.snapshots()?;
        let Some(given) = &self.snapshot else {
            let server = context.server_of_snapshots();
            // What undo saved itself is restored only by its id.
            let is_meant = |kept: &Kept| {
                let about = Saved::about(&kept.path);
                about.is_ok_and(|it| it.server == server && it.operation != "undo")
            };
            let newest = store.list()?.into_iter().find(is_meant);
            let newest = newest.ok_or_else(|| {
                Problem::not_found(format!("there is no snapshot of {server} to restore")).hint(
                    "commands take one before they change what is pending, dead letters or a group",
                )
            })?;
            return Ok((newest.id, newest.path));
        };
        Ok(match id_of(given) {
            Some(id) => {
                let kept = store.list()?.into_iter().find(|kept| kept.id == id);
                let kept = kept.ok_or_else(|| {
                    Problem::not_found(format!("there is no snapshot {id}"))
                        .hint("`ucp-streams snapshot --list` lists those that are kept")
                })?;
                (id, kept.path)
            }
            None => (of_file(given).unwrap_or_default(), given.clone()),
        })
    }
}

/// What is an id is no file.
fn id_of(given: &Path) -> Option<EntryId> {
    EntryId::parse(given.to_str()?.as_bytes()).ok()
}

fn of_file(path: &Path) -> Option<EntryId> {
    EntryId::parse(path.file_stem()?.to_str()?.as_bytes()).ok()
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let (id, path) = args.find(context)?;
    let saved = Saved::open(&path)?;
    let topology = context.topology()?;
    let connection = context.connect().await?;
    let plan = plan_undo(&connection, (id, saved), topology).await?;
    let is_rehearsal = context.is_rehearsal(args.dry_run);
    let pinned = [("snapshot", path.to_string_lossy().into_owned())];
    if plan.is_nothing() {
        let is_whole = plan.row.left_out == 0;
        tell_left(&plan.row, context);
        if is_rehearsal {
            context.show_plan_of(plan.facts(), &pinned, &plan.row)?;
        } else {
            context.console.show_one(&plan.row)?;
        }
        context
            .console
            .note("nothing to restore: the group is as it was");
        return Ok(if is_whole { Exit::Done } else { Exit::Partial });
    }
    let refusal = plan.refusal(&context.server_of_snapshots(), args.force);
    let agreed = context
        .agreed(is_rehearsal, (plan.facts(), &pinned), &plan.row, refusal)
        .await?;
    let Some(consent) = agreed else {
        tell_left(&plan.row, context);
        return Ok(Exit::Done);
    };
    let mut again = None;
    if let Some(target) = plan.group_to_move() {
        again = context
            .save_first(&connection, target, args.without)
            .await?;
    }
    let row = apply_undo(&connection, plan, consent).await?;
    context.audit_done(Some(row.restored), None);
    context.console.show_one(&row)?;
    tell_left(&row, context);
    if let Some(again) = again {
        let again = if args.force {
            again.flag("--force")
        } else {
            again
        };
        context.console.note(&format!("to undo this: {again}"));
    }
    Ok(if row.left_out == 0 {
        Exit::Done
    } else {
        Exit::Partial
    })
}

/// Names entries that are not restored, and why.
fn tell_left(row: &Undone, context: &Context) {
    if row.left_out == 0 {
        return;
    }
    let mut lines: Vec<String> = row.left.iter().take(NAMED_MAX).map(told).collect();
    let more = row.left_out - lines.len() as u64;
    if more > 0 {
        let more = with_commas(more);
        lines.push(format!("and {more} more: -o json lists them"));
    }
    context.console.warn(&format!(
        "not restored in {}:\n{}",
        row.of(),
        lines.join("\n")
    ));
}

fn told(left: &LeftEntry) -> String {
    let id = left.id;
    let copy = || match left.copy_id {
        Some(copy) => format!("its copy {copy}"),
        None => "its copy".to_owned(),
    };
    let why = match (left.why, &left.consumer, &left.group) {
        (Left::Held, Some(consumer), _) => format!("`{consumer}` holds it by now"),
        (Left::Acknowledged, ..) => "it was acknowledged since".to_owned(),
        (Left::Trimmed, ..) => "it was trimmed from the stream".to_owned(),
        (Left::Released, ..) => "no consumer held it".to_owned(),
        (Left::Delivered, _, Some(group)) => {
            format!("{} was delivered to group `{group}`", copy())
        }
        (Left::Delivered, ..) => format!("{} was delivered", copy()),
        (Left::CopyGone, ..) => format!("{} is not there any more", copy()),
        (Left::Unknown, ..) => {
            "the command was cut off, and it is not known whether it made a copy: `explain` shows the entry".to_owned()
        }
        (Left::Refused, ..) => "it has too many fields for one call of the server".to_owned(),
        (Left::Held | Left::Changed, ..) => "it changed in the meantime".to_owned(),
    };
    format!("{id}: {why}")
}
