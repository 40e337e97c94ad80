//! `publish`: one entry from flags or fields, or a file of entries.

mod file;
mod kinds;
mod send;

use std::time::Duration;

use anyhow::Result;

use super::read::named;
use super::shared::Context;
use super::shared::retention::{connect_to_rehearse, look, rehearse, warn_of_taken};
use crate::cli::{
    DryRun, FieldValue, Impact, Prints, PrintsPlan, field_value, name, positive_duration,
};
use crate::exit::Exit;
use crate::model::{EntryId, Fields, Name, Problem, Time, entries as in_words, human_millis};
use crate::streams::publish::retention::PlannedAppend;
use crate::streams::publish::{
    Destination, Idempotency, Published, Warnings, WouldPublish, hash_of, not_valid, publish_once,
    publish_one,
};
use crate::topology::validate::{Checker, Pair, Size};
use crate::topology::{StreamSpec, Topology};
use crate::view::IdWriter;
use crate::wire::Connection;
use file::FileArgs;
use kinds::Kind;

/// Publish an entry or a file of them, checked against the schema
///
/// Each of the platform's four kinds of entries has a subcommand with a flag for each field; for any other stream,
/// give its name and FIELD=VALUE. A missing event id or timestamp is filled in. The new ids are printed. A file is
/// checked completely before its first entry is sent, unless --stream is given. A file may also contain entries as
/// `read`, `get`, `tail`, `consume`, `dlq show` and `pending --entries` print them: whole (an object with `id` and
/// `fields`) or as `[[name, value], …]`. Bytes and repeated fields are stored as they were; the ids are new. When a
/// reply is lost, nothing is sent again, because that could store the entry twice (exit 8); with --idempotency-field
/// it is safe to send it again, and this is done.
#[derive(Debug, clap::Args)]
#[command(
    add = Impact::Write, add = Prints::list::<Published<'static>>(), add = PrintsPlan(Prints::one::<WouldPublish>()),
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  ucp-streams publish raw --brand-id aurora --event-type page_view \\
      --payload '{\"url\": \"/\"}'
  ucp-streams publish orders number=17 total=12.50
  ucp-streams publish raw --file events.ndjson -o ndjson
  ucp-streams publish raw --file events.csv --format csv \\
      --skip-invalid --rejects bad.ndjson
  ucp-streams publish orders --file orders.csv --format csv --delimiter ';'
  ucp-streams publish orders order=17 total=12.50 --idempotency-field order
  ucp-streams read orders -1h -o ndjson | ucp-streams publish copy --file -
  gen-events | ucp-streams publish raw --file - --stream --rate 500/s"
)]
pub(super) struct Args {
    #[command(subcommand)]
    kind: Option<Kind>,

    /// Stream to publish to
    #[arg(value_name = "STREAM", value_parser = name(), required = true)]
    stream: Option<Name>,

    /// Fields of the entry, in order; a name may be repeated
    #[arg(value_name = "FIELD=VALUE", value_parser = field_value(), conflicts_with = "file")]
    fields: Vec<FieldValue>,

    #[command(flatten)]
    common: Common,
}

/// The heading of the options that make publishing safe to repeat.
const IDEMPOTENCY: &str = "Idempotency";

/// The options of every way of publishing.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    #[command(flatten)]
    input: FileArgs,

    /// Trim the stream to about this many entries (or `none`) instead of the topology's limit
    #[arg(long, value_name = "N|none", value_parser = limit)]
    maxlen: Option<Limit>,

    /// Refuse ids that are not UUIDs, instead of warning about them
    #[arg(long)]
    strict: bool,

    /// Make publishing safe to repeat: entries with the same value in this field, which every entry must have, count as
    /// one entry. An entry that is already stored is not stored again, and its id is printed. After a lost reply, the
    /// entry is sent again. An entry with the same value but different other fields is refused
    ///
    /// Each value is remembered in a key of its own, {STREAM}:once:FIELD:VALUE (for a value longer than 128 bytes,
    /// with its SHA-256 instead), which expires on the server. `acl publish --idempotency-field FIELD` prints the ACL
    /// rule for these keys.
    #[arg(long, value_name = "FIELD", value_parser = name(), help_heading = IDEMPOTENCY)]
    idempotency_field: Option<Name>,

    /// How long the values of --idempotency-field are remembered, at most 365d [default: 24h]
    #[arg(long, value_name = "DUR", value_parser = remembered, requires = "idempotency_field", help_heading = IDEMPOTENCY)]
    idempotency_ttl: Option<Duration>,

    #[command(flatten)]
    dry_run: DryRun,
}

