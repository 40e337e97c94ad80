//! `get`: prints one entry.

use anyhow::Result;

use super::read::note_shown;
use super::shared::Context;
use crate::cli::{Impact, Pairs, Position, Prints, name};
use crate::exit::Exit;
use crate::model::{Edge, Format, Name, Problem, Time};
use crate::streams::read::{self, Place};
use crate::view::{EntryStyle, EntryWriter, Options, indent_json};

/// Print one entry of a stream
///
/// Instead of an id, you can give any other position: `start` is the first entry, `end` the last, and `-3` the third
/// from the end; a time, or `-15m` for that long ago, is the first entry that was added at that time or later. When
/// there is no such entry, the command exits 3 and says which ids the stream has.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::entry(), after_help = "\
Examples:
  ucp-streams get events.raw 1700000000000-0
  ucp-streams get events.raw -1 -o json")]
pub(super) struct Args {
    /// The stream that has the entry
    #[arg(value_name = "STREAM", value_parser = name())]
    stream: Name,

    /// The entry's id, `<ms>-<seq>`, or another position
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    id: Position,

    #[command(flatten)]
    pairs: Pairs,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let Args { stream, id, pairs } = args;
    let style = EntryStyle {
        pairs: context.in_pairs(pairs)?,
        ..EntryStyle::default()
    };
    let connection = context.connect().await?;
    let (names, mut lane) = (context.known_names(), context.lane().await?);
    let entry = read::get(&connection, &mut lane, names, &stream, place(id)?).await?;
    // One entry is an object, not an array of one: what a line of ndjson holds.
    let options = context.console.options();
    let single = Options {
        format: match options.format {
            Format::Json => Format::Ndjson,
            other => other,
        },
        ..options.clone()
    };
    let mut text = Vec::new();
    let mut writer = EntryWriter::new(&single, style);
    writer.item(&mut text, stream.as_bytes(), entry.id, &entry.fields);
    writer.end(&mut text);
    if options.format == Format::Json && options.terminal {
        let mut indented = Vec::new();
        indent_json(&mut indented, text.trim_ascii_end(), 0);
        indented.push(b'\n');
        text = indented;
    }
    context.console.put(&text)?;
    note_shown(&writer, &context.console);
    Ok(Exit::Done)
}

pub(super) fn place(position: Position) -> Result<Place, Problem> {
    if let Position::Id(id) = position {
        return Ok(Place::Id(id));
    }
    match position.range_start(Time::now().ms) {
        _ if position == Position::End => Ok(Place::FromEnd(1)),
        Edge::FromEnd(0) => Err(Problem::usage(
            "`-0` is after the last entry: `-1` is the last",
        )),
        Edge::FromEnd(entries) => Ok(Place::FromEnd(entries)),
        Edge::Id(id) => Ok(Place::From(id)),
    }
}
