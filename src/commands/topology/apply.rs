//! `topology apply`: creates what the server misses of the topology, and says what it leaves as it is.

use anyhow::Result;

use super::diff::{here, look};
use crate::cli::{DryRun, Impact, Limited, Prints, PrintsPlan};
use crate::commands::shared::Context;
use crate::exit::Exit;
use crate::findings::{Difference, DifferenceState, Differing};
use crate::model::{Limit, PlanFacts};
use crate::streams::init::{InitPlan, InitRow, State, apply_init, plan_init};
use crate::streams::target::Target;
use crate::topology::GroupSpec;

/// Create the groups that the server misses of the topology
///
/// Looks as `topology diff` does, and creates the missing groups, with their streams, as `init` does. Nothing else is changed:
/// no group is moved, resumed or deleted, and no stream is trimmed. What it leaves as it is, it says, with the command that
/// changes it. The exit code is 0 when every group of the topology is there.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Destructive, add = Prints::list::<Difference>(), add = PrintsPlan(Prints::plan::<Difference>()), after_help = "\
Examples:
  ucp-streams topology apply --dry-run
  ucp-streams --topology staging.toml topology apply --yes")]
pub(super) struct Args {
    #[command(flatten)]
    limit: Limited,

    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let topology = context.topology()?;
    let dialer = context.dialer()?;
    let mut rows = look(&dialer, &here(&dialer, context), context).await?;
    let connection = dialer.connect().await?;
    let missing: Vec<GroupSpec> = { topology.groups.iter() }
        .filter(|spec| can_be_created(&rows, spec))
        .cloned()
        .collect();
    let plan = plan_init(&connection, topology, &missing).await?;
    for row in &mut rows {
        let is_it = |it: &InitRow| is_about(row, it) && it.state == State::Missing;
        row.state = if row.is_missing_group() && plan.rows.iter().any(is_it) {
            DifferenceState::Planned
        } else {
            DifferenceState::Left
        };
    }
    let facts = facts(&plan, &rows);
    let limit = args.limit.rows();
    if context.is_rehearsal(args.dry_run) {
        let summary = facts.summary.clone();
        context.show_plan(facts, &rows, limit)?;
        context.rehearsed(&summary);
    } else if facts.count == 0 {
        context.console.show(&rows, limit)?;
        context
            .console
            .note(&format!("nothing to do: {}", facts.summary));
    } else {
        let _consent = context.consent(&facts, "").await?;
        let done = apply_init(&connection, plan).await?;
        told(&mut rows, &done, limit, context)?;
    }
    let left = rows
        .iter()
        .filter(|it| it.is_drift && it.state == DifferenceState::Left);
    context.warn_each(left.map(told_left));
    Ok(Exit::Done)
}

/// Whether the group is missing, and its stream no key of another type.
fn can_be_created(rows: &[Difference], spec: &GroupSpec) -> bool {
    let of_stream = || {
        rows.iter()
            .filter(|it| it.stream.as_ref() == Some(&spec.stream))
    };
    let is_missing =
        |it: &Difference| it.is_missing_group() && it.group.as_ref() == Some(&spec.name);
    of_stream().any(is_missing) && !of_stream().any(|it| it.difference == Differing::NoStream)
}

fn is_about(row: &Difference, of: &InitRow) -> bool {
    row.group.as_ref() == Some(&of.group) && row.stream.as_ref() == Some(&of.stream)
}

/// Shows what was created, and how that is undone.
fn told(rows: &mut [Difference], done: &[InitRow], limit: Limit, context: &Context) -> Result<()> {
    let created = || done.iter().filter(|it| it.state == State::Created);
    for row in rows
        .iter_mut()
        .filter(|it| it.state == DifferenceState::Planned)
    {
        // Another client can have created it meanwhile.
        row.state = if created().any(|it| is_about(row, it)) {
            DifferenceState::Created
        } else {
            DifferenceState::Left
        };
    }
    context.audit_done(Some(created().count() as u64), None);
    context.console.show(rows, limit)?;
    for row in created() {
        let undo = Target {
            stream: row.stream.clone(),
            group: row.group.clone(),
        };
        let undo = undo.command("groups delete", context.topology()?);
        context.console.note(&format!(
            "created group `{}` of stream `{}`; to undo this: {undo}",
            row.group, row.stream
        ));
    }
    Ok(())
}

/// What differs and is left as it is, with the command that changes it.
fn told_left(row: &Difference) -> String {
    let next = row.next.as_ref();
    let next = next.map_or_else(String::new, |it| format!("\n{it}"));
    format!("left as it is: {}: {}{next}", row.subject(), row.summary)
}

/// The plan of what is created, among all that differs.
fn facts(plan: &InitPlan, rows: &[Difference]) -> PlanFacts {
    let facts = plan.facts();
    PlanFacts {
        left_out: rows.len() as u64 - facts.count,
        ..facts
    }
}
