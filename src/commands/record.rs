//! `record`: the flight recorder.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::ValueHint;
use tokio::time::{MissedTickBehavior, interval};

use super::shared::Context;
use super::shared::recorded::{Keeping, server_of};
use super::shared::redis_cli::options_of_redis_cli;
use super::shared::service::alive;
use super::shared::watch::may_pass;
use crate::cli::{Impact, parse_duration};
use crate::console::{ServiceManager, Signals};
use crate::exit::Exit;
use crate::findings::{DoctorReport, Scope};
use crate::model::{LogFormat, Problem, Time, counted, format_duration_short, human_bytes};
use crate::recording::{Recorder, Sample};
use crate::streams::inspect::Lookout;
use crate::topology::Topology;

/// Record all figures and findings, to look back later
///
/// Writes a sample to the directory DIR in each --every: the streams and groups of the topology with all figures, and
/// what `doctor` finds. `history` shows how figures went, and `info --at` what it showed then. While the server cannot
/// be asked, that is recorded, too, and the command goes on. It ends when it is told to, with a line about what was
/// recorded.
///
/// DIR is made if it is not there. Only its owner can open it, and only one process can record to it. A week of the
/// built-in topology takes about 20 MB. The oldest samples are removed when they are older than --max-age, or when the
/// recording is larger than --max-size. Entries are not recorded, but the names of streams, groups and consumers and the
/// reasons of failures are.
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, after_help = "\
Examples:
  ucp-streams record recording  # until Ctrl-C
  ucp-streams record recording --every 1s --for 1h --max-age 30d
  # as a service: packaging/ucp-streams-record.service")]
pub(super) struct Args {
    /// The directory of the recording
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    directory: PathBuf,

    /// How often to look at the server
    #[arg(long, value_name = "DUR", default_value = "10s", value_parser = parse_duration)]
    every: Duration,

    #[command(flatten)]
    keeping: Keeping,

    /// Stop after this long
    #[arg(long = "for", value_name = "DUR", value_parser = parse_duration)]
    lasts: Option<Duration>,

    /// Log lines on standard error: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    if !Lookout::EVERY.contains(&args.every) {
        let text = "--every must be at least 200ms, so that Redis is not asked without a pause, and at most 1m";
        return Err(Problem::usage(text).into());
    }
    context.console.start_logs(args.log_format);
    let mut signals = Signals::catch()?;
    let dialer = context.dialer()?.named("ucp-streams-record");
    let server = server_of(dialer.endpoint());
    let topology = Arc::new(context.topology()?.clone());
    let mut taking = Taking {
        redis_cli: options_of_redis_cli(dialer.endpoint()),
        lookout: Lookout::new(dialer, Arc::clone(&topology)),
        topology,
        recorder: Recorder::open(&args.directory, &server, args.every, args.keeping.limits())?,
        failing_since: None,
    };
    let shown = taking.recorder.shown();
    let every = format_duration_short(args.every);
    tracing::info!("recording {server} to {shown} every {every}");
    let manager = ServiceManager::of_environment();
    manager.ready();
    let over = async {
        match args.lasts {
            Some(lasts) => tokio::time::sleep(lasts).await,
            None => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        biased;
        _ = signals.next() => Ok(()),
        () = over => Ok(()),
        () = alive(manager) => Ok(()),
        ended = taking.take_each(args.every) => ended,
    };
    manager.stopping();
    tracing::info!("{}", taking.summary());
    ended.map(|()| Exit::Done)
}

/// Takes samples and records them.
struct Taking {
    lookout: Lookout,
    topology: Arc<Topology>,
    redis_cli: String,
    recorder: Recorder,
    failing_since: Option<Time>,
}

impl Taking {
    /// Takes a sample in each `every`, without end.
    ///
    /// # Errors
    /// That of the first look, when waiting does not mend it; when the recording cannot be written.
    async fn take_each(&mut self, every: Duration) -> Result<()> {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let sample = self.take().await?;
            self.recorder.append(&sample)?;
        }
    }

    async fn take(&mut self) -> Result<Sample> {
        let at = Time::now();
        match self.lookout.look(at).await {
            Ok(observation) => {
                if let Some(since) = self.failing_since.take() {
                    tracing::info!("the server can be asked again; it could not since {since}");
                }
                let scope = Scope {
                    observation: &observation,
                    topology: &self.topology,
                };
                let doctor = DoctorReport::reaching(&scope, &self.redis_cli);
                Ok(Sample::seen(at, &observation, &doctor))
            }
            Err(error) if self.recorder.totals().samples == 0 && !may_pass(&error) => Err(error),
            Err(error) => {
                let error = format!("{error:#}");
                if self.failing_since.is_none() {
                    tracing::warn!("could not look: {error}; this is recorded until it can");
                    self.failing_since = Some(at);
                }
                Ok(Sample::failed(at, &error))
            }
        }
    }

    /// What was recorded, in a line.
    fn summary(&self) -> String {
        let totals = self.recorder.totals();
        let failed = match totals.failed {
            0 => String::new(),
            failed => format!(" ({failed} of them could not look)"),
        };
        format!(
            "recorded {}{failed} to {}, which takes {}",
            counted(totals.samples, "sample", "samples"),
            self.recorder.shown(),
            human_bytes(totals.bytes),
        )
    }
}
