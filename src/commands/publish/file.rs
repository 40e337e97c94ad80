//! `publish --file`: publishes the lines of a file or of standard input, after checking all of them.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{ValueEnum, ValueHint};

use super::send::{Course, publish};
use super::{Job, warn};
use crate::cli::{Limited, MaxExpanded, delimiter, per_second};
use crate::commands::shared::Context;
use crate::commands::shared::bulk::{Input, input};
use crate::commands::shared::source::{Again, Checking, Lines, Reading, check_all, unpack};
use crate::exit::Exit;
use crate::model::{Kind, Problem, escaped};
use crate::streams::publish::{Blocks, Checked, OnInvalid, Rate, Rejects, convert};

/// The file of entries, and how it is sent.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Files")]
pub(crate) struct FileArgs {
    /// Publish every entry of a file; `-` is standard input
    ///
    /// A file is read twice: once to check it, and once to send it. Input that can be read only once, such as a pipe,
    /// is checked line by line as it arrives and kept in an unnamed file in $TMPDIR until all of it has been checked.
    /// At most 4 GiB are kept, and no more than half of the free space there.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) file: Option<PathBuf>,

    /// The file's format: ndjson (one JSON object per line), json (an array of objects), or csv (with a header line)
    /// [default: ndjson]
    ///
    /// An object can be an event or a whole entry. An event is an object of its fields; nested JSON is stored as
    /// text. An event has at most 1,000 fields and 1 MiB, in a line of at most 8 MiB. A whole entry is an object with
    /// `id` and `fields`, as `read -o ndjson` prints it. In `fields`, an array is a repeated field, {"base64": …} is
    /// a value of bytes, and a name that begins with `base64:` is encoded in base64. `fields` may also be `[[name,
    /// value], …]`, as --pairs prints it, and such a list may also stand alone. A whole entry has at most 1,048,576
    /// fields and 512 MiB, in a line of at most 1 GiB. It is checked like an event, and gets a new id.
    #[arg(long, value_name = "FORMAT", requires = "file")]
    format: Option<FileFormat>,

    /// The character that separates the cells of a csv file, such as `;`, or `tab` [default: a comma]
    #[arg(long, value_name = "CHAR|tab", value_parser = delimiter, requires = "file")]
    delimiter: Option<u8>,

    #[command(flatten)]
    max_expanded: MaxExpanded,

    /// Send while reading, without checking the whole file first, and stop at the first invalid entry
    #[arg(long = "stream", requires = "file")]
    pub(super) while_reading: bool,

    /// Leave out invalid entries, and write them to the file named with --rejects
    #[arg(long, requires = "file", requires = "rejects")]
    skip_invalid: bool,

    /// Where --skip-invalid writes the invalid entries, so that you can correct and publish them: a new file, a pipe,
    /// or `-` for standard output, which then does not show ids. The format is one JSON object per line; a row of a
    /// CSV file that does not fit the header is written as an array
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "skip_invalid")]
    rejects: Option<PathBuf>,

    /// Send at most this many entries per second
    #[arg(long, value_name = "N/s", value_parser = rate, requires = "file")]
    pub(super) rate: Option<Rate>,

    #[command(flatten)]
    pub(super) limit: Limited,
}

/// The format of a file of entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FileFormat {
    #[default]
    Ndjson,
    Json,
    Csv,
}

/// How a file is split into lines.
#[derive(Clone, Copy, Debug)]
struct Reader {
    format: FileFormat,
    delimiter: Option<u8>,
    max_expanded: MaxExpanded,
}

impl Lines for Reader {
    fn are_converted(&self) -> bool {
        !matches!(self.format, FileFormat::Ndjson)
    }

