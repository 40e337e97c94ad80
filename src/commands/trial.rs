//! `try`: runs a handler over entries that are there, without a group.

use std::time::Duration;

use anyhow::Result;

use super::shared::Context;
use super::shared::group::GroupArgs;
use super::worker::assign::needs_url;
use super::worker::handlers::HandlerArgs;
use crate::cli::{Impact, Limited, Prints, parse_duration};
use crate::console::{Signals, Stop};
use crate::exit::Exit;
use crate::model::{LogFormat, Problem, entries, with_commas};
use crate::streams::sample::{SAMPLE_MAX, Sample, Sampled, sample};
use crate::streams::target::Target;
use crate::worker::Policy;
use crate::worker::handler::{Origin, reap_orphans};
use crate::worker::trial::{Trial, Tried, TryOutcome, summary};

/// How many entries are tried when nobody says how many.
const LAST: u32 = 10;
/// How many pending entries or dead letters are tried when nobody says how many.
const COUNT: u32 = 100;

/// Try a handler on entries, acknowledging and publishing nothing
///
/// Each entry gets one attempt, as a worker would make it: by the group's handler in the topology, or by the one that is
/// given. No group is touched: nothing is acknowledged, added, published or counted, and no delivery counts. What the
/// handler would have added or counted is shown instead (WOULD WRITE). A handler that takes longer than its time is
/// stopped (timeout). Exits 1 when an attempt failed.
///
/// With --against, every entry goes to the other handler as well, and DIFFERS shows where the two ended otherwise or would
/// have written something else; exits 1 only when they differ. What a handler does elsewhere, in a database or a service, it
/// does here, too: try one that is harmless.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, add = Prints::list::<Tried>(), after_help = "\
Examples:
  # Would the last entries pass?
  ucp-streams try event-processors --last 3 --exec -- ./handle-event
  # The group's own handler on its dead letters, before they are redriven
  ucp-streams try event-processors --dlq
  # A new version beside the one that runs: which entries end otherwise?
  ucp-streams try event-processors --last 3 --against group \\
      --pipe -- ./handle-events
  ucp-streams try event-processors --pending --builtin features -o json

Options stand before the `--` of a program. --against takes `group` for the group's handler in the topology, or a handler in one word: \
exec:PROGRAM, pipe:PROGRAM, builtin:NAME, or a URL for --http.")]
pub(super) struct Args {
    #[command(flatten)]
    group: GroupArgs,

    /// The newest N entries of the stream [default: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(SAMPLE_MAX)), group = "which")]
    last: Option<u32>,

    /// The oldest entries that the group has pending
    #[arg(long, group = "which")]
    pending: bool,

    /// The oldest dead letters of the group, as they were before they died
    #[arg(long, group = "which")]
    dlq: bool,

    /// At most this many pending entries or dead letters [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(SAMPLE_MAX)), conflicts_with = "last")]
    count: Option<u32>,

    #[command(flatten)]
    handler: HandlerArgs,

    /// Compare with this handler: group, exec:PROGRAM, pipe:PROGRAM, builtin:NAME or a URL
    #[arg(long, value_name = "HANDLER", help_heading = "Handler")]
    against: Option<String>,

    /// How many attempts run at the same time
    #[arg(long, value_name = "N", default_value_t = 1)]
    concurrency: usize,

    /// How long an attempt may take [default: the group's handler timeout]
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    handler_timeout: Option<Duration>,

    #[command(flatten)]
    limit: Limited,
}

