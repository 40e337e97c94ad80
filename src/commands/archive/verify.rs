//! `archive verify`: reads an archive from end to end.

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueHint;

use super::in_all;
use crate::archive::{Destination, SegmentRow, SegmentState, verify};
use crate::cli::{self, Impact, Limited, Prints};
use crate::commands::shared::Context;
use crate::commands::shared::archives::{Expanded, open};
use crate::exit::Exit;
use crate::model::{Kind, Name, Problem, counted, entries};

/// How many damaged segments an error names.
const NAMED_MAX: usize = 5;

/// Read an archive from end to end, and say what of it is damaged
///
/// Compares each segment with its manifest, checks that every entry can be read, and that no segment is missing between
/// others. When anything is damaged, the exit code is 9.
#[expect(clippy::doc_markdown, reason = "the docs are the help text")]
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::list::<SegmentRow>(), after_help = "\
Examples:
  ucp-streams archive verify archive
  ucp-streams archive verify archive --stream events.raw -o json")]
pub(super) struct Args {
    /// The archive: a directory, or s3://BUCKET/PREFIX
    #[arg(value_name = "DEST", value_hint = ValueHint::DirPath)]
    place: PathBuf,

    /// Only the segments of this stream
    #[arg(long, value_name = "STREAM", value_parser = cli::name())]
    stream: Option<Name>,

    #[command(flatten)]
    expanded: Expanded,

    #[command(flatten)]
    limit: Limited,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let destination = open(&args.place)?;
    let progress = context.console.progress(None, "verifying");
    let told = |more| progress.advance(more);
    let rows = verify(
        &destination,
        args.stream.as_ref(),
        args.expanded.bytes,
        told,
    )
    .await;
    drop(progress);
    let rows = rows?;
    context.console.show(&rows, args.limit.rows())?;
    let total = rows.iter().filter_map(|it| it.entries).sum();
    let damaged: Vec<&SegmentRow> = rows
        .iter()
        .filter(|it| it.state == SegmentState::Damaged)
        .collect();
    if damaged.is_empty() {
        context
            .console
            .note(&format!("whole: {}", in_all(rows.len(), total)));
        return Ok(Exit::Done);
    }
    Err(problem(&destination, &rows, &damaged).into())
}

fn problem(destination: &Destination, rows: &[SegmentRow], damaged: &[&SegmentRow]) -> Problem {
    let named = damaged.iter().take(NAMED_MAX).map(|row| {
        let why = row.problem.as_deref().unwrap_or_default();
        let lost = match row.lost() {
            0 => String::new(),
            lost => format!(" ({} cannot be read)", entries(lost)),
        };
        format!("\n{}: {why}{lost}", row.segment)
    });
    let named: String = named.collect();
    let more = match damaged.len() - damaged.len().min(NAMED_MAX) {
        0 => String::new(),
        more => format!("\nand {more} more: -o json lists them"),
    };
    let text = format!(
        "the archive in {} is damaged, in {} of {}:{named}{more}",
        destination.shown(),
        damaged.len(),
        counted(rows.len() as u64, "segment", "segments"),
    );
    Problem::new(Kind::DataLoss, text).hint(
        "`restore --skip-damaged` restores the rest; a copy from elsewhere can be put in its place",
    )
}
