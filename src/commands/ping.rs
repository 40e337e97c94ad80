//! `ping`: checks that the server answers, and shows what it is.

use anyhow::Result;

use super::shared::Context;
use crate::cli::{Impact, Prints};
use crate::exit::Exit;
use crate::streams::ping;
use crate::streams::ping::Ping;

/// Check that the server answers, and show its version and features
///
/// Connects and authenticates as every other command does, measures one round trip, and shows the server's version,
/// the optional commands and options it supports, and whether its data is persistent. Facts that the user is not
/// permitted to query are shown as unknown.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::one::<Ping>(), after_help = "\
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
