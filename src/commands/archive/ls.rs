//! `archive ls`: lists the segments of an archive.

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueHint;

use super::in_all;
use crate::archive::{SegmentRow, SegmentState, list};
use crate::cli::{self, Impact, Limited, Prints};
use crate::commands::shared::Context;
use crate::commands::shared::archives::open;
use crate::exit::Exit;
use crate::model::Name;

/// List the segments of an archive, by its manifests
///
/// Whether a segment is as its manifest says is not looked at: `archive verify` does that.
#[expect(clippy::doc_markdown, reason = "the docs are the help text")]
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::list::<SegmentRow>(), after_help = "\
Examples:
  ucp-streams archive ls archive
  ucp-streams archive ls archive --stream events.raw -o json")]
pub(super) struct Args {
    /// The archive: a directory, or s3://BUCKET/PREFIX
    #[arg(value_name = "DEST", value_hint = ValueHint::DirPath)]
    place: PathBuf,

    /// Only the segments of this stream
    #[arg(long, value_name = "STREAM", value_parser = cli::name())]
    stream: Option<Name>,

    #[command(flatten)]
    limit: Limited,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let destination = open(&args.place)?;
    let rows = list(&destination, args.stream.as_ref()).await?;
    context.console.show(&rows, args.limit.rows())?;
    let entries = rows.iter().filter_map(|it| it.entries).sum();
    context.console.note(&in_all(rows.len(), entries));
    let is_damaged = |it: &SegmentRow| it.state == SegmentState::Damaged;
    Ok(if rows.iter().any(is_damaged) {
        Exit::DataLoss
    } else {
        Exit::Done
    })
}
