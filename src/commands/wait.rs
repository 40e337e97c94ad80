//! `wait`: waits until groups meet the conditions of a deployment.

use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use super::shared::Context;
use super::shared::group::GroupsArgs;
use crate::cli::{Impact, Limited, Prints};
use crate::exit::Exit;
use crate::model::{CommandLine, Kind, Problem, format_duration_short, parse_duration};
use crate::settings::Origin;
use crate::streams::wait::{Condition, Goal, Patience, Waited, connect, wait};
use crate::topology::Topology;

/// How long the command waits when --timeout is not given.
const USUAL: Duration = Duration::from_mins(5);
/// The longest time that the command waits for one reply.
const ANSWER: Duration = Duration::from_secs(5);

/// Wait until groups have caught up, for deployments and scripts
///
/// Checks each GROUP, or every group of the topology, twice a second until all of the given conditions hold at the same
/// time. Without a condition it waits for `--lag 0 --pending 0`. With --for, the conditions must hold for that long
/// without a break. A condition on an unknown value, or on a group that does not exist yet, does not hold. When the
/// server is unavailable, the command waits for the server as well.
///
/// The exit code is 0 as soon as the conditions hold. When they do not hold within --timeout, the exit code is 4, and
/// the error says which conditions are missing. For this command, --timeout limits the whole wait; the default is 5m.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::list::<Condition>(), after_help = "\
Examples:
  ucp-streams wait event-processors --lag 100 --pending 100 --timeout 2m
  ucp-streams wait event-processors --live 1 --for 2s --timeout 1m
  ucp-streams wait --lag 100 --dlq 10 -q && echo ready")]
pub(super) struct Args {
    #[command(flatten)]
    groups: GroupsArgs,

    #[command(flatten)]
    rows: Limited,

    /// At most N entries not delivered yet
    #[arg(long, value_name = "N")]
    lag: Option<u64>,

    /// At most N entries delivered and not acknowledged
    #[arg(long, value_name = "N")]
    pending: Option<u64>,

    /// At most N entries in the stream's dead-letter stream
    #[arg(long, value_name = "N")]
    dlq: Option<u64>,

    /// At least N live consumers
    #[arg(long, value_name = "N")]
    live: Option<u64>,

    /// How long the conditions must hold without a break
    #[arg(long = "for", value_name = "DUR", value_parser = parse_duration, default_value = "0s")]
    hold: Duration,
}

impl Args {
    fn goal(&self) -> Goal {
        let goal = Goal {
            lag: self.lag,
            pending: self.pending,
            dead_letters: self.dlq,
            live: self.live,
        };
        if goal != Goal::default() {
            return goal;
        }
        Goal {
            lag: Some(0),
            pending: Some(0),
            ..goal
        }
    }
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let limit = match context.settings.timeout.origin {
        Origin::Default => USUAL,
        _ => context.settings.timeout.value,
    };
    if args.hold > limit {
        let text = format!(
            "--for {} is longer than --timeout {}: the conditions could not hold for long enough",
            format_duration_short(args.hold),
            format_duration_short(limit)
        );
        return Err(Problem::usage(text).hint("give a longer --timeout").into());
    }
    let patience = Patience {
        hold: args.hold,
        deadline: Instant::now() + limit,
    };
    let dialer = context.dialer()?.within(limit.min(ANSWER));
    let status = context.console.status();
    let away = |error: &crate::wire::Error| status.say(&format!("waiting for the server: {error}"));
    let connection = connect(&dialer, patience.deadline, away).await?;
    let groups = args.groups.resolve_or_all(&connection, context).await?;
    drop(connection);
    let topology = context.topology()?;
    let tell = |conditions: &[Condition], error: Option<&crate::wire::Error>| match error {
        Some(error) => away(error),
        None => status.say(&waiting_for(conditions)),
    };
    let outcome = wait(&dialer, topology, &groups, args.goal(), patience, tell).await;
    drop(status);
    let waited = outcome?;
    if !context.console.is_quiet() {
        context.console.show(&waited.conditions, args.rows.rows())?;
    }
    if waited.is_reached {
        return Ok(Exit::Done);
    }
    Err(not_reached(&waited, limit, args.hold, topology).into())
}

/// Which conditions are not met at the deadline.
fn not_reached(waited: &Waited, limit: Duration, hold: Duration, topology: &Topology) -> Problem {
    let limit = format_duration_short(limit);
    let missing = match &waited.error {
        Some(error) => format!("the last query failed: {error}"),
        None if waited.conditions.is_empty() => "the server did not answer".to_owned(),
        None => match missing(&waited.conditions) {
            None => format!(
                "the conditions hold, but not for {} yet",
                format_duration_short(hold)
            ),
            Some(missing) => missing,
        },
    };
    let first = waited.conditions.iter().find(|it| !it.is_met);
    let next = match first {
        Some(it) => it.target().command("check", topology),
        None => CommandLine::new("ping"),
    };
    let text = format!("the conditions were not met within {limit}: {missing}");
    Problem::new(Kind::Unavailable, text).hint(format!(
        "`{next}` shows what is wrong; or give a longer --timeout"
    ))
}

/// The conditions that do not hold.
fn missing(conditions: &[Condition]) -> Option<String> {
    let missing = conditions.iter().filter(|it| !it.is_met);
    let missing: Vec<String> = missing.map(Condition::missing).collect();
    (!missing.is_empty()).then(|| missing.join("; "))
}

fn waiting_for(conditions: &[Condition]) -> String {
    match missing(conditions) {
        Some(missing) => format!("waiting: {missing}"),
        None => "waiting: all conditions hold".to_owned(),
    }
}
