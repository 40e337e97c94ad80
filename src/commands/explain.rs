//! `explain`: the standing of one entry with each group of its stream.

use anyhow::Result;

use super::get::place;
use super::shared::Context;
use super::shared::failure::told_of_denied;
use super::shared::header::{Alerts, Header};
use crate::cli::{Impact, Position, Prints, name};
use crate::exit::Exit;
use crate::model::{EntryId, Limit, Name};
use crate::streams::read::{self, Place};
use crate::streams::search::Searcher;
use crate::streams::standing::{ExplainReport, explain};
use crate::view::Report as _;
use crate::wire::Connection;

/// Explain what happened to one entry in its stream and groups
///
/// Shows whether the entry is in the stream, when it was added and how large it is. For every group of the stream it
/// shows whether the entry was delivered, to which consumer and how often, and whether it is pending, acknowledged,
/// dead-lettered or lost. CERTAINTY is `certain` when the server or a worker's journal says so. It is `inferred` when
/// this follows from what the server says, but something else may be true: an entry that is neither pending nor after
/// the group's position was acknowledged, unless the position was set past it. It is `unknown` when the facts could not
/// be read.
///
/// For a dead letter, the entry that it came from is shown, and for a copy that a requeue or a redrive made, the entry
/// that was copied. Dead letters, copies and journals are searched, at most --count entries of each stream, and the
/// output says how far. When no entry ever had the id, the exit code is 3. Streams and keys that the user may not read
/// are named in warnings (exit 7).
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::of::<ExplainReport>(ExplainReport::TABLES), after_help = "\
Examples:
  ucp-streams explain events.normalized 1700000000000-0
  ucp-streams explain events.normalized -1
  ucp-streams explain events.normalized 1700000000000-0 \\
      -o csv --columns group,standing,certainty,consumer
  ucp-streams explain events.normalized -1 --jq '.groups[].standing'")]
pub(super) struct Args {
    /// The stream that has or had the entry
    #[arg(value_name = "STREAM", value_parser = name())]
    stream: Name,

    /// The entry's id, `<ms>-<seq>`, or another position, as in `get`
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    id: Position,

    /// Search at most this many entries of each stream
    #[arg(long, value_name = "N", default_value = "1000000", value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let topology = context.topology()?;
    let connection = context.connect().await?;
    let dialer = context.dialer()?;
    let look = async {
        let id = id(&args, &connection, context).await?;
        let progress = context.console.progress(None, "looking through entries");
        let told = |entries| progress.advance(entries);
        let mut searcher = Searcher::new(&dialer, &told);
        let (stream, count_max) = (&args.stream, args.count as usize);
        let entry = (stream, id);
        let report = explain(&mut searcher, &connection, topology, entry, count_max).await?;
        anyhow::Ok((report, searcher.denied))
    };
    let (header, looked) = Header::beside(&connection, Alerts::Asked, context, look).await;
    let (report, denied) = looked?;
    header.begin(context);
    context.console.show_report(&report, Limit::All)?;
    Ok(told_of_denied(&denied, context))
}

/// The id of the entry that the arguments name.
async fn id(args: &Args, connection: &Connection, context: &Context) -> Result<EntryId> {
    match place(args.id)? {
        Place::Id(id) => Ok(id),
        place => {
            let (names, mut lane) = (context.known_names(), context.lane().await?);
            let entry = read::get(connection, &mut lane, names, &args.stream, place).await?;
            Ok(entry.id)
        }
    }
}
