//! `ingest`: takes events into the platform, raw and normalized.
#![expect(clippy::doc_markdown, reason = "the docs are the help text")]

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;
use clap::ValueHint;

use super::publish::warn;
use super::shared::Context;
use super::shared::bulk::{Input, Interrupt, Shown, input};
use super::shared::retention::{self, connect_to_rehearse, rehearse, warn_of_taken};
use super::shared::source::{Again, AsTheyAre, Checking, Reading, check_all};
use crate::cli::{
    DryRun, FieldValue, Impact, Limited, MaxExpanded, Prints, PrintsPlan, bytes_of, field_value,
};
use crate::exit::Exit;
use crate::model::{Fields, Limit, Problem, entries as in_words};
use crate::streams::ingest::{Ingest, Ingested, WouldIngest, ingest_one, send};
use crate::streams::publish::retention::{PlannedAppend, Retention};
use crate::streams::publish::{Blocks, Warnings, not_valid};
use crate::topology::StreamSpec;
use crate::topology::validate::Pair;
use crate::view::RowWriter;
use crate::wire::Connection;

/// Ingest events: store raw and normalized together or not at all
///
/// Each event is validated, then stored as it came in events.raw and in normalized form in events.normalized, both in
/// one atomic step. Prints the event's id and the ids of its two entries. A file is checked completely before its
/// first event is sent.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Write, add = Prints::list::<Ingested>(), add = PrintsPlan(Prints::one::<WouldIngest>()), after_help = "\
Examples:
  ucp-streams ingest --brand-id aurora --event-type purchase \\
      --payload '{\"phone\": \"+49 170 1234567\", \"total\": 12.5}'
  ucp-streams ingest --file events.ndjson -o ndjson")]
pub(super) struct Args {
    /// The event's id; a new UUID when it is not given
    #[arg(
        long,
        value_name = "VALUE",
        conflicts_with = "file",
        allow_hyphen_values = true
    )]
    event_id: Option<OsString>,

    /// The brand's id
    #[arg(
        long,
        value_name = "VALUE",
        conflicts_with = "file",
        allow_hyphen_values = true
    )]
    brand_id: Option<OsString>,

    /// What happened: purchase, page_view or whatsapp_message
    #[arg(
        long,
        value_name = "VALUE",
        conflicts_with = "file",
        allow_hyphen_values = true
    )]
    event_type: Option<OsString>,

    /// The event's payload as a JSON object
    #[arg(
        long,
        value_name = "VALUE",
        conflicts_with = "file",
        allow_hyphen_values = true
    )]
    payload: Option<OsString>,

    /// When it happened (ISO 8601); now when it is not given
    #[arg(
        long,
        value_name = "VALUE",
        conflicts_with = "file",
        allow_hyphen_values = true
    )]
    timestamp: Option<OsString>,

    /// Fields as name=value, instead of the flags
    #[arg(value_name = "FIELD=VALUE", value_parser = field_value(), conflicts_with = "file")]
    fields: Vec<FieldValue>,

    /// Ingest every line of a file, each a JSON object; `-` is standard input
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,

    #[command(flatten)]
    max_expanded: MaxExpanded,

    /// Refuse ids that are not UUIDs, instead of warning about them
    #[arg(long)]
    strict: bool,

    #[command(flatten)]
    limit: Limited,

    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let ingest = Ingest::new(context.topology()?, args.strict);
    let dry_run = context.is_rehearsal(args.dry_run);
    match &args.file {
        Some(path) => {
            let source = (input(path, context)?, AsTheyAre(args.max_expanded));
            file(source, ingest, dry_run, args.limit.rows(), context).await
        }
        None => one(given(args)?, ingest, dry_run, context).await,
    }
}

fn given(args: Args) -> Result<Fields, Problem> {
    let flags = [
        ("event_id", args.event_id),
        ("brand_id", args.brand_id),
        ("event_type", args.event_type),
        ("payload", args.payload),
        ("timestamp", args.timestamp),
    ];
    let mut fields = Fields::new();
    for (name, value) in flags {
        if let Some(value) = value {
            let value = bytes_of(value).map_err(|shown| {
                Problem::usage(format!("{name}: `{shown}` is not Unicode text"))
            })?;
            fields.push((name.as_bytes().to_vec(), value));
        }
    }
    let named = args.fields.into_iter();
    fields.extend(named.map(|pair| (pair.field.as_bytes().to_vec(), pair.value)));
    Ok(fields)
}

async fn one(fields: Fields, mut ingest: Ingest, dry_run: bool, context: &Context) -> Result<Exit> {
    let (event, found) = ingest
        .event(fields)
        .map_err(|invalid| not_valid(&ingest.raw.name, &invalid))?;
    let mut warnings = Warnings::default();
    warnings.add(&found, None);
    warn(&warnings, context);
    if dry_run {
        return would_ingest(1, &ingest, context).await;
    }
    let connection = context.connect().await?;
    let specs = (ingest.raw.clone(), ingest.normalized.clone());
    let watched = look(&connection, (&specs.0, &specs.1), &mut ingest, 1, context).await?;
    let ids = ingest_one(&connection, &ingest, event).await?;
    for retention in &watched {
        warn_of_taken(retention, &connection, context).await;
    }
    context.console.show(&[ids], Limit::All)?;
    Ok(Exit::Done)
}

