//! `dlq`: the entries that no handler could process.

mod add;
mod change;
mod look;

use anyhow::Result;
use clap::Subcommand;

pub(in crate::commands) use change::plan_redrive_of;

use super::shared::Context;
use crate::cli;
use crate::exit::Exit;
use crate::model::Name;
use crate::streams::dead_letters::Source;
use crate::streams::names::require_letters;
use crate::wire::Connection;

/// List dead letters, add some, redrive them or purge them
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    List(look::ListArgs),
    Show(look::ShowArgs),
    Add(add::AddArgs),
    Redrive(change::RedriveArgs),
    Purge(change::PurgeArgs),
}

/// The stream whose dead letters are meant.
#[derive(Debug, clap::Args)]
struct StreamArgs {
    /// The stream, or its dead-letter stream
    #[arg(value_name = "STREAM", value_parser = cli::name())]
    stream: Name,
}

impl StreamArgs {
    /// Connects, and finds the stream with its dead-letter stream, at least one of which must exist.
    async fn open(&self, context: &Context) -> Result<(Connection, Source)> {
        let topology = context.topology()?;
        let source = Source::named(topology, &self.stream);
        let connection = context.connect().await?;
        require_letters(&connection, topology, &source).await?;
        Ok((connection, source))
    }
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    match args.action {
        Action::List(args) => look::list(args, context).await,
        Action::Show(args) => look::show(args, context).await,
        Action::Add(args) => add::add(args, context).await,
        Action::Redrive(args) => change::redrive(args, context).await,
        Action::Purge(args) => change::purge(args, context).await,
    }
}
