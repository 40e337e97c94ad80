//! `pending`: entries that were delivered and are not acknowledged.

use std::time::Duration;

use anyhow::Result;

use super::shared::Context;
use super::shared::group::find;
use super::shared::header::{Alerts, Header};
use super::shared::trouble::tell_of_abandoned;
use super::shared::watch::repeatedly;
use crate::cli::{self, Impact, Limited, Pairs, Prints, Watched};
use crate::exit::Exit;
use crate::model::{CommandLine, Limit, Name, Problem};
use crate::streams::abandoned::Holder;
use crate::streams::pending::{PendingQuery, PendingReport, PendingRow, add_fields, look};
use crate::streams::select::{Bodies, Criteria};
use crate::streams::target::Target;
use crate::streams::which_group::{Found, Suggest};
use crate::topology::{GroupSpec, Topology};
use crate::view::{Pending, PendingPages, PendingParts, Report};
use crate::wire::Connection;

/// How many bytes of entry bodies are held in memory until the whole report is shown; beyond that it is shown page by
/// page.
const BODIES_HELD: usize = 2 << 20;

/// The heading of the options that select entries.
const FILTERS: &str = "Filters";
/// The heading of the options that select what is shown of these entries.
const SHOWN: &str = "What to show";

/// Show entries that were delivered and are not acknowledged
///
/// Reading the list changes no delivery count. Workers record each entry that is at its second attempt or has been in
/// its handler for ten seconds: IN FLIGHT is the time since its first attempt started, and REASON is why its last
/// attempt failed. AGE is the time since the entry was added, taken from its id. With -o plain, csv and ndjson only the
/// requested parts are printed: the counts of --histogram, the counts of --by, the entries (with --entries, or with
/// neither --histogram nor --by), and with --count 0 the consumers. In plain and csv, a blank line separates two
/// tables. --columns selects the table that has these columns.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::of::<PendingReport>(Pending::TABLES), after_help = "\
Examples:
  ucp-streams pending event-processors --idle 5m
  ucp-streams pending event-processors --age 10m --consumer host-17-k3x9
  ucp-streams pending events.normalized event-processors --entries
  ucp-streams pending event-processors --by event_type,brand_id -o csv
  ucp-streams pending event-processors --min-deliveries 3 --histogram")]
pub(super) struct Args {
    /// The group, if it is on a stream of the topology; or its stream, when the group follows
    #[arg(value_name = "GROUP|STREAM", value_parser = cli::name())]
    first: Name,

    /// The group, when its stream comes first
    #[arg(value_name = "GROUP", value_parser = cli::name(), conflicts_with = "stream")]
    second: Option<Name>,

    /// The group's stream, needed when that is not a stream of the topology or the group is on several
    #[arg(long, value_name = "STREAM", value_parser = cli::name())]
    stream: Option<Name>,

    /// Only entries idle (neither delivered nor renewed) for at least this long, such as 5m; a worker renews the
    /// entries it has in flight, so an entry that hangs in a handler is never idle
    #[arg(long, value_name = "DUR", value_parser = cli::parse_duration, help_heading = FILTERS)]
    idle: Option<Duration>,

    /// Only entries added at least this long ago, according to their ids; this also finds entries that hang in a
    /// handler
    #[arg(long, value_name = "DUR", value_parser = cli::parse_duration, help_heading = FILTERS)]
    age: Option<Duration>,

    /// Only entries pending for this consumer
    #[arg(long, value_name = "CONSUMER", value_parser = cli::name(), help_heading = FILTERS)]
    consumer: Option<Name>,

    /// Only entries delivered at least this many times
    #[arg(long, value_name = "N", help_heading = FILTERS)]
    min_deliveries: Option<u64>,

    /// Read and list at most this many entries, the oldest; 0 lists none [default: all]
    #[arg(long, value_name = "N", help_heading = SHOWN)]
    count: Option<u32>,

    #[command(flatten)]
    limit: Limited,

    #[command(flatten)]
    watched: Watched,

    /// List the entries with their fields, and mark those whose body was trimmed
    #[arg(long, help_heading = SHOWN)]
    entries: bool,

    /// Count entries by idle time and by deliveries (of the 100,000 oldest)
    #[arg(long, help_heading = SHOWN)]
    histogram: bool,

    /// Count entries by the values of these fields (of the 10,000 oldest); a path selects a value within JSON:
    /// payload.total
    #[arg(long, value_name = "FIELD,FIELD", value_parser = cli::names(), help_heading = SHOWN)]
    by: Vec<cli::Names>,

    #[command(flatten)]
    pairs: Pairs,
}

/// Rows below those of the value combinations: one for all others, and one for entries whose body was trimmed.
const OTHERS: usize = 2;

impl Args {
    /// The error for a group and a stream in the wrong order, when the topology knows both.
    fn swapped(&self, topology: &Topology) -> Option<Problem> {
        let (group, stream) = (&self.first, self.second.as_ref()?);
        let mut of_stream = topology.groups_of(stream);
        of_stream.find(|spec| spec.name == *group)?;
        let line = CommandLine::new("pending").arg(stream).arg(group);
        let text = format!("there is no stream `{group}`: name the stream before the group");
        Some(Problem::not_found(text).hint(line.to_string()))
    }

    async fn find(&self, connection: &Connection, context: &Context) -> Result<Found> {
        match &self.second {
            Some(group) => find(group, Some(&self.first), connection, context).await,
            None => find(&self.first, self.stream.as_ref(), connection, context).await,
        }
    }
}

