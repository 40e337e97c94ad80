//! `lag`: how far groups are behind.

use anyhow::Result;

use super::shared::Context;
use super::shared::failure::told_of_denied;
use super::shared::group::GroupsArgs;
use super::shared::header::{Alerts, Header};
use super::shared::trouble::warn_of_trouble;
use crate::cli::{Impact, Limited, Prints};
use crate::exit::Exit;
use crate::streams::inspect::{Detail, Wanted, count, observe};
use crate::view::Behind;

/// Show how far groups are behind, in entries and in time
///
/// LAG is a number. A server no longer knows a group's lag after entries were deleted or XGROUP SETID was used. The
/// entries are then counted, up to the topology's threshold, and LAG is a lower bound (>=), an upper bound (<=) or
/// unknown (?); it is never a made-up 0. BEHIND is the age of the oldest entry that is not delivered yet, and OLDEST
/// is the age of the oldest entry that is delivered and not acknowledged. A `!` marks a value beyond a threshold of
/// the topology, and a lag that may be beyond it; at OLDEST it marks an entry that is too old or has been idle for
/// too long.
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

    /// Count the undelivered entries, instead of using the server's figure
    #[arg(long)]
    exact: bool,

    /// Stop counting after this many entries; the result is then a lower bound (>=)
    #[arg(long, alias = "max-count", value_name = "N", default_value = "100000", requires = "exact", value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let topology = context.topology()?;
    let connection = context.connect().await?;
    let wanted = args.groups.resolve(&connection, context).await?;
    let alerts = match wanted[..] {
        [] => Alerts::Seen,
        _ => Alerts::Asked,
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
    if args.exact {
        let mut lane = context.lane().await?;
        for lag in &mut lags {
            count(&mut lane, topology, lag, args.count as usize).await?;
        }
    }
    let lags: Vec<Behind> = lags.into_iter().map(Behind).collect();
    context.console.show(&lags, args.limit.rows())?;
    warn_of_trouble(lags.iter().map(|it| &it.0), &connection, context).await?;
    Ok(told_of_denied(&denied, context))
}
