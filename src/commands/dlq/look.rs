//! `dlq list` and `dlq show`.

use anyhow::Result;

use super::StreamArgs;
use crate::cli::{self, Impact, Limited, Pairs, Prints};
use crate::commands::shared::Context;
use crate::console::Output;
use crate::exit::Exit;
use crate::model::{CommandLine, EntryId, Format, Limit, Name, Problem};
use crate::streams::dead_letters::{
    COUNTED_MAX, DeadLetter, LetterPager, Letters, Source, find, now_ms, tell_ages, total,
    why_unread,
};
use crate::view::{RowWriter, WholeLetter};
use crate::wire::{self, Connection};

/// List dead letters, the oldest first: where they came from, how often they were tried, and why they failed
///
/// A tombstone (`is_tombstone`) stands for an entry that was trimmed before it was handled. -o wide shows every column,
/// such as AGE, the time since the entry was dead-lettered. When the dead letters of one stream cannot be read, that is
/// a warning, and the others are listed (exit 7).
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::list::<DeadLetter>(), after_help = "\
Examples:
  ucp-streams dlq list
  ucp-streams dlq list events.normalized --reason timeout
  ucp-streams dlq list events.normalized -o json")]
pub(super) struct ListArgs {
    /// The stream, or its dead-letter stream; all of the topology when none is named
    #[arg(value_name = "STREAM", value_parser = cli::name())]
    stream: Option<Name>,

    /// Only what this group could not process
    #[arg(long, value_name = "GROUP", value_parser = cli::name())]
    group: Option<Name>,

    /// Only those whose reason contains this
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// Look at this many per stream at most, the oldest [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    count: Option<u32>,

    #[command(flatten)]
    limit: Limited,

    #[command(flatten)]
    pairs: Pairs,
}

/// Show one dead letter with its fields
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::one::<DeadLetter>(), after_help = "\
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
        count_max: args.count.map_or(usize::MAX, |count| count as usize),
        without_fields: false,
    };
    let now_ms = now_ms(&connection).await?;
    let limit = args.limit.rows().unless_bounded(args.count.is_some());
    let options = context.console.listing(limit);
    let mut listing = Listing {
        context,
        out: context.console.out(),
        writer: RowWriter::new(&options)?,
        rows_max: options.rows_max.unwrap_or(usize::MAX),
        now_ms,
        in_pairs,
        listed: 0,
        cut: Vec::new(),
    };
    let mut unread = Vec::new();
    for source in &sources {
        if let Err(error) = listing.of(&connection, source, &wanted).await {
            let error = error.downcast::<wire::Error>()?;
            unread.push((source, why_unread(&connection, source, error).await?));
        }
    }
    if unread.len() == sources.len() && !unread.is_empty() {
        return Err(unread.swap_remove(0).1);
    }
    listing.end(unread.is_empty())?;
    for (Source { stream, .. }, error) in &unread {
        context.console.warn(&format!(
            "cannot look at the dead letters of `{stream}`: {error}"
        ));
    }
    Ok(Exit::of_parts(!unread.is_empty(), false))
}

/// A list that is shown page by page.
struct Listing<'c> {
    context: &'c Context,
    /// One output for the whole list: a filter of JSON wants it whole.
    out: Output,
    writer: RowWriter<DeadLetter>,
    /// The server's clock.
    now_ms: u64,
    in_pairs: bool,
    /// Rows that are shown of all.
    rows_max: usize,
    listed: usize,
    /// What there is to say of lists that were cut.
    cut: Vec<String>,
}

impl Listing<'_> {
    /// Shows those of one stream.
    async fn of(
        &mut self,
        connection: &Connection,
        source: &Source,
        wanted: &Letters,
    ) -> Result<()> {
        let mut pager = LetterPager::new(connection, source, wanted);
        let mut of_source = 0;
        while let Some(mut page) = pager.page().await? {
            let (asked, room) = (wanted.count_max - of_source, self.rows_max - self.listed);
            let found = page.len();
            page.truncate(asked.min(room));
            of_source += page.len();
            self.show(page)?;
            if found > asked.min(room) {
                let all = total(&mut pager, of_source + found - asked.min(room)).await?;
                self.leave_out(of_source, all, wanted.count_max, source);
                break;
            }
        }
        Ok(())
    }

    /// Says that of `all` dead letters of a stream (`None`: more than are counted) only so many are listed, be it that no more
    /// were asked for, or that no more are shown.
    fn leave_out(&mut self, listed: usize, all: Option<u64>, count_max: usize, source: &Source) {
        if listed == count_max {
            let of = all.map_or_else(String::new, |all| format!(" of {all}"));
            self.cut.push(format!(
                "only the oldest {listed}{of} dead letters of `{}` are listed; --count N lists more",
                source.stream
            ));
            return;
        }
        let most = count_max as u64;
        let all_or_more = all.unwrap_or(COUNTED_MAX as u64).min(most);
        let is_least = all.is_none() && all_or_more < most;
        let beyond = all_or_more.saturating_sub(listed as u64);
        self.writer.leave_out(beyond, is_least);
    }

    fn show(&mut self, mut page: Vec<DeadLetter>) -> Result<()> {
        tell_ages(&mut page, self.now_ms);
        for letter in &mut page {
            letter.fields.in_pairs = self.in_pairs;
        }
        self.listed += page.len();
        self.writer.page(self.out.buffer(), &page)?;
        self.out.settle()
    }

    /// Ends the list, and says what it leaves out; that there is nothing only where all `is_read`.
    fn end(&mut self, is_read: bool) -> Result<()> {
        let console = &self.context.console;
        let cut = self.writer.end(self.out.buffer())?;
        self.out.flush()?;
        console.note_cut(cut);
        if self.listed == 0 && is_read && console.terminal().stdout {
            console.note("no dead letters");
        }
        for text in &self.cut {
            console.note(text);
        }
        Ok(())
    }
}

pub(super) async fn show(args: ShowArgs, context: &Context) -> Result<Exit> {
    let in_pairs = context.in_pairs(args.pairs)?;
    let (connection, source) = args.stream.open(context).await?;
    let wanted = Letters {
        ids: vec![args.id],
        ..Letters::default()
    };
    let mut found = find(&connection, &source, &wanted).await?;
    tell_ages(&mut found.letters, now_ms(&connection).await?);
    let Some(letter) = found.letters.first_mut() else {
        return Err(Problem::not_found(format!(
            "no dead letter {} in `{}`",
            args.id, source.dead_letter
        ))
        .hint(format!(
            "list them with `{}`",
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
            context
                .console
                .show_report(&WholeLetter(letter), Limit::All)?;
        }
        _ => context.console.show_one(letter)?,
    }
    Ok(Exit::Done)
}
