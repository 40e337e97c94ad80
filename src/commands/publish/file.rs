//! `publish --file`: every line of a file or of standard input.

use std::fs::File;
use std::io::{Read, Seek as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{ValueEnum, ValueHint};

use super::{Job, coming, warn};
use crate::cli::per_second;
use crate::commands::read::named;
use crate::commands::shared::Context;
use crate::commands::shared::bulk::{Input, Interrupt, Shown, input, spooled};
use crate::commands::shared::retention::Retention;
use crate::exit::Exit;
use crate::model::{EntryId, Problem};
use crate::streams::publish::{
    Blocks, Checked, Encoding, Feed, OnInvalid, Published, Rate, Rejects, Sent, Stored, check,
    convert, send, send_once,
};
use crate::view::IdWriter;

/// Entries of a chunk where nothing limits it.
const NO_LIMIT: usize = usize::MAX;

/// What a file of entries is, and how it is sent.
#[derive(Debug, clap::Args)]
pub(crate) struct FileArgs {
    /// Publish every entry of a file; `-` is standard input
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) file: Option<PathBuf>,

    /// What the file is: ndjson (one JSON object per line), json (an array of objects), csv (with a line of names)
    /// [default: ndjson]
    #[arg(long, value_name = "FORMAT", requires = "file")]
    format: Option<FileFormat>,

    /// Send while reading, and stop at the first entry that is not valid; nothing is checked before
    #[arg(long = "stream", requires = "file")]
    while_reading: bool,

    /// Leave out entries that are not valid; they are written to the file of --rejects
    #[arg(long, requires = "file", requires = "rejects")]
    skip_invalid: bool,

    /// Where --skip-invalid writes what it leaves out, to be corrected and published: one JSON object per line; a row of a
    /// CSV file that does not fit its header is an array
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "skip_invalid")]
    rejects: Option<PathBuf>,

    /// Send at most this many entries per second
    #[arg(long, value_name = "N/s", value_parser = rate, requires = "file")]
    rate: Option<Rate>,
}

/// How entries are written in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FileFormat {
    #[default]
    Ndjson,
    Json,
    Csv,
}

impl FileFormat {
    /// Its lines in blocks.
    fn blocks<R: Read>(self, lines: R) -> Blocks<R> {
        match self {
            Self::Ndjson => Blocks::new(lines),
            Self::Json | Self::Csv => Blocks::converted(lines),
        }
    }

    /// The entries as lines.
    fn lines(self, input: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        match self {
            Self::Ndjson => input,
            Self::Json => Box::new(convert::json_array(input)),
            Self::Csv => Box::new(convert::csv(input)),
        }
    }
}

fn rate(text: &str) -> Result<Rate, String> {
    let entries_per_second = per_second(text)?.into();
    Ok(Rate { entries_per_second })
}

pub(super) async fn run(
    args: FileArgs,
    path: &Path,
    mut job: Job<'_>,
    context: &Context,
) -> Result<Exit> {
    let source = input(path)?;
    if args.while_reading && !job.dry_run {
        let format = args.format();
        let entries = format.blocks(format.lines(source.once()));
        let on_invalid = args.on_invalid(OnInvalid::Stop)?;
        return publish(entries, None, on_invalid, &args, &mut job, context).await;
    }
    let mut file = match (source, args.format()) {
        (Input::File(file), FileFormat::Ndjson) => file,
        (source, format) => spooled(format.lines(source.once()))?,
    };
    let checked = checked(&mut file, &args, &job, context)?;
    if job.dry_run {
        // A run that sends while it reads does not know how many there are.
        let may_come = if args.while_reading {
            u64::MAX
        } else {
            checked.entries
        };
        return job.would_publish(checked.entries, may_come, context).await;
    }
    file.rewind()?;
    let on_invalid = args.on_invalid(OnInvalid::Changed)?;
    let entries = Some(checked.entries);
    publish(
        args.format().blocks(file),
        entries,
        on_invalid,
        &args,
        &mut job,
        context,
    )
    .await
}

/// Checks the whole file, and says what is odd.
fn checked(file: &mut File, args: &FileArgs, job: &Job<'_>, context: &Context) -> Result<Checked> {
    let progress = context.console.progress(None, "checking");
    let each = |more| progress.advance(more);
    let entries = args.format().blocks(file);
    let checked = check(entries, &job.checker, |_| Ok(()), each)?;
    drop(progress);
    let stream = &job.target.stream;
    let checked = if args.skip_invalid {
        if job.dry_run && checked.bad.count > 0 {
            let text = checked.bad.text(&format!("not valid for `{stream}`"));
            context.console.warn(&text);
        }
        checked
    } else {
        let hint = "correct the file and publish it again, or leave out what is not valid: --skip-invalid --rejects FILE";
        checked.all_valid(stream, hint)?
    };
    if job.dry_run || !args.skip_invalid {
        warn(&checked.warnings, context);
    }
    Ok(checked)
}

