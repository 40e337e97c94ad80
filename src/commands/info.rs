//! `info`: the state of streams and their groups.

use anyhow::Result;

use super::shared::Context;
use super::shared::failure::{told_of_denied, warn_of_open_breakers};
use super::shared::header::{Alerts, Header};
use super::shared::trouble::warn_of_trouble;
use crate::cli;
use crate::cli::{Impact, Limited, Prints};
use crate::exit::Exit;
use crate::model::{Format, Kind, Name, Problem};
use crate::streams::inspect::{Detail, Observation, StreamReport, Wanted, observe};
use crate::streams::which_group::OnServer;
use crate::view::{Info, Report};
use crate::wire::Connection;

/// Show streams and their groups: size, lag, pending, losses, room
///
/// Looks at every stream of the topology unless some are named. Costs the server little, whatever the length of a
/// stream or of a pending entries list. LAG is a number; where the server does not know it, entries are counted up to
/// the threshold, and it is a lower bound (>=), an upper bound (<=) or unknown (?); `lag --exact` counts all. LOST
/// counts entries trimmed before the group read them; once the group has read on, the server knows only part of them
/// (>=) or nothing (?). ROOM is how many entries can be added before MAXLEN trims one that the group has not read, FOR
/// how long that takes at the present rate. A `!` marks what is beyond a threshold of the topology, and a lag that may
/// be. Consumers are listed for named streams, with -o wide and in JSON. Streams that the user may not look at are
/// named in warnings (exit 7), and so are groups whose circuit breaker is open.
///
/// With -o plain and csv the tables follow each other, a blank line between. --columns picks the one table that has
/// them: `--columns group,lag` prints groups only. In JSON, groups are within their streams.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::of::<Vec<StreamReport>>(Info::TABLES), after_help = "\
Examples:
  ucp-streams info
  ucp-streams info events.normalized
  ucp-streams info -o csv --columns group,stream,lag,pending
  ucp-streams info --jq '.[].groups[].lag'")]
pub(super) struct Args {
    /// Streams to look at, or groups, for their streams; all of the topology when none is named
    #[arg(value_name = "STREAM", value_parser = cli::name())]
    streams: Vec<Name>,

    #[command(flatten)]
    limit: Limited,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let connection = context.connect().await?;
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

/// What is seen of the streams that are named, or of the groups that are.
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

/// The streams that are named, where a name may be that of a group; `None` where none is.
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
