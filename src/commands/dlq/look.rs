//! `dlq list` and `dlq show`.

use anyhow::Result;

use super::StreamArgs;
use crate::cli::{self, Impact, Pairs};
use crate::commands::shared::Context;
use crate::exit::Exit;
use crate::model::{CommandLine, EntryId, Format, Name, Problem};
use crate::streams::dead_letters::{Letters, Source, find, find_in, tell_ages};
use crate::view::WholeLetter;

/// List dead letters, the oldest first: where they came from, how often they were tried, and why they failed
///
/// A tombstone (`is_tombstone`) stands for an entry that was trimmed away before it was handled. Every column,
/// such as AGE, the time since it was set aside, is shown with -o wide. Where the dead letters of one stream cannot be
/// looked at, that is a warning, and the others are listed (exit 7).
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, after_help = "\
Examples:
  ucp-streams dlq list
  ucp-streams dlq list events.normalized --reason timeout
  ucp-streams dlq list events.normalized -o json")]
pub(super) struct ListArgs {
    /// The stream whose dead letters are meant, or its dead-letter stream; all of the topology when none is named
    #[arg(value_name = "STREAM", value_parser = cli::name())]
    stream: Option<Name>,

    /// Only what this group could not process
    #[arg(long, value_name = "GROUP", value_parser = cli::name())]
    group: Option<Name>,

    /// Only those whose reason contains this
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// At most this many per stream
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,

    #[command(flatten)]
    pairs: Pairs,
}

/// Show one dead letter with its fields
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, after_help = "\
Examples:
  ucp-streams dlq show events.normalized 1700000000000-0
  ucp-streams dlq show events.normalized 1700000000000-0 -o json")]
pub(super) struct ShowArgs {
    #[command(flatten)]
    stream: StreamArgs,

    /// Its id in the dead-letter stream
    #[arg(value_name = "ID")]
    id: EntryId,

    #[command(flatten)]
    pairs: Pairs,
}

pub(super) async fn list(args: ListArgs, context: &Context) -> Result<Exit> {
    let in_pairs = context.in_pairs(args.pairs)?;
    let topology = context.topology()?;
    let connection = context.connect().await?;
    let sources = match &args.stream {
        None => Source::all(topology),
        Some(name) => {
            let source = Source::named(topology, name);
            source.require(&connection, topology).await?;
            vec![source]
        }
    };
    let wanted = Letters {
        ids: Vec::new(),
        group: args.group,
        reason: args.reason,
        count_max: args.count as usize,
        without_fields: false,
    };
    let mut found = find_in(&connection, &sources, &wanted).await?;
    let letters = &mut found.letters;
    tell_ages(&connection, letters).await?;
    for letter in letters.iter_mut() {
        letter.fields.in_pairs = in_pairs;
    }
    let console = &context.console;
    console.show(letters)?;
    if letters.is_empty() && found.unread.is_empty() && console.terminal().stdout {
        console.note("no dead letters");
    }
    if found.has_more {
        console.note("only the oldest are listed; --count N lists more");
    }
    for (Source { stream, .. }, error) in &found.unread {
        console.warn(&format!(
            "cannot look at the dead letters of `{stream}`: {error}"
        ));
    }
    Ok(Exit::of_parts(!found.unread.is_empty(), false))
}

pub(super) async fn show(args: ShowArgs, context: &Context) -> Result<Exit> {
    let in_pairs = context.in_pairs(args.pairs)?;
    let (connection, source) = args.stream.open(context).await?;
    let wanted = Letters {
        ids: vec![args.id],
        ..Letters::default()
    };
    let mut found = find(&connection, &source, &wanted).await?;
    tell_ages(&connection, &mut found.letters).await?;
    let Some(letter) = found.letters.first_mut() else {
        return Err(Problem::not_found(format!(
            "no dead letter {} in `{}`",
            args.id, source.dead_letter
        ))
        .hint(format!(
            "see those there are with `{}`",
            CommandLine::new("dlq list").arg(&source.stream)
        ))
        .into());
    };
    letter.fields.in_pairs = in_pairs;
    let letter = &*letter;
    let options = context.console.options();
    let picks = options.names || !options.columns.is_empty();
    match options.format {
        Format::Table | Format::Wide if !picks => {
            context.console.show_report(&WholeLetter(letter))?;
        }
        _ => context.console.show_one(letter)?,
    }
    Ok(Exit::Done)
}
