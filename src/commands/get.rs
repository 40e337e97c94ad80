//! `get`: one entry.

use anyhow::Result;

use super::shared::Context;
use crate::cli::{Pairs, name};
use crate::exit::Exit;
use crate::model::{EntryId, Format, Name};
use crate::streams::read;
use crate::view::{EntryStyle, EntryWriter, Options, indent_json};

/// Print one entry of a stream
///
/// Where there is no such entry, exit 3 says which ids there are.
#[derive(Debug, clap::Args)]
#[command(add = crate::cli::Impact::Read, after_help = "\
Examples:
  ucp-streams get events.raw 1700000000000-0
  ucp-streams get events.raw 1700000000000-0 -o json")]
pub(super) struct Args {
    /// Stream the entry is in
    #[arg(value_name = "STREAM", value_parser = name())]
    stream: Name,

    /// The entry's id, `<ms>-<seq>`
    #[arg(value_name = "ID")]
    id: EntryId,

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
    let entry = read::get(&connection, context.topology()?, &stream, id).await?;
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
    Ok(Exit::Done)
}