impl FileArgs {
    fn format(&self) -> FileFormat {
        self.format.unwrap_or_default()
    }

    /// Nothing here is for a single entry. The parser lets it pass where fields are given, which no file goes with.
    ///
    /// # Errors
    /// Usage, naming the flag.
    pub(super) fn require_none(&self) -> Result<(), Problem> {
        let given = [
            ("--format", self.format.is_some()),
            ("--stream", self.while_reading),
            ("--skip-invalid", self.skip_invalid),
            ("--rejects", self.rejects.is_some()),
            ("--rate", self.rate.is_some()),
        ];
        match given.iter().find(|(_, is_given)| *is_given) {
            Some((flag, _)) => Err(Problem::usage(format!("{flag} is for a file of entries"))
                .hint("name the file with --file, or `-` for standard input")),
            None => Ok(()),
        }
    }

    /// What becomes of entries that are not valid, where they are not to be left out `usual`.
    fn on_invalid(&self, usual: OnInvalid) -> Result<OnInvalid> {
        match &self.rejects {
            Some(path) => Ok(OnInvalid::Reject(Rejects::new(path)?)),
            None => Ok(usual),
        }
    }
}

/// Sends the entries; `expected` is how many there are, where that is known.
async fn publish<R: Read + Send + 'static>(
    entries: Blocks<R>,
    expected: Option<u64>,
    on_invalid: OnInvalid,
    args: &FileArgs,
    job: &mut Job<'_>,
    context: &Context,
) -> Result<Exit> {
    let stream = job.target.stream.clone();
    let connection = context.connect().await?;
    let coming = coming(&job.spec, &job.target, expected.unwrap_or(u64::MAX));
    let retention = Retention::look(&connection, coming, context).await?;
    job.target.maxlen = retention.maxlen;
    let mut writer = IdWriter::new(context.console.options())?;
    let mut shown = Shown::new(context);
    let interrupt = Interrupt::watch()?;
    let unit = entries.unit();
    let rejects = match &on_invalid {
        OnInvalid::Reject(rejects) => Some(rejects.clone()),
        _ => None,
    };
    let feed = Feed::start(
        entries,
        Encoding {
            spec: job.checker.stream.cloned(),
            strict: job.checker.strict,
            target: job.target.clone(),
            idempotency: job.idempotency.clone(),
            chunk_entries_max: args.rate.map_or(NO_LIMIT, Rate::chunk_entries_max),
            on_invalid,
        },
    )?;
    let mut sent = {
        let progress = context.console.progress(expected, "publishing");
        let mut show = |rows: &[_]| {
            shown.write(|out| writer.page(out, rows));
            if args.while_reading {
                shown.flush();
            }
            progress.advance(rows.len() as u64);
        };
        let row = |id, duplicate| Published {
            stream: &stream,
            id,
            duplicate,
        };
        let (rate, stop) = (args.rate, &interrupt.flag);
        if job.idempotency.is_some() {
            let each = |stored: &[Stored]| {
                let rows = stored.iter().map(|it| row(it.id, Some(it.duplicate)));
                show(&rows.collect::<Vec<_>>());
            };
            send_once(&context.dialer()?, feed, rate, stop, each).await
        } else {
            let mut lane = context.lane().await?;
            let each = |ids: &[EntryId]| {
                let rows = ids.iter().map(|id| row(*id, None));
                show(&rows.collect::<Vec<_>>());
            };
            send(&mut lane, feed, &job.target, rate, stop, each).await
        }
    };
    sent.unit = unit;
    if let Some(Err(problem)) = rejects.map(|it| it.keep()) {
        sent.input.get_or_insert(problem.into());
    }
    retention.warn(&connection, context).await;
    warn(&sent.found.warnings, context);
    shown.write(|out| writer.end(out));
    end(sent, shown, &interrupt, job, context).await
}

/// Ends the output, and says what became of the entries.
async fn end(
    sent: Sent,
    shown: Shown,
    interrupt: &Interrupt,
    job: &Job<'_>,
    context: &Context,
) -> Result<Exit> {
    let known = sent.known;
    if known > 0 {
        let (known, stored) = (sent.unit.count(known), sent.stored);
        let text = format!("already stored: {known}; new: {stored}");
        context.console.note(&text);
    }
    let (stopped, stored, last) = (sent.stopped, sent.stored, sent.last);
    let ended = shown.end(stored);
    // What became of the entries matters more than that their ids could not be shown.
    let stream = &job.target.stream;
    if let Err(error) = sent.verdict(stream) {
        return Err(named(error, stream, context).await);
    }
    ended?;
    if !stopped && (stored, known) == (0, 0) {
        let what = "the input has no entries: nothing was published";
        context.console.note(what);
    }
    Ok(if stopped {
        interrupt.stopped(stored, last, context)
    } else {
        Exit::Done
    })
}
