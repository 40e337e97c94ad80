//! `replay`: handles or copies a part of a stream once more, without its groups.

mod archived;
mod facts;
mod report;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use clap::ValueHint;

use self::facts::facts;
use self::report::{Replayed, tell};
use super::groups::set_id;
use super::shared::Context;
use super::shared::archives::Expanded;
use super::shared::group::find;
use super::shared::snapshots::NoSnapshot;
use super::worker::assign::{needs_url, of_portion, policy};
use super::worker::handlers::HandlerArgs;
use super::worker::{PolicyArgs, work_through};
use crate::cli::{self, DryRun, Impact, Position, Prints, PrintsPlan, PrintsWith, condition};
use crate::exit::Exit;
use crate::model::{FieldCondition, Name, Problem, Time, entries, whole_ms};
use crate::streams::groups::Shift;
use crate::streams::replay::{Replay, Wanted, check_name, plan};
use crate::streams::tail::Filter;
use crate::streams::target::Target;
use crate::topology::GroupSpec;
use crate::wire::Connection;
use crate::worker::handler::{Builtin, Handler};
use crate::worker::{Assignment, Portion};

/// Handle a part of a stream once more, without touching its groups
///
/// --from and --to take what START and END of `read` take; --to is the newest entry if it is not given. With a handler (as
/// of `worker run`), every entry in between that matches --where is handled once more: at least once, with retries, at most
/// --rate a second. What fails for good goes to the stream's dead-letter stream, as of group `_ucp_replay:NAME`, and is
/// listed at the end (exit 7); `dlq redrive` would add it to the stream again, for all of its groups. With --to-stream, each entry is copied to that stream exactly once; where groups read that
/// one, they are named and consent is asked for.
///
/// A replay reads with a group of its own, `_ucp_replay:NAME`, which is deleted at its end, holds nothing back, and alarms
/// nobody; the stream's other groups are not touched. One that was stopped or killed goes on when it is run again with the
/// same --name, conditions and destination: the part of the stream stays the one that was meant first. Where the process was
/// killed, this waits up to 15 s until nobody else can be at work.
///
/// With --archive, the entries are those of an archive, where they are; no server is asked. How far it has come is kept in a
/// private file below ~/.local/state/ucp-streams/replays, so that it goes on in the same way. What fails for good is listed
/// at the end; nothing is added to any stream. At a part that is damaged it ends (exit 9).
///
/// With --group, nothing is handled here: the group itself is moved back, as by `groups set-id`, and its workers handle
/// everything from there on again. That is refused while it has live consumers, unless --force is given, and saved first,
/// so that `undo` restores it.
#[expect(clippy::doc_markdown, reason = "the docs are the help text")]
#[derive(Debug, clap::Args)]
#[command(add = Impact::Write, add = Prints::one::<Replayed>(), add = PrintsPlan(Prints::plan::<Replayed>()),
    add = PrintsWith { option: "group", prints: Prints::one::<Shift>() }, after_help = "\
Examples:
  # The last hour once more, by a program, at most 100 entries a second
  ucp-streams replay events.normalized --from -1h --name monday \\
      --rate 100/s --exec -- ./handle-event
  # Purchases of one brand only
  ucp-streams replay events.normalized --from start \\
      --where brand_id=b --where event_type=purchase --builtin log
  # Copy what came between two times to another stream
  ucp-streams replay events.raw --from 2026-01-31T09:00:00Z \\
      --to 2026-01-31T10:00:00Z --to-stream events.again
  # What was archived, where it is
  ucp-streams replay events.raw --archive archive --from start \
      --builtin log
  # Show what moving the group itself back would do
  ucp-streams replay events.normalized --from -1h \\
      --group event-processors --dry-run")]
pub(super) struct Args {
    /// The stream
    #[arg(value_name = "STREAM", value_parser = cli::name())]
    stream: Name,

    /// Where to begin; this position is included
    #[arg(long, value_name = "START", allow_hyphen_values = true)]
    from: Position,

