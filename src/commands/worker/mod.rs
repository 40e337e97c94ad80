//! `worker run`: handles the entries of groups in this process.

pub(super) mod assign;
mod ended;
pub(super) mod handlers;
mod journal;
mod metrics;
mod rehearse;
mod status;
mod supervise;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Subcommand, ValueHint};
use serde::Serialize;

use self::journal::JournalFile;
use super::Context;
use crate::cli::{DryRun, Impact, Prints, PrintsPlan, name, parse_duration, per_second};
use crate::exit::Exit;
use crate::model::{Cell, Column, LogFormat, Name, Paused, Row, counted, with_commas};
use crate::worker::{Assignment, Summary};
pub(super) use assign::of_bridge;
pub(super) use ended::{Watching, work_on};
pub(super) use rehearse::PlanRow;

/// The heading of the options about starting and stopping.
const LIFETIME: &str = "Start and stop";
/// The heading of the options about logs and metrics.
const OBSERVED: &str = "Logs and metrics";

/// Work on the entries of consumer groups.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: WorkerCommand,
}

#[derive(Debug, Subcommand)]
enum WorkerCommand {
    Run(Box<RunArgs>),
}

/// Read, handle and acknowledge entries until told to stop
///
/// Delivery is at least once. An entry is acknowledged when its handler has succeeded, tried again with growing
/// delays when the handler has failed, and moved to the dead-letter stream when its deliveries are used up. The
/// pending entries of dead workers are claimed. What `requeue` and `dlq redrive` copied to the group's retry stream,
/// {STREAM}:retry:GROUP, is handled beside the stream in the same way, and deleted when it is acknowledged.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Write, add = Prints::list::<WorkerRow>(), add = PrintsPlan(Prints::list::<PlanRow>()), after_help = "Examples:
  # The platform's own handlers, all groups, until SIGTERM
  ucp-streams worker run --all
  # Run a program for every entry, as JSON on its input; exit 0 acknowledges
  ucp-streams worker run event-processors --concurrency 4 \\
      --exec -- ./handle-event
  # Long-lived programs: one line per entry in, and one line per answer out
  ucp-streams worker run event-processors --concurrency 4 \\
      --pipe -- ./handle-events
  # In order for each profile, eight profiles at a time
  ucp-streams worker run event-processors --key profile_id \\
      --concurrency 8 --exec -- ./handle-event
  # Show what each worker would do, and its settings
  ucp-streams worker run --all --dry-run
  # From cron: handle what is there, then exit (7: some left, 9: some lost)
  ucp-streams worker run event-processors --once

A program of --exec gets the entry as JSON on standard input, and UCP_STREAM, UCP_GROUP, UCP_ID and UCP_DELIVERIES in \
its environment. Exit code 0 acknowledges the entry, 65 moves it to the dead-letter stream, and any other code leads to \
another attempt. When an attempt fails or is stopped, all processes that it started are stopped too, even those in \
sessions of their own. When an attempt succeeds, processes that it left behind keep running.

