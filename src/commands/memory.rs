//! `memory`: how much memory the streams of a server use, and how much of it trimming would free.

use anyhow::Result;

use super::shared::Context;
use super::shared::failure::told_of_refused;
use super::shared::header::{Alerts, Header};
use super::shared::watch::repeatedly;
use crate::cli::{Impact, Limited, Prints, Watched, count, name};
use crate::console::{Console, Progress, Signals};
use crate::exit::Exit;
use crate::model::{CommandLine, Name, counted};
use crate::streams::memory::{HoldState, Memory, MemoryEnd, MemoryQuery, MemoryReport, Watch};
use crate::streams::names::{require_streams, without_dead_letters};
use crate::view::{MemoryView, Report, human_count};

/// How many groups that have never read are named in warnings.
const NAMED_MAX: usize = 5;
/// Trimming is suggested where it frees at least a mebibyte: of less, it may free nothing, as the server trims whole
/// nodes.
const WORTH_BYTES: u64 = 1 << 20;

/// Show the memory that streams use, and what trimming would free
///
/// Lists every stream of the database, the largest first, then the totals of the streams, the server's memory and the
/// number of its other keys. TRIMMABLE counts the entries that every group has read and acknowledged: a number, a bound
/// (>=, <=) when counting stopped after 10,000 entries, or unknown (?). ~FREES is their share of the stream's bytes,
/// which is an estimate. HELD BACK BY names the group that has read or acknowledged the least, because of which later
/// entries must be kept. A stream without groups has no such figures, because it is unknown who has read it. The
/// command changes nothing.
///
/// Streams are found by scanning the keys (SCAN with TYPE stream), 1,000,000 of them unless --keys says otherwise.
/// Figures that the user may not read are shown as unknown, and a warning names them (exit 7). With -o plain, csv and
/// ndjson the streams are printed; --columns can select the totals instead. Without
/// --watch, Ctrl-C prints what was read so far.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::of::<MemoryReport>(MemoryView::TABLES), after_help = "\
Examples:
  ucp-streams memory
  ucp-streams memory events.raw events.normalized
  ucp-streams memory --keys 10000000 --samples 500 --limit 0
  ucp-streams memory -o csv --columns stream,bytes,trimmable,held_back_by
  ucp-streams memory --jq '.streams[] | {stream, bytes, trimmable}'")]
pub(super) struct Args {
    /// The streams to list; all streams of the database when none is named
    #[arg(value_name = "STREAM", value_parser = name())]
    streams: Vec<Name>,

    /// Scan at most this many keys for streams
    #[arg(long, value_name = "N", default_value = "1000000", value_parser = count(u64::MAX))]
    keys: u64,

    /// The server estimates a stream's memory from this many of its nodes
    #[arg(long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    samples: u32,

    #[command(flatten)]
    limit: Limited,

    #[command(flatten)]
    watched: Watched,
}

/// Shows the progress.
struct Watching<'c> {
    console: &'c Console,
    progress: Option<Progress>,
}

impl Watching<'_> {
    fn begins(&mut self, all: Option<u64>, label: &str) {
        // The one before leaves the screen first.
        self.progress = None;
        self.progress = Some(self.console.progress(all, label));
    }
}

impl Watch for Watching<'_> {
    fn begins_with_keys(&mut self, all: Option<u64>) {
        self.begins(all, "looking through keys");
    }

    fn begins_with_streams(&mut self, all: u64) {
        self.begins(Some(all), "looking at streams");
    }

    fn advances(&mut self, count: u64) {
        if let Some(progress) = &self.progress {
            progress.advance(count);
        }
    }
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    repeatedly(args.watched, context, async || show(&args, context).await).await
}

async fn show(args: &Args, context: &Context) -> Result<Exit> {
    let mut signals = Signals::catch()?;
    let connection = context.connected().await?;
    let topology = context.known_names();
    let missing = require_streams(&connection, topology, &args.streams, false).await?;
    for (stream, of) in missing {
        if let Some(of) = of {
            context.console.warn(&without_dead_letters(stream, &of));
        }
    }
    let mut memory = Memory::new(MemoryQuery {
        named: args.streams.clone(),
        keys_max: args.keys,
        samples: args.samples,
    });
    let look = async {
        let mut watching = Watching {
            console: &context.console,
            progress: None,
        };
        tokio::select! {
            seen = memory.look(&connection, topology, &mut watching) => seen.map(|()| Exit::Done),
            signal = signals.next() => Ok(signal.into()),
        }
    };
    let (header, looked) = Header::beside(&connection, Alerts::Asked, context, look).await;
    let exit = looked?;
    header.begin(context);
    let report = memory.report();
    let view = MemoryView(&report);
    context.console.show_report(&view, args.limit.rows())?;
    tell_end(&report, args.keys, context);
    tell_never_read(&report, context);
    tell_next(&report, context)?;
    let (refused, beyond) = memory.refused();
    Ok(told_of_refused(refused, beyond, context).and(exit))
}

/// Warns when not all streams are listed, and says why.
fn tell_end(report: &MemoryReport, keys: u64, context: &Context) {
    match report.end {
        MemoryEnd::Complete | MemoryEnd::Named | MemoryEnd::Denied => {}
        MemoryEnd::Limit => context.console.note(&format!(
            "only {} keys were scanned, so streams may be missing; --keys N scans more",
            human_count(keys)
        )),
        MemoryEnd::Stopped => context.console.note(&format!(
            "stopped after {}",
            counted(report.stream_count, "stream", "streams")
        )),
    }
}

/// Suggests the command that shows which entries take the memory of the largest stream, and the one that trims where
/// this frees the most.
fn tell_next(report: &MemoryReport, context: &Context) -> Result<()> {
    let options = context.console.options();
    let streams = report.streams.iter();
    let most = { streams }.max_by_key(|it| it.frees_bytes.unwrap_or(0));
    if let Some(most) = most.filter(|it| it.frees_bytes >= Some(WORTH_BYTES))
        && options.terminal
        && !options.names
    {
        context.console.note(&format!(
            "to trim what every group of `{}` has read and acknowledged: {}",
            most.stream,
            CommandLine::new("trim").arg(&most.stream).flag("--read")
        ));
    }
    let Some(largest) = report.streams.first().filter(|it| it.length != Some(0)) else {
        return Ok(());
    };
    if options.terminal && !options.names {
        let next = CommandLine::new("stats").arg(&largest.stream);
        let next = match context.topology()?.owner_field(&largest.stream) {
            Some(field) => next.option("--by", field),
            None => next,
        };
        context
            .console
            .note(&format!("to see what fills `{}`: {next}", largest.stream));
    }
    Ok(())
}

/// Names the groups that hold entries back and have never read. Such a group may be forgotten.
fn tell_never_read(report: &MemoryReport, context: &Context) {
    let streams = report.streams.iter();
    let mut found = { streams }.filter(|it| it.state == HoldState::NeverRead);
    for row in found.by_ref().take(NAMED_MAX) {
        if let Some(group) = &row.held_back_by {
            let line = CommandLine::new("groups delete").arg(group);
            context.console.note(&format!(
                "group `{group}` has never read stream `{}`, so its entries must be kept; if the group is not needed: {}",
                row.stream,
                line.option("--stream", &row.stream)
            ));
        }
    }
    let more = found.count();
    if more > 0 {
        context.console.note(&format!(
            "{} must keep entries for a group that has never read; -o json lists all of them",
            counted(more, "more stream", "more streams")
        ));
    }
}
