//! `consumers`: lists a group's consumers, and deletes them.

mod delete;
mod prune;

use anyhow::Result;
use clap::Subcommand;

use super::help::usage::or_subcommand;
use super::shared::Context;
use super::shared::group::{GroupArgs, OpenGroup};
use super::shared::header::{Alerts, Header};
use super::shared::snapshots::NoSnapshot;
use super::shared::trouble::tell_of_abandoned;
use crate::cli::{self, DryRun, Impact, Limited, Prints};
use crate::exit::Exit;
use crate::model::{CommandLine, GroupInfo, Limit, Name, PlanFacts, Problem, counted, with_commas};
use crate::streams::abandoned::{Holder, delete_left_behind};
use crate::streams::consumers::{Heir, Member, RemovalPlan, Removals, apply_removal, list};
use crate::streams::snapshot::Doomed;
use crate::streams::target::Target;

/// List a group's consumers, or delete dead ones
///
/// IDLE is the time since a consumer last asked for entries (on servers before 7.2, since it last received some).
/// INACTIVE is the time since it last received or claimed an entry.
#[derive(Debug, clap::Args)]
#[command(
    add = Impact::Read, add = Prints::list::<Member>(),
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  ucp-streams consumers event-processors
  ucp-streams consumers event-processors -o json
  ucp-streams consumers delete event-processors host-17-k3x9 \\
      --hand-over-to host-18-a2b1
  ucp-streams consumers prune event-processors --idle 1d"
)]
pub(super) struct Args {
    #[command(flatten)]
    group: Option<GroupArgs>,

    #[command(flatten)]
    limit: Limited,

    #[command(subcommand)]
    command: Option<ConsumersCommand>,
}

#[derive(Debug, Subcommand)]
enum ConsumersCommand {
    #[command(hide = true)]
    List(ListArgs),
    Delete(delete::Args),
    Prune(prune::Args),
}

/// List a group's consumers (the default without a subcommand)
#[derive(Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    group: GroupArgs,

    #[command(flatten)]
    limit: Limited,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    match (args.command, args.group) {
        (Some(ConsumersCommand::List(args)), _) => list_of(&args.group, args.limit, context).await,
        (Some(ConsumersCommand::Delete(args)), _) => delete::run(args, context).await,
        (Some(ConsumersCommand::Prune(args)), _) => prune::run(args, context).await,
        (None, Some(group)) => list_of(&group, args.limit, context).await,
        (None, None) => Err(Problem::usage("no group was named")
            .hint("give a group: ucp-streams consumers GROUP (see --help)")
            .into()),
    }
}

async fn list_of(group: &GroupArgs, limit: Limited, context: &Context) -> Result<Exit> {
    let opened = group.open(context).await;
    let group = opened.map_err(|error| or_subcommand(error, "consumers", Some(group.name())))?;
    let connection = &group.connection;
    let look = list(connection, &group.target);
    let (header, rows) = Header::beside(connection, Alerts::Asked, context, look).await;
    let rows = rows?;
    header.begin(context);
    context.console.show(&rows, limit.rows())?;
    let options = context.console.options();
    if options.terminal && !options.names {
        context.console.note(&in_all(&rows, &group.target));
        tell_next(&rows, &group, context);
    }
    Ok(Exit::Done)
}

/// The number of consumers that were left behind from which they are reported.
const LEFT_OVER: usize = 10;

/// Suggests commands when consumers that are not live have pending entries, and when many consumers were left behind.
fn tell_next(rows: &[Member], group: &OpenGroup<'_>, context: &Context) {
    let OpenGroup {
        topology, target, ..
    } = group;
    tell_of_abandoned(
        rows.iter().map(Holder::from),
        group.spec.claim_idle,
        target,
        topology,
        context,
    );
    let left_over = rows.iter().filter(|it| Holder::from(*it).is_left_behind());
    let left_over = left_over.count();
    if left_over >= LEFT_OVER {
        let next = delete_left_behind(target, topology);
        context.console.note(&format!(
            "{} consumers have no pending entries and have been idle for an hour, to delete them: {next}",
            with_commas(left_over)
        ));
    }
}

