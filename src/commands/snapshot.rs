//! `snapshot`: saves the position of groups and their pending entries.

use anyhow::Result;

use super::shared::Context;
use super::shared::group::GroupsArgs;
use crate::cli::{Impact, Limited, Prints};
use crate::exit::Exit;
use crate::model::{CommandLine, Problem};
use crate::snapshots::Saved;
use crate::streams::snapshot::{SnapshotRow, take};
use crate::streams::target::Target;

/// Save the position and the pending entries of groups, for undo
///
/// Saves GROUP, or every group of the topology, each in a file of its own: the position, and for each pending entry its
/// consumer, its idle time and its delivery count. Entries themselves are not saved. `groups set-id` and `groups delete`
/// take a snapshot before they change a group. The files are in ~/.local/state/ucp-streams/snapshots (below
/// $XDG_STATE_HOME when that is set), for 30 days, at most 1 GiB in all; only their owner can open them.
#[expect(clippy::doc_markdown, reason = "the docs are the help text")]
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::list::<SnapshotRow>(), after_help = "\
Examples:
  ucp-streams snapshot event-processors
  ucp-streams snapshot --list
  ucp-streams snapshot -o json  # all groups of the topology")]
pub(super) struct Args {
    #[command(flatten)]
    groups: GroupsArgs,

    /// List the snapshots that are kept, the newest first, instead of taking one
    #[arg(long)]
    list: bool,

    #[command(flatten)]
    limit: Limited,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    if args.list {
        return list(&args, context);
    }
    let topology = context.topology()?;
    let connection = context.connected().await?;
    let named = args.groups.resolve(&connection, context).await?;
    let all = named.is_empty();
    let wanted = if all { &topology.groups } else { &named };
    let (store, server) = (context.snapshots()?, context.server_of_snapshots());
    let mut taken = Vec::new();
    for spec in wanted {
        let target = Target::from(spec);
        match take(&connection, &target, &store, (&server, "snapshot")).await? {
            Some(row) => taken.push(row),
            None => context.console.warn(&format!(
                "the server has no {target}, so there is nothing to save"
            )),
        }
    }
    context.console.show(&taken, args.limit.rows())?;
    if let [only] = &taken[..] {
        let undo = CommandLine::new("undo").arg(only.id.to_string());
        context.console.note(&format!("to restore it: {undo}"));
    }
    match taken.len() {
        0 => Err(
            Problem::not_found("the server has none of the topology's groups")
                .hint("`ucp-streams init` creates them")
                .into(),
        ),
        _ => Ok(Exit::Done),
    }
}

/// Lists what is kept. A file that cannot be read is said, and the others are listed.
fn list(args: &Args, context: &Context) -> Result<Exit> {
    let store = context.snapshots()?;
    let (mut rows, mut is_whole) = (Vec::new(), true);
    for kept in store.list()? {
        match Saved::about(&kept.path) {
            Ok(about) => rows.push(SnapshotRow::of(kept.id, about, &store)),
            Err(problem) => {
                is_whole = false;
                context.console.warn(&problem.to_string());
            }
        }
    }
    context.console.show(&rows, args.limit.rows())?;
    Ok(if is_whole { Exit::Done } else { Exit::Partial })
}