async fn would_ingest(events: u64, ingest: &Ingest, context: &Context) -> Result<Exit> {
    if let Some(connection) = connect_to_rehearse(context).await {
        ingest.require_one_slot(&connection).await?;
        for spec in [&ingest.raw, &ingest.normalized] {
            rehearse(&connection, planned(spec, events), context).await?;
        }
    }
    context.console.show_one(&WouldIngest {
        events,
        raw: ingest.raw.name.clone(),
        normalized: ingest.normalized.name.clone(),
    })?;
    let (raw, normalized) = (&ingest.raw.name, &ingest.normalized.name);
    let events = in_words(events);
    context.rehearsed(&format!(
        "publish {events} to `{raw}` and as many to `{normalized}`"
    ));
    Ok(Exit::Done)
}

/// The entries that are about to be added to one of the two streams.
fn planned(spec: &StreamSpec, entries: u64) -> PlannedAppend<'_> {
    PlannedAppend {
        spec,
        maxlen: spec.maxlen,
        entries,
        flag: None,
    }
}

/// Makes sure that one script can write to both streams, observes them, and removes from `ingest` the length limits
/// that must not be enforced.
async fn look<'s>(
    connection: &Connection,
    specs: (&'s StreamSpec, &'s StreamSpec),
    ingest: &mut Ingest,
    events: u64,
    context: &Context,
) -> Result<[Retention<'s>; 2]> {
    ingest.require_one_slot(connection).await?;
    let raw = retention::look(connection, planned(specs.0, events), context).await?;
    let normalized = retention::look(connection, planned(specs.1, events), context).await?;
    ingest.raw.maxlen = raw.maxlen;
    ingest.normalized.maxlen = normalized.maxlen;
    Ok([raw, normalized])
}

async fn file(
    source: (Input, AsTheyAre),
    ingest: Ingest,
    dry_run: bool,
    limit: Limit,
    context: &Context,
) -> Result<Exit> {
    let (mut again, entries) = checked(source, &ingest, context)?;
    if dry_run {
        return would_ingest(entries, &ingest, context).await;
    }
    send_all(again.blocks()?, entries, ingest, limit, context).await
}

/// Checks the whole file, warns about what looks wrong, and returns the number of events.
fn checked(
    (input, lines): (Input, AsTheyAre),
    ingest: &Ingest,
    context: &Context,
) -> Result<(Again<AsTheyAre>, u64)> {
    let progress = context.console.progress(None, "checking");
    let each = |more| progress.advance(more);
    let normal = |fields: &[Pair<'_>]| ingest.normalize(fields).map(|normal| normal.warnings);
    let how = Checking {
        checker: &ingest.checker(),
        goes_on: false,
        hint: "name a file that can be read twice, or split the input",
    };
    let (again, checked) = check_all(input, lines, &how, normal, each)?;
    drop(progress);
    let hint = "correct the lines and ingest the file again";
    let checked = checked.all_valid(&ingest.raw.name, hint)?;
    warn(&checked.warnings, context);
    Ok((again, checked.entries))
}

/// Ingests the whole file, and prints the ids as they arrive.
async fn send_all(
    input: Blocks<Reading>,
    entries: u64,
    mut ingest: Ingest,
    limit: Limit,
    context: &Context,
) -> Result<Exit> {
    let connection = context.connect().await?;
    let specs = (ingest.raw.clone(), ingest.normalized.clone());
    let watched = look(
        &connection,
        (&specs.0, &specs.1),
        &mut ingest,
        entries,
        context,
    )
    .await?;
    let mut writer = RowWriter::<Ingested>::new(&context.console.listing(limit))?;
    let mut shown = Shown::new(context);
    let interrupt = Interrupt::watch()?;
    let sent = {
        let progress = context.console.progress(Some(entries), "ingesting");
        let each = |ids: &[Ingested]| {
            shown.write(|out| writer.page(out, ids));
            progress.advance(ids.len() as u64);
        };
        send(&connection, input, &ingest, &interrupt.flag, each).await
    };
    for retention in &watched {
        warn_of_taken(retention, &connection, context).await;
    }
    shown.write(|out| writer.end(out).map(|cut| context.console.note_cut(cut)));
    let (stopped, stored, last) = (sent.stopped, sent.stored, sent.last);
    let ended = shown.end(stored);
    sent.verdict(&ingest.raw.name)?;
    ended?;
    Ok(if stopped {
        interrupt.stopped(stored, last, context)
    } else {
        Exit::Done
    })
}