/// The number of pending entries of all consumers, in words.
fn in_all(rows: &[Member], target: &Target) -> String {
    let pending: u64 = rows.iter().map(|it| it.pending).sum();
    let holding = rows.iter().filter(|it| it.pending > 0).count();
    let of = counted(rows.len(), "consumer", "consumers");
    format!(
        "{} pending in {target}, held by {} of {of}",
        with_commas(pending),
        with_commas(holding)
    )
}

/// Which consumer gets the pending entries of a deleted one.
#[derive(Debug, clap::Args)]
struct HeirArgs {
    /// First hand the consumer's pending entries over to this consumer, without raising their delivery counts
    #[arg(long, value_name = "CONSUMER", value_parser = cli::name())]
    hand_over_to: Option<Name>,

    /// Also hand over entries that a live worker may have in flight; they may then be handled twice
    #[arg(long, requires = "hand_over_to")]
    force: bool,
}

impl HeirArgs {
    fn resolve(self, of: &OpenGroup) -> Option<Heir> {
        let stream = of.topology.stream_or_default(&of.target.stream);
        let dead_letter = stream.dead_letter;
        let takes_live_work = self.force;
        self.hand_over_to.map(|to| Heir {
            to,
            dead_letter,
            takes_live_work,
        })
    }
}

/// Carries out the plan after asking for consent to it and to `details`, and shows the result for each consumer. A
/// dry run shows what the results would be.
async fn carry_out(
    context: &Context,
    (plan, groups): (RemovalPlan, &[GroupInfo]),
    refusal: Option<Problem>,
    (limit, dry_run, without): (Limit, DryRun, NoSnapshot),
    details: &str,
) -> Result<Exit> {
    let console = &context.console;
    let facts = plan.facts(groups);
    let told = facts.summary.clone();
    if context.is_rehearsal(dry_run) {
        let oldest = plan.oldest(&context.connect().await?).await?;
        let facts = PlanFacts {
            refusal: refusal.as_ref().map(|it| it.message.clone()),
            ..facts.since(oldest)
        };
        context.show_plan(facts, &plan.rows, limit)?;
        if let Some(refusal) = refusal {
            return Err(refusal.into());
        }
        context.rehearsed(&told);
        context.warn_each(Removals::of(&plan.rows).warning());
        return Ok(Exit::Done);
    }
    let consent = context.consent(&facts, details).await?;
    let connection = context.connect().await?;
    let (effect, mut held) = plan.held(&connection).await?;
    let doomed = Doomed {
        stream: plan.target().stream.clone(),
        group: Some(plan.target().group.clone()),
        effect,
        chosen: &mut held,
    };
    let saved = context
        .save_rows_first(&connection, doomed, without)
        .await?;
    let removed = apply_removal(&connection, plan, consent).await;
    console.show(&removed.rows, limit)?;
    let counts = Removals::of(&removed.rows);
    if let Some(saved) = saved {
        let is_changed = counts.deleted > 0 || counts.handed_over > 0;
        context.audit_done(
            Some(counts.deleted as u64),
            Some(saved.id).filter(|_| is_changed),
        );
        if is_changed {
            let undo = CommandLine::new("undo").arg(saved.id.to_string());
            console.note(&format!("to undo it: {undo}"));
        } else {
            saved.give_up();
        }
    }
    context.warn_each(counts.tombstone_warning());
    if let Some(error) = removed.error {
        return Err(error);
    }
    console.note(&counts.summary());
    context.warn_each(counts.warning());
    Ok(if counts.is_refused() {
        Exit::Refused
    } else {
        Exit::of_parts(counts.held > 0, counts.tombstones > 0)
    })
}
