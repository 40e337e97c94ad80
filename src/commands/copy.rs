//! `copy`: copies a stream to another server, or to another name.

use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use super::shared::Context;
use super::shared::rounds::Rounds;
use crate::cli::{self, DryRun, Impact, Position, Prints, PrintsPlan, condition, parse_duration};
use crate::console::Signals;
use crate::exit::Exit;
use crate::model::{
    CommandLine, FieldCondition, LogFormat, Name, PlanFacts, Problem, Redaction, Time, counted,
    entries, whole_ms,
};
use crate::settings::contexts::Contexts;
use crate::streams::copy::{
    Copied, CopyPlan, Counts, Pace, Servers, Wanted, copy_round, plan_copy,
};
use crate::streams::names::require_stream;
use crate::streams::tail::Filter;

/// How often what was added is copied, with --follow.
const EVERY: Duration = Duration::from_millis(250);

/// Copy a stream to another server or another name, with its ids
///
/// The entries get the ids that they have, in order and each exactly once. Run it again, and it goes on after the last id
/// of the copy, wherever it was stopped; with --follow it goes on by itself with what is added. What was trimmed before it
/// could be copied is said (exit 9). Groups are not copied: `groups create` makes them at any position, by the same ids.
///
/// --to takes STREAM on the same server, or CONTEXT:STREAM on that of a named connection (see `context`), with that
/// connection's credentials. A stream of the same server that has a colon in its name is given as :NAME. The copy must not be
/// there before, unless an earlier run made it. Where it is on a production server, or groups read it, consent is asked for.
///
/// What the topology says to redact is masked, and what --redact names.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Write, add = Prints::one::<Copied>(), add = PrintsPlan(Prints::plan::<Copied>()), after_help = "\
Examples:
  ucp-streams copy events.raw --to events.copy
  # To another server, without addresses, twice as fast as it was added
  ucp-streams copy events.raw --to staging:events.raw \\
      --redact payload.email --speed 2 --max-pause 10s
  # What is added, too, until Ctrl-C
  ucp-streams copy events.raw --to staging:events.raw --follow")]
pub(super) struct Args {
    /// The stream
    #[arg(value_name = "STREAM", value_parser = cli::name())]
    stream: Name,

    /// The copy: a stream of the same server, or of another connection's
    #[arg(long, value_name = "[CONTEXT:]STREAM")]
    to: String,

    /// Where to begin, if the copy ends before that [default: the first entry]
    #[arg(long, value_name = "POSITION", allow_hyphen_values = true)]
    from: Option<Position>,

    /// Where to end; this position is included [default: the last entry]
    #[arg(
        long,
        value_name = "POSITION",
        allow_hyphen_values = true,
        conflicts_with = "follow"
    )]
    until: Option<Position>,

    /// Only entries whose field has this value, or, with !=, does not have it; a path selects a value within JSON:
    /// payload.customer.id=7. When given several times, all conditions must hold
    #[arg(long = "where", value_name = "FIELD=VALUE", value_parser = condition())]
    equal: Vec<FieldCondition>,

    /// Mask this field, or this place within its JSON: payload.email. When given several times, all of them
    #[arg(long, value_name = "FIELD", value_parser = cli::name())]
    redact: Vec<Name>,

    /// How fast: as far apart as the entries were added, so many times as fast, or max
    #[arg(long, value_name = "TIMES", default_value = "max", value_parser = speed)]
    speed: Speed,

    /// With --speed, wait at most this long for the next entry
    #[arg(long, value_name = "DUR", value_parser = parse_duration, requires = "speed")]
    max_pause: Option<Duration>,

    /// Go on until told to stop, with what is added
    #[arg(long)]
    follow: bool,

    /// Stop so long after everything was copied for the first time, with --follow
    #[arg(long = "for", value_name = "DUR", value_parser = parse_duration, requires = "follow")]
    lasts: Option<Duration>,

    /// Log lines on standard error, with --follow: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,

    #[command(flatten)]
    dry_run: DryRun,
}

