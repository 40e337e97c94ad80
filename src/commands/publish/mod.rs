//! `publish`: one entry from flags or fields, or a file of them.

mod file;
mod kinds;

use anyhow::Result;

use super::context::Context;
use super::retention::Retention;
use crate::cli::{DryRun, FieldValue, Impact, field_value, name};
use crate::exit::Exit;
use crate::model::{Fields, Name, Problem};
use crate::streams::publish::{Published, Target, Warnings, WouldPublish, not_valid, publish_one};
use crate::topology::StreamSpec;
use crate::topology::validate::Checker;
use crate::view::IdWriter;
use file::FileArgs;
use kinds::Kind;

/// Publish an entry, or a file of them, after checking it against the stream's schema
///
/// The kinds have a flag for each field; any other stream takes FIELD=VALUE. A missing event id and timestamp are
/// filled in. Prints the new ids. A file is checked as a whole before its first entry is sent, unless it is to be sent
/// while it is read (--stream). A reply that is lost is never answered by sending again: exit 8 says so.
#[derive(Debug, clap::Args)]
#[command(
    add = Impact::Write,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  ucp-streams publish raw --brand-id aurora --event-type page_view --payload '{\"url\": \"/\"}'
  ucp-streams publish orders number=17 total=12.50
  ucp-streams publish raw --file events.ndjson -o ndjson
  ucp-streams publish raw --file events.csv --format csv --skip-invalid --rejects bad.ndjson
  gen-events | ucp-streams publish raw --file - --stream --rate 500/s"
)]
pub(super) struct Args {
    #[command(subcommand)]
    kind: Option<Kind>,

    /// Stream to publish to
    #[arg(value_name = "STREAM", value_parser = name(), required = true)]
    stream: Option<Name>,

    /// Fields of the entry, in order; a name may repeat
    #[arg(value_name = "FIELD=VALUE", value_parser = field_value(), conflicts_with = "file")]
    fields: Vec<FieldValue>,

    #[command(flatten)]
    common: Common,
}

/// What every way of publishing takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    #[command(flatten)]
    input: FileArgs,

    /// Cut the stream to about so many entries, or `none`, instead of what the topology says
    #[arg(long, value_name = "N|none", value_parser = limit)]
    maxlen: Option<Limit>,

    /// Refuse ids that are not UUIDs, instead of warning
    #[arg(long)]
    strict: bool,

    #[command(flatten)]
    dry_run: DryRun,
}

/// A limit that was asked for.
#[derive(Clone, Copy, Debug)]
struct Limit(Option<u64>);

fn limit(text: &str) -> Result<Limit, String> {
    match text {
        "none" => Ok(Limit(None)),
        digits => match digits.parse() {
            Ok(entries) if entries > 0 => Ok(Limit(Some(entries))),
            _ => Err("a limit is a number of entries from 1 on, or `none`".to_owned()),
        },
    }
}

/// What is to be published where, and how.
struct Job<'t> {
    spec: StreamSpec,
    target: Target,
    checker: Checker<'t>,
    dry_run: bool,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let (stream, fields, common) = resolve(args)?;
    let topology = context.topology()?;
    let spec = topology.stream_or_default(&stream);
    let job = Job {
        target: Target {
            stream: stream.clone(),
            maxlen: common.maxlen.map_or(spec.maxlen, |limit| limit.0),
        },
        checker: Checker {
            strict: common.strict,
            ..Checker::new(topology.stream(&stream))
        },
        spec,
        dry_run: common.dry_run.dry_run,
    };
    match common.input.file.clone() {
        Some(path) => file::run(common.input, &path, job, context).await,
        None => {
            common.input.require_none()?;
            one(fields, job, context).await
        }
    }
}

fn resolve(args: Args) -> Result<(Name, Fields, Common), Problem> {
    if let Some(kind) = args.kind {
        return kind.resolve();
    }
    let fields = args.fields.into_iter();
    let fields = fields.map(|pair| (pair.field.as_bytes().to_vec(), pair.value));
    let stream = args
        .stream
        .ok_or_else(|| Problem::usage("no stream was named"))?;
    Ok((stream, fields.collect(), args.common))
}

async fn one(fields: Fields, mut job: Job<'_>, context: &Context) -> Result<Exit> {
    let record = job
        .checker
        .check_record(fields)
        .map_err(|invalid| not_valid(&job.target.stream, &invalid))?;
    let mut warnings = Warnings::default();
    warnings.add(&record.warnings, None);
    warn(&warnings, context);
    if job.dry_run {
        return job.would_publish(1, context);
    }
    let connection = context.connect().await?;
    let limit = job.target.maxlen;
    let retention = Retention::look(&connection, &job.spec, limit, 1, context).await?;
    job.target.maxlen = retention.maxlen;
    let topology = context.topology()?;
    let id = publish_one(&connection, topology, &job.target, &record.fields).await?;
    let published = Published {
        stream: job.target.stream.clone(),
        id,
    };
    let mut out = context.console.out();
    let mut writer = IdWriter::new(context.console.options())?;
    writer.page(out.buffer(), &[published])?;
    writer.end(out.buffer())?;
    retention.warn(&connection, context).await;
    out.flush()?;
    Ok(Exit::Done)
}

/// Says what is odd.
pub(super) fn warn(warnings: &Warnings, context: &Context) {
    for text in warnings.texts() {
        context.console.warn(&text);
    }
}

impl Job<'_> {
    fn would_publish(&self, entries: u64, context: &Context) -> Result<Exit> {
        context.console.show_one(&WouldPublish {
            stream: self.target.stream.clone(),
            entries,
            maxlen: self.target.maxlen,
        })?;
        context.console.note("dry run: nothing was sent");
        Ok(Exit::Done)
    }
}
