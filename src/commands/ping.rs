//! `ping`: whether the server answers, and what it is.

use anyhow::Result;

use super::shared::Context;
use crate::cli::Impact;
use crate::exit::Exit;
use crate::streams::ping;

/// Check whether the server answers, which server it is, and how fast
///
/// Connects and authenticates as every other command would, measures one round trip, and says the server's version,
/// the optional commands and options it has, and whether its data is kept. What the user may not ask is shown as unknown.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, after_help = "\
Examples:
  ucp-streams ping
  ucp-streams -u redis://cache.internal:6379 ping -o json")]
pub(super) struct Args {}

pub(super) async fn run(_: Args, context: &Context) -> Result<Exit> {
    answer(context).await
}

/// Shows what the server answers.
pub(super) async fn answer(context: &Context) -> Result<Exit> {
    let dialer = context.dialer()?;
    let connection = dialer.connect().await?;
    let report = ping::look(&connection, dialer.endpoint().to_string()).await?;
    context.console.show_one(&report)?;
    Ok(Exit::Done)
}