With --key, an entry is started only when every earlier one with the same value in that field is acknowledged or a dead \
letter; entries without the field are in no order. A worker that starts, or becomes the active one, first waits until what was pending before \
is acknowledged or taken over, which takes the claim idle after another one was killed, so that the order holds across \
its kills. Reading pauses while --batch entries wait behind others. All of this is within one worker: between workers that \
run at the same time there is no order, so let one be the active one (workers = \"one\" in the topology) where it is \
needed. What a requeue or redrive copies has a new place at the end, and a retry stream is handled beside the stream.

Requests of --http are POSTs with the entry as JSON. The header UCP-Group has the group, UCP-Deliveries the number of \
the delivery, and Idempotency-Key a text that is the same for each attempt of the group at an entry and different for \
anything else: STREAM/GROUP/ID, in which other characters than letters, digits and . _ - : { } are encoded as in a URL, \
and /VALUE after it where the topology makes several requests of one entry. A 2xx answer acknowledges; 408, 425, 429, 5xx, \
redirects and lost connections lead to another attempt, not before Retry-After; any other 4xx is final.

Requests of --http go through the proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names, but never to this machine and \
never to a host that NO_PROXY lists.

A program of --pipe gets each entry as one line of JSON and answers it with one line. The answer \
{\"id\":…,\"ok\":true} acknowledges the entry; with \"publish\":[{\"stream\":…,\"fields\":{…}}] in it, these entries are \
added together with the acknowledgement. The answer {\"id\":…,\"error\":…} leads to another attempt, or, with \
\"permanent\":true in it, moves the entry to the dead-letter stream at once. A program that answers fast is sent more \
entries before it has answered, about as many as it handles in 5 ms, and may answer them in any order. When it dies, only \
the first of the unanswered entries counts as failed; each of the others is tried again on its own.")]
struct RunArgs {
    /// Groups to work for; one on a stream outside the topology needs --stream
    #[arg(value_name = "GROUP", value_parser = name(), required_unless_present = "all", conflicts_with = "all")]
    groups: Vec<Name>,
    /// Work for every group of the topology
    #[arg(long)]
    all: bool,
    /// The group's stream, needed when the topology does not have the group or has it on several streams
    #[arg(long, value_name = "STREAM", value_parser = name())]
    stream: Option<Name>,
    #[command(flatten)]
    handler: handlers::HandlerArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    /// Handle entries that have the same value in this field one at a time and in the order of the stream, also while one
    /// of them waits for another attempt
    #[arg(long, value_name = "FIELD", value_parser = name())]
    key: Option<Name>,
    /// Handle the entries that are there and due now, then exit without waiting for retries
    #[arg(long, help_heading = LIFETIME)]
    once: bool,
    /// Exit after starting this many entries
    #[arg(long, value_name = "N", help_heading = LIFETIME)]
    max_messages: Option<u64>,
    /// Fail when a group does not exist, instead of creating it
    #[arg(long)]
    no_create: bool,
    /// This worker's consumer name; no other process may use the same name [default: host-pid-random]
    #[arg(long, value_name = "NAME", value_parser = name())]
    consumer: Option<Name>,
    /// How long to try to reach the server at the start [default: 30s; with --once, the value of --timeout]
    #[arg(long, value_name = "DUR", value_parser = parse_duration, help_heading = LIFETIME)]
    connect_for: Option<Duration>,
    /// Serve /metrics for Prometheus, and /healthz, at this address, such as 127.0.0.1:9121
    #[arg(long, value_name = "ADDR", help_heading = OBSERVED)]
    metrics_addr: Option<SocketAddr>,
    /// A host name that metrics requests may use, besides localhost and addresses; may be repeated
    #[arg(long, value_name = "NAME", requires = "metrics_addr", help_heading = OBSERVED)]
    metrics_host: Vec<String>,
    /// Log lines on standard error: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = OBSERVED)]
    log_format: LogFormat,
    /// Append the id of every handled entry to this file (`-` is standard output), one per line
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = OBSERVED)]
    journal: Option<PathBuf>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Flags that override numbers of the topology.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Rate, retries and take-over")]
pub(super) struct PolicyArgs {
    /// How many handlers run at the same time; with more than one, entries may finish out of order
    #[arg(long, value_name = "N", default_value_t = 1)]
    concurrency: usize,
    /// How many entries to read at a time [default: 500 for built-in handlers, as many as the programs can take for
    /// --pipe, else the concurrency]
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// Start at most this many attempts per second, in each group
    #[arg(long, value_name = "N/s", value_parser = per_second)]
    rate: Option<u32>,
    /// How long an entry must be idle before another worker claims it; this decides how soon a dead worker is
    /// replaced. Each worker publishes its own value, and the longest among the live workers applies to all of them,
    /// to claim and to requeue. XCLAIM and XAUTOCLAIM from other clients do not follow this rule
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    claim_idle: Option<Duration>,
    /// How long a handler may run
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    handler_timeout: Option<Duration>,
    /// How often a failing entry is delivered before it goes to the dead-letter stream
    #[arg(long, value_name = "N")]
    max_deliveries: Option<u64>,
    /// The delay before the second attempt; it doubles with each further attempt
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    backoff_base: Option<Duration>,
    /// The longest delay between attempts
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    backoff_cap: Option<Duration>,
    /// How long to wait for running handlers when told to stop
    #[arg(long, value_name = "DUR", value_parser = parse_duration, help_heading = LIFETIME)]
    grace: Option<Duration>,
}

impl PolicyArgs {
    /// How long a handler may run, if that was given.
    pub(super) const fn handler_timeout(&self) -> Option<Duration> {
        self.handler_timeout
    }
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    let WorkerCommand::Run(args) = args.command;
    context.console.start_logs(args.log_format);
    if context.is_rehearsal(args.dry_run) {
        if let Some(address) = args.metrics_addr {
            metrics::warn_if_open(address);
        }
        return rehearse::rehearse(&args, context).await;
    }
    let is_once = args.once;
    let jobs = assign::assignments(&args, context).await?;
    let server = context.settings.server_shown();
    for job in &jobs {
        job.say_start(&server);
    }
    let terminal = context.console.terminal();
    let journal = args.journal.as_deref();
    let journal = journal.map(|path| JournalFile::open(path, terminal));
    let journal = journal.transpose()?;
    let jobs = jobs.into_iter().map(|job| Assignment {
        journal: journal.as_ref().map(JournalFile::journal),
        ..job.assignment
    });
    let dialer = context.dialer()?.named("ucp-streams-worker");
    let listener = match args.metrics_addr {
        Some(address) => Some(metrics::listen(address, &args.metrics_host).await?),
        None => None,
    };
    let (rows, stopped, _) =
        supervise::work(jobs.collect(), dialer, listener, context.console.status()).await?;
    ended::show(&rows, context)?;
    let (exit, refusal) = ended::told(&rows, stopped, is_once, context)?;
    match journal.map_or(Ok(()), |journal| journal.finish()) {
        Err(problem) if exit == Exit::Done => return Err(problem.into()),
        // What else there is to say has a code of its own.
        Err(problem) => context.console.warn(&problem.to_string()),
        Ok(()) => {}
    }
    ended::refused(exit, refusal)
}

