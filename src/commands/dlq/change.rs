//! `dlq redrive` and `dlq purge`.

use anyhow::Result;

use super::StreamArgs;
use crate::cli::{self, DryRun, Impact, Limited, Prints, PrintsPlan, condition, per_second};
use crate::commands::shared::Context;
use crate::commands::shared::repair_plan::RepairPlan;
use crate::commands::shared::repair_run::{How, carry_out};
use crate::commands::shared::snapshots::NoSnapshot;
use crate::exit::Exit;
use crate::model::{EntryId, FieldCondition, Name, entries};
use crate::snapshots::Effect;
use crate::streams::dead_letters::{Letters, Source};
use crate::streams::ending::Repair;
use crate::streams::publish::Rate;
use crate::streams::redrive::{
    LettersPlan, apply_purge, apply_redrive, must_be_one_group, plan_purge,
    plan_redrive as redrive_of, retries_must_be_read, seen_by,
};
use crate::streams::retry_stream::Route;
use crate::streams::tail::Filter;
use crate::view::Changed;
use crate::wire::Connection;

/// Selects dead letters. At least one selection is required, so that a mistyped command does not act on all of them.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct WhichArgs {
    /// Dead letters by their ids in the dead-letter stream
    #[arg(value_name = "ID")]
    ids: Vec<EntryId>,

    /// Select all dead letters
    #[arg(long, conflicts_with_all = ["ids", "group", "reason", "equal"])]
    all: bool,

    /// Only dead letters of this group
    #[arg(long, value_name = "GROUP", value_parser = cli::name())]
    group: Option<Name>,

    /// Only dead letters whose reason contains this text
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// Only dead letters whose field has this value, or, with !=, does not have it; besides the entry's fields,
    /// `reason` (its last line), `group`, `stream` and `consumer` of the dead letter. When given several times, all
    /// conditions must hold
    #[arg(long = "where", value_name = "FIELD=VALUE", value_parser = condition())]
    equal: Vec<FieldCondition>,
}

#[derive(Debug, clap::Args)]
struct CountArgs {
    /// At most this many, oldest first [default: all]
    #[arg(long, value_name = "N", conflicts_with = "ids", value_parser = clap::value_parser!(u32).range(1..))]
    count: Option<u32>,
}

fn rate(text: &str) -> Result<Rate, String> {
    let entries_per_second = per_second(text)?.into();
    Ok(Rate { entries_per_second })
}

fn letters(which: WhichArgs, count: &CountArgs) -> Letters {
    Letters {
        ids: which.ids,
        group: which.group,
        reason: which.reason,
        filter: Filter {
            equal: which.equal,
            pattern: None,
        },
        count_max: count.count.map_or(usize::MAX, |count| count as usize),
        without_fields: true,
    }
}

#[expect(clippy::doc_markdown, reason = "the doc is the help text")]
/// Move dead letters back to the end of the stream
///
/// Dead letters are moved to the stream that you name, whatever origin an entry records, or to --to-stream. Each move
/// is atomic, so an entry is moved only once even when two commands run at the same time. The copy has two additional
/// fields at its end: its origin (_ucp_origin) and its number of redrives (_ucp_redrives). A tombstone has no body, so
/// it stays where it is, and so do entries from another stream that shares the dead-letter stream. When several groups
/// read the stream, all of them would see the entries again; this is refused. There are two ways out: with
/// --via-retry-stream, those of one group go to its retry stream, {STREAM}:retry:GROUP, which only that group's workers
/// read; with --all-groups-see-it, all groups see them. They are saved first: `undo` takes back what was delivered to
/// nobody yet.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Destructive, add = Prints::list::<Changed>(), add = PrintsPlan(Prints::plan::<Changed>()),
    override_usage = "ucp-streams dlq redrive [OPTIONS] <STREAM> <ID…|--all|--group|--reason|--where>",
    after_help = "\
Examples:
  ucp-streams dlq redrive events.normalized 1700000000000-0
  ucp-streams dlq redrive predictions.requests --dry-run \\
      --reason 'connection refused'
  ucp-streams dlq redrive predictions.requests --where brand_id=aurora \\
      --rate 50/s --yes
  ucp-streams dlq redrive events.normalized --group event-processors \\
      --via-retry-stream
  ucp-streams dlq redrive predictions.requests --all --yes")]
pub(super) struct RedriveArgs {
    #[command(flatten)]
    stream: StreamArgs,

    #[command(flatten)]
    which: WhichArgs,

    #[command(flatten)]
    count: CountArgs,

    /// Move at most this many per second
    #[arg(long, value_name = "N/s", value_parser = rate)]
    rate: Option<Rate>,

    /// Move them to this stream, instead of the one that you name as STREAM
    #[arg(long, value_name = "STREAM", value_parser = cli::name())]
    to_stream: Option<Name>,

    /// Move those of one group to its retry stream, where no other group sees them; refused while no live worker of that
    /// group reads it, unless --force is given
    #[arg(long, conflicts_with = "to_stream")]
    via_retry_stream: bool,