/// How long keys are remembered by default.
const REMEMBERED: Duration = Duration::from_hours(24);
/// The longest time a key is remembered. The limit bounds the memory; an entry is not expected to be published again
/// after so long.
const REMEMBERED_MAX: Duration = Duration::from_hours(365 * 24);

fn remembered(text: &str) -> Result<Duration, String> {
    match positive_duration(text)? {
        length if length > REMEMBERED_MAX => {
            Err(format!("`{text}` is too long: the maximum is 365d"))
        }
        length => Ok(length),
    }
}

impl Common {
    fn idempotency(&self) -> Result<Option<Idempotency>, Problem> {
        let Some(field) = &self.idempotency_field else {
            return match self.idempotency_ttl {
                None => Ok(None),
                Some(_) => Err(Problem::usage(
                    "--idempotency-ttl needs --idempotency-field",
                )),
            };
        };
        Ok(Some(Idempotency {
            field: field.clone(),
            time_to_live: self.idempotency_ttl.unwrap_or(REMEMBERED),
        }))
    }
}

/// The limit given with --maxlen.
#[derive(Clone, Copy, Debug)]
struct Limit(Option<u64>);

fn limit(text: &str) -> Result<Limit, String> {
    match text {
        "none" => Ok(Limit(None)),
        digits => match digits.parse() {
            Ok(entries) if entries > 0 => Ok(Limit(Some(entries))),
            _ => Err("a limit is a number of entries, 1 or more, or `none`".to_owned()),
        },
    }
}

/// What to publish, where, and how.
struct Job<'t> {
    spec: StreamSpec,
    target: Destination,
    checker: Checker<'t>,
    idempotency: Option<Idempotency>,
    dry_run: bool,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let (stream, fields, common) = resolve(args)?;
    let topology = context.topology()?;
    let spec = topology.stream_or_default(&stream);
    let idempotency = common.idempotency()?;
    let job = Job {
        target: Destination {
            stream: stream.clone(),
            maxlen: common.maxlen.map_or(spec.maxlen, |limit| limit.0),
        },
        checker: Checker {
            strict: common.strict,
            required: common.idempotency_field.as_ref().map(Name::as_bytes),
            printed_max: Size::ENTRY,
            ..Checker::new(topology.stream(&stream))
        },
        spec,
        idempotency,
        dry_run: context.is_rehearsal(common.dry_run),
    };
    doubt(&job, topology, context);
    match common.input.file.clone() {
        Some(path) => file::run(common.input, &path, job, context).await,
        None => {
            common.input.require_none()?;
            one(fields, job, context).await
        }
    }
}

/// Warns about a stream that is not in the topology if its name looks mistyped. A stream that is meant to be outside
/// the topology causes no warning.
fn doubt(job: &Job<'_>, topology: &Topology, context: &Context) {
    let stream = &job.target.stream;
    let kinds = kinds::names();
    let Some(meant) = topology.meant_by(stream, kinds.iter().map(String::as_str)) else {
        return;
    };
    let nothing = match job.target.maxlen {
        None => "entries are not checked and the stream is not trimmed",
        Some(_) => "entries are not checked",
    };
    let meant = if kinds.iter().any(|kind| kind == meant) {
        format!("publish {meant}")
    } else {
        meant.to_owned()
    };
    context.console.warn(&format!(
        "stream `{stream}` is not in the topology, so {nothing}; did you mean `{meant}`?"
    ));
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
    let hash = hash_of(&supplied(&fields));
    let record = job
        .checker
        .check_record(fields)
        .map_err(|invalid| not_valid(&job.target.stream, &invalid))?;
    let mut warnings = Warnings::default();
    warnings.add(&record.warnings, None);
    warn(&warnings, context);
    if job.dry_run {
        return job.would_publish(1, 1, context).await;
    }
    let connection = context.connect().await?;
    let retention = look(&connection, planned(&job.spec, &job.target, 1), context).await?;
    job.target.maxlen = retention.maxlen;
    let (id, duplicate) = store(record.fields, hash, &job, &connection, context).await?;
    let published = Published {
        stream: &job.target.stream,
        id,
        time: id.time(),
        duplicate,
    };
    let mut out = context.console.out();
    let mut writer = IdWriter::new(context.console.options())?;
    writer.page(out.buffer(), &[published])?;
    writer.end(out.buffer())?;
    warn_of_taken(&retention, &connection, context).await;
    warn_of_future(&job.target.stream, id, context);
    out.flush()?;
    Ok(Exit::Done)
}

