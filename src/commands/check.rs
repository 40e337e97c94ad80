//! `check`: one verdict over all groups, for people, scripts and monitoring plugins.

use std::cell::Cell;

use anyhow::{Error, Result};

use super::shared::Context;
use super::shared::failure::told_of_denied;
use super::shared::group::GroupsArgs;
use super::shared::past::Past;
use super::shared::recorded::RecordedIn;
use super::shared::redis_cli::options_of_redis_cli;
use super::shared::watch::{may_pass, repeatedly};
use crate::cli::{Impact, Limited, Prints, Stages, Watched, stages};
use crate::exit::{Exit, Verdict};
use crate::findings::{CheckReport, Finding, Scope, Severity, findings, name_server};
use crate::model::{Format, escaped};
use crate::streams::inspect::{Detail, Observation, Wanted, observe};
use crate::streams::pending::greatest_idle;
use crate::streams::target::Target;
use crate::topology::{Measure, Topology};
use crate::view::{Report as _, plugin_line};
use crate::wire::Connection;

/// Give one verdict with its reasons: OK, WARNING, CRITICAL, UNKNOWN
///
/// Checks GROUP, or every group of the topology's streams, against the thresholds of the topology and of the options.
/// Each finding says what is wrong, shows the figures, and names the command to run next. The worst finding comes
/// first. A threshold is either one value, beyond which the state is CRITICAL, or WARNING,CRITICAL, or `off`.
///
/// With --nagios, or when the output is piped (plain text), it prints one line with performance data, as monitoring
/// plugins do. The exit code follows their convention: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. Any error that
/// prevents the check is UNKNOWN. CRITICAL takes precedence over WARNING, and WARNING over UNKNOWN.
///
/// With a recording that `record` or `serve` writes, in --record DIR or $UCP_STREAMS_RECORD, each finding says since when
/// it is there and which way its figure goes, and a group is found whose position is below the recorded one. A
/// recording that cannot be read, or is of another server, is a warning and changes no verdict.
#[expect(clippy::doc_markdown, reason = "the doc is the help text")]
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::of::<CheckReport>(CheckReport::TABLES), after_help = "\
Examples:
  ucp-streams check
  ucp-streams check event-processors --max-lag 100,1000 --max-age 5m
  ucp-streams check -q || ucp-streams lag  # in a cron job: silent when OK
  ucp-streams check --nagios")]
pub(super) struct Args {
    #[command(flatten)]
    groups: GroupsArgs,

    /// Limit on entries that are not delivered yet
    #[arg(long, value_name = "[W,]C", value_parser = stages(Measure::MaxLag), help_heading = "Thresholds")]
    max_lag: Option<Stages>,

    /// Limit on entries that are delivered and not acknowledged
    #[arg(long, value_name = "[W,]C", value_parser = stages(Measure::MaxPending), help_heading = "Thresholds")]
    max_pending: Option<Stages>,

    /// Limit on the idle time of a pending entry; this checks every pending entry, while the topology's threshold
    /// checks only the oldest
    #[arg(long, value_name = "[W,]C", value_parser = stages(Measure::MaxIdle), help_heading = "Thresholds")]
    max_idle: Option<Stages>,

    /// Limit on the age of the oldest entry that is not delivered or not acknowledged
    #[arg(long, value_name = "[W,]C", value_parser = stages(Measure::MaxAge), help_heading = "Thresholds")]
    max_age: Option<Stages>,

    /// Limit on entries lost before delivery (see `groups accept-loss`)
    #[arg(long, value_name = "[W,]C", value_parser = stages(Measure::MaxLost), help_heading = "Thresholds")]
    max_lost: Option<Stages>,

    /// Limit on entries in the dead-letter stream
    #[arg(long, value_name = "[W,]C", value_parser = stages(Measure::MaxDeadLetters), help_heading = "Thresholds")]
    max_dead_letters: Option<Stages>,

    /// Minimum number of live consumers while the group has undelivered or pending entries
    #[arg(long, value_name = "[W,]C", value_parser = stages(Measure::MinLive), help_heading = "Thresholds")]
    min_live: Option<Stages>,

    /// Minimum time left until MAXLEN trims entries that the group has not read
    #[arg(long, value_name = "[W,]C", value_parser = stages(Measure::MinRoom), help_heading = "Thresholds")]
    min_room: Option<Stages>,

    /// Print one line with performance data, in the format of monitoring plugins
    #[arg(long)]
    nagios: bool,

    #[command(flatten)]
    recorded: RecordedIn,

    #[command(flatten)]
    limit: Limited,

    #[command(flatten)]
    watched: Watched,
}