    /// Agree that all groups of the stream see the entries again
    #[arg(long, conflicts_with = "via_retry_stream")]
    all_groups_see_it: bool,

    /// Move them to a retry stream although no live worker reads it
    #[arg(long, requires = "via_retry_stream")]
    force: bool,

    #[command(flatten)]
    limit: Limited,

    #[command(flatten)]
    without: NoSnapshot,

    #[command(flatten)]
    dry_run: DryRun,
}

/// Delete dead letters
///
/// They are saved first, so that `undo` adds them again.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Destructive, add = Prints::list::<Changed>(), add = PrintsPlan(Prints::plan::<Changed>()),
    override_usage = "ucp-streams dlq purge [OPTIONS] <STREAM> <ID…|--all|--group|--reason|--where>",
    after_help = "\
Examples:
  ucp-streams dlq purge events.normalized 1700000000000-0
  ucp-streams dlq purge events.normalized --group event-processors --dry-run
  ucp-streams dlq purge events.normalized --all --yes")]
pub(super) struct PurgeArgs {
    #[command(flatten)]
    stream: StreamArgs,

    #[command(flatten)]
    which: WhichArgs,

    #[command(flatten)]
    count: CountArgs,

    #[command(flatten)]
    limit: Limited,

    #[command(flatten)]
    without: NoSnapshot,

    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) async fn redrive(args: RedriveArgs, context: &Context) -> Result<Exit> {
    let opened = args.stream.open(context).await?;
    let asked = Redrive {
        letters: letters(args.which, &args.count),
        to_stream: args.to_stream,
        route: Route::of(args.all_groups_see_it, args.via_retry_stream),
        is_forced: args.force,
    };
    let planned = plan_redrive(opened, asked, args.dry_run, context).await?;
    let how = How {
        limit: args.limit,
        rate: args.rate,
        without: args.without,
        dry_run: args.dry_run,
    };
    carry_out(context, planned, how, |_| {}, apply_redrive).await
}

/// Which dead letters are to be redriven.
struct Redrive {
    letters: Letters,
    to_stream: Option<Name>,
    route: Route,
    /// Whether it does not matter that nobody reads the retry stream.
    is_forced: bool,
}

/// Plans to redrive one dead letter of a stream, or all of them.
///
/// # Errors
/// As [`StreamArgs::open`] and [`redrive_of`]; refused when several groups would see them and that was not agreed.
pub(in crate::commands) async fn plan_redrive_of(
    stream: Name,
    id: Option<EntryId>,
    route: Route,
    context: &Context,
) -> Result<RepairPlan<LettersPlan>> {
    let which = WhichArgs {
        ids: id.into_iter().collect(),
        all: id.is_none(),
        group: None,
        reason: None,
        equal: Vec::new(),
    };
    let asked = Redrive {
        letters: letters(which, &CountArgs { count: None }),
        to_stream: None,
        route,
        is_forced: false,
    };
    let opened = StreamArgs { stream }.open(context).await?;
    plan_redrive(opened, asked, DryRun::default(), context).await
}

async fn plan_redrive(
    (connection, source): (Connection, Source),
    asked: Redrive,
    dry_run: DryRun,
    context: &Context,
) -> Result<RepairPlan<LettersPlan>> {
    let is_named = !asked.letters.ids.is_empty();
    let topology = context.topology()?;
    let way = (asked.to_stream, asked.route);
    let planned = redrive_of(&connection, topology, source, way, &asked.letters);
    let (plan, chosen) = planned.await?;
    let seen_by = seen_by(&connection, &plan).await?;
    let checked = must_be_one_group(&plan, seen_by.as_deref());
    let refusal = context.refusal_of(dry_run, checked)?;
    let unread = retries_must_be_read(&connection, &plan, topology, asked.is_forced).await?;
    let refusal = refusal.or(context.refusal_of(dry_run, unread)?);
    let repair = Repair::of_letters(&plan, is_named, "redrive", "redriven")
        .to_stream(&plan.destination, seen_by);
    Ok(RepairPlan {
        connection,
        repair,
        what: format!("{} to `{}`", entries(chosen.count()), plan.destination),
        chosen,
        effect: Effect::Redriven {
            to: plan.destination.clone(),
        },
        refusal,
        steps: plan,
    })
}

pub(super) async fn purge(args: PurgeArgs, context: &Context) -> Result<Exit> {
    let (connection, source) = args.stream.open(context).await?;
    let is_named = !args.which.ids.is_empty();
    let wanted = letters(args.which, &args.count);
    let (plan, chosen) = plan_purge(&connection, source, &wanted).await?;
    let planned = RepairPlan {
        repair: Repair::of_letters(&plan, is_named, "purge", "purged"),
        what: entries(chosen.count()),
        chosen,
        effect: Effect::Purged,
        refusal: None,
        steps: plan,
        connection,
    };
    let how = How {
        limit: args.limit,
        rate: None,
        without: args.without,
        dry_run: args.dry_run,
    };
    carry_out(context, planned, how, |_| {}, apply_purge).await
}