    /// Where to end; this position is included [default: the newest entry]
    #[arg(
        long,
        value_name = "END",
        allow_hyphen_values = true,
        conflicts_with = "group"
    )]
    to: Option<Position>,

    /// Only entries whose field has this value, or, with !=, does not have it; a path selects a value within JSON:
    /// payload.customer.id=7. When given several times, all conditions must hold
    #[arg(long = "where", value_name = "FIELD=VALUE", value_parser = condition(), conflicts_with = "group")]
    equal: Vec<FieldCondition>,

    /// The name by which it goes on after it was stopped [default: the time at which it begins]
    #[arg(long, value_name = "NAME", value_parser = cli::name(), conflicts_with = "group")]
    name: Option<Name>,

    /// Copy the entries to this stream
    #[arg(long, value_name = "STREAM", value_parser = cli::name(), conflicts_with_all = ["group", "handler"])]
    to_stream: Option<Name>,

    /// Move this group back instead
    #[arg(long, value_name = "GROUP", value_parser = cli::name(), conflicts_with = "handler")]
    group: Option<Name>,

    /// Move the group although consumers are live
    #[arg(long, requires = "group")]
    force: bool,

    /// Handle what was archived there instead: a directory, or s3://BUCKET/PREFIX
    #[arg(long, value_name = "SRC", value_hint = ValueHint::DirPath, conflicts_with_all = ["group", "to_stream"])]
    archive: Option<PathBuf>,

    #[command(flatten)]
    expanded: Expanded,

    #[command(flatten)]
    without: NoSnapshot,

    #[command(flatten)]
    handler: HandlerArgs,

    #[command(flatten)]
    policy: PolicyArgs,

    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    if let Some(group) = args.group {
        let connection = context.connect().await?;
        let spec = find(&group, Some(&args.stream), &connection, context)
            .await?
            .spec;
        let target = Target::from(&spec);
        let moved =
            set_id::Args::from_on(&target, args.from, args.force, args.without, args.dry_run);
        return set_id::run(moved, context).await;
    }
    if args.to_stream.is_none() && !args.handler.is_given() {
        let text = "nothing says what is to become of the entries";
        return Err(Problem::usage(text)
            .hint("give a handler (--exec, --pipe, --http, --builtin), --to-stream STREAM, or --group GROUP")
            .into());
    }
    let name = match &args.name {
        Some(name) => name.clone(),
        None => Name::from(Time::now().ms.to_string()),
    };
    check_name(&name)?;
    if let Some(place) = &args.archive {
        return archived::run(&args, place, &name, context).await;
    }
    let connection = context.connect().await?;
    let topology = context.topology()?;
    let now_ms = Time::now().ms;
    let wanted = Wanted {
        stream: args.stream.clone(),
        name,
        from: args.from.range_start(now_ms),
        to: args.to.unwrap_or(Position::End).range_end(now_ms),
        terms: terms(&args),
    };
    let mut lane = context.lane().await?;
    let Some(replay) = plan((&connection, &mut lane), topology, &wanted).await? else {
        let text = format!("nothing to replay: `{}` has no entries there", args.stream);
        context.console.note(&text);
        return Ok(Exit::Done);
    };
    let job = assignment(&args, &replay, context)?;
    let is_rehearsal = context.is_rehearsal(args.dry_run);
    let counting = Some(&mut lane).filter(|_| is_rehearsal);
    let plan = facts(&args, &replay, &connection, counting).await?;
    if is_rehearsal
        || plan
            .other_groups
            .as_ref()
            .is_some_and(|groups| !groups.is_empty())
    {
        let row = Replayed::planned(&replay);
        let agreed = context
            .agreed(is_rehearsal, (plan, &[]), &row, None)
            .await?;
        if agreed.is_none() {
            return Ok(Exit::Done);
        }
    } else {
        context.console.note(&plan.summary);
    }
    let waits = || {
        let text = "waiting until nobody else can be at work on it, which takes up to 15 s after it was killed";
        context.console.note(text);
    };
    replay.await_lease(&connection, waits).await?;
    replay.begin(&connection).await?;
    handle(&replay, job, &connection, context).await
}

/// What must be the same when it goes on.
fn terms(args: &Args) -> Vec<String> {
    let conditions = args.equal.iter().map(ToString::to_string);
    let to = args.to_stream.iter().map(|to| format!("copied to {to}"));
    conditions.chain(to).collect()
}

/// The work of the replay's only worker.
fn assignment(args: &Args, replay: &Replay, context: &Context) -> Result<Assignment> {
    let topology = context.topology()?;
    let Target { stream, group } = &replay.target;
    let spec = GroupSpec::new(group.clone(), stream.clone());
    let timeout = args
        .policy
        .handler_timeout()
        .unwrap_or(spec.handler_timeout);
    let handler = match &args.to_stream {
        Some(to) => Arc::new(Handler::Inline(Box::new(Builtin::Forward(to.clone())))),
        None => {
            let handler = args.handler.handler(&spec, topology, timeout)?;
            handler.ok_or_else(|| needs_url(&spec))?
        }
    };
    let policy = policy(&args.policy, &spec, handler.is_inline());
    policy.check()?;
    let portion = Portion::new(replay.to, filter(args));
    Ok(of_portion(&spec, handler, topology, policy, portion))
}

/// Which entries are wanted.
fn filter(args: &Args) -> Filter {
    Filter {
        equal: args.equal.clone(),
        pattern: None,
    }
}

/// Runs the worker, and tells what became of the part.
async fn handle(
    replay: &Replay,
    job: Assignment,
    connection: &Connection,
    context: &Context,
) -> Result<Exit> {
    let began = Instant::now();
    let portion = job.portion.clone();
    let (worked, stopped) = work_through(job, context).await?;
    let connection = if connection.is_lost() {
        &context.connect().await?
    } else {
        connection
    };
    let is_complete = replay.is_complete(connection).await?;
    let (failures, has_more) = replay.failures(connection, context.topology()?).await?;
    let left_out = portion.as_ref().map_or(0, |it| it.left_out());
    let report = Replayed {
        is_complete,
        handled: worked.handled,
        left_out,
        failed_attempts: worked.failed_attempts,
        dead_lettered: worked.dead_lettered,
        lost: worked.tombstones + worked.lost,
        took_ms: whole_ms(began.elapsed()),
        failures,
        ..Replayed::planned(replay)
    };
    if is_complete {
        replay.end(connection).await?;
    }
    context.console.show_one(&report)?;
    if let Some(count) = portion.map(|it| it.unjudged()).filter(|count| *count > 0) {
        context.console.warn(&format!(
            "{} could not be judged by --where, because a value is not JSON: left out",
            entries(count)
        ));
    }
    tell(&report, has_more, began, context);
    let is_part = !report.failures.is_empty();
    Ok(match stopped {
        _ if is_complete => Exit::of_parts(is_part, report.lost > 0),
        Some(stop) => stop,
        None => Exit::Refused,
    })
}
