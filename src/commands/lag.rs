//! `lag`: how far groups are behind.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use super::shared::Context;
use super::shared::failure::told_of_denied;
use super::shared::group::GroupsArgs;
use super::shared::header::{Alerts, Header};
use super::shared::trouble::warn_of_trouble;
use super::shared::watch::repeatedly;
use crate::cli::{Impact, Limited, Prints, Watched};
use crate::exit::Exit;
use crate::model::{Lag, parse_duration};
use crate::streams::inspect::{Detail, GroupReport, Wanted, add_paces, count, observe};
use crate::streams::target::Target;
use crate::topology::{GroupSpec, Topology};
use crate::view::{Behind, human_millis};
use crate::wire::Connection;

/// How long may lie between two looks.
const OVER_MIN: Duration = Duration::from_secs(1);
const OVER_MAX: Duration = Duration::from_hours(1);

/// Show how far groups are behind, in entries and in time
///
/// LAG is a number. A server no longer knows a group's lag after entries were deleted or XGROUP SETID was used. The
/// entries are then counted, up to the topology's threshold, and LAG is a lower bound (>=), an upper bound (<=) or
/// unknown (?). BEHIND is the age of the oldest entry that is not delivered yet, and OLDEST is the age of the oldest
/// entry that is delivered and not acknowledged. A `!` marks a value beyond a threshold of the topology, and a lag that
/// may be beyond it. At OLDEST, the `!` marks an entry that is too old or has been idle for too long.
///
/// With --over, the groups are observed twice, with this time between. READ/MIN is the number of entries that a group
/// read per minute, GAIN/MIN how many more these were than were added (below 0 the group falls behind), and CAUGHT UP
/// IN the time until the lag is 0 at this pace. There is no forecast when the time is less than 30 seconds, or when
/// the lag is unknown (--exact counts it). All three are left out when entries were lost in the meantime, because a lag
/// that shrinks by losses was not read.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::list::<Behind>(), after_help = "\
Examples:
  ucp-streams lag
  ucp-streams lag event-processors --exact
  ucp-streams lag mine --stream orders -o json")]
pub(super) struct Args {
    #[command(flatten)]
    groups: GroupsArgs,

    #[command(flatten)]
    limit: Limited,

    #[command(flatten)]
    watched: Watched,

    /// Count the undelivered entries, instead of using the server's figure
    #[arg(long)]
    exact: bool,

    /// Look a second time after this long (1s to 1h; 30s or more for a forecast), and show the pace of each group
    #[arg(long, value_name = "DUR", value_parser = between_looks)]
    over: Option<Duration>,

    /// Stop counting after this many entries; the result is then a lower bound (>=)
    #[arg(long, alias = "max-count", value_name = "N", default_value = "100000", requires = "exact", value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
}

impl Args {
    /// Counts the lags one by one, if that was asked for.
    async fn count(&self, groups: &mut [GroupReport], context: &Context) -> Result<()> {
        if self.exact {
            let topology = context.topology()?;
            let mut lane = context.kept_lane().await?;
            for group in groups {
                count(&mut lane, topology, group, self.count as usize).await?;
            }
            context.keep_lane(lane);
        }
        Ok(())
    }

    /// The groups as they are before the time that --over says, which is over when this returns.
    async fn look_before(
        &self,
        over: Duration,
        wanted: &[GroupSpec],
        connection: &Connection,
        context: &Context,
    ) -> Result<Vec<GroupReport>> {
        let (topology, wanted_groups) = (context.topology()?, Wanted::groups(wanted));
        let until = Instant::now() + over;
        let seen = observe(connection, topology, wanted_groups, Detail::Groups).await?;
        let mut groups = seen.into_groups(wanted);
        self.count(&mut groups, context).await?;
        let status = context.console.status();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(groups);
            }
            let left_ms = left.as_secs().saturating_add(1).saturating_mul(1000);
            status.say(&format!("looking again in {}", human_millis(left_ms)));
            sleep(left.min(OVER_MIN)).await;
        }
    }
}

/// How long may lie between two looks.
fn between_looks(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(over) if (OVER_MIN..=OVER_MAX).contains(&over) => Ok(over),
        Ok(_) => Err("it must be at least 1s and at most 1h".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    repeatedly(args.watched, context, async || show(&args, context).await).await
}

async fn show(args: &Args, context: &Context) -> Result<Exit> {
    let topology = context.topology()?;
    let connection = context.connected().await?;
    let wanted = args.groups.resolve(&connection, context).await?;
    let alerts = match wanted[..] {
        [] => Alerts::Seen,
        _ => Alerts::Asked,
    };
    let before = match args.over {
        Some(over) => {
            let look = args.look_before(over, &wanted, &connection, context);
            look.await?
        }
        None => Vec::new(),
    };
    let look = observe(
        &connection,
        topology,
        Wanted::groups(&wanted),
        Detail::Groups,
    );
    let (header, seen) = Header::beside(&connection, alerts, context, look).await;
    let mut seen = seen?;
    header.with(&seen).begin(context);
    let denied = std::mem::take(&mut seen.denied);
    let mut lags = seen.into_groups(&wanted);
    args.count(&mut lags, context).await?;
    add_paces(&mut lags, &before);
    let lags: Vec<Behind> = lags.into_iter().map(Behind).collect();
    context.console.show(&lags, args.limit.rows())?;
    warn_of_trouble(lags.iter().map(|it| &it.0), &connection, context).await?;
    tell_next(&lags, topology, context);
    Ok(told_of_denied(&denied, context))
}

/// Groups for which a worker is suggested.
const SUGGESTED_MAX: usize = 3;

/// Says how to start a worker where a group has work, and no consumer lives to do it.
fn tell_next(lags: &[Behind], topology: &Topology, context: &Context) {
    let options = context.console.options();
    if !options.terminal || options.names {
        return;
    }
    let is_left = |it: &&GroupReport| {
        let has_work = it.lag.and_then(Lag::entries) > Some(0) || it.pending > Some(0);
        has_work && it.live == Some(0)
    };
    let left = lags.iter().map(|it| &it.0).filter(is_left);
    let left = left.filter_map(|it| Some((it, Target::from(it).worker(topology)?)));
    for (group, next) in left.take(SUGGESTED_MAX) {
        let note = format!(
            "no live consumer for `{}`, to start a worker: {next}",
            group.group
        );
        context.console.note(&note);
    }
}
