//! `serve`: what the command line shows, over HTTP.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::ValueHint;
use tokio::sync::watch;

use super::shared::Context;
use super::shared::recorded::{Keeping, server_of};
use super::shared::redis_cli::options_of_redis_cli;
use super::shared::service::alive;
use crate::cli::{Impact, parse_duration};
use crate::console::{ServiceManager, Signals};
use crate::exit::Exit;
use crate::model::{Kind, LogFormat, Problem, escaped, format_duration_short};
use crate::recording::{Recorder, Recording};
use crate::serve::{Door, Guard, Records, Token, serve};
use crate::streams::inspect::Lookout;
use crate::watching::Watched;

/// How often samples are recorded, if nobody says and looks are not further apart.
const RECORD_EVERY: Duration = Duration::from_secs(10);
/// The fewest characters of a token.
const TOKEN_MIN: usize = 16;
/// The largest token file.
const TOKEN_BYTES_MAX: u64 = 4096;

/// Serve the figures over HTTP: a page, JSON, events, metrics
///
/// At / is a page that shows whether the pipeline is well, what is wrong and what to type. The endpoints answer what the
/// command line prints: /api/streams/info, /api/streams/STREAM?startId=0&count=10, /api/streams/STREAM/pending?group=GROUP,
/// /api/groups, /api/findings; /api/events and /api/streams/STREAM/tail send events as they come, and /metrics is for
/// Prometheus. /api/openapi.json describes all of them. /healthz says that this server runs, /readyz that Redis can be asked.
/// Nothing can be changed through it. Redis is asked once in each --every, whatever the number of those who look.
///
/// With --record DIR, samples of that are recorded, as `record` does, and /api/history answers how figures went. While
/// nothing can be recorded, as when the disk is full, that is said in the log, by /healthz, in /metrics and on the page,
/// and the rest goes on. Where `record` writes to DIR, --history DIR reads it.
///
/// Only the topology's streams and their dead-letter streams are shown, with the fields masked that `redact` names in the
/// topology. Without --token-file, it can only listen on a loopback address, where every user of this machine can read it. With a
/// token file, every request but those to /healthz and /readyz needs the header `Authorization: Bearer TOKEN`.
#[expect(clippy::doc_markdown, reason = "the doc is the help text")]
#[derive(Debug, clap::Args)]
#[command(add = Impact::Read, after_help = "\
Examples:
  ucp-streams serve  # until Ctrl-C; open http://127.0.0.1:7070/
  ucp-streams serve --listen 127.0.0.1:7071 --for 1h
  ucp-streams serve --record recording  # charts with a past
  # for other machines: --listen 0.0.0.0:7070 --token-file FILE")]
pub(super) struct Args {
    /// The address to listen on; with port 0 the system chooses a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,

    /// A host name that requests may use, besides localhost and addresses; may be repeated
    #[arg(long, value_name = "NAME")]
    serve_host: Vec<String>,

    /// Require the token in this file, which only its owner may be able to read
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    token_file: Option<PathBuf>,

    /// Stop after this long
    #[arg(long = "for", value_name = "DUR", value_parser = parse_duration)]
    lasts: Option<Duration>,

    /// How often to look at the server
    #[arg(long, value_name = "DUR", default_value = "2s", value_parser = parse_duration)]
    every: Duration,

    /// Record what is observed in this directory, as `record` does, and show it in the charts of the page
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Recording")]
    record: Option<PathBuf>,

    /// How often to record a sample, and at most each --every [default: 10s, or --every if that is longer]
    #[arg(long, value_name = "DUR", value_parser = parse_duration, requires = "record", help_heading = "Recording")]
    record_every: Option<Duration>,

    #[command(flatten, next_help_heading = "Recording")]
    keeping: Keeping,

    /// Read the recording in this directory, which `record` writes [default: $UCP_STREAMS_RECORD]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "record", help_heading = "Recording")]
    history: Option<PathBuf>,

