//! `trim`: removes the oldest entries of a stream, and none that a group needs.

use anyhow::Result;

use super::shared::Context;
use super::shared::bulk::Interrupt;
use crate::cli::{DryRun, Impact, Position, Prints, PrintsPlan, name};
use crate::exit::Exit;
use crate::model::{Name, Time, entries};
use crate::streams::trim::{
    Keep, TrimPlan, TrimState, Trimmed, Trimming, Wish, apply_trim, plan_trim,
};

/// Trim the oldest entries of a stream, and none that a group needs
///
/// Give one of --read, --keep and --before. Entries that a group has not read or not acknowledged stay, whatever was asked
/// for, unless that group is named by --force-past: then it loses them. The plan names the group that holds back most,
/// and says how many entries that frees. The server trims whole nodes, of about a hundred entries, so the last ones
/// before the cut may stay; it never leaves holes. It is done in many small calls, each of which looks anew at what the
/// groups need.
///
/// Groups that never read and hold nothing are named. Where a stream has only such groups, or none, nobody is waited for:
/// --read is refused, and --keep and --before need your consent. The groups of `replay` do not count. What is trimmed
/// cannot be put back; the plan says how to keep a copy. Exit code 7 says that less was trimmed than was asked for,
/// because of a group, and 6 that nothing was.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Destructive, add = Prints::one::<Trimming>(), add = PrintsPlan(Prints::plan::<Trimming>()), after_help = "\
Examples:
  ucp-streams trim events.normalized --read --dry-run
  ucp-streams trim events.normalized --read --yes
  ucp-streams trim events.raw --keep 100000 --yes
  ucp-streams trim events.raw --before -7d --dry-run")]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(super) struct Args {
    /// The stream, which may be a dead-letter stream
    #[arg(value_name = "STREAM", value_parser = name())]
    stream: Name,

    /// Remove what every group has read and acknowledged
    #[arg(long, group = "what")]
    read: bool,

    /// Keep about this many of the newest entries
    #[arg(long, value_name = "N", group = "what")]
    keep: Option<u64>,

    /// Remove what is older: an entry id, a time such as 2026-01-31T09:00:00Z, or -7d
    #[arg(long, value_name = "T", group = "what", allow_hyphen_values = true)]
    before: Option<Position>,

    /// A group that does not count, so that it loses what it has not read or not acknowledged; may be repeated
    #[arg(long, value_name = "GROUP", value_parser = name())]
    force_past: Vec<Name>,

    #[command(flatten)]
    dry_run: DryRun,
}

impl Args {
    fn keep(&self) -> Keep {
        match (self.keep, self.before) {
            (Some(newest), _) => Keep::Newest(newest),
            (_, Some(position)) => Keep::From(position.range_start(Time::now().ms)),
            _ => Keep::Unread,
        }
    }
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let topology = context.topology()?;
    let connection = context.connect().await?;
    let mut lane = context.lane().await?;
    let wish = Wish {
        keep: args.keep(),
        force_past: args.force_past,
    };
    let plan = plan_trim(&connection, &mut lane, topology, &args.stream, wish).await?;
    let is_rehearsal = context.is_rehearsal(args.dry_run);
    let refusal = plan.refusal();
    if plan.is_nothing() && refusal.is_none() {
        return nothing(&plan, is_rehearsal, context);
    }
    let pinned = args
        .before
        .zip(plan.row.cut_id.filter(|_| !plan.row.is_held_back));
    let pinned: Vec<_> = { pinned.into_iter() }
        .map(|(_, cut)| ("before", cut.to_string()))
        .collect();
    let agreed = context
        .agreed(is_rehearsal, (plan.facts(), &pinned), &plan.row, refusal)
        .await?;
    let Some(consent) = agreed else {
        return Ok(Exit::Done);
    };
    let interrupt = Interrupt::watch()?;
    let trimmed = {
        let progress = context.console.progress(Some(plan.row.freed), "trimmed");
        let told = |more| progress.advance(more);
        apply_trim(&connection, plan, &interrupt.flag, &told, &consent).await
    };
    end(trimmed, &interrupt, context)
}

fn nothing(plan: &TrimPlan, is_rehearsal: bool, context: &Context) -> Result<Exit> {
    let facts = plan.facts();
    let summary = facts.summary.clone();
    if is_rehearsal {
        context.show_plan_of(facts, &[], &plan.row)?;
        context.rehearsed(&summary);
    } else {
        context.console.show_one(&plan.row)?;
        context.console.note(&format!("nothing to do: {summary}"));
    }
    Ok(Exit::Done)
}

fn end(trimmed: Trimmed, interrupt: &Interrupt, context: &Context) -> Result<Exit> {
    let Trimmed { row, told, error } = trimmed;
    context.audit_done(Some(row.freed), None);
    let console = &context.console;
    console.show_one(&row)?;
    let (stream, freed) = (&row.stream, entries(row.freed));
    let done = format!("trimmed {freed} of stream `{stream}`");
    let lines: Vec<String> = [done].into_iter().chain(told).collect();
    console.note(&lines.join("\n"));
    if let Some(error) = error {
        return Err(error);
    }
    if row.state == TrimState::Stopped {
        return Ok(interrupt.exit());
    }
    Ok(Exit::of_parts(row.is_held_back, false))
}