/// Handles the assigned entries, reports the outcome in a line, and fails if the work did.
///
/// # Errors
/// As [`crate::worker::run`].
pub(super) async fn work_off(job: Assignment, context: &Context) -> Result<Exit> {
    context.console.start_logs(LogFormat::default());
    let dialer = context.dialer()?.named("ucp-streams-worker");
    let (rows, stopped, _) =
        supervise::work(vec![job], dialer, None, context.console.status()).await?;
    for row in &rows {
        context.console.note(&row.line());
    }
    let is_part = rows.iter().any(|row| row.summary.left_pending > 0);
    let saw_loss = rows.iter().any(WorkerRow::saw_loss);
    Ok(stopped.unwrap_or(Exit::of_parts(is_part, saw_loss)))
}

/// Handles a part of a stream. Returns what was done, and how it ended if a signal came.
///
/// # Errors
/// As [`crate::worker::run`].
pub(super) async fn work_through(
    job: Assignment,
    context: &Context,
) -> Result<(Summary, Option<Exit>)> {
    context.console.start_logs(LogFormat::default());
    let dialer = context.dialer()?.named("ucp-streams-replay");
    let (rows, _, told) =
        supervise::work(vec![job], dialer, None, context.console.status()).await?;
    let done = rows.into_iter().next().map(|row| row.summary);
    Ok((done.unwrap_or_default(), told.map(Exit::from)))
}

/// What one worker did.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::commands) struct WorkerRow {
    group: Name,
    stream: Name,
    consumer: Name,
    #[serde(flatten)]
    summary: Summary,
    /// The pause of the group that ended `--once`; `None` when none did.
    paused: Option<Paused>,
}

impl WorkerRow {
    fn new(job: &Assignment) -> Self {
        Self {
            group: job.group.clone(),
            stream: job.stream.clone(),
            consumer: job.consumer.clone(),
            summary: Summary::default(),
            paused: None,
        }
    }

    /// Whether entries are left, or entries were lost.
    fn is_unfinished(&self) -> bool {
        self.summary.left_pending > 0 || self.saw_loss()
    }

    /// Whether entries were trimmed or deleted before they could be handled.
    const fn saw_loss(&self) -> bool {
        self.summary.tombstones > 0 || self.summary.lost > 0
    }

    /// The one line that a worker prints at its end: what it did, and what else happened.
    fn line(&self) -> String {
        let Summary {
            handled,
            failed_attempts,
            not_started,
            retried,
            taken_over,
            dead_lettered,
            tombstones,
            taken_back,
            uncounted,
            lost,
            leases_lost,
            released,
            reconnects,
            groups_recreated,
            left_pending,
        } = self.summary;
        let others = [
            (failed_attempts, ["failed attempt", "failed attempts"]),
            (not_started, ["failed start", "failed starts"]),
            (retried, ["retried"; 2]),
            (taken_over, ["taken over"; 2]),
            (dead_lettered, ["dead-lettered"; 2]),
            (tombstones, ["tombstone", "tombstones"]),
            (taken_back, ["taken back"; 2]),
            (
                uncounted,
                ["figure not counted up", "figures not counted up"],
            ),
            (lost, ["lost before delivery"; 2]),
            (leases_lost, ["lease lost", "leases lost"]),
            (released, ["given back"; 2]),
            (reconnects, ["reconnect", "reconnects"]),
            (
                groups_recreated,
                [
                    "time the group was created again",
                    "times the group was created again",
                ],
            ),
            (left_pending, ["left pending"; 2]),
        ];
        let others: Vec<String> = others
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, [one, many])| format!(", {}", counted(count, one, many)))
            .collect();
        format!(
            "{} on {}: {} handled{}",
            self.group,
            self.stream,
            with_commas(handled),
            others.concat()
        )
    }
}

impl Row for WorkerRow {
    const COLUMNS: &'static [Column] = &[
        Column::whole("group", "GROUP"),
        Column::whole("stream", "STREAM"),
        Column::text("consumer", "CONSUMER").wide(),
        Column::number("handled", "HANDLED"),
        Column::number("failed_attempts", "FAILED"),
        Column::number("dead_lettered", "DEAD"),
        Column::number("tombstones", "TOMBSTONES"),
        Column::number("lost", "LOST"),
        Column::number("left_pending", "PENDING"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self {
            group,
            stream,
            consumer,
            summary,
            paused: _,
        } = self;
        vec![
            Cell::from(group),
            Cell::from(stream),
            Cell::from(consumer),
            Cell::from(summary.handled),
            Cell::from(summary.failed_attempts),
            Cell::from(summary.dead_lettered),
            Cell::from(summary.tombstones),
            Cell::from(summary.lost),
            Cell::from(summary.left_pending),
        ]
    }
}
