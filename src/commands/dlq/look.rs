//! `dlq list` and `dlq show`.

use anyhow::Result;

use super::StreamArgs;
use crate::cli::{self, Impact, Limited, Pairs, Prints, PrintsWith, condition};
use crate::commands::shared::Context;
use crate::commands::shared::header::{Alerts, Header};
use crate::console::{Console, Output};
use crate::exit::Exit;
use crate::model::{
    CommandLine, EntryId, FieldCondition, Format, Limit, Name, Problem, with_commas,
};
use crate::streams::dead_letters::{
    COUNTED_MAX, Common, DeadLetter, LetterPager, Letters, Source, find, now_ms, tell_ages, total,
    why_unread,
};
use crate::streams::names::require_letters;
use crate::streams::pending::Cluster;
use crate::streams::tail::Filter;
use crate::view::{RowWriter, WholeLetter, human_count};
use crate::wire::{self, Connection};

/// List dead letters, the oldest first: where they came from, how often they were tried, and why they failed
///
/// AGE is the time since the entry was moved to the dead-letter stream. REASON is the last line of the reason that has
/// text; JSON has the whole reason. On a terminal, the columns STREAM and GROUP are shown only when they differ between
/// rows. A tombstone (`is_tombstone`) stands for an entry that was trimmed before it was handled. -o wide shows every
/// column. When the dead letters of one stream cannot be read, they are named in a warning, and those of the other
/// streams are listed (exit 7).
///
/// --where and --by accept fields of the entry, paths into fields that hold JSON, and `reason` (its last line),
/// `group`, `stream` and `consumer` of the dead letter.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::list::<DeadLetter>(), add = PrintsWith { option: "by", prints: Prints::list::<Cluster>() }, after_help = "\
Examples:
  ucp-streams dlq list
  ucp-streams dlq list events.normalized --reason timeout
  ucp-streams dlq list events.normalized --by reason,brand_id
  ucp-streams dlq list events.normalized --where brand_id=aurora -o json")]
pub(super) struct ListArgs {
    /// The stream, or its dead-letter stream; all streams of the topology when none is named
    #[arg(value_name = "STREAM", value_parser = cli::name())]
    stream: Option<Name>,

    /// Only dead letters of this group
    #[arg(long, value_name = "GROUP", value_parser = cli::name())]
    group: Option<Name>,

    /// Only dead letters whose reason contains this text
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// Only dead letters whose field has this value, or, with !=, does not have it; a path selects a value within JSON:
    /// payload.customer.id=7. When given several times, all conditions must hold
    #[arg(long = "where", value_name = "FIELD=VALUE", value_parser = condition())]
    equal: Vec<FieldCondition>,

    /// Count the dead letters by the values of these fields (of the 10,000 oldest)
    #[arg(long, value_name = "FIELD,FIELD", value_parser = cli::names())]
    by: Vec<cli::Names>,

    /// Read at most this many dead letters of each stream, the oldest [default: all]
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

    /// The dead letter's id in the dead-letter stream
    #[arg(value_name = "ID")]
    id: EntryId,

    #[command(flatten)]
    pairs: Pairs,
}

pub(super) async fn list(args: ListArgs, context: &Context) -> Result<Exit> {
    let in_pairs = context.in_pairs(args.pairs)?;
    let topology = context.topology()?;
    let connection = context.connect().await?;
    let look = async {
        let sources = match &args.stream {
            None => Source::all(topology),
            Some(name) => {
                let source = Source::named(topology, name);
                require_letters(&connection, topology, &source).await?;
                vec![source]
            }
        };
        anyhow::Ok((sources, now_ms(&connection).await?))
    };
    let (header, looked) = Header::beside(&connection, Alerts::Asked, context, look).await;
    let (sources, now_ms) = looked?;
    header.begin(context);
    let wanted = Letters {
        ids: Vec::new(),
        group: args.group,
        reason: args.reason,
        count_max: args.count.map_or(usize::MAX, |count| count as usize),
        filter: Filter {
            equal: args.equal,
            pattern: None,
        },
        without_fields: false,
    };
    let by = cli::Names::all(args.by);
    if !by.is_empty() {
        let counted = Counted {
            sources: &sources,
            wanted: &wanted,
            by: &by,
        };
        return counted.show(&connection, args.limit.rows(), context).await;
    }
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
        first: None,
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
            "cannot read the dead letters of `{stream}`: {error}"
        ));
    }
    Ok(Exit::of_parts(!unread.is_empty(), false))
}

/// A list that is shown page by page.
struct Listing<'c> {
    context: &'c Context,
    /// One output for the whole list, because a JSON filter needs the whole list at once.
    out: Output,
    writer: RowWriter<DeadLetter>,
    /// The server's clock.
    now_ms: u64,
    in_pairs: bool,
    /// The greatest number of rows to show.
    rows_max: usize,
    listed: usize,
    /// The first that is listed, with its stream.
    first: Option<(Name, EntryId)>,
    /// The notes about lists that were cut short.
    cut: Vec<String>,
}

