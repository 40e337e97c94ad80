//! `tail`: prints the newest entries of streams, and follows them.

use anyhow::Result;
use regex::bytes::Regex;

use super::read::{named, note_shown};
use super::shared::Context;
use crate::cli::{Impact, Long, Names, Pairs, Position, Prints, condition, name, names};
use crate::console::{Console, Output, Signals};
use crate::exit::Exit;
use crate::model::{EntryId, FieldCondition, Format, Name, Problem, Time};
use crate::streams::names::{require_streams, without_dead_letters};
use crate::streams::tail::{Filter, Gap, Sink, Unjudged, Window, follow, history};
use crate::view::{EntryStyle, EntryWriter, Options};
use crate::wire::FieldSlices;

/// The greatest width of the stream's name before an entry, in columns.
const STREAM_WIDTH: usize = 24;
/// How many entries of each stream are printed by default.
const ENTRIES: u64 = 10;

/// Print the last entries of streams, and follow them with -f
///
/// Entries of several streams are merged by id. A lost connection does not end -f: it reconnects and continues after
/// the last entry it printed. With -f, JSON is printed as one object per line, and the command waits for streams that
/// do not exist yet.
///
/// Entries that were trimmed from a followed stream before they could be read are reported in their place, by the
/// line `gap stream=S from=ID to=ID count=N`, or as JSON {"gap": {"stream", "from", "to", "count"}}: N entries are
/// missing between the two ids, neither of which is counted. `to` is null (`end`) when no entry is left. `count` is
/// null (`unknown`) when the stream was deleted or recreated; it is then followed from its first entry. With -o csv
/// or --names, a gap is reported by a warning.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::entries(), after_help = "\
Examples:
  ucp-streams tail events.raw -f
  ucp-streams tail events.raw events.normalized -n 3
  ucp-streams tail events.raw --since -10m -f -o json
  ucp-streams tail events.raw --where event_type=purchase \\
      --where payload.total=12.5 --fields brand_id,payload
  ucp-streams tail events.raw -f --grep 'order-[0-9]+'")]
pub(super) struct Args {
    /// Streams to show
    #[arg(value_name = "STREAM", required = true, value_parser = name())]
    streams: Vec<Name>,

    /// The last N entries of each stream that match the filters [default: 10, or all with --since]
    #[arg(short = 'n', long, alias = "entries", value_name = "N")]
    count: Option<u64>,

    /// Wait for more entries and print them as they arrive, until stopped
    #[arg(short, long)]
    pub(super) follow: bool,

    /// Only entries from this position on: a time, -10m, an entry id
    #[arg(long, value_name = "POSITION", allow_hyphen_values = true)]
    since: Option<Position>,

    /// Only entries whose field has this value, or, with !=, does not have it; a path selects a value within JSON:
    /// payload.customer.id=7. When given several times, all conditions must hold
    #[arg(long = "where", value_name = "FIELD=VALUE", value_parser = condition())]
    equal: Vec<FieldCondition>,

    /// Only entries with a value that matches this regular expression
    #[arg(long, value_name = "REGEX")]
    grep: Option<Regex>,

    /// Print only these fields, after the id and, for several streams, the stream's name
    #[arg(long, value_name = "A,B", value_parser = names())]
    fields: Vec<Names>,

    #[command(flatten)]
    long: Long,

    #[command(flatten)]
    pairs: Pairs,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let mut streams: Vec<Name> = Vec::new();
    for stream in args.streams {
        if !streams.contains(&stream) {
            streams.push(stream);
        }
    }
    let options = context.console.options();
    if !args.fields.is_empty() && (options.names || !options.columns.is_empty()) {
        return Err(Problem::usage("--fields cannot be used with --columns or --names").into());
    }
    let in_pairs = context.in_pairs(args.pairs)?;
    require(&streams, args.follow, context).await?;
    let window = Window {
        entries: args.count.or(args.since.is_none().then_some(ENTRIES)),
        since: args.since.map(|since| since.range_start(Time::now().ms)),
        filter: Filter {
            equal: args.equal,
            pattern: args.grep,
        },
    };
    let mut shown = Shown::in_lines(&streams, args.follow, in_pairs, (args.long, context))?
        .only(Names::all(args.fields));
    let mut signals = Signals::catch()?;
    let exit = tokio::select! {
        done = show(&streams, &window, args.follow, &mut shown, context) => match done {
            Ok(()) => Exit::Done,
            Err(error) => return Err(named(error, &streams[0], context).await),
        },
        signal = signals.next() => signal.into(),
    };
    shown.end()?;
    Ok(exit)
}