/// How many times as fast as the entries were added; `None` is as fast as it goes.
#[derive(Clone, Copy, Debug)]
struct Speed(Option<f64>);

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed(None));
    }
    match text.parse::<f64>() {
        Ok(times) if (0.001..=1_000_000.0).contains(&times) => Ok(Speed(Some(times))),
        _ => Err("give max, or a number of times from 0.001 to 1000000".to_owned()),
    }
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let (other, to) = destination(&args.to, context)?;
    let there = other.as_ref().unwrap_or(context);
    let exit = copy(args, context, there, to).await;
    // The launcher ends the record of its own context only.
    if let Some(other) = &other {
        let code = exit
            .as_ref()
            .map_or_else(crate::exit::classify, |exit| *exit);
        context.warn_each(other.audit_ends(code).await);
    }
    exit
}

/// The context of the copy, where that is another one, and the copy.
fn destination(text: &str, context: &Context) -> Result<(Option<Context>, Name), Problem> {
    let (other, name) = match text.split_once(':') {
        None => (None, text),
        Some(("", name)) => (None, name),
        Some((named, name)) => {
            let contexts = Contexts::read(&context.settings.places)?;
            contexts.get(named).map_err(|problem| {
                let hint = format!(
                    "`ucp-streams context list` lists the contexts; a stream of this server that has a colon in its name is given as --to ':{text}'"
                );
                Problem::usage(problem.message).hint(hint)
            })?;
            (Some(context.elsewhere(named)?), name)
        }
    };
    if name.is_empty() {
        return Err(
            Problem::usage("--to names no stream").hint("give it as STREAM or CONTEXT:STREAM")
        );
    }
    Ok((other, Name::from(name)))
}

async fn copy(args: Args, context: &Context, there: &Context, to: Name) -> Result<Exit> {
    let began = Instant::now();
    let topology = context.topology()?;
    let (source, destination) = (context.dialer()?, there.dialer()?);
    let (here, far) = (source.connect().await?, destination.connect().await?);
    require_stream(&here, topology, &args.stream).await?;
    let now_ms = Time::now().ms;
    let redaction = topology.redaction(&args.stream).and(args.redact.clone());
    let wanted = Wanted {
        stream: args.stream.clone(),
        to: to.clone(),
        from: args.from.map(|it| it.range_start(now_ms)),
        until: args.until.map(|it| it.range_end(now_ms)),
        filter: Filter {
            equal: args.equal.clone(),
            pattern: None,
        },
        terms: terms(&args, &redaction),
        redaction,
    };
    let mut plan = plan_copy(&here, &far, wanted).await?;
    drop((here, far));
    let row = Copied {
        stream: args.stream.clone(),
        to_server: destination.endpoint().to_string(),
        to,
        is_resumed: plan.is_resumed(),
        entries: 0,
        left_out: 0,
        copied_through: plan.last(),
        missing: None,
        took_ms: 0,
    };
    if !is_agreed(&args, &plan, &row, there).await? {
        return Ok(Exit::Done);
    }
    let counts = Counts::default();
    let mut pace = Pace::new(args.speed.0, args.max_pause);
    let mut signals = Signals::catch()?;
    let ended = if args.follow {
        context.console.start_logs(args.log_format);
        let rounds = Rounds {
            every: EVERY,
            lasts: args.lasts,
            verb: "copy",
        };
        let servers = Servers {
            source: &source,
            destination: &destination,
            told: &|_| {},
        };
        let round = async || copy_round(&servers, &mut plan, &mut pace, &counts).await;
        rounds
            .until_stopped(signals, round)
            .await
            .map(|()| Exit::Done)
    } else {
        let all = Some(plan.length).filter(|_| args.from.is_none() && plan.last().is_none());
        let progress = context.console.progress(all, "copying");
        let servers = Servers {
            source: &source,
            destination: &destination,
            told: &|more| progress.advance(more),
        };
        tokio::select! {
            biased;
            signal = signals.next() => Ok(signal.into()),
            ended = copy_round(&servers, &mut plan, &mut pace, &counts) => ended.map(|()| Exit::Done),
        }
    };
    there.audit_done(Some(counts.entries.get()), None);
    let row = Copied {
        entries: counts.entries.get(),
        left_out: counts.left_out.get(),
        copied_through: counts.through.get().or(row.copied_through),
        missing: counts.missing.get(),
        took_ms: whole_ms(began.elapsed()),
        ..row
    };
    told(ended, &row, &counts, context)
}

