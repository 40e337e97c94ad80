//! `archive export`: makes a table of archived entries, for tools that query.

use std::path::PathBuf;

use anyhow::Result;
use clap::{ValueEnum, ValueHint};

use crate::archive::{
    ArchivedStream, ColumnKind, ColumnSpec, Exported, Range, export, stream_meant,
};
use crate::cli::{self, Impact, Position, Prints};
use crate::commands::read::{backwards, is_backwards};
use crate::commands::shared::Context;
use crate::commands::shared::archives::{Expanded, open};
use crate::console::Signals;
use crate::exit::Exit;
use crate::model::{Name, Time, entries};
use crate::topology::{FieldSpec, FieldType};

/// Make a table of archived entries, for tools that query
///
/// Writes a file of Parquet with a row for each entry. Its columns are `id`, `time` and `seq` (the id, its time, and the
/// part after that), one for each field, and `rest`. A field of the topology's schema has a column of its type: integer and
/// bool as such, JSON as JSON, all else as text. Other fields of the first entries have columns of text. What no column can
/// hold (binary values, a field that is repeated in its entry, an integer that is none) is in `rest`, as a JSON array of
/// [name, value], so that nothing is lost. Masked values stay masked.
///
/// The file must not exist, and it has its name when it is whole. Where a part of the archive is damaged, nothing is
/// written, and the exit code is 9.
///
/// DuckDB, for example, queries the table, and the segments of an archive without one, too; see the examples.
#[expect(clippy::doc_markdown, reason = "the docs are the help text")]
#[derive(Debug, clap::Args)]
#[command(add = Impact::Local, add = Prints::one::<Exported>(), after_help = "\
Examples:
  ucp-streams archive export archive --stream events.raw --to raw.parquet
  ucp-streams archive export archive --to day.parquet --from -24h
  duckdb -c \"SELECT event_type, count(*) FROM 'raw.parquet' GROUP BY 1\"
  duckdb -c \"SELECT id, fields \\
      FROM read_json('archive/*/*/*/*.ndjson.zst') LIMIT 3\"")]
pub(super) struct Args {
    /// The archive: a directory, or s3://BUCKET/PREFIX
    #[arg(value_name = "DEST", value_hint = ValueHint::DirPath)]
    place: PathBuf,

    /// The archived stream [default: the only one]
    #[arg(long, value_name = "STREAM", value_parser = cli::name())]
    stream: Option<Name>,

    /// The file to write
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    to: PathBuf,

    /// The format of the file
    #[arg(long, value_name = "FORMAT", default_value = "parquet")]
    format: TableFormat,

    /// Where to begin [default: the first entry]
    #[arg(long, value_name = "POSITION", allow_hyphen_values = true)]
    from: Option<Position>,

    /// Where to end; this position is included [default: the last entry]
    #[arg(long, value_name = "POSITION", allow_hyphen_values = true)]
    until: Option<Position>,

    #[command(flatten)]
    expanded: Expanded,
}

/// A format of tables.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum TableFormat {
    /// Apache Parquet
    Parquet,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let mut signals = Signals::catch()?;
    let now_ms = Time::now().ms;
    let range = Range {
        start: args.from.unwrap_or(Position::Start).range_start(now_ms),
        end: args.until.unwrap_or(Position::End).range_end(now_ms),
        reverse: false,
        count_max: usize::MAX,
    };
    if is_backwards(range.start, range.end) {
        return Err(backwards("").into());
    }
    let destination = open(&args.place)?;
    let stream = stream_meant(&destination, args.stream.as_ref(), None).await?;
    let spec = context.topology()?.stream_or_default(&stream);
    let columns = spec.fields.iter().filter_map(column).collect();
    let source = ArchivedStream {
        destination: &destination,
        stream: &stream,
        expanded_max: args.expanded.bytes,
    };
    let TableFormat::Parquet = args.format;
    let progress = context.console.progress(None, "exporting");
    let told = |more| progress.advance(more);
    // What is dropped is not there: a file has its name when it is whole.
    let exported = tokio::select! {
        exported = export(source, range, (&args.to, columns), told) => exported,
        signal = signals.next() => return Ok(signal.into()),
    };
    drop(progress);
    let row = exported?;
    context.console.show_one(&row)?;
    if row.with_rest > 0 {
        context.console.note(&format!(
            "{} have something in the column `rest`: a field without a column, or a value that its column cannot hold",
            entries(row.with_rest)
        ));
    }
    Ok(Exit::Done)
}

/// The column of a field of a schema.
fn column(field: &FieldSpec) -> Option<ColumnSpec> {
    let kind = match field.kind {
        FieldType::Json | FieldType::JsonArray => ColumnKind::Json,
        FieldType::Integer => ColumnKind::Integer,
        FieldType::Bool => ColumnKind::Bool,
        FieldType::Uuid | FieldType::String | FieldType::Timestamp | FieldType::Words(_) => {
            ColumnKind::Text
        }
    };
    ColumnSpec::new(&field.name, kind)
}