async fn show(
    streams: &[Name],
    window: &Window,
    follows: bool,
    shown: &mut Shown<'_>,
    context: &Context,
) -> Result<()> {
    let dialer = context.dialer()?;
    let mut lane = dialer.lane().await?;
    let places = history(&mut lane, streams, window, shown).await?;
    if follows {
        follow(&dialer, lane, streams, places, &window.filter, shown).await?;
    }
    Ok(())
}

/// Checks that every name is a stream; with `follows`, it may also not exist yet.
async fn require(streams: &[Name], follows: bool, context: &Context) -> Result<()> {
    let connection = context.connect().await?;
    let topology = context.known_names();
    let console = &context.console;
    for (stream, dead_letters_of) in
        require_streams(&connection, topology, streams, follows).await?
    {
        match dead_letters_of {
            Some(of) => console.warn(&without_dead_letters(stream, &of)),
            None => console.note(&format!(
                "waiting for stream `{stream}`, which does not exist yet"
            )),
        }
    }
    Ok(())
}

/// Prints entries on standard output.
pub(super) struct Shown<'c> {
    streams: &'c [Name],
    console: &'c Console,
    out: Output,
    writer: EntryWriter,
}

impl<'c> Shown<'c> {
    /// For entries of these streams. When following, the output has no end, so JSON is printed as one object per
    /// line.
    pub(super) fn new(
        streams: &'c [Name],
        follows: bool,
        in_pairs: bool,
        console: &'c Console,
    ) -> Self {
        let style = EntryStyle {
            several_streams: streams.len() > 1,
            pairs: in_pairs,
            lines: None,
        };
        Self::styled(streams, follows, style, console.options(), console)
    }

    /// Like [`Shown::new`], but on a terminal each entry takes one line, unless --long was given.
    fn in_lines(
        streams: &'c [Name],
        follows: bool,
        in_pairs: bool,
        (long, context): (Long, &'c Context),
    ) -> Result<Self> {
        let widths = streams.iter().map(|it| it.to_string().chars().count());
        let widest = widths.max().unwrap_or_default().min(STREAM_WIDTH);
        let style = EntryStyle {
            several_streams: streams.len() > 1,
            pairs: in_pairs,
            lines: (!long.long).then_some(widest),
        };
        let options = context.in_length(long)?;
        Ok(Self::styled(
            streams,
            follows,
            style,
            &options,
            &context.console,
        ))
    }

    fn styled(
        streams: &'c [Name],
        follows: bool,
        style: EntryStyle,
        options: &Options,
        console: &'c Console,
    ) -> Self {
        let options = Options {
            // An array that never ends is no JSON.
            format: match options.format {
                Format::Json if follows => Format::Ndjson,
                other => other,
            },
            ..options.clone()
        };
        Self {
            streams,
            console,
            out: console.out(),
            writer: EntryWriter::new(&options, style),
        }
    }

    /// Prints only these fields; all of them when the list is empty.
    fn only(mut self, fields: Vec<Name>) -> Self {
        if !fields.is_empty() {
            self.writer = self.writer.only_fields(fields);
        }
        self
    }

    /// Writes what the format needs at its end.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn end(&mut self) -> Result<()> {
        self.writer.end(self.out.buffer());
        self.out.flush()?;
        note_shown(&self.writer, self.console);
        Ok(())
    }
}

impl Sink for Shown<'_> {
    fn entry(&mut self, stream: usize, id: EntryId, fields: &FieldSlices<'_>) -> Result<()> {
        let name = self.streams[stream].as_bytes();
        self.writer.item(self.out.buffer(), name, id, fields);
        self.out.settle()
    }

    fn unjudged(&mut self, stream: usize, id: EntryId, why: &Unjudged) -> Result<()> {
        let stream = &self.streams[stream];
        self.out.leaves_out(stream, id, &why.to_string());
        Ok(())
    }

    fn gap(&mut self, stream: usize, gap: &Gap) -> Result<()> {
        if self
            .writer
            .gap(self.out.buffer(), self.streams[stream].as_bytes(), gap)
        {
            return self.out.settle();
        }
        self.console.warn(&gap.text(&self.streams[stream]));
        Ok(())
    }

    fn pause(&mut self) -> Result<()> {
        self.out.flush()
    }

    fn unwritten(&mut self) -> Vec<EntryId> {
        self.out.take_unwritten()
    }

    fn note(&mut self, text: &str) {
        self.console.note(text);
    }
}
