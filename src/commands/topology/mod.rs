//! `topology`: shows what is in effect, prints a file to start from, checks whether the file and the server agree, says
//! how they differ, and creates what is missing.

mod apply;
mod diff;

use anyhow::Result;
use clap::Subcommand;

use crate::cli::{Impact, Limited, Prints};
use crate::commands::shared::Context;
use crate::commands::shared::trouble::{of_ahead, of_extra};
use crate::exit::Exit;
use crate::model::{Limit, counted};
use crate::streams::drift::{DriftRow, State, drift, unchecked};
use crate::topology::{Topology, example_toml};
use crate::view::write_json;

/// Show or check the topology: streams, groups, schemas, handlers
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the topology that is in effect: the file merged over the built-in one
    ///
    /// The output is a complete topology file. With -o json or ndjson it is JSON.
    #[command(add = Impact::Read, add = Prints::of::<Topology>(&[]), after_help = "\
Examples:
  ucp-streams topology show
  ucp-streams --topology staging.toml topology show -o json")]
    Show,
    /// Print a topology file with every key explained; used unchanged, it has no effect
    #[command(add = Impact::Read, after_help = "\
Examples:
  ucp-streams topology example
  ucp-streams topology example > ucp-streams.toml")]
    Example,
    /// Check the topology file, and that the server has its groups
    ///
    /// Exits 2 and lists all errors when the file has any. Exits 1 when a group is missing on the server, or its
    /// position is beyond the last id of its stream. Warns about a group that was never read from and is not at the
    /// start that the topology gives. Groups that only the server has are listed as extra, or as temporary while a
    /// `replay` is at work, which is not an error. `topology diff` compares everything else, too.
    #[command(add = Impact::Read, add = Prints::list::<DriftRow>(), after_help = "\
Examples:
  ucp-streams topology check
  ucp-streams --topology staging.toml topology check --offline")]
    Check {
        /// Check only the file, without a server; the state of every group is then `unchecked`
        #[arg(long)]
        offline: bool,

        #[command(flatten)]
        limit: Limited,
    },
    Diff(diff::Args),
    Apply(apply::Args),
}

pub(in crate::commands) async fn run(args: Args, context: &Context) -> Result<Exit> {
    if !matches!(args.action, Action::Example) {
        for doubt in context.topology()?.doubts() {
            context.console.warn(&doubt);
        }
    }
    match args.action {
        Action::Show => show(context),
        Action::Example => {
            context.console.put(example_toml().as_bytes())?;
            Ok(Exit::Done)
        }
        Action::Check { offline, limit } => check(offline, limit.rows(), context).await,
        Action::Diff(args) => diff::run(args, context).await,
        Action::Apply(args) => apply::run(args, context).await,
    }
}

fn show(context: &Context) -> Result<Exit> {
    let topology = context.topology()?;
    if context.console.options().format.is_json() {
        let mut json = Vec::new();
        write_json(&mut json, topology)?;
        json.push(b'\n');
        context.console.put(&json)?;
    } else {
        context.console.put(topology.effective_toml().as_bytes())?;
    }
    Ok(Exit::Done)
}

async fn check(offline: bool, limit: Limit, context: &Context) -> Result<Exit> {
    let topology = context.topology()?;
    let console = &context.console;
    if offline {
        console.show(&unchecked(topology), limit)?;
        console.note(&sound(topology, context));
        return Ok(Exit::Done);
    }
    let connection = context.connect().await?;
    let rows = drift(&connection, topology).await?;
    console.show(&rows, limit)?;
    let with = |state| -> Vec<&DriftRow> { rows.iter().filter(|row| row.state == state).collect() };
    let (missing, elsewhere) = (with(State::Missing), with(State::Differs));
    if !missing.is_empty() {
        console.warn(&format!(
            "missing on the server: {}; `ucp-streams init` creates what is missing",
            listed(&missing)
        ));
    }
    if !elsewhere.is_empty() {
        console.warn(&format!(
            "never read from, and not at the start that the topology gives: {}",
            listed(&elsewhere)
        ));
    }
    let ahead = with(State::Ahead);
    for row in &ahead {
        let position = row.last_delivered_id.unwrap_or_default();
        console.warn(&of_ahead(topology, &row.group, &row.stream, position));
    }
    for row in &rows {
        let is_named = topology
            .groups_of(&row.stream)
            .any(|spec| spec.name == row.group);
        if let Some(warning) = of_extra(topology, &row.group, &row.stream).filter(|_| !is_named) {
            console.warn(&warning);
        }
    }
    Ok(if missing.is_empty() && ahead.is_empty() {
        Exit::Done
    } else {
        Exit::Negative
    })
}

fn sound(topology: &Topology, context: &Context) -> String {
    let from = match &context.settings.topology {
        Some(file) => format!("{}, from {}", file.value.display(), file.origin),
        None => "the built-in topology".to_owned(),
    };
    format!(
        "{from}: {} and {}, no errors",
        counted(topology.streams.len(), "stream", "streams"),
        counted(topology.groups.len(), "group", "groups")
    )
}

fn listed(rows: &[&DriftRow]) -> String {
    let names = rows
        .iter()
        .map(|row| format!("`{}` on `{}`", row.group, row.stream));
    names.collect::<Vec<_>>().join(", ")
}
