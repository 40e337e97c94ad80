//! `trace`: one event across streams.

use std::ffi::OsString;

use anyhow::Result;

use super::shared::Context;
use super::shared::failure::told_of_denied;
use super::shared::header::{Alerts, Header};
use crate::cli::{Impact, Limited, Position, Prints, bytes_of, name};
use crate::console::{Signals, Stop};
use crate::exit::Exit;
use crate::model::{CommandLine, EntryId, Limit, Name, Problem, Time, entries, escaped};
use crate::streams::inspect::Denied;
use crate::streams::search::{SearchEnd, Searched, Searcher};
use crate::streams::trace::{FOUND_MAX, Trace, TraceQuery, TraceReport};
use crate::topology::Topology;
use crate::view::{Report as _, human_count, searched_text};
use crate::wire::Connection;

/// Follow one event across streams, by the value of a field
///
/// Searches the streams of the topology, the streams that their handlers write to, and all dead-letter streams for
/// entries whose field has this value. Lists these entries in the order in which they were added. LATER is the time
/// from one entry to the next, by their ids. For each entry, the standing with the groups of its stream is shown as in
/// `explain`.
///
/// In each stream, at most --count entries since --since are read, the newest first, and the newest 100 matches are
/// listed. The output says how far each stream was searched. When no entry has the value, the exit code is 3. Ctrl-C
/// shows what was found so far (exit 130). Streams that the user may not read are named in warnings (exit 7).
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::of::<TraceReport>(TraceReport::TABLES), after_help = "\
Examples:
  ucp-streams trace e --since start
  ucp-streams trace p --field profile_id --since 2023-01-01T00:00:00Z
  ucp-streams trace order-17 --field payload.note --since start --count 10000
  ucp-streams trace e --jq '.hops[] | [.stream, .id, .latency_ms]'")]
pub(super) struct Args {
    /// The value: an event's id, unless --field names another field
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    value: OsString,

    /// The field that has the value; a path selects a value within JSON: payload.order.number
    #[arg(long, value_name = "FIELD", default_value = "event_id", value_parser = name())]
    field: Name,

    /// Search entries from this position on: a time, -10m, an entry id, start
    #[arg(
        long,
        value_name = "POSITION",
        default_value = "-24h",
        allow_hyphen_values = true
    )]
    since: Position,

    /// Search at most this many entries of each stream, the newest
    #[arg(long, value_name = "N", default_value = "1000000", value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,

    #[command(flatten)]
    limit: Limited,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let value = bytes_of(args.value)
        .map_err(|text| Problem::usage(format!("`{text}` is not Unicode text")))?;
    let query = TraceQuery {
        field: args.field,
        value,
        since: args.since.range_start(Time::now().ms),
        count_max: args.count as usize,
    };
    let topology = context.topology()?;
    let connection = context.connect().await?;
    let look = look(query.clone(), &connection, topology, context);
    let (header, looked) = Header::beside(&connection, Alerts::Asked, context, look).await;
    let looked = looked?;
    let console = &context.console;
    match looked {
        Looked::Nothing { searched, denied } => {
            told_of_denied(&denied, context);
            Err(found_nowhere(&query, &searched).into())
        }
        Looked::Stopped { report, stop } => {
            header.begin(context);
            show(&report, args.limit.rows(), context)?;
            console.warn("stopped before the search was complete; the standing of the entries with groups was not looked up");
            for it in &report.searched {
                console.note(&searched_text(it, report.since));
            }
            Ok(stop.into())
        }
        Looked::Found { report, denied } => {
            header.begin(context);
            show(&report, args.limit.rows(), context)?;
            Ok(told_of_denied(&denied, context))
        }
    }
}

/// How the search ended.
enum Looked {
    Found {
        report: TraceReport,
        denied: Vec<Denied>,
    },
    Stopped {
        report: TraceReport,
        stop: Stop,
    },
    Nothing {
        searched: Vec<Searched>,
        denied: Vec<Denied>,
    },
}

async fn look(
    query: TraceQuery,
    connection: &Connection,
    topology: &Topology,
    context: &Context,
) -> Result<Looked> {
    let dialer = context.dialer()?;
    let progress = context.console.progress(None, "looking through entries");
    let told = |entries| progress.advance(entries);
    let mut searcher = Searcher::new(&dialer, &told);
    let mut trace = Trace::new(query);
    let mut signals = Signals::catch()?;
    let stop = tokio::select! {
        done = trace.search(&mut searcher, topology) => {
            done?;
            None
        }
        stop = signals.next() => Some(stop),
    };
    if let Some(stop) = stop {
        let report = trace.found(Time::now());
        return Ok(Looked::Stopped { report, stop });
    }
    if trace.is_empty() {
        if trace.searched().len() == searcher.denied.len()
            && let Some(first) = searcher.denied.drain(..).next()
        {
            return Err(first.error.into());
        }
        return Ok(Looked::Nothing {
            searched: trace.searched().to_vec(),
            denied: searcher.denied,
        });
    }
    let report = tokio::select! {
        report = trace.clone().report(&mut searcher, connection, topology) => report?,
        stop = signals.next() => {
            let report = trace.found(Time::now());
            return Ok(Looked::Stopped { report, stop });
        }
    };
    Ok(Looked::Found {
        report,
        denied: searcher.denied,
    })
}

fn show(report: &TraceReport, limit: Limit, context: &Context) -> Result<()> {
    let console = &context.console;
    console.show_report(report, limit)?;
    if report.has_more {
        console.note(&format!(
            "only the newest {FOUND_MAX} matches of a stream are listed, and there are more; a later --since or another --field narrows the search"
        ));
    }
    if report.unjudged > 0 {
        console.warn(&format!(
            "{} could not be compared, because `{}` is a path into a value that is not JSON",
            entries(report.unjudged),
            report.field
        ));
    }
    Ok(())
}

/// The error that no entry has the value. It says what was searched and what else to try.
fn found_nowhere(query: &TraceQuery, searched: &[Searched]) -> Problem {
    let value = escaped(&query.value);
    let looked: Vec<String> = searched
        .iter()
        .map(|it| match it.end {
            SearchEnd::Denied => format!("none of `{}` (not allowed)", it.stream),
            _ => format!("{} of `{}`", human_count(it.looked_at), it.stream),
        })
        .collect();
    let is_cut = searched.iter().any(|it| !it.is_whole());
    let problem = Problem::not_found(format!(
        "no entry has {}={value}; searched {}",
        query.field,
        looked.join(", ")
    ));
    if let Ok(id) = EntryId::parse(&query.value)
        && query.value.contains(&b'-')
    {
        let line = CommandLine::new("explain")
            .blank("STREAM")
            .arg(id.to_string());
        return problem.hint(format!("that is an entry id: `{line}` explains one entry"));
    }
    let more = if is_cut {
        "a greater --count searches more of each stream, "
    } else {
        ""
    };
    problem.hint(format!(
        "{more}--since start searches everything that still exists, and --field names a field other than `{}`",
        query.field
    ))
}
