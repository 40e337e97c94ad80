//! `archive`: keeps the entries of streams in files, lists what an archive has, and checks it.

mod export;
mod follow;
mod ls;
mod then_trim;
mod verify;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Subcommand, ValueHint};

use self::follow::{Following, follow};
use super::read::named;
use super::shared::Context;
use super::shared::archives::open_to_write;
use crate::archive::{Writer, newest_groups};
use crate::cli::{self, DryRun, Impact, ImpactWith, Position, Prints, PrintsPlan, parse_duration};
use crate::exit::Exit;
use crate::model::{LogFormat, Name, Problem, Time, entries};
use crate::streams::archive::{Archived, Source, ThenTrim, Wanted, archive};
use crate::streams::names::require_stream;

/// How often what was added may be archived.
const EVERY: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_hours(1);

/// Keep the entries of a stream in files, after those that are there
///
/// Writes the entries that the archive in DEST does not have yet, and a snapshot of the stream's groups with what they have
/// pending. Run it again, from cron for example, and it goes on where it ended, wherever it was cut off. A file is never
/// written again: two archivers of one stream do not harm each other. What was trimmed before it could be archived is said,
/// with exit code 9. `restore` makes a stream of it again.
///
/// A segment has the entries of at most an hour, as lines of JSON with `fields` as [[name, value], ...], compressed by
/// zstd: DEST/stream=STREAM/dt=DATE/hour=HOUR/FIRSTID.ndjson.zst. Its manifest is written last. A directory is made if it
/// is not there; only its owner can open what is written. What the topology says to redact is masked, and a restore cannot bring
/// it back.
///
/// A bucket of S3, or of a service that speaks its protocol, is given as s3://BUCKET/PREFIX; the usual variables
/// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL say how it is reached.
///
/// With --then-trim, the stream is trimmed then: as far as each entry is in a segment that was read back and is whole, and as
/// every group has read and acknowledged it, and never further. That is done in many small calls, each of which looks anew at
/// what the groups need; which group holds back more is said. While a segment is damaged nothing is trimmed (exit 9), nor where
/// nobody is known to have read (exit 6). It is destructive: consent is asked for, with --follow once, and a service has --yes.
///
/// With --follow it goes on after lost connections, and archives the rest when it is run again, whenever it was killed.
#[expect(clippy::doc_markdown, reason = "the docs are the help text")]
#[derive(Debug, clap::Args)]
#[command(add = Impact::Local, add = ImpactWith { option: "then_trim", impact: Impact::Destructive }, add = Prints::one::<Archived>(),
    add = PrintsPlan(Prints::plan::<Archived>()), args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_help = "\
Examples:
  ucp-streams archive events.raw --to archive
  ucp-streams archive events.raw --to archive --from -7d --until -1h
  ucp-streams archive events.raw --to archive --follow  # until Ctrl-C
  # Then trim what every group has read and acknowledged
  ucp-streams archive events.normalized --to archive --then-trim --dry-run
  ucp-streams archive events.normalized --to archive --follow \\
      --then-trim --yes
  # as a service: packaging/ucp-streams-archive@.service
  ucp-streams archive ls archive
  ucp-streams archive verify archive")]
pub(super) struct Args {
    /// Stream to archive
    #[arg(value_name = "STREAM", value_parser = cli::name(), required = true)]
    stream: Option<Name>,

    /// The archive: a directory, or s3://BUCKET/PREFIX
    #[arg(long, value_name = "DEST", value_hint = ValueHint::DirPath, required = true)]
    to: Option<PathBuf>,

    /// Where to begin, if the archive ends before that [default: the first entry]
    #[arg(long, value_name = "POSITION", allow_hyphen_values = true)]
    from: Option<Position>,

    /// Where to end; this position is included [default: the last entry]
    #[arg(long, value_name = "POSITION", allow_hyphen_values = true)]
    until: Option<Position>,

    /// Go on until told to stop: archive what was added every --every
    #[arg(long)]
    follow: bool,

    /// How often to archive what was added, with --follow
    #[arg(long, value_name = "DUR", default_value = "1m", value_parser = parse_duration)]
    every: Duration,

