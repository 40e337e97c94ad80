//! `top`: the pipeline on a full screen, live.

mod actions;
mod asked;
mod change;
mod driver;
mod ended;
mod looks;
mod replay;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::ValueHint;

use driver::{Wanted, drive};
use replay::replay;

use super::shared::Context;
use super::shared::recorded::RecordedIn;
use crate::cli::{Impact, When, parse_duration};
use crate::exit::Exit;
use crate::model::{CommandLine, Problem, Time};

/// The shortest and the longest time between two looks.
const EVERY_MIN: Duration = Duration::from_millis(200);
const EVERY_MAX: Duration = Duration::from_mins(1);

/// Watch the pipeline on a full screen, and repair it
///
/// Shows every group of the topology's streams, the furthest behind in time first: how far it is behind, how its lag
/// went in the last two minutes and whether it grows (↑), shrinks (↓) or stays (→), when it will have caught up, what
/// is pending, live consumers, dead letters and how long the room lasts before MAXLEN trims what was not read. The
/// verdict and the worst finding stand above. A `!` marks a value beyond a threshold of the topology. The key ? lists
/// the keys; q ends it. Columns that do not fit are left out; choosing one with the arrows shows it.
///
/// Enter leads from a group to its consumers, their pending entries and the body of one, d to dead letters. The keys c
/// and r claim, requeue and redrive what is chosen, C and R all of it: the screen shows the plan, the command line that
/// does the same, and asks, as that command does. In a production context nothing can be changed before its name was
/// typed (w), or with --write; each change then asks for the name again. --yes is refused: it would answer what you
/// have not seen. These need what `acl claim`, `acl requeue` and `acl dlq redrive` print.
///
/// The server is asked as much as by `info` once in each --every; every five minutes as much as by `doctor`; and for
/// consumers, entries and dead letters while they are shown. When it is away, the last figures stay, marked as old, and
/// it goes on by itself. What is being changed when it ends, stops before its next entries, and is told on standard
/// error; a second Ctrl-C cuts it off (exit 7, or 8 when nothing is known of it). Without a terminal, use `info --watch`.
///
/// With --replay DIR (--record DIR means the same) a recording is played from its beginning, with --at WHEN it is shown
/// as of then: p holds it and lets it go on, the keys , . [ ] step. Redis is not asked.
#[expect(clippy::doc_markdown, reason = "the doc is the help text")]
#[derive(Debug, clap::Args)]
#[command(add = Impact::Write, after_help = "\
Examples:
  ucp-streams top  # until q
  ucp-streams top --every 5s --read-only
  ucp-streams top --replay recording --at 03:10")]
pub(super) struct Args {
    /// How often to look
    #[arg(long, value_name = "DUR", default_value = "1s", value_parser = every)]
    every: Duration,

    /// End after this many looks [default: until q]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    ticks: Option<u64>,

    /// Allow no changes from the screen
    #[arg(long, conflicts_with = "write")]
    read_only: bool,

    /// In a production context, allow changes from the beginning
    #[arg(long)]
    write: bool,

    /// Play the recording in this directory, a sample in each --every, instead of looking at the server [default with
    /// --at: $UCP_STREAMS_RECORD]
    #[arg(
        long,
        visible_alias = "record",
        value_name = "DIR",
        value_hint = ValueHint::DirPath,
        conflicts_with_all = ["read_only", "write", "ticks"]
    )]
    replay: Option<PathBuf>,

    /// Show the recording at this time, and stand still: 15m (ago), 03:10 (UTC), a time such as 2026-01-31T09:00:00Z
    #[arg(
        long,
        value_name = "WHEN",
        allow_hyphen_values = true,
        conflicts_with_all = ["read_only", "write", "ticks"]
    )]
    at: Option<When>,
}

fn every(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(length) if (EVERY_MIN..=EVERY_MAX).contains(&length) => Ok(length),
        Ok(_) => Err("looks are at least 200ms and at most 1m apart".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let refused = |text: &str, hint: &str| Err(Problem::usage(text).hint(hint).into());
    if context.console.options().format.is_json() {
        return refused(
            "a full screen has no output format",
            "use info -o json, or serve",
        );
    }
    if context.console.display().yes {
        return refused(
            "top asks on the screen before it changes anything",
            "leave out --yes",
        );
    }
    let instead = CommandLine::new("info").flag("--watch").to_string();
    context.console.require_screen(&instead)?;
    let at = args.at.map(|at| at.resolve(Time::now()));
    if at.is_some() || args.replay.is_some() {
        context
            .typed
            .require_no_connection("a recording is played")?;
        let recorded = RecordedIn::of(args.replay).required(context)?;
        return replay(recorded, at, args.every, &instead, context).await;
    }
    let wanted = Wanted {
        every: args.every,
        ticks: args.ticks,
        is_read_only: args.read_only,
        may_write: args.write,
        instead: &instead,
    };
    Box::pin(drive(wanted, context)).await
}
