//! `record`: the flight recorder.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::ValueHint;
use tokio::time::sleep;

use super::shared::Context;
use super::shared::recorded::{Keeping, server_of};
use super::shared::redis_cli::options_of_redis_cli;
use super::shared::service::until_told;
use super::shared::watch::may_pass;
use crate::cli::{Impact, parse_duration};
use crate::console::Signals;
use crate::exit::Exit;
use crate::model::{LogFormat, Problem, counted, format_duration_short, human_bytes};
use crate::recording::{Recorder, Sample};
use crate::streams::inspect::Lookout;
use crate::watching::{Look, Watched, Watching};

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

    /// Stop so long after the first look
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
    let signals = Signals::catch()?;
    let dialer = context.dialer()?.named("ucp-streams-record");
    let server = server_of(dialer.endpoint());
    let watched = Watched {
        redis_cli: options_of_redis_cli(dialer.endpoint()),
        topology: Arc::new(context.topology()?.clone()),
        every: args.every,
        dialer,
    };
    let mut taking = Taking {
        recorder: Recorder::open(&args.directory, &server, args.every, args.keeping.limits())?,
        watching: Watching::new(watched),
    };
    let shown = taking.recorder.shown();
    let every = format_duration_short(args.every);
    tracing::info!("recording {server} to {shown} every {every}");
    let ended = until_told(signals, taking.take_each(args.lasts)).await;
    tracing::info!("{}", taking.summary());
    ended.map(|()| Exit::Done)
}

/// Takes samples and records them.
struct Taking {
    watching: Watching,
    recorder: Recorder,
}

impl Taking {
    /// Takes a sample whenever one is due, and ends when the first one is older than `lasts`.
    ///
    /// # Errors
    /// That of the first look, when waiting does not mend it; when the recording cannot be written.
    async fn take_each(&mut self, lasts: Option<Duration>) -> Result<()> {
        self.watching.due().await;
        self.take().await?;
        let over = async {
            match lasts {
                Some(lasts) => sleep(lasts).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(over);
        loop {
            tokio::select! {
                biased;
                () = &mut over => return Ok(()),
                () = self.watching.due() => {}
            }
            self.take().await?;
        }
    }

    async fn take(&mut self) -> Result<()> {
        let Look {
            at,
            result,
            failed_since,
        } = self.watching.look().await;
        if let Some(since) = failed_since {
            tracing::info!("the server can be asked again; it could not since {since}");
        }
        let sample = match result {
            Ok(seen) => Sample::seen(at, &seen.observation, &seen.doctor),
            Err(failed) => {
                let is_begin = self.recorder.totals().samples == 0;
                if is_begin && !may_pass(&failed.error) {
                    return Err(failed.error);
                }
                let error = format!("{:#}", failed.error);
                if failed.is_first {
                    tracing::warn!("could not look: {error}; this is recorded until it can");
                }
                Sample::failed(at, &error)
            }
        };
        Ok(self.recorder.append(&sample)?)
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
