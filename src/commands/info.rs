//! `info`: the state of streams and their groups.

use std::time::Duration;

use anyhow::Result;

use super::shared::Context;
use super::shared::failure::{told_of_denied, warn_of_what_holds};
use super::shared::header::{Alerts, Header};
use super::shared::recorded::{RecordedIn, not_recorded, told_of_damage};
use super::shared::trouble::warn_of_trouble;
use super::shared::watch::repeatedly;
use crate::cli;
use crate::cli::{Impact, Limited, Prints, Watched, When};
use crate::exit::Exit;
use crate::model::{Format, Kind, Name, Problem, Time, escaped, format_duration_short};
use crate::recording::{Denied, Found, Look, Sample, Seen};
use crate::streams::changes::recent;
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
/// name, with -o wide, and in JSON. Streams that the user may not access (exit 7), and groups that are paused or
/// whose circuit breaker is open, are named in warnings.
///
/// With -o plain and csv the tables follow each other, separated by a blank line. --columns selects the one table
/// that has these columns: `--columns group,lag` prints groups only. In JSON, each stream contains its groups.
///
/// With --at, the same is shown as of the last sample not after that time, from a recording that `record` has made.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::of::<Vec<StreamReport>>(Info::TABLES), after_help = "\
Examples:
  ucp-streams info
  ucp-streams info events.normalized
  ucp-streams info -o csv --columns group,stream,lag,pending
  ucp-streams info --jq '.[].groups[].lag'
  ucp-streams info --at 03:10 --record recording")]
pub(super) struct Args {
    /// Streams to show, or groups, whose streams are shown; all streams of the topology when none is named
    #[arg(value_name = "STREAM", value_parser = cli::name())]
    streams: Vec<Name>,

    /// Show what the recording has of that time instead of asking the server: 03:10 (UTC), 15m (ago), a time such as
    /// 2026-01-31T09:00:00Z
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true, conflicts_with = Watched::ID, help_heading = "Looking back")]
    at: Option<When>,

    #[command(flatten)]
    recorded: RecordedIn,

    #[command(flatten)]
    limit: Limited,

    #[command(flatten)]
    watched: Watched,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    match args.at {
        None if args.recorded.is_given() => {
            let text = "--record is where to look back into, and no --at says to when";
            let hint = "add --at, such as `--at end`, or leave out --record to ask the server";
            Err(Problem::usage(text).hint(hint).into())
        }
        Some(at) => show_recorded(&args, at, context),
        None => repeatedly(args.watched, context, async || show(&args, context).await).await,
    }
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
    print(&seen.streams, args, context)?;
    warn_of_what_holds(seen.groups(), context);
    warn_of_trouble(seen.groups(), &connection, context).await?;
    if context.tells_last_change() {
        let audit = context.topology()?.audit.as_ref();
        context.tell_last_change(&recent(&connection, audit).await?);
    }
    Ok(told_of_denied(&seen.denied, context))
}

/// Shows the last sample of a recording that is not after a time.
fn show_recorded(args: &Args, at: When, context: &Context) -> Result<Exit> {
    let (recording, span) = args.recorded.required(context)?;
    let at = at.resolve(Time::now());
    let Found { sample, damaged } = recording.seen_at(at)?;
    told_of_damage(damaged.max(span.damaged), context);
    let sample = sample.ok_or_else(|| not_recorded(&recording, &span, "at or before", at))?;
    let seen = sample.as_seen().expect("it was seen");
    let streams = named(&args.streams, seen)?;
    let age = Duration::from_millis(at.ms - sample.at.ms);
    let age = format_duration_short(age);
    context.console.note(&format!(
        "as of {}, {age} before {at}, recorded of {} in {}",
        sample.at,
        escaped(span.server.as_bytes()),
        recording.shown()
    ));
    if let Some(Sample {
        at,
        look: Look::Failed(error),
    }) = recording.at(at)?
    {
        let error = escaped(error.as_bytes());
        context.console.warn(&format!(
            "at {at} the recorder could not look, so that this may be old: {error}"
        ));
    }
    print(&streams, args, context)?;
    warn_of_what_holds(seen.groups(), context);
    for Denied { stream, error } in &seen.denied {
        let error = escaped(error.as_bytes());
        let text = format!("the recorder could not read stream `{stream}`: {error}");
        context.console.warn(&text);
    }
    Ok(Exit::of_parts(!seen.denied.is_empty(), false))
}

/// The recorded streams that are named, or those of the named groups; all when none is named.
fn named(names: &[Name], seen: &Seen) -> Result<Vec<StreamReport>, Problem> {
    let is_named = |stream: &StreamReport, name: &Name| {
        stream.stream == *name || stream.groups.iter().any(|it| it.group == *name)
    };
    for name in names {
        if !seen.streams.iter().any(|it| is_named(it, name)) {
            let known: Vec<String> = seen
                .streams
                .iter()
                .map(|it| it.stream.to_string())
                .collect();
            let text = format!("no stream or group `{name}` was recorded then");
            let hint = format!("recorded are: {}", known.join(", "));
            return Err(Problem::not_found(text).hint(hint));
        }
    }
    let streams = seen.streams.iter();
    let streams =
        streams.filter(|it| names.is_empty() || names.iter().any(|name| is_named(it, name)));
    Ok(streams.cloned().collect())
}

fn print(streams: &[StreamReport], args: &Args, context: &Context) -> Result<()> {
    let options = context.console.options();
    let format = options.format;
    // Within a stream's JSON, its groups are a key.
    let picks_parts =
        !options.columns.is_empty() && !options.columns.iter().any(|it| it == "groups");
    if format.is_json() && !picks_parts {
        context.console.show(streams, args.limit.rows())
    } else {
        let with_consumers = !args.streams.is_empty() || format == Format::Wide;
        context
            .console
            .show_report(&Info::new(streams, with_consumers), args.limit.rows())
    }
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
