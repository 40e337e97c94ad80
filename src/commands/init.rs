//! `init`: creates the topology's groups where they are missing.

use anyhow::Result;

use super::shared::Context;
use super::shared::group::to_create;
use crate::cli::{DryRun, Impact, Limited, Prints, PrintsPlan, name};
use crate::exit::Exit;
use crate::model::Name;
use crate::streams::init::{InitRow, State, apply_init, plan_init};
use crate::topology::{GroupSpec, Start};
use crate::wire::Connection;

/// Create the topology's streams and groups where they are missing
///
/// Shows for each group whether it was created, existed already, or exists at a position other than the topology's
/// start. Existing groups are never changed, so the command is safe to repeat.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Write, add = Prints::list::<InitRow>(), add = PrintsPlan(Prints::plan::<InitRow>()), after_help = "\
Examples:
  ucp-streams init
  ucp-streams init event-processors --start '$' --dry-run
  ucp-streams init auditors --stream events.raw")]
pub(super) struct Args {
    /// Groups to create; all of the topology when none is named
    #[arg(value_name = "GROUP", value_parser = name())]
    groups: Vec<Name>,

    /// The group's stream, needed when the topology does not know the group or has it on several streams
    #[arg(long, value_name = "STREAM", value_parser = name(), requires = "groups")]
    stream: Option<Name>,

    /// Where new groups start, instead of where the topology says: 0 is the oldest entry, $ is after the newest
    #[arg(long, value_name = "0|$", value_parser = start)]
    start: Option<Start>,

    #[command(flatten)]
    limit: Limited,

    #[command(flatten)]
    dry_run: DryRun,
}

fn start(text: &str) -> Result<Start, String> {
    let words = Start::ALL.iter();
    words
        .clone()
        .find_map(|(word, start)| (*word == text).then_some(*start))
        .ok_or_else(|| "a group starts at 0 (the oldest entry) or $ (after the newest)".to_owned())
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let topology = context.topology()?;
    let connection = context.connect().await?;
    let groups = wanted(&args, &connection, context).await?;
    let plan = plan_init(&connection, topology, &groups).await?;
    let rows = if context.is_rehearsal(args.dry_run) {
        let facts = plan.facts();
        let summary = facts.summary.clone();
        context.show_plan(facts, &plan.rows, args.limit.rows())?;
        context.rehearsed(&summary);
        plan.rows
    } else {
        let rows = apply_init(&connection, plan).await?;
        context.console.show(&rows, args.limit.rows())?;
        rows
    };
    for row in rows.iter().filter(|row| row.state == State::Differs) {
        context.console.warn(&differs(row));
    }
    Ok(Exit::Done)
}

async fn wanted(args: &Args, connection: &Connection, context: &Context) -> Result<Vec<GroupSpec>> {
    let topology = context.topology()?;
    let mut groups: Vec<GroupSpec> = Vec::new();
    if args.groups.is_empty() {
        groups.clone_from(&topology.groups);
    }
    for name in &args.groups {
        let group = to_create(name, args.stream.as_ref(), connection, context).await?;
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    if let Some(start) = args.start {
        for group in &mut groups {
            group.start = start;
        }
    }
    Ok(groups)
}

fn differs(row: &InitRow) -> String {
    let last = row.last_delivered_id.unwrap_or_default();
    format!(
        "group `{}` of `{}` exists already, at {last} instead of {}; its position was not changed",
        row.group, row.stream, row.start
    )
}
