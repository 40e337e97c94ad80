//! `read`: prints a range of a stream.

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueHint;

use super::shared::Context;
use super::shared::archives::{Expanded, open};
use crate::archive::{self, ArchivedStream};
use crate::cli::{Impact, Long, Pairs, Position, Prints, count, name};
use crate::console::Console;
use crate::exit::Exit;
use crate::model::{Edge, Name, Problem, Time, entries as in_words, shown_field};
use crate::streams::names::{explain, require_unless_dead_letters, without_dead_letters};
use crate::streams::read::{self, Range};
use crate::view::{EntryStyle, EntryWriter};
use crate::wire;

/// Print a stream's entries from START to END
///
/// A position is an entry id, `start`, `end`, a time (RFC 3339, unix seconds or milliseconds), `-15m` for that long
/// ago, or `-100` for that many entries from the end. When END is a time, its whole millisecond is included. With
/// --reverse you may give the two positions in either order.
#[expect(clippy::doc_markdown, reason = "the docs are the help text")]
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::entries(), after_help = "\
Examples:
  ucp-streams read events.raw -100
  ucp-streams read events.raw -15m end -o ndjson
  ucp-streams read events.raw 2026-01-31T09:00:00Z 2026-01-31T10:00:00Z \\
      --reverse --count 5
  ucp-streams read events.raw -100 --archive archive")]
pub(super) struct Args {
    /// Stream to read
    #[arg(value_name = "STREAM", value_parser = name())]
    stream: Name,

    /// Where to begin
    #[arg(
        value_name = "START",
        default_value = "start",
        allow_hyphen_values = true
    )]
    start: Position,

    /// Where to end; this position is included
    #[arg(value_name = "END", default_value = "end", allow_hyphen_values = true)]
    end: Position,

    /// Print at most this many entries
    #[arg(short = 'n', long, value_name = "N", value_parser = count(u64::MAX))]
    count: Option<u64>,

    /// Print the newest entries first
    #[arg(long)]
    reverse: bool,

    /// Read what was archived there instead: a directory, or s3://BUCKET/PREFIX
    #[arg(long, value_name = "SRC", value_hint = ValueHint::DirPath)]
    archive: Option<PathBuf>,

    #[command(flatten)]
    expanded: Expanded,

    #[command(flatten)]
    long: Long,

    #[command(flatten)]
    pairs: Pairs,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let stream = &args.stream;
    let now_ms = Time::now().ms;
    let (start, end) = if args.reverse {
        earlier_first(args.start, args.end, now_ms)
    } else {
        (args.start, args.end)
    };
    let range = Range {
        start: start.range_start(now_ms),
        end: end.range_end(now_ms),
        reverse: args.reverse,
        count_max: args.count.map_or(usize::MAX, |count| {
            usize::try_from(count).unwrap_or(usize::MAX)
        }),
    };
    if is_backwards(range.start, range.end) {
        return Err(backwards("; --reverse prints the newest first").into());
    }
    let style = EntryStyle {
        pairs: context.in_pairs(args.pairs)?,
        lines: (!args.long.long).then_some(0),
        ..EntryStyle::default()
    };
    let mut out = context.console.out();
    let mut writer = EntryWriter::new(&context.in_length(args.long)?, style);
    if let Some(place) = &args.archive {
        let destination = open(place)?;
        let archived = ArchivedStream {
            destination: &destination,
            stream,
            expanded_max: args.expanded.bytes,
        };
        let range = archive::Range {
            start: range.start,
            end: range.end,
            reverse: range.reverse,
            count_max: range.count_max,
        };
        let read = archived.read(range, |entry| {
            writer.item(out.buffer(), stream.as_bytes(), entry.id, &entry.fields);
            out.settle()
        });
        if let Err(error) = read.await {
            // What stands before the damage is read.
            out.flush()?;
            return Err(error);
        }
        writer.end(out.buffer());
        out.flush()?;
        note_shown(&writer, &context.console);
        return Ok(Exit::Done);
    }
    let mut lane = context.lane().await?;
    let outcome = read::read(&mut lane, stream, range, |id, fields| {
        writer.item(out.buffer(), stream.as_bytes(), id, fields);
        out.settle()
    });
    match outcome.await {
        Ok(0) => {
            let connection = context.connect().await?;
            let topology = context.known_names();
            let missing = require_unless_dead_letters(&connection, topology, stream).await?;
            if let Some(of) = missing {
                context.console.warn(&without_dead_letters(stream, &of));
            }
        }
        Ok(_) => {}
        Err(error) => return Err(named(error, stream, context).await),
    }
    writer.end(out.buffer());
    out.flush()?;
    note_shown(&writer, &context.console);
    Ok(Exit::Done)
}

/// The same positions with the earlier one first: with --reverse the later one may come first, as it does for
/// XREVRANGE.
fn earlier_first(start: Position, end: Position, now_ms: u64) -> (Position, Position) {
    let edges = (start.range_start(now_ms), end.range_end(now_ms));
    let is_later = match (start, end) {
        (Position::End, _) | (_, Position::Start) => start != end,
        _ => is_backwards(edges.0, edges.1),
    };
    if is_later { (end, start) } else { (start, end) }
}

/// Whether a range is empty, whatever is in the stream.
pub(super) fn is_backwards(start: Edge, end: Edge) -> bool {
    match (start, end) {
        (Edge::Id(start), Edge::Id(end)) => start > end,
        // Counted from the end, where 0 is after the last entry.
        (Edge::FromEnd(start), Edge::FromEnd(end)) => start < end,
        _ => false,
    }
}

/// The error for an empty range; `or_else` names another way to correct the command.
pub(super) fn backwards(or_else: &str) -> Problem {
    Problem::usage("START is after END, so there is nothing between them")
        .hint(format!("give the earlier position first{or_else}"))
}

/// Warns when no entry had a requested field, which is then most likely misspelt, and when the order of fields was
/// not kept.
pub(super) fn note_shown(writer: &EntryWriter, console: &Console) {
    let regrouped = writer.regrouped();
    if regrouped > 0 {
        console.warn(&format!(
            "in {}, the values of a repeated field are separated by other fields; they are grouped here, and --pairs \
                keeps the order",
            in_words(regrouped)
        ));
    }
    for field in writer.unseen() {
        let field = shown_field(field.as_bytes());
        console.note(&format!("no entry has a field `{field}`"));
    }
}

/// The server's error, or a better one when `stream` is not a stream.
pub(super) async fn named(error: anyhow::Error, stream: &Name, context: &Context) -> anyhow::Error {
    let error = match error.downcast::<wire::Error>() {
        Ok(error) if error.kind == wire::ErrorKind::WrongType => error,
        Ok(error) => return error.into(),
        Err(error) => return error,
    };
    match context.connect().await {
        Ok(connection) => explain(&connection, context.known_names(), stream, error).await,
        Err(_) => error.into(),
    }
}
