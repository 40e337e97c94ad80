//! `top`: the pipeline on a full screen, live.

mod driver;
mod looks;

use std::time::Duration;

use anyhow::Result;

use super::shared::Context;
use crate::cli::{Impact, parse_duration};
use crate::exit::Exit;
use crate::model::{CommandLine, Problem};

/// The shortest and the longest time between two looks.
const EVERY_MIN: Duration = Duration::from_millis(200);
const EVERY_MAX: Duration = Duration::from_mins(1);

/// Watch the pipeline on a full screen
///
/// Shows every group of the topology's streams, the furthest behind in time first: how far it is behind, how its lag
/// went in the last two minutes and whether it grows (↑), shrinks (↓) or stays (→), when it will have caught up, what
/// is pending, live consumers, dead letters and how long the room lasts before MAXLEN trims what was not read. The
/// verdict and the worst finding stand above. A `!` marks a value beyond a threshold of the topology. The key ? lists
/// the keys; q ends it.
///
/// The server is asked as much as by `info` once in each --every. When it is away, the last figures stay, marked as
/// old, and it goes on by itself. Columns that do not fit are left out; choosing one with the arrows shows it. Without a
/// terminal, use `info --watch`.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, after_help = "\
Examples:
  ucp-streams top  # until q
  ucp-streams top --every 5s")]
pub(super) struct Args {
    /// How often to look
    #[arg(long, value_name = "DUR", default_value = "1s", value_parser = every)]
    every: Duration,

    /// End after this many looks [default: until q]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    ticks: Option<u64>,
}

fn every(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(length) if (EVERY_MIN..=EVERY_MAX).contains(&length) => Ok(length),
        Ok(_) => Err("looks are at least 200ms and at most 1m apart".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    if context.console.options().format.is_json() {
        let text = "a full screen has no output format";
        return Err(Problem::usage(text)
            .hint("use info -o json, or serve")
            .into());
    }
    let instead = CommandLine::new("info").flag("--watch").to_string();
    context.console.require_screen(&instead)?;
    Box::pin(driver::drive((args.every, args.ticks), &instead, context)).await
}