    fn of(&self, input: Reading) -> Reading {
        let text = unpack(input, self.max_expanded);
        match self.format {
            FileFormat::Ndjson => text,
            FileFormat::Json => Box::new(convert::json_array(text)),
            FileFormat::Csv => Box::new(convert::csv(text, self.delimiter)),
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
    let format = args.reader()?;
    if args.while_reading && !job.dry_run {
        let entries = Blocks::of(format.of(source.once()), format.are_converted());
        let on_invalid = args.on_invalid(OnInvalid::Stop, context)?;
        return publish(entries, None, on_invalid, args.course(), &mut job, context).await;
    }
    let (mut again, checked) = checked(source, format, &args, &job, context)?;
    if job.dry_run {
        // A run that sends while it reads does not know how many there are.
        let may_come = if args.while_reading {
            u64::MAX
        } else {
            checked.entries
        };
        return job.would_publish(checked.entries, may_come, context).await;
    }
    let on_invalid = args.on_invalid(OnInvalid::Changed, context)?;
    if let (OnInvalid::Reject(rejects), 1..) = (&on_invalid.0, checked.bad.count) {
        rejects.fill(again.blocks()?, &job.checker)?;
    }
    let entries = again.blocks()?;
    let expected = Some(checked.entries);
    publish(
        entries,
        expected,
        on_invalid,
        args.course(),
        &mut job,
        context,
    )
    .await
}

/// Checks the whole file, and warns about what looks wrong.
fn checked(
    input: Input,
    format: Reader,
    args: &FileArgs,
    job: &Job<'_>,
    context: &Context,
) -> Result<(Again<Reader>, Checked)> {
    let progress = context.console.progress(None, "checking");
    let each = |more| progress.advance(more);
    let how = Checking {
        checker: &job.checker,
        goes_on: args.skip_invalid,
        hint: "send while reading with --stream, or name a file that can be read twice",
    };
    let (again, checked) = check_all(input, format, &how, |_| Ok(Vec::new()), each)?;
    drop(progress);
    let stream = &job.target.stream;
    let checked = if args.skip_invalid {
        if job.dry_run && checked.bad.count > 0 {
            let text = checked.bad.text(&format!("not valid for `{stream}`"));
            context.console.warn(&text);
        }
        checked
    } else {
        let hint = "correct the file and publish it again, or leave out the invalid entries: --skip-invalid \
            --rejects FILE";
        checked.all_valid(stream, hint)?
    };
    if job.dry_run || !args.skip_invalid {
        warn(&checked.warnings, context);
    }
    Ok((again, checked))
}

impl FileArgs {
    /// # Errors
    /// A usage error when --delimiter is given for a format other than csv.
    fn reader(&self) -> Result<Reader, Problem> {
        let format = self.format.unwrap_or_default();
        if self.delimiter.is_some() && format != FileFormat::Csv {
            return Err(
                Problem::usage("--delimiter applies only to a csv file").hint("add --format csv")
            );
        }
        Ok(Reader {
            format,
            delimiter: self.delimiter,
            max_expanded: self.max_expanded,
        })
    }

    /// Checks that none of these options was given for a single entry. The parser accepts them together with fields,
    /// which exclude a file.
    ///
    /// # Errors
    /// A usage error that names the flag.
    pub(super) fn require_none(&self) -> Result<(), Problem> {
        let given = [
            ("--format", self.format.is_some()),
            ("--delimiter", self.delimiter.is_some()),
            ("--max-expanded", self.max_expanded.is_given()),
            ("--stream", self.while_reading),
            ("--skip-invalid", self.skip_invalid),
            ("--rejects", self.rejects.is_some()),
            ("--rate", self.rate.is_some()),
        ];
        match given.iter().find(|(_, is_given)| *is_given) {
            Some((flag, _)) => Err(Problem::usage(format!(
                "{flag} applies only to a file of entries"
            ))
            .hint("name the file with --file, or `-` for standard input")),
            None => Ok(()),
        }
    }

    fn course(&self) -> Course {
        Course {
            limit: self.limit.rows(),
            rate: self.rate,
            is_streaming: self.while_reading,
        }
    }

    /// What is done with invalid entries, with `usual` unless --skip-invalid is given, and whether they are written
    /// to standard output.
    fn on_invalid(&self, usual: OnInvalid, context: &Context) -> Result<(OnInvalid, bool)> {
        let Some(path) = &self.rejects else {
            return Ok((usual, false));
        };
        let Some(device) = context.console.terminal().device(path) else {
            return Ok((OnInvalid::Reject(Rejects::new(path)?), false));
        };
        let shown = escaped(path.as_os_str().as_encoded_bytes());
        let device = device.map_err(|error| {
            Problem::new(Kind::Local, format!("cannot write {shown}: {error}"))
                .hint("name a file that can be written with --rejects")
        })?;
        let rejects = Rejects::to_device(path, device.file);
        Ok((OnInvalid::Reject(rejects), device.is_stdout))
    }
}