    /// Log lines on standard error: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

pub(super) async fn run(args: Args, context: &Context) -> Result<Exit> {
    if !Lookout::EVERY.contains(&args.every) {
        let text = "--every must be at least 200ms, so that Redis is not asked without a pause, and at most 1m";
        return Err(Problem::usage(text).into());
    }
    let is_open = !args.listen.ip().to_canonical().is_loopback();
    if is_open && args.token_file.is_none() {
        let text = format!(
            "{} can be reached from other machines, and nothing would keep them from reading entries",
            args.listen
        );
        let hint = "give --token-file, or listen on 127.0.0.1";
        return Err(Problem::usage(text).hint(hint).into());
    }
    let token = args.token_file.as_deref().map(read_token).transpose()?;
    context.console.start_logs(args.log_format);
    let mut signals = Signals::catch()?;
    let dialer = context.dialer()?.named("ucp-streams-serve");
    let watched = Watched {
        redis_cli: options_of_redis_cli(dialer.endpoint()),
        topology: Arc::new(context.topology()?.clone()),
        every: args.every,
        dialer,
    };
    let records = records(&args, &watched, context)?;
    let door = Door::open(args.listen, &args.serve_host, ("the page", "--listen")).await?;
    let address = door.address;
    if token.is_none() {
        tracing::warn!(
            "without --token-file, every user of this machine can read the entries at http://{address}/"
        );
    }
    let guard = Guard {
        hosts: Arc::clone(&door.hosts),
        host_flag: "--serve-host",
        token,
    };
    tracing::info!(
        "serving {} at http://{address}/",
        context.settings.server_shown()
    );
    let (close, closing) = watch::channel(false);
    let manager = ServiceManager::of_environment();
    manager.ready();
    let alive = alive(manager);
    let over = async {
        match args.lasts {
            Some(lasts) => tokio::time::sleep(lasts).await,
            None => std::future::pending().await,
        }
    };
    let served = serve(door, guard, watched, records, closing);
    tokio::pin!(served, alive);
    tokio::select! {
        () = &mut served => return Ok(Exit::Done),
        () = &mut alive => {}
        () = over => {}
        _ = signals.next() => {}
    }
    manager.stopping();
    let _ = close.send(true);
    tokio::select! {
        () = served => Ok(Exit::Done),
        stop = signals.next() => Ok(stop.into()),
    }
}

/// What is recorded, and what is read of it.
fn records(args: &Args, watched: &Watched, context: &Context) -> Result<Records, Problem> {
    let server = server_of(watched.dialer.endpoint());
    let recorder = match &args.record {
        None => None,
        Some(directory) => {
            let every = args.record_every.unwrap_or(RECORD_EVERY).max(args.every);
            let limits = args.keeping.limits();
            let recorder = Recorder::open(directory, &server, every, limits)?;
            let every_shown = format_duration_short(every);
            tracing::info!("recording to {} every {every_shown}", recorder.shown());
            Some((recorder, every))
        }
    };
    if let Some(directory) = &args.history {
        Recording::open(directory)?;
    }
    let of_settings = || Some(context.settings.record.as_ref()?.value.clone());
    let directory = args.record.clone().or_else(|| args.history.clone());
    Ok(Records {
        recorder,
        directory: directory.or_else(of_settings),
        server,
    })
}

/// The token in a file that only its owner can read.
fn read_token(file: &Path) -> Result<Token, Problem> {
    let shown = escaped(file.as_os_str().as_encoded_bytes());
    let cannot = |error: std::io::Error| {
        Problem::new(
            Kind::Local,
            format!("cannot read the token file {shown}: {error}"),
        )
        .hint("make one: head -c 32 /dev/urandom | base64 > FILE; chmod 600 FILE")
    };
    let opened = File::open(file).map_err(cannot)?;
    let about = opened.metadata().map_err(cannot)?;
    // Whoever runs this owns its directory there. A service manager hands over a file of its own, which it lets a group read.
    let is_own = fs::metadata("/proc/self").is_ok_and(|me| me.uid() == about.uid());
    let forbidden = if is_own { 0o077 } else { 0o007 };
    if about.mode() & forbidden != 0 {
        let text = format!("other users can read the token file {shown}");
        return Err(Problem::usage(text).hint(format!("run: chmod 600 {shown}")));
    }
    let mut text = String::new();
    opened
        .take(TOKEN_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(cannot)?;
    let token = text.trim_end_matches(['\r', '\n']);
    let is_fit = token.bytes().all(|it| it.is_ascii_graphic());
    match token.len() {
        TOKEN_MIN..=4096 if is_fit => Ok(Token::new(token)),
        _ => {
            let text =
                format!("the token in {shown} must be one line of 16 to 4096 printable characters");
            Err(Problem::usage(text)
                .hint("make one: head -c 32 /dev/urandom | base64 > FILE; chmod 600 FILE"))
        }
    }
}
