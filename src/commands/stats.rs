//! `stats`: which values a stream's entries share, how many bytes they have, and when they were added.

use anyhow::Result;

use super::read::{backwards, is_backwards, named};
use super::shared::Context;
use super::shared::header::{Alerts, Header};
use crate::cli::{self, Impact, Names, Position, Prints, condition, count, name, names};
use crate::console::{Output, Progress, Signals};
use crate::exit::Exit;
use crate::model::{
    CommandLine, EntryId, FieldCondition, Limit, Name, Time, entries as in_words, escaped,
    shown_field,
};
use crate::streams::dead_letters::Source;
use crate::streams::names::{require_unless_dead_letters, without_dead_letters};
use crate::streams::stats::{Stats, StatsEnd, StatsQuery, StatsReport, ValueState, Watch, facts};
use crate::streams::tail::Filter;
use crate::streams::tail::Unjudged;
use crate::view::{Report, StatsView, human_count};

/// The longest value, in bytes, that a suggested command contains.
const TYPED_MAX: usize = 60;
/// How many values a terminal lists by default.
const TOP: usize = 20;

/// Count a stream's entries by their fields, and over time
///
/// With --by, the output has one row for each value of the fields, the most frequent first: how many entries have it,
/// their share, how many were added per minute, their sizes, and how long ago the last one was added. Entries without
/// any of the fields have a row of their own, and all values that are not listed share one row, so that the rows add up
/// to all counted entries. Without --by, there is one row for each field. Below this are the entries over time, and the
/// totals. Sizes are the bytes of names and values. When an entry repeats a field, its first value counts.
///
/// The newest entries of the range are counted, 1,000,000 unless --count says otherwise. The values take at most 32 MiB
/// of memory. When there are too many different ones, those with the fewest entries are dropped; ENTRIES is then a
/// lower bound (>=), and UNCOUNTED says how many entries it can miss. Estimates are marked with ~.
///
/// With -o plain, csv and ndjson the values, or without --by the fields, are printed; --columns can select another
/// table. In a dead-letter stream, --by and --where also accept `reason` (its last line), `group`, `stream` and
/// `consumer` of the dead letter. Ctrl-C prints what was counted so far.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::of::<StatsReport>(StatsView::TABLES), after_help = "\
Examples:
  ucp-streams stats events.raw
  ucp-streams stats events.raw --since 1h --by brand_id,event_type
  ucp-streams stats events.raw --by payload.customer.id --top 5
  ucp-streams stats events.raw -2h -1h --where event_type=purchase \\
      --by brand_id -o json
  ucp-streams stats events.raw --since 1d -o csv --columns time,entries")]
pub(super) struct Args {
    /// The stream, which may be a dead-letter stream
    #[arg(value_name = "STREAM", value_parser = name())]
    stream: Name,

    /// Where to begin: an entry id, a time, -15m for that long ago, -100 for entries from the end [default: start]
    #[arg(value_name = "START", allow_hyphen_values = true)]
    start: Option<Position>,

    /// Where to end; this position is included [default: end]
    #[arg(value_name = "END", allow_hyphen_values = true)]
    end: Option<Position>,

    /// Where to begin, instead of START: 1h for that long ago
    #[arg(
        long,
        value_name = "POSITION",
        allow_hyphen_values = true,
        conflicts_with = "start"
    )]
    since: Option<Position>,

    /// Where to end, instead of END; this position is included
    #[arg(
        long,
        value_name = "POSITION",
        allow_hyphen_values = true,
        conflicts_with = "end"
    )]
    until: Option<Position>,

    /// Count entries by the values of these fields; a path selects a value within JSON: payload.total
    #[arg(long, value_name = "FIELD,FIELD", value_parser = names())]
    by: Vec<Names>,

    /// List at most this many values, the most frequent; 0 lists all [default: 20 on a terminal, else all]
    #[arg(long, value_name = "N", requires = "by")]
    top: Option<u32>,

    /// Only entries whose field has this value, or, with !=, does not have it; a path selects a value within JSON:
    /// payload.customer.id=7. When given several times, all conditions must hold
    #[arg(long = "where", value_name = "FIELD=VALUE", value_parser = condition())]
    equal: Vec<FieldCondition>,

    /// Count at most this many entries, the newest
    #[arg(long, value_name = "N", default_value = "1000000", value_parser = count(u64::MAX))]
    count: u64,
}

