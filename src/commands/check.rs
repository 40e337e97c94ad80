//! `check`: one verdict over the groups, for people, for scripts and for a monitoring system's plugin.

use anyhow::Result;

use super::shared::Context;
use super::shared::failure::told_of_denied;
use super::shared::group::GroupsArgs;
use crate::cli::{Impact, Limited, Prints, Stages, stages};
use crate::exit::{Exit, Verdict};
use crate::findings::{CheckReport, Scope, Severity, findings};
use crate::model::{Format, escaped};
use crate::streams::inspect::{Detail, Observation, Wanted, observe};
use crate::streams::pending::greatest_idle;
use crate::streams::target::Target;
use crate::topology::{Measure, Topology};
use crate::view::{Report as _, plugin_line};
use crate::wire::Connection;

/// Give one verdict with its reasons: OK, WARNING, CRITICAL, UNKNOWN
///
/// Looks at GROUP, or at every group of the topology's streams, and holds what it sees against the thresholds of the
/// topology and of the options. Each finding says what is wrong, by which figures, and what to type next; the worst comes
/// first. A threshold is one value, beyond which it is CRITICAL, or WARNING,CRITICAL, or `off`.
///
/// With --nagios, and as plain text, which is what is piped, it prints one line as monitoring plugins do, with performance
/// data. The exit code follows their convention: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; whatever keeps it from looking is
/// UNKNOWN. CRITICAL comes before WARNING, and that before UNKNOWN.
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

    /// Entries not delivered yet
    #[arg(long, value_name = "[W,]C", value_parser = stages(Measure::MaxLag), help_heading = "Thresholds")]
    max_lag: Option<Stages>,

    /// Entries delivered and not acknowledged
    #[arg(long, value_name = "[W,]C", value_parser = stages(Measure::MaxPending), help_heading = "Thresholds")]
    max_pending: Option<Stages>,

    /// How long a pending entry may be idle; looks at all of them, where the topology's threshold looks at the oldest
    #[arg(long, value_name = "[W,]C", value_parser = stages(Measure::MaxIdle), help_heading = "Thresholds")]
    max_idle: Option<Stages>,

    /// Age of the oldest entry that is not delivered or not acknowledged
    #[arg(long, value_name = "[W,]C", value_parser = stages(Measure::MaxAge), help_heading = "Thresholds")]
    max_age: Option<Stages>,

    /// Entries lost before delivery, that nobody has accepted
    #[arg(long, value_name = "[W,]C", value_parser = stages(Measure::MaxLost), help_heading = "Thresholds")]
    max_lost: Option<Stages>,

    /// Entries in the dead-letter stream
    #[arg(long, value_name = "[W,]C", value_parser = stages(Measure::MaxDeadLetters), help_heading = "Thresholds")]
    max_dead_letters: Option<Stages>,

    /// Live consumers, while the group has work
    #[arg(long, value_name = "[W,]C", value_parser = stages(Measure::MinLive), help_heading = "Thresholds")]
    min_live: Option<Stages>,

    /// Time until MAXLEN takes what the group has not read
    #[arg(long, value_name = "[W,]C", value_parser = stages(Measure::MinRoom), help_heading = "Thresholds")]
    min_room: Option<Stages>,

    /// Print one line with performance data, as monitoring plugins do
    #[arg(long)]
    nagios: bool,

    #[command(flatten)]
    limit: Limited,
}

impl Args {
    /// The thresholds that the options give.
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
    match check(&args, context).await {
        Ok(report) => {
            let is_silent = context.console.is_quiet() && report.verdict == Severity::Ok;
            if is_plugin && !is_silent {
                context.console.put(plugin_line(&report).as_bytes())?;
            } else if !is_silent {
                context.console.show_report(&report, args.limit.rows())?;
            }
            Ok(exit_of(report.verdict))
        }
        Err(error) if is_plugin => {
            let said = escaped(format!("{error:#}").as_bytes());
            let line = format!("{} - {said}\n", Severity::Unknown.word());
            context.console.put(line.as_bytes())?;
            Ok(Exit::Verdict(Verdict::Unknown))
        }
        Err(error) => Err(error),
    }
}

async fn check(args: &Args, context: &Context) -> Result<CheckReport> {
    let mut topology = context.topology()?.clone();
    let given: Vec<_> = args
        .given()
        .into_iter()
        .map(|(it, stages)| (it, stages.0))
        .collect();
    topology.set_thresholds(&given);
    let connection = context.connect().await?;
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
    let scope = Scope {
        observation: &seen,
        topology: &topology,
    };
    let found = findings(&scope);
    let denied = told_of_denied(&seen.denied, context) != Exit::Done;
    Ok(CheckReport::new(found, seen.into_groups(&wanted), denied))
}

/// Finds how idle any pending entry is, and not only the oldest.
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