/// Sends an entry whose given fields have this hash. Returns its id and, when it has an idempotency key, whether it
/// was already stored.
async fn store(
    fields: Fields,
    hash: String,
    job: &Job<'_>,
    connection: &Connection,
    context: &Context,
) -> Result<(EntryId, Option<bool>)> {
    let Some(idempotency) = &job.idempotency else {
        let id = publish_one(connection, context.topology()?, &job.target, &fields).await?;
        return Ok((id, None));
    };
    let entry = idempotency.entry(&job.target, hash, fields);
    let stored = match publish_once(&context.dialer()?, &entry).await {
        Ok(stored) => stored,
        Err(error) => return Err(named(error, &job.target.stream, context).await),
    };
    if stored.duplicate {
        let what = "it was already stored; nothing was added";
        context.console.note(what);
    }
    Ok((stored.id, Some(stored.duplicate)))
}

/// The fields as they were given.
fn supplied(fields: &Fields) -> Vec<Pair<'_>> {
    let pair = |(name, value): &'_ (Vec<u8>, Vec<u8>)| (name.clone().into(), value.clone().into());
    fields.iter().map(pair).collect()
}

/// Prints the warnings.
pub(super) fn warn(warnings: &Warnings, context: &Context) {
    for text in warnings.texts() {
        context.console.warn(&text);
    }
}

/// How far an id may be ahead of this machine's clock.
const AHEAD_MS_MAX: u64 = 3_600_000;

/// Warns when the stream gives ids of the future, because somebody set one: none of its entries has the time at which it
/// was added.
fn warn_of_future(stream: &Name, id: EntryId, context: &Context) {
    let ahead_ms = id.ms.saturating_sub(Time::now().ms);
    if ahead_ms > AHEAD_MS_MAX {
        let ahead = human_millis(ahead_ms);
        context.console.warn(&format!(
            "stream `{stream}` gives ids that are {ahead} ahead of the clock, because its last one is: ages and positions by time are wrong there (see `ucp-streams doctor`)"
        ));
    }
}

/// The entries that are about to be published.
fn planned<'s>(spec: &'s StreamSpec, target: &Destination, entries: u64) -> PlannedAppend<'s> {
    PlannedAppend {
        spec,
        maxlen: target.maxlen,
        entries,
        flag: Some("--maxlen none"),
    }
}

impl Job<'_> {
    /// Shows what would be published. Up to `may_come` entries, the stream is observed to tell what MAXLEN would
    /// trim.
    async fn would_publish(
        mut self,
        entries: u64,
        may_come: u64,
        context: &Context,
    ) -> Result<Exit> {
        if self.target.maxlen.is_some()
            && let Some(connection) = connect_to_rehearse(context).await
        {
            let planned = planned(&self.spec, &self.target, may_come);
            self.target.maxlen = rehearse(&connection, planned, context).await?;
        }
        context.console.show_one(&WouldPublish {
            stream: self.target.stream.clone(),
            entries,
            maxlen: self.target.maxlen,
        })?;
        let stream = &self.target.stream;
        context.rehearsed(&format!("publish {} to `{stream}`", in_words(entries)));
        Ok(Exit::Done)
    }
}