impl Args {
    /// Which entries are tried, and how many at most.
    const fn which(&self) -> (Sampled, u32) {
        let count = match self.count {
            Some(count) => count,
            None => COUNT,
        };
        match (self.last, self.pending, self.dlq) {
            (_, true, _) => (Sampled::Pending, count),
            (_, _, true) => (Sampled::DeadLetters, count),
            (Some(last), ..) => (Sampled::Newest, last),
            (None, ..) => match self.count {
                Some(count) => (Sampled::Newest, count),
                None => (Sampled::Newest, LAST),
            },
        }
    }
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    context.console.start_logs(LogFormat::default());
    let topology = context.topology()?;
    let connection = context.connect().await?;
    let spec = args.group.resolve(&connection, context).await?;
    let (target, limit) = (Target::from(&spec), args.limit);
    let mut policy = Policy::from(&spec);
    policy.concurrency = args.concurrency;
    policy.handler_timeout = args.handler_timeout.unwrap_or(policy.handler_timeout);
    policy.check()?;
    let ready = |handler: &HandlerArgs| {
        let found = handler.handler(&spec, topology, policy.handler_timeout)?;
        found.ok_or_else(|| anyhow::Error::from(needs_url(&spec)))
    };
    let handler = ready(&args.handler)?;
    let against = match &args.against {
        Some(word) => Some(ready(&HandlerArgs::of_word(word)?)?),
        None => None,
    };
    if args.against.as_deref() == Some("group") && !args.handler.is_given() {
        return Err(
            Problem::usage("the group's handler would be compared with itself")
                .hint("name the one to try: --exec, --pipe, --http or --builtin")
                .into(),
        );
    }
    let (which, count) = args.which();
    let mut lane = context.lane().await?;
    let reading = (&connection, &mut lane);
    let sample = sample(reading, topology, &target, which, count as usize).await?;
    tell_sample(&sample, which, &target, context);
    let trial = Trial {
        handler: &handler,
        against: against.as_deref(),
        origin: Origin {
            stream: target.stream.clone(),
            group: target.group.clone(),
            trial: Some(format!("try-{}", uuid::Uuid::new_v4().simple())),
        },
        policy,
    };
    let (rows, stop) = try_out(&trial, &sample, context).await?;
    if sample.entries.is_empty() {
        return Ok(stop.map_or(Exit::Done, Exit::from));
    }
    context.console.show(&rows, limit.rows())?;
    context.console.note(&summary(&rows));
    Ok(stop.map_or_else(|| verdict(&rows), Exit::from))
}

/// Runs the trial until it ends or a signal comes; what was tried until then is kept.
async fn try_out(
    trial: &Trial<'_>,
    sample: &Sample,
    context: &Context,
) -> Result<(Vec<Tried>, Option<Stop>)> {
    let mut signals = Signals::catch()?;
    let total = sample.entries.len() as u64;
    let progress = context.console.progress(Some(total), "trying");
    let mut rows = Vec::with_capacity(sample.entries.len());
    let stop = tokio::select! {
        () = trial.run(&sample.entries, &mut rows, || progress.advance(1)) => None,
        stop = signals.next() => Some(stop),
        () = reap_orphans() => None,
    };
    trial.close().await;
    Ok((rows, stop))
}

/// Whether the handler passed: all attempts succeeded, or, compared with another one, they ended alike.
fn verdict(rows: &[Tried]) -> Exit {
    let is_bad = |row: &Tried| row.differs.unwrap_or(row.outcome != TryOutcome::Ok);
    if rows.iter().any(is_bad) {
        Exit::Negative
    } else {
        Exit::Done
    }
}

/// Says what is not tried.
fn tell_sample(sample: &Sample, which: Sampled, target: &Target, context: &Context) {
    let console = &context.console;
    if sample.entries.is_empty() {
        let what = match which {
            Sampled::Newest => format!("stream `{}` has no entries", target.stream),
            Sampled::Pending => format!("{target} has nothing pending"),
            Sampled::DeadLetters => format!("{target} has no dead letters"),
        };
        console.note(&format!("nothing to try: {what}"));
    }
    if sample.bodiless > 0 {
        let count = entries(sample.bodiless);
        console.warn(&format!(
            "{count} cannot be tried: the body was trimmed or deleted"
        ));
    }
    if sample.is_cut {
        let count = with_commas(sample.entries.len());
        console.warn(&format!(
            "only {count} are tried: together they are as large as may be kept"
        ));
    } else if sample.has_more {
        let count = with_commas(sample.entries.len());
        console.note(&format!(
            "only the oldest {count} are tried; --count N tries more"
        ));
    }
}