    /// Stop so long after the first time, with --follow
    #[arg(long = "for", value_name = "DUR", value_parser = parse_duration, requires = "follow")]
    lasts: Option<Duration>,

    /// Log lines on standard error, with --follow: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,

    /// Then trim what is archived for certain, and what no group needs
    #[arg(long)]
    then_trim: bool,

    #[command(flatten)]
    dry_run: DryRun,

    #[command(subcommand)]
    command: Option<ArchiveCommand>,
}

#[derive(Debug, Subcommand)]
enum ArchiveCommand {
    Ls(ls::Args),
    Verify(verify::Args),
    Export(export::Args),
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    match args.command {
        Some(ArchiveCommand::Ls(args)) => ls::run(args, context).await,
        Some(ArchiveCommand::Verify(args)) => verify::run(args, context).await,
        Some(ArchiveCommand::Export(args)) => export::run(args, context).await,
        None => keep(args, context).await,
    }
}

async fn keep(args: Args, context: &Context) -> Result<Exit> {
    let (Some(stream), Some(to)) = (args.stream, args.to) else {
        return Err(Problem::usage("a stream and --to DIR are needed").into());
    };
    let now_ms = Time::now().ms;
    let wanted = Wanted {
        from: args.from.map(|it| it.range_start(now_ms)),
        until: args.until.map(|it| it.range_end(now_ms)),
        has_groups: true,
    };
    if context.is_rehearsal(args.dry_run) {
        let (dialer, topology) = (context.dialer()?, context.topology()?);
        let connection = dialer.connect().await?;
        require_stream(&connection, topology, &stream).await?;
        let what = ThenTrim {
            stream: &stream,
            topology,
            dialer: &dialer,
            connection: &connection,
        };
        let wanted = (wanted, args.then_trim);
        return then_trim::rehearse(&what, &to, wanted, context).await;
    }
    if args.follow {
        if !EVERY.contains(&args.every) {
            let text = "--every must be at least 100ms, and at most 1h";
            return Err(Problem::usage(text).into());
        }
        let following = Following {
            stream: &stream,
            to: &to,
            every: args.every,
            lasts: args.lasts,
            wanted,
            log_format: args.log_format,
            then_trim: args.then_trim,
        };
        return follow(following, context).await;
    }
    let topology = context.topology()?;
    let dialer = context.dialer()?.named("ucp-streams-archive");
    let connection = dialer.connect().await?;
    require_stream(&connection, topology, &stream).await?;
    let destination = open_to_write(&to)?;
    let mut writer = Writer::open(&destination, &stream).await?;
    let (before, problems) = newest_groups(&destination, &stream, u64::MAX).await?;
    context.warn_each(problems);
    let mut before = before.map(|it| it.head);
    let progress = context.console.progress(None, "archiving");
    let archived = {
        let source = Source {
            stream: &stream,
            dialer: &dialer,
            connection: &connection,
            redaction: &topology.redaction(&stream),
            told: &|more| progress.advance(more),
        };
        archive(&source, &mut writer, &mut before, wanted).await
    };
    drop(progress);
    let mut row = match archived {
        Ok(row) => row,
        Err(error) => return Err(named(error, &stream, context).await),
    };
    let trimmed = if args.then_trim {
        let what = ThenTrim {
            stream: &stream,
            topology,
            dialer: &dialer,
            connection: &connection,
        };
        then_trim::trim(&mut row, &what, &destination, context).await
    } else {
        Ok(Exit::Done)
    };
    context.console.show_one(&row)?;
    let told = tell(&row, context);
    Ok(match trimmed? {
        Exit::Done => told,
        exit => exit,
    })
}

/// Says what could not be archived.
fn tell(row: &Archived, context: &Context) -> Exit {
    let missing = row.missing.unwrap_or_default();
    if missing == 0 {
        return Exit::Done;
    }
    context.console.warn(&format!(
        "{} of stream `{}` were trimmed or deleted before they could be archived; archive more often, or keep more in the stream",
        entries(missing),
        row.stream
    ));
    Exit::DataLoss
}

/// What an archive has in all, for the end of a list.
fn in_all(segments: usize, entries: u64) -> String {
    format!(
        "{} in {}",
        crate::model::entries(entries),
        crate::model::counted(segments as u64, "segment", "segments")
    )
}
