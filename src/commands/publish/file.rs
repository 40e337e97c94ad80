//! `publish --file`: every line of a file or of standard input, checked before any of it is sent.

use std::fs::File;
use std::io::{Read, Seek as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{ValueEnum, ValueHint};

use super::send::publish;
use super::{Job, warn};
use crate::cli::{Limited, per_second};
use crate::commands::shared::Context;
use crate::commands::shared::bulk::{Input, input, spooled};
use crate::exit::Exit;
use crate::model::Problem;
use crate::streams::publish::{Blocks, Checked, OnInvalid, Rate, Rejects, check, convert};

/// What a file of entries is, and how it is sent.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Files")]
pub(crate) struct FileArgs {
    /// Publish every entry of a file; `-` is standard input
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) file: Option<PathBuf>,

    /// What the file is: ndjson (one JSON object per line), json (an array of objects), csv (with a line of names)
    /// [default: ndjson]
    ///
    /// The object of an event has its fields: nested JSON is stored as its text, and an event has at most 1,000 fields and
    /// 1 MiB, in a line of at most 8 MiB. A whole entry is an object with `id` and `fields`, as `read -o ndjson` prints it: in
    /// `fields` an array is a repeated field, {"base64": …} is bytes, and a name that begins `base64:` is one in base64; it may
    /// also be `[[name, value], …]` (--pairs), which stands alone as well. Such an entry has at most 1,048,576 fields and
    /// 512 MiB, in a line of at most 1 GiB; it is checked as an event is, and gets a new id.
    #[arg(long, value_name = "FORMAT", requires = "file")]
    format: Option<FileFormat>,

    /// Send while reading, without checking the whole file first, and stop at the first invalid entry
    #[arg(long = "stream", requires = "file")]
    pub(super) while_reading: bool,

    /// Leave out entries that are not valid; they are written to the file of --rejects
    #[arg(long, requires = "file", requires = "rejects")]
    skip_invalid: bool,

    /// Where --skip-invalid writes what it leaves out, to be corrected and published: one JSON object per line; a row of a
    /// CSV file that does not fit its header is an array
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "skip_invalid")]
    rejects: Option<PathBuf>,

    /// Send at most this many entries per second
    #[arg(long, value_name = "N/s", value_parser = rate, requires = "file")]
    pub(super) rate: Option<Rate>,

    #[command(flatten)]
    pub(super) limit: Limited,
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
    let source = input(path, context)?;
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
    let on_invalid = args.on_invalid(OnInvalid::Changed)?;
    if let (OnInvalid::Reject(rejects), 1..) = (&on_invalid, checked.bad.count) {
        file.rewind()?;
        rejects.fill(args.format().blocks(&file), &job.checker)?;
    }
    file.rewind()?;
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
    let checked = check(entries, &job.checker, |_| Ok(Vec::new()), each)?;
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