/// What must be the same when it goes on.
fn terms(args: &Args, redaction: &Redaction) -> Vec<String> {
    let conditions = args.equal.iter().map(ToString::to_string);
    let masks = redaction.places().iter().map(|it| format!("{it} masked"));
    conditions.chain(masks).collect()
}

/// Asks for consent where it matters who reads the copy, or where it is. Whether to go on, which is not so after a dry run.
async fn is_agreed(args: &Args, plan: &CopyPlan, row: &Copied, there: &Context) -> Result<bool> {
    let is_rehearsal = there.is_rehearsal(args.dry_run);
    let readers: Vec<String> = { plan.readers.iter() }
        .map(|it| {
            let consumers = counted(it.consumers, "consumer", "consumers");
            format!("`{}` ({consumers})", it.name)
        })
        .collect();
    let begins = match plan.last() {
        Some(last) => format!("go on copying stream `{}` after {last}", row.stream),
        None => format!("copy stream `{}`", row.stream),
    };
    let seen = match &readers[..] {
        [] => String::new(),
        readers => format!(
            "\nits groups will handle what is copied: {}",
            readers.join(", ")
        ),
    };
    let facts = PlanFacts {
        stream: Some(row.stream.clone()),
        to_stream: Some(row.to.clone()),
        summary: format!("{begins} to `{}`{seen}", row.to),
        count: 1,
        other_groups: Some(plan.readers.iter().map(|it| it.name.clone()).collect()),
        ..PlanFacts::default()
    };
    if is_rehearsal || !readers.is_empty() || there.protected().await?.is_some() {
        let agreed = there.agreed(is_rehearsal, (facts, &[]), row, None).await?;
        return Ok(agreed.is_some());
    }
    there
        .console
        .note(&format!("{} on {}", facts.summary, row.to_server));
    Ok(true)
}

/// Shows what was copied, and says what was not.
fn told(ended: Result<Exit>, row: &Copied, counts: &Counts, context: &Context) -> Result<Exit> {
    let exit = ended.inspect_err(|_| goes_on(row, context))?;
    context.console.show_one(row)?;
    let unjudged = counts.unjudged.get();
    if unjudged > 0 {
        context.console.warn(&format!(
            "{} could not be judged by --where, because a value is not JSON: left out",
            entries(unjudged)
        ));
    }
    let missing = row.missing.unwrap_or_default();
    if missing > 0 {
        context.console.warn(&format!(
            "{} of stream `{}` were trimmed or deleted before they could be copied",
            entries(missing),
            row.stream
        ));
    }
    match exit {
        Exit::Done if missing > 0 => Ok(Exit::DataLoss),
        Exit::Done => {
            let groups = CommandLine::new("groups create").arg("GROUP");
            let groups = groups.option("--stream", &row.to);
            context
                .console
                .detail(1, &format!("groups are not copied: {groups}"));
            Ok(exit)
        }
        exit => {
            goes_on(row, context);
            Ok(exit)
        }
    }
}

fn goes_on(row: &Copied, context: &Context) {
    context.console.note(&format!(
        "{} of stream `{}` were copied: the same command goes on after them",
        entries(row.entries),
        row.stream
    ));
}
