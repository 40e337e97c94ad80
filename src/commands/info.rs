//! `info`: the state of streams and their groups.

use anyhow::Result;

use super::shared::Context;
use super::shared::failure::{told_of_denied, warn_of_open_breakers};
use super::shared::header::{Alerts, Header};
use super::shared::trouble::warn_of_trouble;
use super::shared::watch::repeatedly;
use crate::cli;
use crate::cli::{Impact, Limited, Prints, Watched};
use crate::exit::Exit;
use crate::model::{Format, Kind, Name, Problem};
use crate::streams::inspect::{Detail, Observation, StreamReport, Wanted, observe};
use crate::streams::which_group::OnServer;
use crate::view::{Info, Report};
use crate::wire::Connection;

/// Show streams and their groups: size, lag, pending, losses, room
///
/// Shows every stream of the topology unless you name some. The command is cheap for the server, however long a
/// stream or a pending entries list is. LAG is a number. When the server does not know it, the entries are counted,
/// up to the topology's threshold, and LAG is a lower bound (>=), an upper bound (<=) or unknown (?); `lag --exact`
/// counts all of them. LOST counts entries that were trimmed before the group read them. Once the group has read past
/// the gap, the server knows only some of them (>=) or none (?). ROOM is how many entries can be added before MAXLEN
/// trims one that the group has not read, and FOR is how long that takes at the present rate. A `!` marks a value
/// beyond a threshold of the topology, and a lag that may be beyond it. Consumers are listed for the streams you
/// name, with -o wide, and in JSON. Streams that the user may not access, and groups whose circuit breaker is open,
/// are named in warnings (exit 7).
///
/// With -o plain and csv the tables follow each other, separated by a blank line. --columns selects the one table
/// that has these columns: `--columns group,lag` prints groups only. In JSON, each stream contains its groups.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::of::<Vec<StreamReport>>(Info::TABLES), after_help = "\
Examples:
  ucp-streams info
  ucp-streams info events.normalized
  ucp-streams info -o csv --columns group,stream,lag,pending
  ucp-streams info --jq '.[].groups[].lag'")]
pub(super) struct Args {
    /// Streams to show, or groups, whose streams are shown; all streams of the topology when none is named
    #[arg(value_name = "STREAM", value_parser = cli::name())]
    streams: Vec<Name>,

    #[command(flatten)]
    limit: Limited,

    #[command(flatten)]
    watched: Watched,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    repeatedly(args.watched, context, async || show(&args, context).await).await
}

async fn show(args: &Args, context: &Context) -> Result<Exit> {
    let connection = context.connected().await?;
    let alerts = match args.streams[..] {
        [] => Alerts::Seen,
        _ => Alerts::Asked,
    };
    let look = find(&args.streams, &connection, context);
    let (header, seen) = Header::beside(&connection, alerts, context, look).await;
    let seen = seen?;
    header.with(&seen).begin(context);
    let streams = &seen.streams;
    let options = context.console.options();
    let format = options.format;
    // Within a stream's JSON, its groups are a key.
    let picks_parts =
        !options.columns.is_empty() && !options.columns.iter().any(|it| it == "groups");
    if format.is_json() && !picks_parts {
        context.console.show(streams, args.limit.rows())?;
    } else {
        let with_consumers = !args.streams.is_empty() || format == Format::Wide;
        context
            .console
            .show_report(&Info::new(streams, with_consumers), args.limit.rows())?;
    }
    warn_of_open_breakers(seen.groups(), context);
    warn_of_trouble(seen.groups(), &connection, context).await?;
    Ok(told_of_denied(&seen.denied, context))
}

/// Observes the named streams, or the streams of the named groups.
async fn find(named: &[Name], connection: &Connection, context: &Context) -> Result<Observation> {
    match look(named, connection, context).await {
        Err(error) if is_not_found(&error) => {
            let Some(streams) = streams_of(named, connection, context).await? else {
                return Err(error);
            };
            look(&streams, connection, context).await
        }
        seen => seen,
    }
}

async fn look(named: &[Name], connection: &Connection, context: &Context) -> Result<Observation> {
    let wanted = Wanted::streams(named);
    observe(connection, context.topology()?, wanted, Detail::Streams).await
}

fn is_not_found(error: &anyhow::Error) -> bool {
    let problem = error.downcast_ref::<Problem>();
    problem.is_some_and(|problem| problem.kind == Kind::NotFound)
}

/// The named streams, where a name may also be that of a group; `None` when no name was given.
async fn streams_of(
    named: &[Name],
    connection: &Connection,
    context: &Context,
) -> Result<Option<Vec<Name>>> {
    let groups = OnServer::look(connection, context.topology()?).await?;
    let (mut streams, mut has_groups) = (Vec::new(), false);
    for name in named {
        let of_group = groups.streams_with(name);
        for stream in &of_group {
            has_groups = true;
            let note = format!("`{name}` is a group of stream `{stream}`");
            context.console.note(&note);
        }
        let found = if of_group.is_empty() {
            vec![name.clone()]
        } else {
            of_group
        };
        for stream in found {
            if !streams.contains(&stream) {
                streams.push(stream);
            }
        }
    }
    Ok(has_groups.then_some(streams))
}