impl Args {
    fn query(self, context: &Context) -> Result<StatsQuery> {
        let now_ms = Time::now().ms;
        let start = self.since.or(self.start).unwrap_or(Position::Start);
        let end = self.until.or(self.end).unwrap_or(Position::End);
        let (start, end) = (start.range_start(now_ms), end.range_end(now_ms));
        if is_backwards(start, end) {
            return Err(backwards("").into());
        }
        let top = match self.top {
            None if context.console.options().on_screen() => TOP,
            None | Some(0) => usize::MAX,
            Some(rows) => rows as usize,
        };
        let source = Source::named(context.known_names(), &self.stream);
        Ok(StatsQuery {
            is_dead_letters: source.dead_letter == self.stream,
            stream: self.stream,
            start,
            end,
            count_max: self.count,
            filter: Filter {
                equal: self.equal,
                pattern: None,
            },
            by: cli::Names::all(self.by),
            top,
        })
    }
}

/// Shows the progress, and which entries are left out.
struct Watching<'a> {
    progress: Progress,
    stream: &'a Name,
    out: Output,
}

impl Watch for Watching<'_> {
    fn looked_at(&mut self, entries: u64) {
        self.progress.advance(entries);
    }

    fn unjudged(&mut self, id: EntryId, why: &Unjudged) {
        self.out.leaves_out(self.stream, id, &why.to_string());
    }
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let query = args.query(context)?;
    let mut signals = Signals::catch()?;
    let connection = context.connect().await?;
    let (stream, count_max) = (query.stream.clone(), query.count_max);
    let topology = context.known_names();
    if let Some(of) = require_unless_dead_letters(&connection, topology, &stream).await? {
        context.console.warn(&without_dead_letters(&stream, &of));
    }
    let (now, length) = facts(&connection, &stream).await?;
    let mut stats = Stats::new(query);
    let look = async {
        let mut lane = context.lane().await?;
        let total = length.map(|length| length.min(count_max));
        let mut watching = Watching {
            progress: context.console.progress(total, "looking at entries"),
            stream: &stream,
            out: context.console.out(),
        };
        tokio::select! {
            counted = stats.count(&mut lane, &mut watching) => counted.map(|()| Exit::Done),
            signal = signals.next() => Ok(signal.into()),
        }
    };
    let (header, looked) = Header::beside(&connection, Alerts::Asked, context, look).await;
    let exit = match looked {
        Ok(exit) => exit,
        Err(error) => return Err(named(error, &stream, context).await),
    };
    header.begin(context);
    let report = stats.report(now, length);
    context
        .console
        .show_report(&StatsView(&report), Limit::All)?;
    for warning in stats.warnings() {
        context.console.warn(&warning);
    }
    tell_end(&report, context);
    Ok(exit)
}

/// Warns when not the whole range was read, and suggests the command that shows the entries with the most frequent
/// value.
fn tell_end(report: &StatsReport, context: &Context) {
    let console = &context.console;
    let looked_at = human_count(report.looked_at);
    match report.end {
        StatsEnd::Complete => {}
        StatsEnd::Limit => console.note(&format!(
            "only the newest {looked_at} are looked at; --count N looks at more"
        )),
        StatsEnd::Stopped => console.note(&format!(
            "stopped: {} looked at, the newest of the range",
            in_words(report.looked_at)
        )),
    }
    let first = report.values.as_ref().and_then(|rows| rows.first());
    let Some(first) = first.filter(|it| it.state == ValueState::Shared && !it.is_cut) else {
        return;
    };
    let condition = |(place, value): &(Vec<u8>, Vec<u8>)| {
        let value = std::str::from_utf8(value).ok()?;
        let is_plain = value.len() <= TYPED_MAX && escaped(value.as_bytes()) == value;
        is_plain.then(|| format!("{}={value}", shown_field(place)))
    };
    let conditions: Option<Vec<String>> = first.fields.fields.iter().map(condition).collect();
    if let Some(conditions) = conditions.filter(|_| console.terminal().stdout) {
        let line = CommandLine::new("tail").arg(&report.stream);
        let line = conditions
            .into_iter()
            .fold(line, |line, it| line.option("--where", it));
        console.note(&format!("to see the first of these: {line}"));
    }
}
