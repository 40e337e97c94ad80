//! `undo`: restores a group as a snapshot has it.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueHint;

use super::shared::Context;
use crate::cli::{DryRun, Impact, Prints, PrintsPlan};
use crate::exit::Exit;
use crate::model::{EntryId, Problem, with_commas};
use crate::snapshots::Saved;
use crate::streams::undo::{Left, LeftEntry, Undone, apply_undo, plan_undo};

/// How many entries that were not restored are named.
const NAMED_MAX: usize = 5;

/// Restore a group as it was when a snapshot was taken
///
/// Moves the group back to where it was, and makes the entries pending again that were pending then, for the same
/// consumers, with their idle times and delivery counts. A group that was deleted is created again. Entries that were
/// acknowledged since are pending again, so work on them may be repeated. What a live consumer holds by now stays with it,
/// and what was trimmed cannot be pending again; these are named, and the exit code is 7. Without an argument, the newest
/// snapshot is used. What happened to entries in other ways (dead letters, copies, deleted entries) is not undone.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Destructive, add = Prints::one::<Undone>(), add = PrintsPlan(Prints::plan::<Undone>()), after_help = "\
Examples:
  ucp-streams undo --dry-run
  ucp-streams undo 1700000000000-0
  ucp-streams undo ./1700000000000-0.snapshot --yes")]
pub(super) struct Args {
    /// The id of a snapshot, as `snapshot --list` shows it, or a file [default: the newest snapshot]
    #[arg(value_name = "ID|FILE", value_hint = ValueHint::FilePath)]
    snapshot: Option<PathBuf>,

    /// Restore it although consumers are live, or although the snapshot is of another server
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    dry_run: DryRun,
}

impl Args {
    /// The id of the snapshot, and its file.
    fn find(&self, context: &Context) -> Result<(EntryId, PathBuf)> {
        let store = context.snapshots()?;
        let Some(given) = &self.snapshot else {
            let newest = store.list()?.into_iter().next();
            let newest = newest.ok_or_else(|| {
                Problem::not_found("there is no snapshot to restore")
                    .hint("`groups set-id` and `groups delete` take one before they change a group")
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
    let spec = topology.group(&saved.about.group, Some(&saved.about.stream))?;
    let connection = context.connect().await?;
    let plan = plan_undo(&connection, (id, saved), &spec).await?;
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
    let row = apply_undo(&connection, plan, consent).await?;
    context.console.show_one(&row)?;
    tell_left(&row, context);
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
        "not restored in group `{}` of stream `{}`:\n{}",
        row.group,
        row.stream,
        lines.join("\n")
    ));
}

fn told(left: &LeftEntry) -> String {
    let id = left.id;
    match (left.why, &left.consumer) {
        (Left::Held, Some(consumer)) => {
            format!("{id}: `{consumer}`, which is live, holds it by now")
        }
        (Left::Trimmed, _) => format!("{id}: it was trimmed from the stream"),
        (Left::Released, _) => format!("{id}: no consumer held it"),
        (Left::Held | Left::Changed, _) => format!("{id}: it changed in the meantime"),
    }
}