impl Listing<'_> {
    /// Shows the dead letters of one stream.
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
            if self.first.is_none() {
                self.first = page.first().map(|it| (source.stream.clone(), it.id));
            }
            self.show(page)?;
            self.leave_doubts(&mut pager, source);
            if found > asked.min(room) {
                let all = total(&mut pager, of_source + found - asked.min(room)).await?;
                self.leave_out(of_source, all, wanted.count_max, source);
                break;
            }
        }
        Ok(())
    }

    /// Warns about dead letters that could not be tested against the conditions.
    fn leave_doubts(&mut self, pager: &mut LetterPager<'_>, source: &Source) {
        for doubt in pager.take_doubts() {
            let why = doubt.why.to_string();
            self.out.leaves_out(&source.dead_letter, doubt.id, &why);
        }
    }

    /// Notes that only `listed` of `all` dead letters of a stream (`None`: more than were counted) are shown, either
    /// because no more were requested or because no more rows are shown.
    fn leave_out(&mut self, listed: usize, all: Option<u64>, count_max: usize, source: &Source) {
        if listed == count_max {
            let of = all.map_or_else(String::new, |all| format!(" of {}", human_count(all)));
            self.cut.push(format!(
                "only the oldest {}{of} dead letters of `{}` are listed; --count N lists more",
                with_commas(listed),
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

    /// Ends the list and prints its notes. It says that there are no dead letters only when all streams could be read
    /// (`is_read`).
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
        if console.options().terminal && !console.options().names {
            self.tell_next()?;
        }
        Ok(())
    }

    /// Says what to type about what is listed: one is looked at and tried again, several are counted first.
    fn tell_next(&self) -> Result<()> {
        let console = &self.context.console;
        let Some((stream, id)) = &self.first else {
            return Ok(());
        };
        let of = |command| CommandLine::new(command).arg(stream);
        if self.listed > 1 {
            let by = self.context.topology()?.reasons_by(stream);
            let next = of("dlq list").option("--by", by);
            console.note(&format!(
                "to count them by what they have in common: {next}"
            ));
            return Ok(());
        }
        let id = id.to_string();
        console.note(&format!(
            "to see all of it: {}",
            of("dlq show").arg(id.clone())
        ));
        console.note(&format!(
            "to try it again, once that can succeed: {}",
            of("dlq redrive").arg(id)
        ));
        Ok(())
    }
}

/// Dead letters that are counted instead of listed.
struct Counted<'a> {
    sources: &'a [Source],
    wanted: &'a Letters,
    by: &'a [Name],
}

impl Counted<'_> {
    /// Shows the counts by their common values.
    async fn show(&self, connection: &Connection, limit: Limit, context: &Context) -> Result<Exit> {
        let console = &context.console;
        let mut common = Common::new(self.by);
        let out = console.out();
        for source in self.sources {
            for doubt in common.count(connection, source, self.wanted).await? {
                out.leaves_out(&source.dead_letter, doubt.id, &doubt.why.to_string());
            }
        }
        let (looked_at, has_more) = (common.looked_at, common.has_more);
        let shown_max = limit.rows_max(console.options().on_screen());
        // The rest of them is a row as well.
        let rows = common.rows(shown_max.map_or(usize::MAX, |rows| rows.saturating_sub(1).max(1)));
        console.show(&rows, Limit::All)?;
        if has_more {
            console.note(&format!(
                "only the oldest {} are counted; --count N counts fewer",
                human_count(looked_at)
            ));
        }
        if console.options().terminal && !console.options().names {
            self.tell_next(rows.first(), console);
        }
        Ok(Exit::Done)
    }

    /// Shows the command that redrives the most frequent group of dead letters.
    fn tell_next(&self, first: Option<&Cluster>, console: &Console) {
        let ([source], Some(first)) = (self.sources, first) else {
            return;
        };
        let line = CommandLine::new("dlq redrive").arg(&source.stream);
        let condition =
            |(name, value): &(Vec<u8>, Vec<u8>)| [name.as_slice(), b"=", value].concat();
        let conditions = first.fields.fields.iter().map(condition);
        let line = conditions.fold(line, |line, it| {
            line.option("--where", String::from_utf8_lossy(&it).into_owned())
        });
        console.note(&format!("to redrive the first of these: {line}"));
    }
}

pub(super) async fn show(args: ShowArgs, context: &Context) -> Result<Exit> {
    let in_pairs = context.in_pairs(args.pairs)?;
    let (connection, source) = args.stream.open(context).await?;
    let wanted = Letters {
        ids: vec![args.id],
        ..Letters::default()
    };
    let (mut letters, _) = find(&connection, &source, &wanted).await?;
    tell_ages(&mut letters, now_ms(&connection).await?);
    let Some(letter) = letters.first_mut() else {
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
            let whole = WholeLetter {
                letter,
                stream: &source.stream,
            };
            context.console.show_report(&whole, Limit::All)?;
        }
        _ => context.console.show_one(letter)?,
    }
    Ok(Exit::Done)
}
