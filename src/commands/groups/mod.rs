//! `groups`: lists groups, and creates, moves and deletes them.

mod accept_loss;
mod create;
mod delete;
pub(super) mod set_id;

use anyhow::Result;
use clap::Subcommand;

use super::help::usage::or_subcommand;
use super::shared::Context;
use super::shared::failure::{told_of_denied, warn_of_what_holds};
use super::shared::header::{Alerts, Header};
use super::shared::trouble::warn_of_trouble;
use super::shared::typed::Pinned;
use super::shared::watch::repeatedly;
use crate::cli::{Impact, Limited, Position, Prints, Watched, name};
use crate::exit::Exit;
use crate::model::{EntryId, Name, Time};
use crate::streams::groups::At;
use crate::streams::inspect::{Detail, Wanted, observe};
use crate::view::Listed;

/// List consumer groups, or create, move and delete one
///
/// Without a subcommand, lists the groups of the streams that you name, or of all streams of the topology, including
/// groups that are missing on the server.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::list::<Listed>(), args_conflicts_with_subcommands = true, after_help = "\
Examples:
  ucp-streams groups
  ucp-streams groups events.normalized -o json
  ucp-streams groups create auditors --stream events.raw --start -1h
  ucp-streams groups set-id event-processors -1h --dry-run
  ucp-streams groups delete auditors --stream events.raw")]
pub(super) struct Args {
    #[command(flatten)]
    list: ListArgs,

    #[command(subcommand)]
    command: Option<GroupsCommand>,
}

/// What is listed.
#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Streams whose groups are listed; all streams of the topology when none is named
    #[arg(value_name = "STREAM", value_parser = name())]
    streams: Vec<Name>,

    #[command(flatten)]
    limit: Limited,

    #[command(flatten)]
    watched: Watched,
}

#[derive(Debug, Subcommand)]
enum GroupsCommand {
    #[command(hide = true)]
    /// List consumer groups (the default without a subcommand)
    List(ListArgs),
    Create(create::Args),
    SetId(set_id::Args),
    Delete(delete::Args),
    AcceptLoss(accept_loss::Args),
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    match args.command {
        Some(GroupsCommand::List(args)) => list(args, context).await,
        Some(GroupsCommand::Create(args)) => create::run(args, context).await,
        Some(GroupsCommand::SetId(args)) => set_id::run(args, context).await,
        Some(GroupsCommand::Delete(args)) => delete::run(args, context).await,
        Some(GroupsCommand::AcceptLoss(args)) => accept_loss::run(args, context).await,
        None => list(args.list, context).await,
    }
}

async fn list(args: ListArgs, context: &Context) -> Result<Exit> {
    repeatedly(args.watched, context, async || show(&args, context).await).await
}

async fn show(args: &ListArgs, context: &Context) -> Result<Exit> {
    let streams = &args.streams[..];
    let connection = context.connected().await?;
    let wanted = Wanted::streams(streams);
    let alerts = match streams {
        [] => Alerts::Seen,
        _ => Alerts::Asked,
    };
    let look = observe(&connection, context.topology()?, wanted, Detail::Groups);
    let (header, seen) = Header::beside(&connection, alerts, context, look).await;
    let seen = seen.map_err(|error| or_subcommand(error, "groups", streams.first()))?;
    header.with(&seen).begin(context);
    let rows: Vec<Listed> = seen.groups().cloned().map(Listed).collect();
    context.console.show(&rows, args.limit.rows())?;
    warn_of_what_holds(seen.groups(), context);
    warn_of_trouble(seen.groups(), &connection, context).await?;
    Ok(told_of_denied(&seen.denied, context))
}

/// Where a group is to be placed. As for XGROUP, an id names the last entry that counts as delivered; any other
/// position names the first entry to be delivered.
fn at(position: Position) -> At {
    match position {
        Position::Id(id) => At::After(id),
        Position::End => At::End,
        other => At::From(other.range_start(Time::now().ms)),
    }
}

/// The id to use for a relative position in the command that carries out a plan. The position itself would name another
/// entry a moment later.
fn pinned(argument: &'static str, position: Position, id: EntryId) -> Vec<Pinned> {
    match position {
        Position::Id(_) | Position::Start | Position::End => Vec::new(),
        _ => vec![(argument, id.to_string())],
    }
}