/// Shows a report page by page, because its entries are too large to hold all of them in memory.
async fn show_in_pages(
    report: &mut PendingReport,
    mut rest: Vec<PendingRow>,
    (mut bodies, in_pairs): (Bodies<'_>, bool),
    context: &Context,
) -> Result<()> {
    let mut out = context.console.out();
    let options = context.console.options();
    let Some(pages) = PendingPages::begin(out.buffer(), report, options)? else {
        // A screen's indented JSON is one document, and a table that is picked may be another one.
        add_fields(&mut bodies, &mut rest, usize::MAX, in_pairs).await?;
        report.entries.append(&mut rest);
        let all = Pending::new(report, PendingParts::Entries);
        return context.console.show_report(&all, Limit::All);
    };
    report.entries.clear();
    let mut rows = rest.as_mut_slice();
    while !rows.is_empty() {
        out.settle()?;
        let done = add_fields(&mut bodies, rows, 0, in_pairs).await?;
        let (page, after) = rows.split_at_mut(done);
        pages.page(out.buffer(), page)?;
        for row in page {
            row.fields = None;
        }
        rows = after;
    }
    pages.end(out.buffer(), report)?;
    out.flush()
}

/// Says what to type about entries whose attempts are almost used up, about one that failed and waits for its next
/// attempt, and about those that consumers hold which are not live.
fn tell_next(report: &PendingReport, spec: &GroupSpec, topology: &Topology, context: &Context) {
    let target = Target::from(spec);
    let most = spec.poison_deliveries();
    let is_poison = |it: &&PendingRow| it.deliveries.is_some_and(|it| it >= most);
    if let Some(poison) = report.entries.iter().find(is_poison) {
        let next = target
            .command("dlq add", topology)
            .arg(poison.id.to_string());
        let next = next.option("--reason", "poison");
        let note = format!(
            "{} keeps failing, to set it aside as a dead letter: {next}",
            poison.id
        );
        context.console.note(&note);
    }
    let waits = |it: &&PendingRow| it.last_reason.is_some() && !it.is_fatal && !is_poison(it);
    if let Some(failed) = report.entries.iter().find(waits) {
        let next = target.command("retry", topology).arg(failed.id.to_string());
        context.console.note(&format!(
            "{} failed and waits for its next attempt, to try it at once: {next}",
            failed.id
        ));
    }
    let holders = report.consumers.iter().filter_map(Holder::of_holding);
    tell_of_abandoned(holders, spec.claim_idle, &target, topology, context);
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    repeatedly(args.watched, context, async || show(&args, context).await).await
}

async fn show(args: &Args, context: &Context) -> Result<Exit> {
    let in_pairs = context.in_pairs(args.pairs)?;
    let topology = context.topology()?;
    let connection = context.connected().await?;
    let found = args.find(&connection, context).await?;
    let target = Target::from(&found.spec);
    if found.groups.is_none()
        && let Err(error) = target.require(&connection, topology, Suggest::Names).await
    {
        return Err(args.swapped(topology).map_or(error, Into::into));
    }
    if let Some(consumer) = &args.consumer {
        target.require_consumer(&connection, consumer).await?;
    }
    let limit = args.limit.rows();
    let is_screen = context.console.options().on_screen();
    let listed = limit.unless_bounded(args.count.is_some());
    let rows_max = context.console.listing(listed).rows_max;
    let rows_max = rows_max.unwrap_or(usize::MAX);
    let question = PendingQuery {
        filter: Criteria {
            consumer: args.consumer.clone(),
            idle_min: args.idle.unwrap_or_default(),
            deliveries_min: args.min_deliveries.unwrap_or_default(),
            ..Criteria::default()
        },
        age_min: args
            .age
            .map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        count_max: args
            .count
            .map_or(usize::MAX, |count| count as usize)
            .min(rows_max),
        with_histogram: args.histogram,
        by: cli::Names::all(args.by.clone()),
        clusters_max: { context.console.listing(limit).rows_max }
            .map_or(usize::MAX, |rows| rows.saturating_sub(OTHERS).max(1)),
    };
    let has_idle = args.idle.is_some();
    let looked = look(&connection, &target, &question);
    let (header, report) = Header::beside(&connection, Alerts::Asked, context, looked).await;
    let mut report = report?;
    header.begin(context);
    report.is_limited = args.count.is_none_or(|count| count as usize > rows_max);
    let parts = match (args.entries, args.count) {
        (_, Some(0)) => PendingParts::Summary,
        (true, _) => PendingParts::Entries,
        (false, _) => PendingParts::Listed,
    };
    let mut rest = Vec::new();
    let mut bodies = Bodies::of(&connection, &target.stream);
    if args.entries {
        let first = add_fields(&mut bodies, &mut report.entries, BODIES_HELD, in_pairs).await?;
        rest = report.entries.split_off(first);
    }
    if rest.is_empty() {
        context
            .console
            .show_report(&Pending::new(&report, parts), listed)?;
    } else {
        show_in_pages(&mut report, rest, (bodies, in_pairs), context).await?;
    }
    let is_for_script = context.console.options().names;
    if has_idle && !is_for_script && !report.has_more && report.matching < report.pending {
        context.console.note(
            "workers renew the entries they have in flight, so these are never idle, however long a handler hangs: \
                --age DUR finds them by age, and IN FLIGHT shows for how long they have been handled",
        );
    }
    if !is_screen {
        context.console.note_cut(report.left_out());
    }
    if let Some(cut) = report.cut() {
        context.console.note(&cut);
    }
    if context.console.options().terminal && !is_for_script {
        tell_next(&report, &found.spec, topology, context);
    }
    Ok(Exit::Done)
}