impl Args {
    /// The thresholds that were given as options.
    fn given(&self) -> Vec<(Measure, Stages)> {
        [
            (Measure::MaxLag, self.max_lag),
            (Measure::MaxPending, self.max_pending),
            (Measure::MaxIdle, self.max_idle),
            (Measure::MaxAge, self.max_age),
            (Measure::MaxLost, self.max_lost),
            (Measure::MaxDeadLetters, self.max_dead_letters),
            (Measure::MinLive, self.min_live),
            (Measure::MinRoom, self.min_room),
        ]
        .into_iter()
        .filter_map(|(measure, given)| Some((measure, given?)))
        .collect()
    }
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let options = context.console.options();
    let picks = options.names || !options.columns.is_empty();
    let is_plugin = args.nagios || options.format == Format::Plain && !picks;
    let has_looked = Cell::new(false);
    let checked = repeatedly(args.watched, context, async || {
        let shown = show(&args, is_plugin, context).await;
        match &shown {
            Ok(_) => has_looked.set(true),
            // Another look follows, and until then there is no verdict.
            Err(error) if is_plugin && has_looked.get() && may_pass(error) => {
                put_unknown(error, context)?;
            }
            Err(_) => {}
        }
        shown
    });
    match checked.await {
        Err(error) if is_plugin => {
            put_unknown(&error, context)?;
            Ok(Exit::Verdict(Verdict::Unknown))
        }
        ended => ended,
    }
}

async fn show(args: &Args, is_plugin: bool, context: &Context) -> Result<Exit> {
    let report = check(args, context).await?;
    let is_silent = context.console.is_quiet() && report.verdict == Severity::Ok;
    if is_plugin && !is_silent {
        context.console.put(plugin_line(&report).as_bytes())?;
    } else if !is_silent {
        context.console.show_report(&report, args.limit.rows())?;
    }
    Ok(exit_of(report.verdict))
}

/// The plugin line where an error leaves no verdict.
fn put_unknown(error: &Error, context: &Context) -> Result<()> {
    let said = escaped(format!("{error:#}").as_bytes());
    let line = format!("{} - {said}\n", Severity::Unknown.word());
    context.console.put(line.as_bytes())
}

async fn check(args: &Args, context: &Context) -> Result<CheckReport> {
    let mut topology = context.topology()?.clone();
    let given: Vec<_> = args
        .given()
        .into_iter()
        .map(|(it, stages)| (it, stages.0))
        .collect();
    topology.set_thresholds(&given);
    let connection = context.connected().await?;
    let wanted = args.groups.resolve(&connection, context).await?;
    let mut seen = observe(
        &connection,
        &topology,
        Wanted::groups(&wanted),
        Detail::Groups,
    )
    .await?;
    if args.max_idle.is_some() {
        look_at_all(&mut seen, &connection, &topology).await?;
    }
    let past = Past::of(&args.recorded, context);
    seen.remembered = past.as_ref().map(Past::remembered).unwrap_or_default();
    let scope = Scope {
        observation: &seen,
        topology: &topology,
    };
    let mut found = findings(&scope);
    name_server(
        found.iter_mut().map(|it| &mut it.next),
        &options_of_redis_cli(context.dialer()?.endpoint()),
    );
    if let Some(past) = past {
        past.tell(&mut found, &seen.streams);
        // The recorder judges by the thresholds of the topology alone.
        let is_own = |it: &Finding| given.iter().any(|(measure, _)| it.rule == measure.rule());
        for finding in found.iter_mut().filter(|it| is_own(it)) {
            (finding.began, finding.is_older) = (None, false);
        }
    }
    let denied = told_of_denied(&seen.denied, context) != Exit::Done;
    Ok(CheckReport::new(found, seen.into_groups(&wanted), denied))
}

/// Finds the longest idle time among all pending entries, instead of asking only about the oldest entry.
async fn look_at_all(
    seen: &mut Observation,
    connection: &Connection,
    topology: &Topology,
) -> Result<()> {
    let groups = seen.streams.iter_mut().flat_map(|it| &mut it.groups);
    for group in groups.filter(|it| it.pending.is_some_and(|pending| pending > 0)) {
        let target = Target::from(&*group);
        group.figures.idle_ms = greatest_idle(connection, &target).await?;
        group.judge(topology);
    }
    Ok(())
}

const fn exit_of(verdict: Severity) -> Exit {
    Exit::Verdict(match verdict {
        Severity::Ok => Verdict::Ok,
        Severity::Unknown => Verdict::Unknown,
        Severity::Warning => Verdict::Warning,
        Severity::Critical => Verdict::Critical,
    })
}
